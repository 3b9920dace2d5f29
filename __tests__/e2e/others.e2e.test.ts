import { expect } from 'vitest';
import { green, red, shipped, untouched } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';

/** What other people do to the same Deployment, before and while we roll it out. */

scenario('15: somebody else sets another image in the middle: theirs stays', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const deploy = stage.deploy('not-ready');
  await stage.untilPods('not-ready', (pods) => pods.length === 1);
  await stage.kubectl('set', 'image', 'deployment/web', `web=${stage.images.v3}`);
  expect(stage.ending(await deploy)).toEqual(
    red(
      'superseded',
      'deployment/web: the image of container web was changed to <v3> by kubectl-set. That is left as it is, since a change of somebody else is never rolled back.',
    ),
  );
  await stage.settled();
  expect(await stage.state()).toEqual(shipped('v3', { history: ['v1', 'not-ready', 'v3'] }));
});

scenario('17: somebody else scales in the middle: all the new pods are waited for', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const deploy = stage.deploy('slow');
  await stage.untilPods('slow', (pods) => pods.length === 1);
  await stage.kubectl('scale', 'deployment/web', '--replicas=3');
  expect(stage.ending(await deploy)).toEqual(
    green('succeeded', 'deployment/web runs <slow> and is healthy.'),
  );
  expect(await stage.state()).toEqual(shipped('slow', { available: 3, pods: { slow: 3 } }));
});

scenario('a Deployment that is paused: refused before anything', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  await stage.kubectl('rollout', 'pause', 'deployment/web');
  const step = await stage.deploy('v2');
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'deployment/web in namespace <namespace> is paused, so a new image would never roll out. Resume it first (kubectl rollout resume deployment/web -n <namespace>). Nothing was changed in the cluster.',
    ),
  );
  expect(await stage.state()).toEqual(untouched());
});

scenario('20: a Deployment that is paused in the middle', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const deploy = stage.deploy('not-ready');
  await stage.untilPods('not-ready', (pods) => pods.length === 1);
  await stage.kubectl('rollout', 'pause', 'deployment/web');
  expect(stage.ending(await deploy)).toEqual(
    red(
      'superseded',
      'deployment/web: it was paused while it was rolled out. That is left as it is, since a change of somebody else is never rolled back.',
    ),
  );
  expect(await stage.state()).toEqual(shipped('not-ready', { pods: { v1: 2, 'not-ready': 1 }, kept: 2 }));
});

scenario('a Deployment that is restarted in the middle: gated from the start again', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const deploy = stage.deploy('slow');
  await stage.untilPods('slow', (pods) => pods.length === 1);
  await stage.kubectl('rollout', 'restart', 'deployment/web');
  const step = await deploy;
  expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <slow> and is healthy.'));
  expect(await stage.state()).toEqual(shipped('slow'));
  expect(step.log).toContain('pinned anew');
});

scenario('a Deployment that is deleted in the middle', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const deploy = stage.deploy('not-ready');
  await stage.untilPods('not-ready', (pods) => pods.length === 1);
  await stage.kubectl('delete', 'deployment/web', '--wait=false');
  expect(stage.ending(await deploy)).toEqual(
    red(
      'superseded',
      'deployment/web: it was deleted while it was rolled out. That is left as it is, since a change of somebody else is never rolled back.',
    ),
  );
});

scenario('a rollout of somebody else that is still under way is waited for', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  await stage.kubectl('set', 'image', 'deployment/web', `web=${stage.images.slow}`);
  const step = await stage.deploy('no-entrypoint');
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      'deployment/web: container web cannot start: exec: "/app/start": stat /app/start: no such file or directory. Rolled back to <slow> in <time>.',
    ),
  );
  expect(await stage.state()).toMatchObject({ image: 'slow', pods: { slow: 2 }, available: 2 });
});
