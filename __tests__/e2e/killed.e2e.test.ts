import type { ChildProcess } from 'node:child_process';
import { expect } from 'vitest';
import { green, red, restored, shipped } from '../harness/expected.ts';
import type { ImageName } from '../harness/images.ts';
import { look, startKind } from '../harness/kinds.ts';
import { nameOf, readLease, runNumber } from '../harness/lease.ts';
import type { StepOptions, StepResult } from '../harness/runner.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';
import { deployment } from '../harness/workload.ts';

/** Run 1, with its process, and what it comes to. */
function begin(stage: Stage, image: ImageName, options: Partial<StepOptions> = {}) {
  const { promise: child, resolve } = Promise.withResolvers<ChildProcess>();
  const ended = stage.deploy(image, { ...runNumber(1), ...options, onStart: resolve });
  return { child, ended };
}

/** Run 1 with a version that never becomes ready, ended in the gate. */
async function endInGate(stage: Stage, signal: NodeJS.Signals, inputs = {}): Promise<StepResult> {
  const { child, ended } = begin(stage, 'not-ready', { inputs });
  await stage.untilPods('not-ready', (pods) => pods.length === 1);
  (await child).kill(signal);
  return await ended;
}

async function post(stage: Stage, { state }: StepResult, inputs = {}): Promise<StepResult> {
  return await stage.deploy('not-ready', { ...runNumber(1), entry: 'post', state, inputs });
}

const DEAD = `deployment/web: ${nameOf(1)} has not renewed its lock for 60 s, so it is dead; its lock is taken over`;
const FREE = { holder: undefined, url: undefined, open: undefined };

scenario(
  '11 and 14: a killed run that left a bad image: the next run waits for its lock to end and puts back first',
  async ({ stage }) => {
    await stage.start({ image: stage.images.v1 });
    const killed = await endInGate(stage, 'SIGKILL');
    expect(killed.exitCode).toBe(null);
    expect(await readLease(stage)).toMatchObject({
      holder: expect.stringMatching(/^acme\/shop run 1, attempt 1 \[/),
      open: { changes: [{ image: stage.images.v1, to: stage.images['not-ready'] }] },
    });
    const next = await stage.deploy('v2', runNumber(2));
    const log = stage.plain(next.log);
    expect(log).toContain(DEAD);
    expect(log).toContain('deployment/web in namespace <namespace>: put back to <v1> and healthy');
    expect(next.warnings.map((warning) => stage.plain(warning))).toEqual([
      `deployment/web: ${nameOf(1)} left its rollout marked as open, and what it set still stands.`,
    ]);
    expect(stage.ending(next)).toEqual(green('succeeded', 'deployment/web runs <v2> and is healthy.'));
    expect(await stage.state()).toEqual(shipped('v2', { history: ['v1', 'not-ready', 'v1', 'v2'] }));
    expect(await readLease(stage)).toMatchObject({
      ...FREE,
      transitions: 1,
      stable: { images: [{ image: stage.images.v2 }] },
    });
  },
);

for (const { kind, workload, name, back } of [
  { kind: 'StatefulSet', workload: 'statefulset/db', name: 'db', back: { 'db-0': 'v2', 'db-1': 'v2' } },
  { kind: 'DaemonSet', workload: 'daemonset/agent', name: 'agent', back: { agent: 'v2' } },
] as const) {
  scenario(
    `11 and 14: a killed run that left a bad image in a ${kind}: put back first`,
    async ({ stage }) => {
      await startKind(stage, kind, { name }, true);
      const inputs = { workloads: workload, 'evict-stuck': 'true' };
      await endInGate(stage, 'SIGKILL', inputs);
      const lease = () => readLease(stage, name, kind.toLowerCase());
      expect(await lease()).toMatchObject({
        open: { changes: [{ image: stage.images.v1, to: stage.images['not-ready'] }] },
      });
      const next = await stage.deploy('v2', { ...runNumber(2), inputs });
      expect(next.warnings.map((warning) => stage.plain(warning))).toEqual([
        `${workload}: ${nameOf(1)} left its rollout marked as open, and what it set still stands.`,
      ]);
      expect(stage.plain(next.log)).toContain(
        `${workload} in namespace <namespace>: put back to <v1> and healthy`,
      );
      expect(stage.ending(next)).toEqual(green('succeeded', `${workload} runs <v2> and is healthy.`));
      // There, back, and there: nothing was patched twice.
      expect(await look(stage, kind, name)).toEqual({ image: 'v2', generation: 4, pods: back });
      expect(await lease()).toMatchObject({ ...FREE, stable: { images: [{ image: stage.images.v2 }] } });
    },
  );
}

scenario(
  '11: a killed run that left a bad image, and its way back is refused: nothing is deployed over it',
  async ({ stage, policy }) => {
    await stage.start({ image: stage.images.v1 });
    await endInGate(stage, 'SIGKILL');
    await policy(
      'deployments',
      `object.metadata.name != 'web' || object.spec.template.spec.containers[0].image != '${stage.images.v1}'`,
    );
    const next = await stage.deploy('v2', runNumber(2));
    expect(stage.ending(next)).toEqual(
      red(
        'failed',
        "Nothing is deployed over what an earlier, unfinished run left, so that its marker keeps what ran before; run this again when the cause is gone, or with `rollback: never` to deploy over it all the same. deployment/web in namespace <namespace>: it could not be put back to <v1>: deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy '<namespace>' with binding '<namespace>' denied request: only images of the release branch may run here. It was left as it is. Look yourself: kubectl get deployment/web -n <namespace> -o wide. Nothing was changed in the cluster.",
      ),
    );
    expect(await stage.state()).toMatchObject({ image: 'not-ready', history: ['v1', 'not-ready'] });
    expect(await readLease(stage)).toMatchObject({
      holder: undefined,
      open: { changes: [{ image: stage.images.v1, to: stage.images['not-ready'] }] },
    });
  },
);

scenario('11: a killed run that left a healthy image: it stays', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const { child, ended } = begin(stage, 'v2', { inputs: { 'stable-for': '10m' } });
  await stage.untilPods('v2', (pods) => pods.length === 2);
  await stage.settled();
  (await child).kill('SIGKILL');
  await ended;
  const next = await stage.deploy('v3', runNumber(2));
  expect(next.log).toContain(DEAD);
  expect(next.log).toContain('deployment/web: it is healthy, so it stays');
  expect(stage.ending(next)).toEqual(green('succeeded', 'deployment/web runs <v3> and is healthy.'));
  expect(await stage.state()).toEqual(shipped('v3', { history: ['v1', 'v2', 'v3'] }));
  expect(await readLease(stage)).toMatchObject({ ...FREE, stable: { images: [{ image: stage.images.v3 }] } });
});

