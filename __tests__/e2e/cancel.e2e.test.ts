import type { ChildProcess } from 'node:child_process';
import { expect } from 'vitest';
import { red, restored, shipped } from '../harness/expected.ts';
import type { StepResult } from '../harness/runner.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';

/** Deploys a version that never becomes ready, and sends the step a signal in the middle of it. */
async function interrupt(stage: Stage, signal: NodeJS.Signals, inputs = {}): Promise<StepResult> {
  const { promise: child, resolve } = Promise.withResolvers<ChildProcess>();
  const deploy = stage.deploy('not-ready', { inputs, onStart: resolve });
  await stage.untilPods('not-ready', (pods) => pods.length === 1);
  (await child).kill(signal);
  return await deploy;
}

/** The post step, with what main saved. */
async function post(stage: Stage, { state }: StepResult, inputs = {}): Promise<StepResult> {
  return await stage.deploy('not-ready', { entry: 'post', state, inputs });
}

scenario(
  'a run that is cancelled puts back at once, and the post step sees it healthy',
  async ({ stage }) => {
    await stage.start({ image: stage.images.v1 });
    const step = await interrupt(stage, 'SIGINT');
    expect(stage.ending(step)).toEqual(
      red('rolled-back', 'The run was cancelled (SIGINT). deployment/web was put back.'),
    );
    const after = await post(stage, step);
    expect({ exitCode: after.exitCode, errors: after.errors, log: stage.plain(after.log) }).toMatchObject({
      exitCode: 0,
      errors: [],
      log: expect.stringContaining('deployment/web in namespace <namespace>: put back to <v1> and healthy'),
    });
    expect(await stage.state()).toEqual(restored('not-ready'));
  },
);

scenario('a run that is killed: the post step alone puts back', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const step = await interrupt(stage, 'SIGKILL');
  expect(step.exitCode).toBe(null);
  const after = await post(stage, step);
  expect({ exitCode: after.exitCode, errors: after.errors, log: stage.plain(after.log) }).toMatchObject({
    exitCode: 0,
    errors: [],
    log: expect.stringContaining('deployment/web in namespace <namespace>: put back to <v1> and healthy'),
  });
  expect(await stage.state()).toEqual(restored('not-ready'));
});

scenario('a run that is killed, with `rollback: never`: nobody puts back', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const never = { rollback: 'never' };
  const step = await interrupt(stage, 'SIGKILL', never);
  const after = await post(stage, step, never);
  expect(after.warnings.map((warning) => stage.plain(warning))).toEqual([
    'deployment/web in namespace <namespace>: the run ended before the rollout had a verdict; left as it is, since `rollback` is never',
  ]);
  expect(await stage.state()).toEqual(shipped('not-ready', { pods: { v1: 2, 'not-ready': 1 }, kept: 2 }));
});

scenario('a run that ended by itself leaves the post step nothing to say', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const step = await stage.deploy('v2');
  const after = await post(stage, step);
  expect({ exitCode: after.exitCode, log: after.log }).toEqual({ exitCode: 0, log: '' });
  expect(await stage.state()).toEqual(shipped('v2'));
});
