import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stuckPods } from '../../../src/gate/evaluate/blocked.ts';
import { begin, type Evaluation, evaluate } from '../../../src/gate/evaluate/workload.ts';
import type { Condition, ContainerStatus, Pod } from '../../../src/model/kube.ts';
import { DEFAULT_LIMITS, type Limits } from '../../../src/model/limits.ts';
import type {
  DaemonSetObservation,
  DeploymentObservation,
  Observation,
  Pin,
  StatefulSetObservation,
} from '../../../src/model/observation.ts';
import * as daemon from './daemon.ts';
import * as stateful from './stateful.ts';
import {
  again,
  backOff,
  complete,
  dead,
  deployment,
  newSet,
  oldPod,
  oldSet,
  pin,
  podWith,
  running,
  status,
  V2,
  waiting,
} from './world.ts';

const counts = fc.integer({ min: 1, max: 6 });
const codes = fc.constantFrom(0, 1, 126, 127, 128, 137, 143);
const trouble: fc.Arbitrary<ContainerStatus> = fc.oneof(
  fc.tuple(counts, codes).map(([nth, code]) => dead(nth, code)),
  fc.tuple(counts, codes).map(([nth, code]) => backOff(nth, code)),
  fc.tuple(counts, codes).map(([nth, code]) => again(nth, code)),
  fc
    .constantFrom('ErrImagePull', 'ImagePullBackOff', 'CreateContainerError', 'ContainerCreating', 'Unheard')
    .map((reason) => status(waiting(reason, `reading "${V2}": not found`))),
  fc.constant(running()),
);
const statuses: fc.Arbitrary<ContainerStatus[]> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<ContainerStatus[]>([running({ ready: true })]) },
  { weight: 1, arbitrary: fc.constant<ContainerStatus[]>([]) },
  { weight: 3, arbitrary: trouble.map((one): ContainerStatus[] => [one]) },
);
const fate = fc.record({
  revision: fc.constantFrom('new', 'new', 'new', 'new', 'old', 'none'),
  statuses,
  leaving: fc.integer({ min: 0, max: 9 }).map((one) => one === 0),
  failed: fc.integer({ min: 0, max: 9 }).map((one) => one === 0),
});
type Fate = typeof fate extends fc.Arbitrary<infer One> ? One : never;

interface Kit {
  fresh(nth: number, own: ContainerStatus[], over: object): Pod;
  old(nth: number, own: ContainerStatus[], over: object): Pod;
  readonly leaving: object;
}

function cast(fates: readonly Fate[], kit: Kit, first: number): readonly Pod[] {
  return fates.flatMap(({ revision, statuses: own, leaving, failed }, index) => {
    if (revision === 'none') return [];
    const make = revision === 'new' ? kit.fresh : kit.old;
    const one = make(index + first, own, leaving ? kit.leaving : {});
    return [failed ? { ...one, status: { ...one.status, phase: 'Failed' } } : one];
  });
}

const number = fc.integer({ min: 0, max: 4 });
const setWorld: fc.Arbitrary<StatefulSetObservation> = fc
  .record({
    fates: fc.array(fate, { minLength: 3, maxLength: 4 }),
    partition: fc.constantFrom(0, 0, 0, 1, 2),
    policy: fc.constantFrom('OrderedReady', 'Parallel'),
    full: fc.boolean(),
    updated: number,
    available: number,
    observed: fc.constantFrom(1, 2, 2, 2),
  })
  .map(({ fates, partition, policy, full, updated, available, observed }) =>
    stateful.seen(cast(fates, stateful, 0), {
      spec: { podManagementPolicy: policy, updateStrategy: { rollingUpdate: { partition } } },
      status: {
        observedGeneration: observed,
        ...(full
          ? { updatedReplicas: 3, availableReplicas: 4 }
          : { updatedReplicas: updated, availableReplicas: available }),
      },
    }),
  );
const daemonWorld: fc.Arbitrary<DaemonSetObservation> = fc
  .record({
    fates: fc.array(fate, { minLength: 3, maxLength: 4 }),
    full: fc.boolean(),
    updated: number,
    available: number,
    observed: fc.constantFrom(1, 2, 2, 2),
    ready: fc.array(fc.constantFrom(true, true, true, false), { minLength: 4, maxLength: 4 }),
  })
  .map(({ fates, full, updated, available, observed, ready }) => {
    const pods = cast(fates, daemon, 1);
    return daemon.seen(
      pods,
      {
        status: {
          observedGeneration: observed,
          desiredNumberScheduled: pods.length,
          currentNumberScheduled: pods.length,
          ...(full
            ? { updatedNumberScheduled: pods.length, numberAvailable: pods.length }
            : { updatedNumberScheduled: updated, numberAvailable: available }),
        },
      },
      { nodes: ready.map((one, index) => daemon.node(index + 1, one)) },
    );
  });