scenario(
  '11: a killed step, and a retry in the same job that finds its image healthy: the post step of the first leaves it',
  async ({ stage }) => {
    await stage.start({ image: stage.images.v1 });
    const { child, ended } = begin(stage, 'v2', { inputs: { 'stable-for': '10m' } });
    await stage.untilPods('v2', (pods) => pods.length === 2);
    await stage.settled();
    (await child).kill('SIGKILL');
    const first = await ended;
    const retry = await stage.deploy('v2', runNumber(1));
    expect(retry.log).toContain('deployment/web: it is healthy, so it stays');
    expect(stage.ending(retry)).toEqual(
      green('unchanged', 'deployment/web already runs <v2> and is healthy, so nothing was patched.'),
    );
    const after = await post(stage, first);
    expect({ ...after, log: stage.plain(after.log) }).toMatchObject({
      exitCode: 0,
      errors: [],
      warnings: [],
      log: expect.stringContaining(
        'deployment/web in namespace <namespace>: a later step or run has resolved what this one left, so nothing is put back',
      ),
    });
    expect(await stage.state()).toEqual(shipped('v2'));
    expect(await readLease(stage)).toMatchObject({
      ...FREE,
      stable: { images: [{ image: stage.images.v2 }] },
    });
  },
);

scenario(
  '10: killed, and what ran before was no good either: the post step names the image that stays, and is red',
  async ({ stage }) => {
    await stage.start({ image: stage.images.v1 });
    await stage.deploy('no-entrypoint', { ...runNumber(1), inputs: { rollback: 'never' } });
    const step = await endInGate(stage, 'SIGKILL');
    expect(await readLease(stage)).toMatchObject({ open: undefined, stable: undefined });
    const after = await post(stage, step);
    expect({ ...after, warnings: after.warnings.map((one) => stage.plain(one)) }).toMatchObject({
      exitCode: 1,
      errors: [],
      warnings: [
        'deployment/web in namespace <namespace>: the run ended before the rollout of <not-ready> had a verdict; left as it is, since what ran before was not healthy either, so there is no known-good state to go back to. Look yourself: kubectl get deployment/web -n <namespace> -o wide',
      ],
    });
    expect(await stage.state()).toMatchObject({
      image: 'not-ready',
      history: ['v1', 'no-entrypoint', 'not-ready'],
    });
    expect(await readLease(stage)).toMatchObject({ ...FREE, stable: undefined });
  },
);

