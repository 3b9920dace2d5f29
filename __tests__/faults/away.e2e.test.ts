import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { green, red, restored, shipped } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';
import { deploying } from './deploying.ts';
import { after, any, page, patchTo } from './fault.ts';
import { FaultyApi } from './faulty-api.ts';
import { CANNOT_START, healthy, ROLLED_BACK } from './words.ts';

/** Nothing listens at the API server's address for a while, or for good. */

const REFUSED =
  'The cluster at <api> answered until <clock>, but can no longer be reached: the connection was refused, so nothing listens there (connect ECONNREFUSED <address>). Look at the API server and at the load balancer and network in front of it, then run this again.';
const NOT_READY = { pods: { v1: 2, 'not-ready': 1 }, kept: 2 } as const;

scenario(
  '7: the API server is away for 20 s while a good version comes',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const deploy = await deploying(stage, 'slow', { inputs: { kubeconfig: api.kubeconfig() } });
    await deploy.patched();
    await api.away();
    await Promise.all([sleep(20_000), stage.settled()]);
    await api.back();
    expect(stage.ending(await deploy.step)).toEqual(green('succeeded', healthy('slow')));
    expect(api.patches).toEqual([stage.images.slow]);
    expect(await stage.state()).toEqual(shipped('slow'));
  },
);

scenario(
  '7: the API server is away for 60 s while a bad version fails',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const deploy = await deploying(stage, 'no-entrypoint', { inputs: { kubeconfig: api.kubeconfig() } });
    await deploy.patched();
    await api.away();
    await sleep(60_000);
    await api.back();
    expect(stage.ending(await deploy.step)).toEqual(red('rolled-back', ROLLED_BACK));
    expect(api.patches).toEqual([stage.images['no-entrypoint'], stage.images.v1]);
    expect(await stage.state()).toEqual(restored('no-entrypoint'));
  },
);

scenario(
  '7: away for 60 s from the moment of the rollback: it is not lost',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const inputs = { kubeconfig: api.kubeconfig() };
    const gone = api.once(patchTo(stage.images.v1), () => api.away());
    const deploy = stage.deploy('no-entrypoint', { inputs });
    await gone;
    await sleep(60_000);
    await api.back();
    expect(stage.ending(await deploy)).toEqual(red('rolled-back', ROLLED_BACK));
    expect(api.patches).toEqual([stage.images['no-entrypoint'], stage.images.v1]);
    expect(await stage.state()).toEqual(restored('no-entrypoint'));
  },
);

scenario(
  '7: a maintenance page answers in its place while the pods crash in the hold: not green',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    // The pods crash 15 s after their start, so before the hold is over: both within the 20 s of the page.
    const inputs = { kubeconfig: api.kubeconfig(), 'stable-for': '15s' };
    const deploy = await deploying(stage, 'crash-late', { inputs });
    await deploy.said('holding for 15 s');
    const takeBack = api.always(any, page);
    api.reset();
    await sleep(20_000);
    takeBack();
    expect(stage.ending(await deploy.step)).toEqual(
      red(
        'rolled-back',
        // On a busy node the runtime may have removed the log by the time that anybody may ask for it.
        expect.stringMatching(
          /^deployment\/web: container web exits 1 .*\. Rolled back to <v1> in <time>\.$/,
        ),
      ),
    );
    expect(api.patches).toEqual([stage.images['crash-late'], stage.images.v1]);
    expect(await stage.state()).toEqual(restored('crash-late', { kept: 0 }));
  },
);

scenario(
  '7: a maintenance page answers in its place for a while, and the version is good: green',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const inputs = { kubeconfig: api.kubeconfig(), 'stable-for': '5s' };
    const deploy = await deploying(stage, 'v2', { inputs });
    await deploy.said('holding for 5 s');
    const takeBack = api.always(any, page);
    api.reset();
    await sleep(10_000);
    takeBack();
    expect(stage.ending(await deploy.step)).toEqual(green('succeeded', healthy('v2')));
    expect(api.patches).toEqual([stage.images.v2]);
    expect(await stage.state()).toEqual(shipped('v2'));
  },
);

