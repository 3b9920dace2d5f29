import type { ChildProcess } from 'node:child_process';
import { expect } from 'vitest';
import { red, restored, shipped } from '../harness/expected.ts';
import { type Kind, look, startKind } from '../harness/kinds.ts';
import { readLease } from '../harness/lease.ts';
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
  '10: a run that is cancelled puts back at once, and the post step sees it healthy',
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
      log: expect.stringContaining(
        'deployment/web in namespace <namespace>: has <v1>, what ran before, and is healthy',
      ),
    });
    expect(await stage.state()).toEqual(restored('not-ready'));
  },
);

scenario('10: a run that is killed: the post step alone puts back', async ({ stage }) => {
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

scenario('10: a run that is killed, with `rollback: never`: nobody puts back', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const never = { rollback: 'never' };
  const step = await interrupt(stage, 'SIGKILL', never);
  const after = await post(stage, step, never);
  expect(after.warnings.map((warning) => stage.plain(warning))).toEqual([
    'deployment/web in namespace <namespace>: the run ended before the rollout of <not-ready> had a verdict; left as it is, since `rollback` is never. Look yourself: kubectl get deployment/web -n <namespace> -o wide',
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

/** The pods of each kind while the bad version is on its way, and when it was put back. */
const KINDS: readonly {
  readonly kind: Exclude<Kind, 'Deployment'>;
  readonly workload: string;
  readonly name: string;
  readonly between: Readonly<Record<string, string>>;
  readonly back: Readonly<Record<string, string>>;
}[] = [
  {
    kind: 'StatefulSet',
    workload: 'statefulset/db',
    name: 'db',
    between: { 'db-0': 'v1', 'db-1': 'not-ready!' },
    back: { 'db-0': 'v1', 'db-1': 'v1' },
  },
  {
    kind: 'DaemonSet',
    workload: 'daemonset/agent',
    name: 'agent',
    between: { agent: 'not-ready!' },
    back: { agent: 'v1' },
  },
];

for (const { kind, workload, name, between, back } of KINDS) {
  const inputs = { workloads: workload, 'evict-stuck': 'true' };
  const free = { holder: undefined, open: undefined };
  const lease = (stage: Stage) => readLease(stage, name, kind.toLowerCase());
  const putBack = `${workload} in namespace <namespace>: put back to <v1> and healthy`;
  const isBack = `${workload} in namespace <namespace>: has <v1>, what ran before, and is healthy`;

  scenario(
    `10: a ${kind} whose run is cancelled is put back, and seen healthy by the post step`,
    async ({ stage }) => {
      await startKind(stage, kind, { name }, true);
      const step = await interrupt(stage, 'SIGINT', inputs);
      expect(stage.ending(step)).toEqual(
        red('rolled-back', `The run was cancelled (SIGINT). ${workload} was put back.`),
      );
      expect(await look(stage, kind, name)).toMatchObject({ image: 'v1', generation: 3 });
      const after = await post(stage, step, inputs);
      expect({ exitCode: after.exitCode, errors: after.errors, log: stage.plain(after.log) }).toMatchObject({
        exitCode: 0,
        errors: [],
        log: expect.stringContaining(isBack),
      });
      expect(await look(stage, kind, name)).toEqual({ image: 'v1', generation: 3, pods: back });
      expect(await lease(stage)).toMatchObject(free);
    },
  );

  scenario(`10: a ${kind} whose run is killed is put back by the post step alone`, async ({ stage }) => {
    await startKind(stage, kind, { name }, true);
    const step = await interrupt(stage, 'SIGKILL', inputs);
    expect(await look(stage, kind, name)).toEqual({ image: 'not-ready', generation: 2, pods: between });
    const after = await post(stage, step, inputs);
    expect({ exitCode: after.exitCode, log: stage.plain(after.log) }).toMatchObject({
      exitCode: 0,
      log: expect.stringContaining(putBack),
    });
    expect(await look(stage, kind, name)).toEqual({ image: 'v1', generation: 3, pods: back });
    expect(await lease(stage)).toMatchObject(free);
  });

  scenario(
    `a ${kind} whose run is killed under \`on-cancel: leave\` is left, and that is said`,
    async ({ stage }) => {
      await startKind(stage, kind, { name }, true);
      const leave = { ...inputs, 'on-cancel': 'leave' };
      const step = await interrupt(stage, 'SIGKILL', leave);
      const after = await post(stage, step, leave);
      expect({ ...after, warnings: after.warnings.map((one) => stage.plain(one)) }).toMatchObject({
        exitCode: 1,
        errors: [],
        warnings: [
          `${workload} in namespace <namespace>: the run ended before the rollout of <not-ready> had a verdict; left as it is, since \`on-cancel\` is leave. Look yourself: kubectl get ${workload} -n <namespace> -o wide`,
        ],
      });
      expect(await look(stage, kind, name)).toEqual({ image: 'not-ready', generation: 2, pods: between });
      expect(await lease(stage)).toMatchObject(free);
    },
  );
}

scenario('10: a stuck pod is named by the post step, where eviction is not wished', async ({ stage }) => {
  await startKind(stage, 'StatefulSet', { name: 'db' });
  const inputs = { workloads: 'statefulset/db' };
  const step = await interrupt(stage, 'SIGINT', inputs);
  const after = await post(stage, step, inputs);
  expect({ ...after, warnings: after.warnings.map((one) => stage.plain(one)) }).toMatchObject({
    exitCode: 1,
    warnings: [
      'statefulset/db in namespace <namespace>: has <v1>, what ran before, but is not yet seen healthy: the image from before is set again, but pod db-1 of the failed image is not ready, and the controller replaces no pod while that is so (kubernetes#67250). Delete it: kubectl -n <namespace> delete pod db-1 (or set `evict-stuck: true` to have that done). The controller then makes it anew with the image from before.',
    ],
  });
  expect(await look(stage, 'StatefulSet', 'db')).toEqual({
    image: 'v1',
    generation: 3,
    pods: { 'db-0': 'v1', 'db-1': 'not-ready!' },
  });
});

scenario(
  'killed, with `rollback: never`, and the API server is away in the post step: one word on each',
  async ({ stage }) => {
    await stage.start({ image: stage.images.v1 });
    const never = { rollback: 'never' };
    const step = await interrupt(stage, 'SIGKILL', never);
    const kubeconfig = stage.kubeconfigWith(stage.user, { server: 'https://127.0.0.1:1' });
    const after = await post(stage, step, { ...never, kubeconfig });
    expect({ ...after, warnings: after.warnings.map((one) => stage.plain(one)) }).toMatchObject({
      exitCode: 1,
      errors: [],
      warnings: [
        'deployment/web in namespace <namespace>: the run ended before the rollout of <not-ready> had a verdict; left as it is, since `rollback` is never. Look yourself: kubectl get deployment/web -n <namespace> -o wide',
        'The lock of this run could not be given back, so the next run waits until it expires, and then judges what this one left: The cluster at https://127.0.0.1:1 answered until <clock>, but can no longer be reached: the connection was refused, so nothing listens there (connect ECONNREFUSED 127.0.0.1:1). Look at the API server and at the load balancer and network in front of it, then run this again.',
      ],
    });
    expect(await stage.state()).toEqual(shipped('not-ready', { pods: { v1: 2, 'not-ready': 1 }, kept: 2 }));
  },
);

scenario(
  '10: killed, and the API server stays away in the post step: said, with what to look at',
  async ({ stage }) => {
    await stage.start({ image: stage.images.v1 });
    const step = await interrupt(stage, 'SIGKILL');
    const kubeconfig = stage.kubeconfigWith(stage.user, { server: 'https://127.0.0.1:1' });
    const after = await post(stage, step, { kubeconfig });
    expect({ ...after, errors: after.errors.map((one) => stage.plain(one)) }).toMatchObject({
      exitCode: 1,
      warnings: [],
      errors: [
        'The run ended in the middle of a rollout, and whether it was put back could not be found out: The cluster at https://127.0.0.1:1 answered until <clock>, but can no longer be reached: the connection was refused, so nothing listens there (connect ECONNREFUSED 127.0.0.1:1). Look at the API server and at the load balancer and network in front of it, then run this again. Look yourself: kubectl rollout status -n <namespace> deployment/web',
      ],
    });
    expect(await stage.state()).toEqual(shipped('not-ready', { pods: { v1: 2, 'not-ready': 1 }, kept: 2 }));
  },
);
