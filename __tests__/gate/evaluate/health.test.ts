import { describe } from 'vitest';
import type { PodTemplate, ReplicaSet } from '../../../src/model/kube.ts';
import type { DeploymentObservation } from '../../../src/model/observation.ts';
import { type Row, tell } from './row.ts';
import {
  again,
  but,
  complete,
  dead,
  deployment,
  event,
  newSet,
  oldPod,
  oldSet,
  pod,
  podWith,
  readyPod,
  rolling,
  running,
  template,
  unprobed,
  V2,
} from './world.ts';

const done = complete();
const notDone = (over: Partial<DeploymentObservation>): Row['steps'] => [
  [0, but(done, over)],
  [60, but(done, over)],
];
const held: Row['steps'] = [
  [0, rolling([pod('a')])],
  [3, done],
];

const sidecar = { initContainers: [{ name: 'log', image: 'log:1', restartPolicy: 'Always' }] };
const beside = { initContainerStatuses: [running({ name: 'log', ready: true })] };
const two = complete([readyPod('a', { spec: sidecar, status: beside })]);
const twoHeld: Row['steps'] = [
  [0, rolling([pod('a')])],
  [3, two],
];
const stopped = (name: string) =>
  event('a', 'Killing', `Stopping container ${name}`, {
    involvedObject: { fieldPath: name === 'log' ? 'spec.initContainers{log}' : 'spec.containers{web}' },
  });
/** The pod is being stopped: its container has ended, its sidecar runs on, and no status says why yet. */
const stopping = (code: number) =>
  rolling([podWith('a', [dead(1, code)], { spec: sidecar, status: beside })], {
    events: [stopped('web')],
  });

