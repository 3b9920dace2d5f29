import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect } from 'vitest';
import { red, restored } from '../harness/expected.ts';
import type { StepResult } from '../harness/runner.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';
import { cancel, deploying, SECOND_SIGNAL } from './deploying.ts';
import { after, any, late, lateReply, patch, patchTo, stall } from './fault.ts';
import { FaultyApi } from './faulty-api.ts';

/** The runner's timeline of a cancelled run: SIGINT, SIGTERM 7.5 s later, killed 2.5 s later, then the post step. */

const CANCELLED = 'The run was cancelled (SIGINT). deployment/web was put back.';

const BY_MAIN = 'has <v1>, what ran before, and is healthy';
const BY_POST = 'put back to <v1> and healthy';

async function post(
  stage: Stage,
  { state }: StepResult,
  kubeconfig: string,
  back: typeof BY_MAIN | typeof BY_POST,
): Promise<void> {
  const after = await stage.deploy('not-ready', { entry: 'post', state, inputs: { kubeconfig } });
  expect({ exitCode: after.exitCode, errors: after.errors, log: stage.plain(after.log) }).toMatchObject({
    exitCode: 0,
    errors: [],
    log: expect.stringContaining(`deployment/web in namespace <namespace>: ${back}`),
  });
}

scenario(
  '10: cancelled: the way back waits for no answer, nor for the second signal',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const kubeconfig = api.kubeconfig();
    const deploy = await deploying(stage, 'not-ready', { inputs: { kubeconfig } });
    await deploy.patched();
    const since = performance.now();
    const back = api.once(patchTo(stage.images.v1), ({ pass }) => pass());
    api.always(
      any,
      after(() => back),
    );
    const step = await cancel(deploy);
    expect(stage.ending(step)).toEqual(red('rolled-back', CANCELLED));
    await post(stage, step, kubeconfig, BY_MAIN);
    expect(api.patches).toEqual([stage.images['not-ready'], stage.images.v1]);
    expect(await stage.state()).toEqual(restored('not-ready'));
    // How soon it comes is measured where nothing else runs: docs/benchmarks.md.
    expect((await back).at - since).toBeLessThan(SECOND_SIGNAL);
  },
);

scenario('10: cancelled while every answer takes 2 s', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const api = await FaultyApi.before(stage, onTestFinished);
  const kubeconfig = api.kubeconfig();
  const deploy = await deploying(stage, 'not-ready', { inputs: { kubeconfig } });
  await deploy.patched();
  api.always(any, late(2_000));
  const step = await cancel(deploy);
  expect(stage.ending(step)).toEqual(red('rolled-back', CANCELLED));
  await post(stage, step, kubeconfig, BY_MAIN);
  expect(api.patches).toEqual([stage.images['not-ready'], stage.images.v1]);
  expect(await stage.state()).toEqual(restored('not-ready'));
});

scenario(
  '10: cancelled while the patch is on its way: it is known, and put back',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const kubeconfig = api.kubeconfig();
    const sent = api.once(patch, lateReply(1_000));
    const deploy = await deploying(stage, 'not-ready', { inputs: { kubeconfig } });
    await sent;
    const step = await cancel(deploy);
    expect(stage.ending(step)).toEqual(red('rolled-back', CANCELLED));
    await post(stage, step, kubeconfig, BY_MAIN);
    expect(api.patches).toEqual([stage.images['not-ready'], stage.images.v1]);
    expect(await stage.state()).toEqual(restored('not-ready'));
  },
);

scenario(
  '10: killed while the patch is on its way: the post step knows of it',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const kubeconfig = api.kubeconfig();
    void api.once(patch, lateReply(60_000));
    const deploy = await deploying(stage, 'not-ready', { inputs: { kubeconfig } });
    await stage.untilPods('not-ready', (pods) => pods.length === 1);
    const step = await cancel(deploy);
    expect(step.exitCode).toBe(null);
    await post(stage, step, kubeconfig, BY_POST);
    expect(api.patches).toEqual([stage.images['not-ready'], stage.images.v1]);
    expect(await stage.state()).toEqual(restored('not-ready'));
  },
);

scenario('10: killed because nobody answered: the post step puts back', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const api = await FaultyApi.before(stage, onTestFinished);
  const kubeconfig = api.kubeconfig();
  const deploy = await deploying(stage, 'not-ready', { inputs: { kubeconfig } });
  await deploy.patched();
  const takeBack = api.always(any, stall);
  const step = await cancel(deploy);
  expect(step.exitCode).toBe(null);
  takeBack();
  await post(stage, step, kubeconfig, BY_POST);
  expect(api.patches).toEqual([stage.images['not-ready'], stage.images.v1]);
  expect(await stage.state()).toEqual(restored('not-ready'));
});

scenario(
  '10: killed before it heard that it was put back: the post step sees that it was',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const kubeconfig = api.kubeconfig();
    const deploy = await deploying(stage, 'not-ready', { inputs: { kubeconfig } });
    await deploy.patched();
    void api.once(patchTo(stage.images.v1), lateReply(60_000));
    const step = await cancel(deploy);
    expect(step.exitCode).toBe(null);
    await post(stage, step, kubeconfig, BY_MAIN);
    expect(api.patches).toEqual([stage.images['not-ready'], stage.images.v1]);
    expect(await stage.state()).toEqual(restored('not-ready'));
  },
);

scenario(
  '10: cancelled while the API server is away for 20 s: the post step waits for it',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const kubeconfig = api.kubeconfig();
    const deploy = await deploying(stage, 'not-ready', { inputs: { kubeconfig } });
    await deploy.patched();
    await api.away();
    const step = await cancel(deploy);
    const back = setTimeout(() => void api.back(), 10_000);
    onTestFinished(() => clearTimeout(back));
    await post(stage, step, kubeconfig, BY_POST);
    expect(api.patches).toEqual([stage.images['not-ready'], stage.images.v1]);
    expect(await stage.state()).toEqual(restored('not-ready'));
  },
);

scenario(
  '10: cancelled, and what listens there for 10 s speaks no TLS: the post step waits for the API server',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const kubeconfig = api.kubeconfig();
    const deploy = await deploying(stage, 'not-ready', { inputs: { kubeconfig } });
    await deploy.patched();
    await api.away();
    const other = createServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    await once(other.listen(api.wire.port, '127.0.0.1'), 'listening');
    const step = await cancel(deploy);
    const back = setTimeout(() => other.close(() => void api.back()), 10_000);
    onTestFinished(() => clearTimeout(back));
    await post(stage, step, kubeconfig, BY_POST);
    expect(api.patches).toEqual([stage.images['not-ready'], stage.images.v1]);
    expect(await stage.state()).toEqual(restored('not-ready'));
  },
);
