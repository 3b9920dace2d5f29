import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Pod } from '../../src/model/kube.ts';
import { green, shipped } from '../harness/expected.ts';
import type { ImageName } from '../harness/images.ts';
import { scenario } from '../harness/scenario.ts';
import type { State } from '../harness/stage.ts';
import { DATA, type Wish } from '../harness/workload.ts';

scenario('a good version, with nothing set that has a default', async ({ stage, workspace }) => {
  await stage.start({ image: stage.images.v1 });
  await writeFile(join(workspace, 'kubeconfig'), stage.kubeconfig);
  const inputs = { namespace: '', kubeconfig: './kubeconfig', 'stable-for': '' };
  const step = await stage.deploy('v2', { inputs, workspace });
  expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <v2> and is healthy.'));
  expect(await stage.state()).toEqual(shipped('v2'));
  expect(step.log).toContain('deployment/web: 2/2 ready, held for 10 s');
  expect(step.outputs).toMatchObject({
    image: stage.images.v2,
    digest: stage.images.v2.split('@')[1],
    'previous-image': stage.images.v1,
  });
  expect(step.summary).toContain('## ✅ Deployed: deployment/web');
});

scenario('an image for several platforms, by a kubeconfig in base64', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const kubeconfig = Buffer.from(stage.kubeconfig).toString('base64');
  const step = await stage.deploy('both', { inputs: { kubeconfig } });
  expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <both> and is healthy.'));
  expect(await stage.state()).toEqual(shipped('both'));
});

interface Row {
  readonly name: string;
  readonly wish?: Partial<Wish>;
  readonly image: ImageName;
  readonly reason: string;
  readonly state?: Partial<State>;
  /** Of the new pods, one each. */
  readonly restarts?: readonly number[];
}

const rows: readonly Row[] = [
  {
    name: 'a version that takes 5 s to start',
    image: 'slow',
    reason: 'deployment/web runs <slow> and is healthy.',
  },
  {
    name: 'a version that crashes once and then is fine',
    wish: DATA,
    image: 'crash-once',
    reason: 'deployment/web runs <crash-once> and is healthy.',
    // Each pod has a volume of its own, and crashes for itself.
    restarts: [1, 1],
  },
  {
    name: 'no replicas: nothing is claimed that was not seen',
    wish: { replicas: 0 },
    image: 'v2',
    reason:
      'deployment/web is set to <v2> and its health was not seen (nothing verified: the Deployment has 0 replicas).',
    state: { available: 0, pods: {} },
  },
  {
    name: 'the strategy Recreate, onto a new ReplicaSet',
    wish: { spec: { strategy: { type: 'Recreate' } } },
    image: 'v2',
    reason: 'deployment/web runs <v2> and is healthy.',
  },
  {
    name: 'no readiness probe',
    wish: { probe: false },
    image: 'v2',
    reason: 'deployment/web runs <v2> and is healthy.',
  },
];

for (const { name, wish, image, reason, state, restarts } of rows) {
  scenario(name, async ({ stage }) => {
    await stage.start({ image: stage.images.v1, ...wish });
    const step = await stage.deploy(image);
    expect(stage.ending(step)).toEqual(green('succeeded', reason));
    expect(await stage.state()).toEqual(shipped(image, state));
    if (restarts === undefined) return;
    const { items } = await stage.kube.list<Pod>(`${stage.path('pods')}?labelSelector=app%3Dweb`);
    const alive = items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
    expect(alive.map(({ status }) => status?.containerStatuses?.[0]?.restartCount)).toEqual(restarts);
  });
}

scenario('the strategy Recreate, back onto a ReplicaSet that exists', async ({ stage }) => {
  const wish = { spec: { strategy: { type: 'Recreate' } } };
  await stage.start({ image: stage.images.v1, ...wish });
  await stage.start({ image: stage.images.v2, ...wish });
  const step = await stage.deploy('v1');
  expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <v1> and is healthy.'));
  expect(await stage.state()).toEqual(shipped('v1', { history: ['v2', 'v1'] }));
});

scenario('the image that runs already', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const step = await stage.deploy('v1');
  expect(stage.ending(step)).toEqual(
    green('unchanged', 'deployment/web already runs <v1> and is healthy, so nothing was patched.'),
  );
  expect(await stage.state()).toEqual(shipped('v1', { history: ['v1'], kept: 2, annotations: [] }));
});