const health: readonly Row[] = [
  {
    name: 'a complete rollout is held for 10 s',
    steps: held,
    verdict: 'progressing',
    recheckIn: 10,
  },
  {
    name: 'and then healthy',
    steps: [...held, [13, done]],
    verdict: 'healthy: 1/1 ready, held for 10 s',
    notes: [],
  },
  {
    name: 'stable-for: 0s asks for no hold',
    limits: { stableFor: 0 },
    steps: held,
    verdict: 'healthy: 1/1 ready',
    notes: [],
  },
  {
    name: 'without a readiness probe the evidence is weak, and the note says so',
    pin: { template: unprobed() },
    limits: { stableFor: 0 },
    steps: [[0, withTemplate(done, unprobed())]],
    verdict: 'healthy: 1/1 ready',
    notes: ['container web has no readiness probe: ready only means that it was started'],
  },
  {
    name: 'the liveness window of the template is the hold',
    pin: { template: probed(15) },
    steps: [
      [0, withTemplate(done, probed(15))],
      [44, withTemplate(done, probed(15))],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'a status of an older generation proves nothing, though all counts are full',
    steps: notDone({
      workload: { ...done.workload, status: { ...done.workload?.status, observedGeneration: 1 } },
    }),
    verdict: 'progressing',
  },
  {
    name: 'a Deployment older than our patch proves nothing: the cache is behind',
    steps: notDone({
      workload: { ...done.workload, metadata: { ...done.workload?.metadata, generation: 1 } },
    }),
    verdict: 'progressing',
  },
  {
    name: 'counts of the Deployment alone prove nothing while a pod is not Ready',
    steps: notDone({ pods: [podWith('a', [running()])] }),
    verdict: 'progressing',
  },
  {
    name: 'nor while the new pods are not in the cache',
    steps: notDone({ pods: [] }),
    verdict: 'progressing',
  },
  {
    name: 'nor while only old pods are Ready',
    steps: notDone({ pods: [oldPod('x')] }),
    verdict: 'progressing',
  },
  {
    name: 'nor while the new ReplicaSet is not seen full',
    steps: notDone({
      replicaSets: [
        newSet({ status: { readyReplicas: 0 } }),
        oldSet({ spec: { replicas: 0 }, status: { replicas: 0 } }),
      ],
    }),
    verdict: 'progressing',
  },
  {
    name: 'nor while the new ReplicaSet’s status is of an older generation',
    steps: notDone({
      replicaSets: done.replicaSets.map((set) => ({ ...set, metadata: { ...set.metadata, generation: 5 } })),
    }),
    verdict: 'progressing',
  },
  {
    name: 'nor while an old ReplicaSet still wants pods',
    steps: notDone({ replicaSets: [full(), oldSet({ spec: { replicas: 1 }, status: { replicas: 0 } })] }),
    verdict: 'progressing',
  },
  {
    name: 'nor while an old ReplicaSet still has pods',
    steps: notDone({ replicaSets: [full(), oldSet({ spec: { replicas: 0 }, status: { replicas: 1 } })] }),
    verdict: 'progressing',
  },
  {
    name: 'nor before pods are available (minReadySeconds)',
    steps: notDone({
      workload: deployment({
        spec: { minReadySeconds: 30 },
        status: { replicas: 1, updatedReplicas: 1, availableReplicas: 0 },
      }),
    }),
    verdict: 'progressing',
  },
  {
    name: 'full ReplicaSets of another Deployment prove nothing',
    steps: notDone({
      replicaSets: [
        newSet({
          metadata: { ownerReferences: [{ uid: 'uid-other', controller: true }] },
          status: done.replicaSets[0]?.status,
        }),
      ],
    }),
    verdict: 'progressing',
  },
  {
    name: 'the Progressing condition is not asked: it may be stale or absent',
    limits: { stableFor: 0 },
    steps: [
      [
        0,
        but(done, {
          workload: {
            ...done.workload,
            status: { ...done.workload?.status, conditions: [{ type: 'Progressing', status: 'False' }] },
          },
        }),
      ],
    ],
    verdict: 'healthy: 1/1 ready',
  },
  {
    name: 'old pods that are still ending do not hold it up, and are mentioned',
    limits: { stableFor: 0 },
    steps: [
      [
        0,
        but(done, {
          pods: [readyPod('a'), oldPod('x', { metadata: { deletionTimestamp: '2026-01-02T00:00:00Z' } })],
        }),
      ],
    ],
    verdict: 'healthy: 1/1 ready',
    notes: ['1 old pod is still ending'],
  },
  {
    name: '0 replicas: nothing to verify, at once, and said so',
    steps: [[0, complete([])]],
    verdict: 'healthy: 0 replicas: nothing verified',
    notes: ['nothing verified: the Deployment has 0 replicas'],
  },
  {
    name: '0 replicas that the controller has not observed are not yet 0',
    steps: [
      [
        0,
        but(complete([]), {
          workload: deployment({ spec: { replicas: 0 }, status: { observedGeneration: 1 } }),
        }),
      ],
    ],
    verdict: 'progressing',
  },
  {
    name: 'three of three are healthy, three of four are not',
    steps: [
      [
        0,
        but(complete(['a', 'b', 'c'].map((name) => readyPod(name))), {
          workload: deployment({ spec: { replicas: 4 } }),
        }),
      ],
      [30, complete(['a', 'b', 'c'].map((name) => readyPod(name)))],
      [40, complete(['a', 'b', 'c'].map((name) => readyPod(name)))],
    ],
    verdict: 'healthy: 3/3 ready, held for 10 s',
  },
];

const a = (nth: number, code = 1) => complete([podWith('a', [again(nth, code, { ready: true })])]);
/** With a liveness probe, which may be what killed it. */
const watched = (nth: number, code: number) =>
  complete([
    podWith('a', [again(nth, code, { ready: true })], {
      spec: { containers: [{ name: 'web', image: V2, readinessProbe: {}, livenessProbe: {} }] },
    }),
  ]);
const broken = but(done, { pods: [podWith('a', [running()])] });
const bare = (state: DeploymentObservation) => withTemplate(state, unprobed());
const many = (count: number, bad: number) =>
  complete(
    Array.from({ length: count }, (_, index) =>
      index < bad ? podWith(`p${index}`, [dead(1)]) : readyPod(`p${index}`),
    ),
  );

const hold: readonly Row[] = [
  {
    name: 'lost Ready begins the hold anew',
    steps: [...held, [8, broken], [9, done], [13, done]],
    verdict: 'progressing',
    recheckIn: 6,
  },
  {
    name: 'a controller that has not caught up does not break the hold',
    steps: [
      ...held,
      [
        8,
        but(done, {
          workload: { ...done.workload, metadata: { ...done.workload?.metadata, generation: 3 } },
        }),
      ],
      [13, annotated(3)],
    ],
    verdict: 'healthy: 1/1 ready, held for 10 s',
  },
  {
    name: 'a death while it catches up does',
    pin: { template: unprobed() },
    steps: [
      [0, bare(done)],
      [8, bare(unobserved(a(1)))],
      [9, bare(a(1))],
      [18, bare(a(1))],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'but healthy waits for it',
    steps: [
      ...held,
      [
        14,
        but(done, {
          workload: { ...done.workload, metadata: { ...done.workload?.metadata, generation: 3 } },
        }),
      ],
    ],
    verdict: 'progressing',
    recheckIn: 3586,
  },
  {
    name: 'a crash after the readiness probe had passed fails at once',
    steps: [...held, [8, rolling([podWith('a', [dead(1)])])]],
    verdict: 'failed late-crash: container web exits 1 after it had become ready',
    subject: { pod: 'web-a', podUid: 'uid-a', container: 'web' },
  },
  {
    name: 'also when it was Ready again before we looked',
    steps: [...held, [8, a(1)]],
    verdict: 'failed late-crash: container web exits 1 after it had become ready',
    subject: { pod: 'web-a', podUid: 'uid-a', container: 'web', previous: true },
  },
  {
    name: 'and when the crash comes some time after Ready was lost',
    steps: [...held, [8, broken], [9, rolling([podWith('a', [dead(1)])])]],
    verdict: 'failed late-crash: container web exits 1 after it had become ready',
  },
  {
    name: 'a container that the kubelet stops with its whole pod did not crash, though nothing else tells so yet',
    steps: [...twoHeld, [8, stopping(143)], [30, stopping(143)]],
    verdict: 'progressing',
  },
  {
    name: 'whatever the program says at its end',
    steps: [...twoHeld, [8, stopping(1)], [30, stopping(1)]],
    verdict: 'progressing',
  },
  {
    name: 'the same end without the event is a crash',
    steps: [...twoHeld, [8, but(stopping(1), { events: [] })]],
    verdict: 'failed late-crash: container web exits 1 after it had become ready',
  },
  {
    name: 'and so is the same end where another container was stopped',
    steps: [...twoHeld, [8, but(stopping(1), { events: [stopped('log')] })]],
    verdict: 'failed late-crash: container web exits 1 after it had become ready',
  },
  {
    name: 'a crash before the first Ready is not late',
    steps: [
      [1, rolling([podWith('a', [dead(1)])])],
      [3, a(1)],
      [4, a(1)],
    ],
    verdict: 'progressing',
    recheckIn: 9,
  },
  {
    name: 'without a readiness probe a crash in the hold only begins it anew',
    pin: { template: unprobed() },
    steps: [
      [0, bare(done)],
      [8, bare(a(1))],
      [17, bare(a(1))],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'complete 2 s after the patch and crashing ever since, without a probe: the hold catches it',
    pin: { template: unprobed() },
    steps: [
      [2, bare(done)],
      [3, bare(rolling([podWith('a', [dead(1)])]))],
      [4, bare(a(1))],
      [5, bare(rolling([podWith('a', [dead(2)])]))],
      [15, bare(a(2))],
      [16, bare(rolling([podWith('a', [dead(3)])]))],
    ],
    verdict: 'failed crash: container web exits 1 (3 crashes)',
  },
  {
    name: 'one of 20 pods that crashes late fails',
    steps: [
      [0, many(20, 0)],
      [5, many(20, 1)],
    ],
    verdict: 'failed late-crash: container web exits 1 after it had become ready (on 1 of 20 pods)',
  },
  {
    name: 'one of 40 pods that crashes late only begins the hold anew',
    steps: [
      [0, many(40, 0)],
      [5, many(40, 1)],
    ],
    verdict: 'progressing',
  },
  {
    name: 'three of 40 are over 5 %, and the first two are not forgotten',
    steps: [
      [0, many(40, 0)],
      [5, many(40, 2)],
      [7, many(40, 3)],
    ],
    verdict: 'failed late-crash: container web exits 1 after it had become ready (on 3 of 40 pods)',
  },
  {
    name: 'an end that may be a resize is given 3 s for its event',
    steps: [...held, [8, a(1, 137)]],
    verdict: 'progressing',
    recheckIn: 3,
  },
  {
    name: 'and is forgiven when the event comes',
    steps: [
      ...held,
      [8, a(1, 137)],
      [8.5, but(a(1, 137), { events: [event('a', 'Killing', 'Container web resize requires restart')] })],
      [17.5, but(a(1, 137), { events: [event('a', 'Killing', 'Container web resize requires restart')] })],
    ],
    verdict: 'progressing',
    recheckIn: 0.5,
  },
  {
    name: 'and fails when none comes',
    steps: [...held, [8, a(1, 137)], [11, a(1, 137)]],
    verdict: 'failed late-crash: container web exits 137 after it had become ready',
  },
  {
    name: 'one that may be the kill of a liveness probe is given 10 s',
    steps: [...held, [8, watched(1, 0)], [11, watched(1, 0)]],
    verdict: 'progressing',
    recheckIn: 7,
  },
  {
    name: 'and is told as what it is when none comes',
    steps: [...held, [8, watched(1, 0)], [18, watched(1, 0)]],
    verdict: 'failed late-crash: container web exits 0 after it had become ready',
  },
  {
    name: 'a crash of a container with a liveness probe is none of that: it fails at once',
    steps: [...held, [8, watched(1, 1)]],
    verdict: 'failed late-crash: container web exits 1 after it had become ready',
  },
  {
    name: 'a liveness kill in the hold fails at once, for its event is there',
    steps: [
      ...held,
      [
        8,
        but(a(1, 137), {
          events: [
            event('a', 'Killing', 'Container web failed liveness probe, will be restarted'),
            event('a', 'Unhealthy', 'Liveness probe failed: timeout'),
          ],
        }),
      ],
    ],
    verdict: 'failed late-crash: container web is killed by its liveness probe after it had become ready',
    quote: 'Liveness probe failed: timeout',
  },
];

/** Complete at a later generation, observed. */
function annotated(generation: number): DeploymentObservation {
  const { metadata, status, ...rest } = done.workload ?? {};
  return but(done, {
    workload: {
      ...rest,
      metadata: { ...metadata, generation },
      status: { ...status, observedGeneration: generation },
    },
  });
}

/** The controller has not caught up with the Deployment, whose generation is ours still. */
function unobserved(seen: DeploymentObservation): DeploymentObservation {
  const { status, ...rest } = seen.workload ?? {};
  return but(seen, { workload: { ...rest, status: { ...status, observedGeneration: 1 } } });
}

function full(): ReplicaSet {
  return newSet({ status: { readyReplicas: 1, availableReplicas: 1 } });
}

/** The same scene under another template: of the new ReplicaSet, the Deployment and the new pods. */
function withTemplate(seen: DeploymentObservation, other: PodTemplate): DeploymentObservation {
  return {
    ...seen,
    workload: { ...seen.workload, spec: { ...seen.workload?.spec, template: other } },
    replicaSets: seen.replicaSets.map((set) =>
      set.metadata?.name === 'web-new' ? { ...set, spec: { ...set.spec, template: other } } : set,
    ),
    pods: seen.pods.map((one) =>
      one.metadata?.name?.startsWith('web-old') ? one : { ...one, spec: { ...one.spec, ...other.spec } },
    ),
  };
}

function probed(initialDelaySeconds: number): PodTemplate {
  return template({
    spec: {
      containers: [{ name: 'web', image: V2, readinessProbe: {}, livenessProbe: { initialDelaySeconds } }],
    },
  });
}

describe('healthy', () => tell(health));
describe('the hold', () => tell(hold));
