import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Cluster } from '../../src/cluster/client.ts';
import { connect } from '../../src/cluster/connect.ts';
import { readKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { slotsOf } from '../../src/deploy/containers.ts';
import { type Lease, leaseName } from '../../src/deploy/lease.ts';
import { acquire, identityOf, type Lock } from '../../src/deploy/lock.ts';
import { type Right, rightsToDeploy } from '../../src/deploy/permissions.ts';
import { isStillStable, judgeMarker, placeImages } from '../../src/deploy/record.ts';
import type { Deployment, ReplicaSet } from '../../src/model/kube.ts';
import type { OpenMarker, Stable } from '../../src/model/record.ts';
import { fastClock, type MemoryLog, memoryLog } from '../cluster-adapter/kit.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';

/** The lock's minutes pass ten times as fast; the API server and the client's own timing are as they are. */
const SPEED = 10;
const LEASE_RIGHTS: readonly Right[] = ['get', 'list', 'watch', 'create', 'update'].map((verb) => ({
  group: 'coordination.k8s.io',
  resource: 'leases',
  verb,
}));
const FOREVER = 3_600_000;

/** Several runs that deploy to `deployment/web` with the rights of the README and no more. */
class Runs {
  readonly log: MemoryLog = memoryLog();
  readonly workload: { readonly kind: string; readonly namespace: string; readonly name: string };
  readonly stage: Stage;
  readonly #clusters: Cluster[] = [];

  constructor(stage: Stage) {
    this.stage = stage;
    this.workload = { kind: 'Deployment', namespace: stage.namespace, name: 'web' };
  }

  get path(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${this.stage.namespace}/leases/${leaseName(this.workload)}`;
  }

  async grant(): Promise<void> {
    await this.stage.restrict([...rightsToDeploy({ logs: true }), ...LEASE_RIGHTS]);
    const user = `system:serviceaccount:${this.stage.namespace}:steadyship`;
    const resourceAttributes = { namespace: this.stage.namespace, ...LEASE_RIGHTS[0] };
    for (;;) {
      const reviews = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
      const spec = { user, resourceAttributes };
      const { status } = await this.stage.kube.create<{ status: { allowed: boolean } }>(reviews, { spec });
      if (status.allowed) return;
    }
  }

  /** Each run has a client of its own, as two runners have. */
  async acquire(number: number, timeout = FOREVER): Promise<Lock> {
    const access = await readKubeconfig({
      input: this.stage.kubeconfig,
      context: '',
      execAllow: [],
      workspace: tmpdir(),
      environment: {},
      secret: () => undefined,
    });
    const options = { clock: fastClock(1), log: this.log, environment: {}, userAgent: 'steadyship-test' };
    const cluster = connect(access, options);
    this.#clusters.push(cluster);
    const url = `https://github.com/acme/shop/actions/runs/${number}`;
    return await acquire({
      cluster,
      workloads: [this.workload],
      identity: identityOf({ title: `acme/shop run ${number}`, url }, `r${number}`),
      timeout,
      clock: fastClock(SPEED),
      log: this.log,
      signal: new AbortController().signal,
    });
  }

  async lease(): Promise<Lease> {
    return await this.stage.kube.get<Lease>(this.path);
  }

  async end(): Promise<void> {
    await Promise.all(this.#clusters.map((cluster) => cluster.close()));
  }
}

function withRuns(title: string, body: (runs: Runs) => Promise<void>): void {
  scenario(title, async ({ stage }) => {
    const runs = new Runs(stage);
    await runs.grant();
    try {
      await body(runs);
    } finally {
      await runs.end();
    }
  });
}

withRuns('of six runs that want a lock at once exactly one has it, first and again later', async (runs) => {
  for (const round of [0, 10]) {
    const all = await Promise.allSettled([1, 2, 3, 4, 5, 6].map((each) => runs.acquire(round + each, 0)));
    const [winner, ...others] = all.filter((each) => each.status === 'fulfilled');
    expect(others).toEqual([]);
    const { holderIdentity } = (await runs.lease()).spec ?? {};
    const number = /run (\d+) /.exec(holderIdentity ?? '')?.[1];
    const messages = all.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []));
    expect(messages).toEqual(
      Array(5).fill(
        `UserError: deployment/web in namespace ${runs.stage.namespace} is being deployed by acme/shop run ${number} (https://github.com/acme/shop/actions/runs/${number}). Run again when it has ended; if it is dead, its lock is taken over by a run that waits 60 s, and by any run 6 min after its last renewal.`,
      ),
    );
    await winner?.value.release();
  }
});

withRuns('runs that wait come in one after the other, and never two at a time', async (runs) => {
  let inside = 0;
  const seen: number[] = [];
  await Promise.all(
    [1, 2, 3, 4, 5].map(async (each) => {
      const lock = await runs.acquire(each);
      inside += 1;
      seen.push(inside);
      await sleep(100);
      inside -= 1;
      await lock.release();
    }),
  );
  expect(seen).toEqual([1, 1, 1, 1, 1]);
  expect((await runs.lease()).spec).toMatchObject({ leaseTransitions: 4 });
  expect((await runs.lease()).spec?.holderIdentity).toBeUndefined();
});

