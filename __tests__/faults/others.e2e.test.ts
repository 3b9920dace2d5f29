import { expect } from 'vitest';
import type { Deployment } from '../../src/model/kube.ts';
import { green, red, restored, shipped, untouched } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';
import { deployment } from '../harness/workload.ts';
import { deploying } from './deploying.ts';
import { after, patch, patchTo } from './fault.ts';
import { FaultyApi } from './faulty-api.ts';
import { CANNOT_START, healthy, ROLLED_BACK } from './words.ts';

/** Somebody else writes to the Deployment, at the worst of moments. __tests__/e2e/others has the ordinary ones. */

const LEFT = 'That is left as it is, since a change of somebody else is never rolled back.';

function setImage(stage: Stage): Promise<string> {
  return stage.kubectl('set', 'image', 'deployment/web', `web=${stage.images.v3}`);
}

scenario(
  '15: between our last look and our patch: ours is not sent over it',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    void api.once(
      patch,
      after(() => setImage(stage)),
    );
    const step = await stage.deploy('v2', { inputs: { kubeconfig: api.kubeconfig() } });
    expect(stage.ending(step)).toEqual(
      red(
        'superseded',
        'deployment/web: somebody else set container web of deployment/web to <v3> in between. Nothing was changed in the cluster.',
      ),
    );
    await stage.settled();
    expect(api.seen.filter(patch).map(({ status }) => status)).toEqual([422]);
    expect(await stage.state()).toEqual(
      untouched({ image: 'v3', history: ['v1', 'v3'], pods: { v3: 2 }, kept: 0 }),
    );
  },
);

scenario('15: while we could not see: theirs stays', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const api = await FaultyApi.before(stage, onTestFinished);
  const deploy = await deploying(stage, 'not-ready', { inputs: { kubeconfig: api.kubeconfig() } });
  await deploy.patched();
  await api.away();
  await setImage(stage);
  await stage.settled();
  await api.back();
  expect(stage.ending(await deploy.step)).toEqual(
    red(
      'superseded',
      `deployment/web: the image of container web was changed to <v3> by kubectl-set. ${LEFT}`,
    ),
  );
  expect(api.patches).toEqual([stage.images['not-ready']]);
  expect(await stage.state()).toEqual(shipped('v3', { history: ['v1', 'not-ready', 'v3'] }));
});

scenario('15: between the verdict and our rollback: theirs stays', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const api = await FaultyApi.before(stage, onTestFinished);
  void api.once(
    patchTo(stage.images.v1),
    after(() => setImage(stage)),
  );
  const step = await stage.deploy('no-entrypoint', { inputs: { kubeconfig: api.kubeconfig() } });
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      `${CANNOT_START} Not rolled back, since somebody else changed it meanwhile: somebody else set container web of deployment/web to <v3> in between.`,
    ),
  );
  await stage.settled();
  expect(api.seen.filter(patch).map(({ status }) => status)).toEqual([200, 422]);
  expect(await stage.state()).toEqual(shipped('v3', { history: ['v1', 'no-entrypoint', 'v3'] }));
});

for (const [image, manager, way] of [
  ['slow', 'argocd-controller', 'patch'],
  ['not-ready', 'kustomize-controller', 'apply'],
] as const) {
  scenario(`16: ${manager} puts it back (${image}): named, not fought`, async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const ended = new AbortController();
    const fighter = fight(stage, manager, way, ended.signal);
    const step = await stage.deploy(image, { inputs: { kubeconfig: api.kubeconfig() } });
    ended.abort();
    await fighter;
    expect(stage.ending(step)).toEqual(
      red(
        'superseded',
        `deployment/web: the image of container web was changed to <v1> by ${manager}. ${LEFT}`,
      ),
    );
    await stage.settled();
    expect(api.patches).toEqual([stage.images[image]]);
    expect(await stage.state()).toMatchObject({ image: 'v1', history: ['v1', image, 'v1'], available: 2 });
  });
}

/**
 * A GitOps controller with self-healing: whatever stands there, it sets what stands in its repository; by a patch, as
 * Argo CD does, or by server-side apply, as Flux does (and Argo CD where it is told to).
 */
async function fight(
  stage: Stage,
  manager: string,
  way: 'patch' | 'apply',
  signal: AbortSignal,
): Promise<void> {
  const path = stage.path('deployments');
  const wanted = deployment({ image: stage.images.v1 });
  const set = (): Promise<unknown> =>
    way === 'apply'
      ? stage.kube.apply(path, wanted, manager)
      : stage.kubectl('patch', 'deployment/web', `--field-manager=${manager}`, '-p', JSON.stringify(wanted));
  try {
    for await (const [web] of stage.kube.watch<Deployment>(
      `${path}?fieldSelector=metadata.name%3Dweb`,
      signal,
    )) {
      if (web?.spec?.template?.spec?.containers?.[0]?.image !== stage.images.v1) await set();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

scenario(
  '17: scaled up while we could not see: all new pods are waited for',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const deploy = await deploying(stage, 'slow', { inputs: { kubeconfig: api.kubeconfig() } });
    await deploy.patched();
    await api.away();
    await stage.kubectl('scale', 'deployment/web', '--replicas=4');
    await api.back();
    expect(stage.ending(await deploy.step)).toEqual(green('succeeded', healthy('slow')));
    expect(api.patches).toEqual([stage.images.slow]);
    expect(await stage.state()).toEqual(shipped('slow', { available: 4, pods: { slow: 4 } }));
  },
);

scenario('17: scaled before it is put back: replicas are theirs', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const api = await FaultyApi.before(stage, onTestFinished);
  void api.once(
    patchTo(stage.images.v1),
    after(() => stage.kubectl('scale', 'deployment/web', '--replicas=3')),
  );
  const step = await stage.deploy('no-entrypoint', { inputs: { kubeconfig: api.kubeconfig() } });
  expect(stage.ending(step)).toEqual(red('rolled-back', ROLLED_BACK));
  expect(api.patches).toEqual([stage.images['no-entrypoint'], stage.images.v1]);
  expect(api.seen.filter(patch).filter(({ body }) => body.includes('replicas'))).toEqual([]);
  expect(await stage.state()).toEqual(restored('no-entrypoint', { available: 3, pods: { v1: 3 } }));
});