const conditions: fc.Arbitrary<Condition[]> = fc.subarray<Condition>([
  { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable' },
  { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' },
  { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'timed out' },
  { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota: small' },
]);
/** What a controller may have written of its pods, now, a while ago, or not yet. */
const told = fc.record({ replicas: number, ready: number, observed: fc.constantFrom(1, 2, 2, 2) });
const deploymentWorld: fc.Arbitrary<DeploymentObservation> = fc
  .record({
    replicas: fc.integer({ min: 1, max: 3 }),
    fates: fc.array(fate, { maxLength: 4 }),
    agrees: fc.boolean(),
    updated: number,
    deployment: told,
    fresh: told,
    old: told,
    conditions,
    hasSets: fc.constantFrom(true, true, true, true, false),
  })
  .map(({ replicas, fates, agrees, updated, conditions, hasSets, ...counts }) => {
    const kit = {
      fresh: (nth: number, own: ContainerStatus[], over: object) => podWith(`new${nth}`, own, over),
      old: (nth: number, own: ContainerStatus[], over: object) =>
        oldPod(`old${nth}`, { status: { containerStatuses: own }, ...over }),
      leaving: { metadata: { deletionTimestamp: '2026-01-02T00:00:00Z' } },
    };
    const pods = cast(fates, kit, 0);
    // As it is where all agree that the rollout is over, whatever the pods themselves say.
    if (agrees) {
      const whole = complete(Array.from({ length: replicas }, (_, nth) => podWith(`new${nth}`, [])));
      return { ...whole, pods };
    }
    const counted = ({ replicas: size, ready, observed }: typeof counts.fresh) => ({
      ...{ observedGeneration: observed, replicas: size, readyReplicas: ready, availableReplicas: ready },
    });
    return {
      kind: 'Deployment',
      workload: deployment({
        spec: { replicas },
        status: { ...counted(counts.deployment), updatedReplicas: updated, conditions },
      }),
      replicaSets: hasSets
        ? [
            newSet({ spec: { replicas: counts.fresh.replicas }, status: counted(counts.fresh) }),
            oldSet({ spec: { replicas: counts.old.replicas }, status: counted(counts.old) }),
          ]
        : [],
      pods,
      events: [],
    };
  });

function tell(
  pinned: Pin,
  seen: readonly Observation[],
  seconds: readonly number[],
  limits: Limits = DEFAULT_LIMITS,
): readonly Evaluation[] {
  let memory = begin(pinned, 0);
  let pin = pinned;
  return seconds.map((second, index) => {
    const now = second * 1000;
    const last = seen[Math.min(index, seen.length - 1)] as Observation;
    const told = evaluate({ pin, memory, seen: last, limits, now });
    ({ memory, pin } = told);
    return told;
  });
}

const isReady = (pod: Pod): boolean =>
  pod.metadata?.deletionTimestamp === undefined &&
  pod.status?.phase !== 'Failed' &&
  (pod.status?.conditions ?? []).some((one) => one.type === 'Ready' && one.status === 'True');
const isNew = ({ metadata }: Pod): boolean =>
  /new$/.test(metadata?.labels?.['controller-revision-hash'] ?? metadata?.ownerReferences?.[0]?.uid ?? '');

/** Said another way than the evaluator says it. */
const isWhole = {
  Deployment: (seen: DeploymentObservation): boolean => {
    // A pod that has ended (evicted by its node) has been replaced: the ReplicaSet counts it no more.
    const fresh = seen.pods.filter(
      (pod) => isNew(pod) && pod.metadata?.deletionTimestamp === undefined && pod.status?.phase !== 'Failed',
    );
    return fresh.length === seen.workload?.spec?.replicas && fresh.every(isReady);
  },
  StatefulSet: (seen: StatefulSetObservation): boolean => {
    const from = seen.workload?.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
    return [0, 1, 2].every((ordinal) => {
      const pod = seen.pods.find((one) => one.metadata?.name === `db-${ordinal}`);
      return pod !== undefined && isReady(pod) && (ordinal < from || isNew(pod));
    });
  },
  DaemonSet: (seen: DaemonSetObservation): boolean => {
    const isUp = (name: string | undefined): boolean =>
      (seen.nodes ?? []).some(
        (node) =>
          node.metadata?.name === name && node.status?.conditions?.[0]?.status === 'True' && name !== 'n4',
      );
    const due = seen.pods.filter((pod) => isUp(pod.spec?.nodeName));
    return due.length > 0 && due.every((pod) => isReady(pod) && isNew(pod));
  },
};

const minutes = [0, 1, 5, 11, 31, 61, 90, 120, 301, 500];
const kinds = [
  { kind: 'Deployment', pin: pin(), world: deploymentWorld },
  { kind: 'StatefulSet', pin: stateful.pin(), world: setWorld },
  { kind: 'DaemonSet', pin: daemon.pin(), world: daemonWorld },
] as const;
const worlds = (one: (typeof kinds)[number]): fc.Arbitrary<readonly Observation[]> =>
  fc.array(one.world as fc.Arbitrary<Observation>, { minLength: 1, maxLength: 5 });

describe.each(kinds)('of a $kind', (one) => {
  test('healthy is said of what is whole only', () => {
    const oracle = isWhole[one.kind] as (seen: Observation) => boolean;
    const limits = { ...DEFAULT_LIMITS, stableFor: 0 };
    let healthy = 0;
    fc.assert(
      fc.property(one.world as fc.Arbitrary<Observation>, (seen) => {
        const [told] = tell(one.pin, [seen], [0], limits);
        if (told?.verdict.kind !== 'healthy' || seen.pods.length === 0) return;
        healthy += 1;
        expect(oracle(seen)).toBe(true);
      }),
      { numRuns: 800 },
    );
    expect(healthy, 'the property was put to the test').toBeGreaterThan(3);
  });

  test('blamed are new pods alone, but for old ones that are named as what holds it up', () => {
    fc.assert(
      fc.property(worlds(one), (seen) => {
        const told = tell(one.pin, seen, [...minutes, 700, 4000]);
        const first = told.findIndex(({ verdict }) => verdict.kind === 'failed');
        const verdict = told[first]?.verdict;
        if (verdict?.kind !== 'failed' || verdict.failure.subject === undefined) return;
        const { message, subject, code } = verdict.failure;
        const now = seen[Math.min(first, seen.length - 1)]?.pods.map((pod) => pod.metadata?.uid);
        const meant = seen.flatMap(({ pods }) => pods).find((pod) => pod.metadata?.uid === subject.podUid);
        expect(meant).toBeDefined();
        if (meant !== undefined && isNew(meant)) return;
        expect(message).toMatch(/older revision|is being deleted/);
        expect(['no-progress', 'deadline']).toContain(code);
        expect(now).toContain(subject.podUid);
      }),
      { numRuns: 150 },
    );
  });

  test('a final verdict stays what it is while nothing changes', () => {
    fc.assert(
      fc.property(worlds(one), (seen) => {
        const told = tell(one.pin, seen, [...minutes, 600, 700, 4000]).map(({ verdict }) => verdict.kind);
        const settled = told.slice(seen.length - 1);
        const first = settled.findIndex((kind) => kind !== 'progressing');
        if (first >= 0) expect(new Set(settled.slice(first))).toEqual(new Set([settled[first]]));
      }),
      { numRuns: 150 },
    );
  });

  test('it ends: at the deadline there is a verdict', () => {
    fc.assert(
      fc.property(worlds(one), (seen) => {
        const told = tell(one.pin, seen, [...minutes, 3600, 3700, 4300]);
        expect(told.at(-1)?.verdict.kind).not.toBe('progressing');
      }),
      { numRuns: 150 },
    );
  });

  test('a verdict does not depend on looks in between', () => {
    const looks = fc.array(fc.integer({ min: 1, max: 399 }), { maxLength: 6 });
    fc.assert(
      fc.property(one.world as fc.Arbitrary<Observation>, looks, (seen, between) => {
        const often = tell(one.pin, [seen], [0, ...[...between].sort((a, b) => a - b), 400]).at(-1)?.verdict;
        const once = tell(one.pin, [seen], [0, 400]).at(-1)?.verdict;
        expect(often).toEqual(once);
      }),
      { numRuns: 150 },
    );
  });
});

test('no pod is evicted that is new, well, leaving or below the partition', () => {
  fc.assert(
    fc.property(setWorld, (seen) => {
      const from = seen.workload?.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
      const stuck = stuckPods({ pin: stateful.pin(), seen });
      for (const pod of stuck) {
        expect(isNew(pod) || isReady(pod) || pod.metadata?.deletionTimestamp !== undefined).toBe(false);
        expect(Number(pod.metadata?.name?.slice(3))).toBeGreaterThanOrEqual(from);
      }
      const names = stuck.map((pod) => pod.metadata?.name ?? '');
      expect(names).toEqual([...names].sort().reverse());
    }),
    { numRuns: 300 },
  );
});
