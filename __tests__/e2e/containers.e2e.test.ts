import { expect } from 'vitest';
import { green, red, restored, shipped, untouched } from '../harness/expected.ts';
import type { ImageName } from '../harness/images.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';
import { helper, READY } from '../harness/workload.ts';

/** An init container, as a migration is, that is patched while the app's own image stays. */
async function startWithInit(stage: Stage): Promise<void> {
  await stage.start({
    image: stage.images.v1,
    pod: { initContainers: [{ name: 'migrate', image: stage.images.init }] },
  });
}

/** A native sidecar: an init container that goes on running. */
async function startWithSidecar(stage: Stage): Promise<void> {
  const sidecar = { ...helper(stage.images.helper), name: 'proxy', restartPolicy: 'Always' };
  await stage.start({ image: stage.images.v1, pod: { initContainers: [sidecar] } });
}

async function startWithTwo(stage: Stage, second: ImageName): Promise<void> {
  const web = { name: 'web', image: stage.images.v1, readinessProbe: READY };
  await stage.start({ image: stage.images.v1, pod: { containers: [web, helper(stage.images[second])] } });
}

scenario('19: an init container that fails', async ({ stage }) => {
  await startWithInit(stage);
  const step = await stage.deploy('init-crash', { inputs: { workloads: 'deployment/web:migrate' } });
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      'deployment/web: init container migrate exits 1 on every new pod (3 crashes): "migration 7 failed: duplicate column". Rolled back to <init> in <time>.',
    ),
  );
  const [before, after] = ['init + v1', 'init-crash + v1'];
  expect(await stage.state()).toEqual(
    restored(after, { image: before, history: [before, after, before], pods: { [before]: 2 } }),
  );
});

scenario('a native sidecar that crashes', async ({ stage }) => {
  await startWithSidecar(stage);
  const step = await stage.deploy('helper-crash', { inputs: { workloads: 'deployment/web:proxy' } });
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      'deployment/web: sidecar proxy exits 1 on every new pod (3 crashes): "no certificate for the proxy". Rolled back to <helper> in <time>.',
    ),
  );
  const [before, after] = ['helper + v1', 'helper-crash + v1'];
  expect(await stage.state()).toEqual(
    restored(after, { image: before, history: [before, after, before], pods: { [before]: 2 } }),
  );
});

scenario('a native sidecar that is good', async ({ stage }) => {
  await startWithSidecar(stage);
  const step = await stage.deploy('helper-v2', { inputs: { workloads: 'deployment/web:proxy' } });
  expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <helper-v2> and is healthy.'));
  expect(await stage.state()).toEqual(
    shipped('helper-v2 + v1', { history: ['helper + v1', 'helper-v2 + v1'] }),
  );
});

scenario('of two containers, the one whose image comes from the same repository', async ({ stage }) => {
  await startWithTwo(stage, 'helper');
  const step = await stage.deploy('v2');
  expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <v2> and is healthy.'));
  expect(await stage.state()).toEqual(shipped('v2 + helper', { history: ['v1 + helper', 'v2 + helper'] }));
});

scenario('of two containers, the one that was named', async ({ stage }) => {
  await startWithTwo(stage, 'helper');
  const step = await stage.deploy('helper-crash', { inputs: { workloads: 'deployment/web:helper' } });
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      'deployment/web: container helper exits 1 on every new pod (3 crashes): "no certificate for the proxy". Rolled back to <helper> in <time>.',
    ),
  );
  const [before, after] = ['v1 + helper', 'v1 + helper-crash'];
  expect(await stage.state()).toEqual(
    restored(after, { image: before, history: [before, after, before], pods: { [before]: 2 } }),
  );
});

scenario('of two containers from one repository, which one is not plain', async ({ stage }) => {
  const web = { name: 'web', image: stage.images.v1, readinessProbe: READY };
  const second = { name: 'worker', image: stage.images.v3, args: ['-listen', ':8081'] };
  await stage.start({ image: stage.images.v1, pod: { containers: [web, second] } });
  const step = await stage.deploy('v2');
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'deployment/web has several containers (web: <v1>, worker: <v3>), and which one is to get the image is not plain. Name it in `workloads`: deployment/web:web. Nothing was changed in the cluster.',
    ),
  );
  const image = 'v1 + v3';
  expect(await stage.state()).toEqual(untouched({ image, history: [image], pods: { [image]: 2 } }));
});

scenario('a container that is not there', async ({ stage }) => {
  await startWithInit(stage);
  const step = await stage.deploy('v2', { inputs: { workloads: 'deployment/web:wep' } });
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'deployment/web has no container "wep". It has web: <v1>, migrate (init): <init>. Nothing was changed in the cluster.',
    ),
  );
  const image = 'init + v1';
  expect(await stage.state()).toEqual(untouched({ image, history: [image], pods: { [image]: 2 } }));
});