scenario(
  '7: a maintenance page answers for good: unknown, which is no reason to roll back',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const inputs = { kubeconfig: api.kubeconfig(), timeout: '8s' };
    const deploy = await deploying(stage, 'not-ready', { inputs });
    await deploy.patched();
    await stage.untilPods('not-ready', (pods) => pods.length === 1);
    api.always(any, page);
    api.reset();
    const step = await deploy.step;
    expect(stage.ending(step)).toEqual(
      red(
        'unknown',
        expect.stringMatching(/^The cluster at <api> answered until .*, and then gave no usable answer: /),
      ),
    );
    expect(api.patches).toEqual([stage.images['not-ready']]);
    expect(await stage.state()).toEqual(shipped('not-ready', NOT_READY));
  },
);

scenario('7: away while what was put back comes up again', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1, spec: { strategy: { type: 'Recreate' } } });
  const api = await FaultyApi.before(stage, onTestFinished);
  const deploy = await deploying(stage, 'no-entrypoint', { inputs: { kubeconfig: api.kubeconfig() } });
  await deploy.said('put back to');
  await api.away();
  await Promise.all([sleep(20_000), stage.settled()]);
  await api.back();
  expect(stage.ending(await deploy.step)).toEqual(red('rolled-back', ROLLED_BACK));
  expect(api.patches).toEqual([stage.images['no-entrypoint'], stage.images.v1]);
  expect(await stage.state()).toEqual(restored('no-entrypoint', { kept: 0 }));
});

scenario('7: away for good: unknown, which is no reason to roll back', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const api = await FaultyApi.before(stage, onTestFinished);
  const inputs = { kubeconfig: api.kubeconfig(), timeout: '8s' };
  const deploy = await deploying(stage, 'not-ready', { inputs });
  await deploy.patched();
  await stage.untilPods('not-ready', (pods) => pods.length === 1);
  await api.away();
  const step = await deploy.step;
  expect(stage.ending(step)).toEqual(
    red(
      'unknown',
      `${REFUSED} deployment/web has the new image and is left as it is: whether it is healthy is unknown.`,
    ),
  );
  const post = await stage.deploy('not-ready', { entry: 'post', state: step.state, inputs });
  expect({ exitCode: post.exitCode, log: post.log }).toEqual({ exitCode: 0, log: '' });
  expect(api.patches).toEqual([stage.images['not-ready']]);
  expect(await stage.state()).toEqual(shipped('not-ready', NOT_READY));
});

scenario(
  '7: away for good when it is to be put back: said, and left to the post step',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const inputs = { kubeconfig: api.kubeconfig(), timeout: '30s' };
    void api.once(patchTo(stage.images.v1), () => api.away());
    const step = await stage.deploy('no-entrypoint', { inputs });
    expect(stage.ending(step)).toEqual(
      red(
        'rollback-failed',
        `${CANNOT_START} Whether the rollback to <v1> worked is unknown: The answer to the patch of deployment/web was lost, and the cluster can not be asked what became of it. Look yourself: kubectl get deployment/web -n <namespace> -o wide.`,
      ),
    );
    expect(api.patches).toEqual([stage.images['no-entrypoint']]);
    await api.back();
    const post = await stage.deploy('no-entrypoint', { entry: 'post', state: step.state, inputs });
    expect({ exitCode: post.exitCode, errors: post.errors, warnings: post.warnings }).toEqual({
      exitCode: 0,
      errors: [],
      warnings: [],
    });
    expect(api.patches).toEqual([stage.images['no-entrypoint'], stage.images.v1]);
    expect(await stage.state()).toEqual(restored('no-entrypoint'));
  },
);

scenario(
  '7: the API server is away for a moment before anything was asked',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    void api.once(
      () => true,
      after(async () => api.reset()),
    );
    const step = await stage.deploy('v2', { inputs: { kubeconfig: api.kubeconfig() } });
    expect(stage.ending(step)).toEqual(green('succeeded', healthy('v2')));
    expect(api.patches).toEqual([stage.images.v2]);
    expect(await stage.state()).toEqual(shipped('v2'));
  },
);
