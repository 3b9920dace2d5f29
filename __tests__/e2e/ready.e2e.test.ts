import { expect } from 'vitest';
import { green, red, restored, shipped } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';
import { deployment, SETTINGS } from '../harness/workload.ts';

const ONE_BY_ONE = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };

scenario('a version that never becomes ready', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const step = await stage.deploy('not-ready', { inputs: { timeout: '20s' } });
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      'deployment/web: container web is not ready on any new pod (no progress for 20 s): "Readiness probe failed: HTTP probe failed with statuscode: 503". Rolled back to <v1> in <time>.',
    ),
  );
  expect(await stage.state()).toEqual(restored('not-ready'));
});

scenario('`timeout` is for standing still: a rollout that goes on may take longer', async ({ stage }) => {
  await stage.start({ image: stage.images.v1, replicas: 4, spec: { strategy: ONE_BY_ONE } });
  const step = await stage.deploy('slow', { inputs: { timeout: '15s' } });
  expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <slow> and is healthy.'));
  expect(step.milliseconds).toBeGreaterThan(20_000);
  expect(await stage.state()).toEqual(shipped('slow', { available: 4, pods: { slow: 4 } }));
});

scenario('a version that takes longer than the Deployment allows', async ({ stage }) => {
  await stage.start({ image: stage.images.v1, spec: { progressDeadlineSeconds: 20 } });
  const step = await stage.deploy('not-ready');
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      'deployment/web: container web is not ready on any new pod (the Deployment\'s progress deadline of 20 s passed): "Readiness probe failed: HTTP probe failed with statuscode: 503". Rolled back to <v1> in <time>.',
    ),
  );
  expect(await stage.state()).toEqual(restored('not-ready'));
});

scenario('the deadline over all', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const step = await stage.deploy('not-ready', { inputs: { deadline: '25s' } });
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      'deployment/web: container web is not ready on any new pod (the deadline of 25 s passed): "Readiness probe failed: HTTP probe failed with statuscode: 503". Rolled back to <v1> in <time>.',
    ),
  );
  expect(await stage.state()).toEqual(restored('not-ready'));
});

scenario('`rollback: never` leaves a failed version, and says what it goes on doing', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const step = await stage.deploy('not-ready', { inputs: { timeout: '20s', rollback: 'never' } });
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'deployment/web: container web is not ready on any new pod (no progress for 20 s): "Readiness probe failed: HTTP probe failed with statuscode: 503". Left as it is, since rollback is never: the cluster goes on waiting for the new pods to become ready.',
    ),
  );
  expect(await stage.state()).toEqual(shipped('not-ready', { pods: { v1: 2, 'not-ready': 1 }, kept: 2 }));
});

scenario('the image that runs already, unhealthy: nothing is rolled back', async ({ stage }) => {
  await stage.apply('deployments', deployment({ image: stage.images['not-ready'] }));
  await stage.untilPods('not-ready', (pods) => pods.length === 2);
  const step = await stage.deploy('not-ready', { inputs: { timeout: '10s' } });
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'deployment/web: container web is not ready on any new pod (no progress for 10 s): "Readiness probe failed: HTTP probe failed with statuscode: 503". Nothing was rolled back, since it ran the same image before: the cluster goes on waiting for the new pods to become ready.',
    ),
  );
  expect(await stage.state()).toEqual(
    shipped('not-ready', { history: ['not-ready'], available: 0, kept: 2, annotations: [] }),
  );
});

scenario('20: a state before that was broken: there is nothing to go back to', async ({ stage }) => {
  await stage.apply('deployments', deployment({ image: stage.images['not-ready'] }));
  const step = await stage.deploy('no-entrypoint');
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'deployment/web: container web cannot start: exec: "/app/start": stat /app/start: no such file or directory. Not rolled back: what ran before was not healthy either, so there is no known-good state to go back to. Meanwhile the cluster goes on trying to start the container.',
    ),
  );
  expect(await stage.state()).toMatchObject({
    image: 'no-entrypoint',
    history: ['not-ready', 'no-entrypoint'],
  });
});

scenario('a state before that was broken is healed by a good version', async ({ stage }) => {
  await stage.apply('deployments', deployment({ image: stage.images['not-ready'] }));
  const step = await stage.deploy('v2');
  expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <v2> and is healthy.'));
  expect(await stage.state()).toEqual(shipped('v2', { history: ['not-ready', 'v2'] }));
});

scenario('20: a rollback that does not become healthy either', async ({ stage }) => {
  await stage.apply('configmaps', stage.configMap('settings'));
  await stage.start({ image: stage.images.v1, ...SETTINGS, spec: { strategy: { type: 'Recreate' } } });
  const deploy = stage.deploy('not-ready', { inputs: { timeout: '25s', patience: 'volume: 3s' } });
  const running = stage.untilPods(
    'not-ready',
    (pods) => pods.filter((pod) => pod.status?.phase === 'Running').length === 2,
  );
  await running.then(() => stage.kube.delete(`${stage.path('configmaps')}/settings`));
  const step = await deploy;
  expect(stage.ending(step)).toEqual(
    red(
      'rollback-failed',
      'deployment/web: container web is not ready on any new pod (no progress for 25 s): "Readiness probe failed: HTTP probe failed with statuscode: 503". The rollback to <v1> failed: <v1> is not healthy either: pod web-<pod> cannot be set up: volume settings: configmap "settings" not found.',
    ),
  );
  expect(await stage.state()).toEqual(restored('not-ready', { available: 0, kept: 0 }));
});