withRuns('a lock lives as long as it is renewed, and is taken over when its holder is dead', async (runs) => {
  const { workload, log } = runs;
  const dead = await runs.acquire(1);
  await dead.save(workload, { stable: undefined, open: marker('uid', 'old', 'new') });
  const waiting = runs.acquire(2);
  // Twice its duration: without its renewals it would be gone.
  await sleep(120_000 / SPEED);
  expect((await runs.lease()).spec?.holderIdentity).toBe('acme/shop run 1 [r1]');
  dead.leave();
  const left = performance.now();
  const lock = await waiting;
  const seconds = ((performance.now() - left) / 1_000) * SPEED;
  // From the last renewal, at most a third of the duration before it died.
  expect(seconds).toBeGreaterThan(39);
  expect(seconds).toBeLessThan(90);
  expect(lock.record(workload).open).toEqual(marker('uid', 'old', 'new'));
  expect((await runs.lease()).spec).toMatchObject({
    holderIdentity: 'acme/shop run 2 [r2]',
    leaseTransitions: 1,
  });
  const one = 'acme/shop run 1 (https://github.com/acme/shop/actions/runs/1)';
  expect(log.lines.filter((line) => line.startsWith('info'))).toEqual([
    expect.stringMatching(
      /^info: deployment\/web: acme\/shop run 1 \(.*\) is deploying it; waiting up to \d+ (s|min) for it to end$/,
    ),
    ...log.lines.filter((line) => line.includes('still waiting for')),
    `info: deployment/web: ${one} has not renewed its lock for 60 s, so it is dead; its lock is taken over`,
  ]);
  // It comes back from the dead, and finds out.
  await expect(dead.save(workload, { stable: undefined, open: undefined })).rejects.toMatchObject({
    kind: 'taken',
    message:
      'The lock on deployment/web was taken from this run by acme/shop run 2 (https://github.com/acme/shop/actions/runs/2).',
  });
  expect(lock.record(workload).open).toBeDefined();
});

withRuns('a lock that somebody takes by force is told to who held it', async (runs) => {
  const lock = await runs.acquire(1);
  const lost = new Promise((resolve) => lock.lost.addEventListener('abort', () => resolve(lock.lost.reason)));
  const patch = JSON.stringify({ spec: { holderIdentity: 'somebody' } });
  await runs.stage.kubectl('patch', 'lease', leaseName(runs.workload), '--type=merge', '-p', patch);
  expect(await lost).toMatchObject({ kind: 'taken' });
  await lock.release();
  expect((await runs.lease()).spec?.holderIdentity).toBe('somebody');
});

withRuns('a lock whose Lease somebody deletes or labels is held on to', async (runs) => {
  const lock = await runs.acquire(1);
  await lock.save(runs.workload, { stable: undefined, open: marker('uid', 'old', 'new') });
  await runs.stage.kubectl('delete', 'lease', leaseName(runs.workload));
  await sleep(25_000 / SPEED);
  await runs.stage.kubectl('label', 'lease', leaseName(runs.workload), 'team=a');
  await sleep(45_000 / SPEED);
  expect(lock.lost.aborted).toBe(false);
  await lock.release();
  const { metadata, spec } = await runs.lease();
  expect(spec?.holderIdentity).toBeUndefined();
  expect(metadata?.labels).toEqual({ 'app.kubernetes.io/managed-by': 'steadyship', team: 'a' });
  expect(Object.keys(metadata?.annotations ?? {})).toEqual(['steadyship.dev/open']);
});

withRuns('what is remembered is not brought back by `kubectl rollout undo`', async (runs) => {
  const { stage, workload } = runs;
  const { v1, v2 } = stage.images;
  const web = (): Promise<Deployment> => stage.kube.get<Deployment>(`${stage.path('deployments')}/web`);
  await stage.start({ image: v1 });
  const first = await web();
  const uid = first.metadata?.uid ?? '';

  // A run sets its marker, on the Lease as we do, and on the Deployment as one might.
  const lock = await runs.acquire(1);
  const open = marker(uid, v1, v2);
  await lock.save(workload, { stable: stable(first), open });
  await stage.kubectl('annotate', 'deployment/web', 'example.com/open=yes');
  await stage.kube.until<ReplicaSet>(
    stage.path('replicasets'),
    ([set]) => set?.metadata?.annotations?.['example.com/open'] === 'yes',
  );
  await stage.kubectl('set', 'image', 'deployment/web', `web=${v2}`);
  await stage.settled();
  const second = await web();
  expect(judgeMarker(open, { name: 'deployment/web', uid }, slotsOf(second)).kind).toBe('stands');

  // It comes to its end, and both markers go.
  await lock.release([{ workload, record: { stable: stable(second), open: undefined } }]);
  await stage.kubectl('annotate', 'deployment/web', 'example.com/open-');

  // A person goes back to v1.
  await stage.kubectl('rollout', 'undo', 'deployment/web');
  await stage.settled();
  const undone = await web();
  expect(undone.spec?.template?.spec?.containers?.[0]?.image).toBe(v1);
  expect(undone.metadata?.annotations?.['example.com/open']).toBe('yes');

  const next = await runs.acquire(2);
  expect(next.record(workload)).toEqual({ stable: stable(second), open: undefined });
  // And the commit on record is not taken for what runs now.
  expect(isStillStable(next.record(workload).stable, uid, slotsOf(second))).toBe(true);
  expect(isStillStable(next.record(workload).stable, uid, slotsOf(undone))).toBe(false);
});

const RUN = { title: 'acme/shop run 1', url: 'https://github.com/acme/shop/actions/runs/1' };

function marker(uid: string, image: string, to: string): OpenMarker {
  const changes = [{ list: 'containers' as const, index: 0, name: 'web', image, to }];
  return { uid, changes, annotationsBefore: {}, run: RUN, time: '2026-11-21T10:00:00.000Z' };
}

function stable(deployment: Deployment): Stable {
  return {
    uid: deployment.metadata?.uid ?? '',
    images: placeImages(slotsOf(deployment)),
    commit: 'c'.repeat(40),
    run: RUN,
    order: undefined,
    time: '2026-11-21T10:00:00.000Z',
  };
}