scenario('14: the locks of a killed run of two workloads end together', async ({ stage }) => {
  const image = stage.images.v1;
  await stage.start({ image }, { image, name: 'api' });
  const inputs = { workloads: 'deployment/web\ndeployment/api' };
  const { child, ended } = begin(stage, 'v2', { inputs: { ...inputs, 'stable-for': '10m' } });
  await stage.untilPods('v2', (pods) => pods.length === 4);
  await stage.settled('web');
  await stage.settled('api');
  (await child).kill('SIGKILL');
  await ended;
  const killed = performance.now();
  const taken: number[] = [];
  const next = await stage.deploy('v3', {
    ...runNumber(2),
    inputs,
    onLine: (line) => {
      if (line.includes('is dead; its lock is taken over')) taken.push(performance.now() - killed);
    },
  });
  expect(next.log).toContain(DEAD);
  expect(next.log).toContain(DEAD.replace('deployment/web', 'deployment/api'));
  expect(taken).toHaveLength(2);
  expect(stage.ending(next)).toEqual(
    green('succeeded', '2 workloads run <v3> and are healthy: deployment/web and deployment/api.'),
  );
  for (const name of ['web', 'api']) {
    expect(await stage.state(name)).toEqual(shipped('v3', { history: ['v1', 'v2', 'v3'] }));
    expect(await readLease(stage, name)).toMatchObject({
      ...FREE,
      transitions: 1,
      stable: { images: [{ image: stage.images.v3 }] },
    });
  }
  // One duration and what a busy machine takes on top; one after the other they would need two.
  for (const milliseconds of taken) expect(milliseconds).toBeLessThan(90_000);
});

scenario('a cancelled run: its post step goes on under the same lock', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const { child, ended } = begin(stage, 'not-ready');
  await stage.untilPods('not-ready', (pods) => pods.length === 1);
  (await child).kill('SIGINT');
  const step = await ended;
  expect(stage.ending(step)).toEqual(
    red('rolled-back', 'The run was cancelled (SIGINT). deployment/web was put back.'),
  );
  const between = await readLease(stage);
  expect(between).toMatchObject({
    holder: expect.stringMatching(/^acme\/shop run 1, attempt 1 \[/),
    transitions: 0,
    open: { run: { title: 'acme/shop run 1, attempt 1' } },
  });
  const after = await post(stage, step);
  expect({ exitCode: after.exitCode, errors: after.errors }).toEqual({ exitCode: 0, errors: [] });
  expect(await readLease(stage)).toMatchObject({ ...FREE, transitions: 0, stable: undefined });
  expect(await stage.state()).toEqual(restored('not-ready'));
});

scenario('10: `on-cancel: leave`: neither the post step nor the next run puts back', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const leave = { 'on-cancel': 'leave' };
  const step = await endInGate(stage, 'SIGINT', leave);
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'The run was cancelled (SIGINT), and `on-cancel` is leave. deployment/web has the new image and is left as it is: whether it is healthy is unknown.',
    ),
  );
  expect(await readLease(stage)).toMatchObject({ ...FREE, stable: undefined });
  const after = await post(stage, step, leave);
  expect({ exitCode: after.exitCode, log: after.log }).toEqual({ exitCode: 0, log: '' });
  expect(await stage.state()).toMatchObject({ image: 'not-ready', history: ['v1', 'not-ready'] });
  const next = await stage.deploy('v2', runNumber(2));
  expect(next.warnings).toEqual([]);
  expect(stage.ending(next)).toEqual(green('succeeded', 'deployment/web runs <v2> and is healthy.'));
  expect(await stage.state()).toEqual(shipped('v2', { history: ['v1', 'not-ready', 'v2'] }));
});

scenario('killed, with `rollback: never`: the post step gives the lock back', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const never = { rollback: 'never' };
  const step = await endInGate(stage, 'SIGKILL', never);
  const after = await post(stage, step, never);
  expect(after.warnings.map((warning) => stage.plain(warning))).toEqual([
    'deployment/web in namespace <namespace>: the run ended before the rollout of <not-ready> had a verdict; left as it is, since `rollback` is never. Look yourself: kubectl get deployment/web -n <namespace> -o wide',
  ]);
  expect(await readLease(stage)).toMatchObject({ ...FREE, stable: undefined });
  expect(await stage.state()).toMatchObject({ image: 'not-ready', history: ['v1', 'not-ready'] });
});

scenario(
  'killed: the post step gives back the lock of a workload that was not changed, too',
  async ({ stage }) => {
    await stage.start({ image: stage.images.v1 }, { image: stage.images.v2, name: 'api' });
    const inputs = { workloads: 'deployment/api, deployment/web', 'stable-for': '10m' };
    const { child, ended } = begin(stage, 'v2', { inputs });
    await stage.untilPods('v2', (pods) => pods.length === 4);
    (await child).kill('SIGKILL');
    const step = await ended;
    expect(await readLease(stage, 'api')).toMatchObject({
      holder: expect.stringMatching(/^acme\/shop run 1, attempt 1 \[/),
    });
    const after = await post(stage, step, inputs);
    expect({ exitCode: after.exitCode, errors: after.errors }).toEqual({ exitCode: 0, errors: [] });
    expect([await readLease(stage, 'api'), await readLease(stage)]).toMatchObject([FREE, FREE]);
    expect([(await stage.state('api')).image, (await stage.state()).image]).toEqual(['v2', 'v1']);
  },
);

scenario('killed, and somebody makes the workload anew: the post step leaves theirs', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const step = await endInGate(stage, 'SIGKILL');
  await stage.kubectl('delete', 'deployment/web');
  await stage.apply('deployments', deployment({ image: stage.images['not-ready'] }));
  const after = await post(stage, step);
  expect({ exitCode: after.exitCode, warnings: after.warnings.map((one) => stage.plain(one)) }).toEqual({
    exitCode: 0,
    warnings: [
      'deployment/web in namespace <namespace> was deleted and made anew by somebody else, so it is left as it is. Look yourself: kubectl get deployment/web -n <namespace> -o wide',
    ],
  });
  expect((await stage.state()).image).toBe('not-ready');
  expect(await readLease(stage)).toMatchObject(FREE);
});

scenario('bad, good, bad, and bad again: back to the good one', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const first = await stage.deploy('no-entrypoint', runNumber(1));
  expect(first.outputs['result']).toBe('rolled-back');
  expect(await readLease(stage)).toMatchObject({ ...FREE, stable: undefined });
  await stage.deploy('v2', runNumber(2));
  expect(await readLease(stage)).toMatchObject({ ...FREE, stable: { images: [{ image: stage.images.v2 }] } });
  const bad = await stage.deploy('no-entrypoint', { ...runNumber(3), inputs: { rollback: 'never' } });
  expect({ result: bad.outputs['result'], left: (await stage.state()).image }).toEqual({
    result: 'failed',
    left: 'no-entrypoint',
  });
  const again = await stage.deploy('not-ready', { ...runNumber(4), inputs: { timeout: '10s' } });
  expect(stage.ending(again)).toEqual(
    red(
      'rolled-back',
      expect.stringContaining('Rolled back to <v2>, the last healthy state on record, in <time>.'),
    ),
  );
  expect(await stage.state()).toMatchObject({
    image: 'v2',
    history: ['v1', 'no-entrypoint', 'v1', 'v2', 'no-entrypoint', 'not-ready', 'v2'],
    available: 2,
    pods: { v2: 2 },
  });
  expect(await readLease(stage)).toMatchObject({ ...FREE, stable: { images: [{ image: stage.images.v2 }] } });
});

scenario('`kubectl rollout undo` brings back neither a marker nor an old last-stable', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  await stage.deploy('v2', runNumber(1));
  await stage.deploy('v3', runNumber(2));
  await stage.kubectl('rollout', 'undo', 'deployment/web');
  await stage.settled();
  expect((await stage.state()).image).toBe('v2');
  expect(await readLease(stage)).toMatchObject({ ...FREE, stable: { images: [{ image: stage.images.v3 }] } });
  // What a person went back to, and is healthy, is what ran before: it goes before what is on record.
  const bad = await stage.deploy('no-entrypoint', runNumber(3));
  expect(bad.warnings).toEqual([]);
  expect(stage.ending(bad)).toEqual(
    red('rolled-back', expect.stringContaining('Rolled back to <v2> in <time>.')),
  );
  // And back onto the template of a run that failed: nothing is left of it but its image.
  await stage.kubectl('rollout', 'undo', 'deployment/web');
  await stage.untilPods('no-entrypoint', (pods) => pods.length === 1);
  expect(await readLease(stage)).toMatchObject({ ...FREE, stable: { images: [{ image: stage.images.v3 }] } });
  const good = await stage.deploy('v1', runNumber(4));
  expect(good.warnings).toEqual([]);
  expect(stage.ending(good)).toEqual(green('succeeded', 'deployment/web runs <v1> and is healthy.'));
});
