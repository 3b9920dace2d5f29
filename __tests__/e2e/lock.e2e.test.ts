import { expect } from 'vitest';
import { green, red, shipped } from '../harness/expected.ts';
import { nameOf, readLease, runNumber } from '../harness/lease.ts';
import type { StepResult } from '../harness/runner.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';

/** A run that has sent its image and waits for its pods; `ended` is its end. */
async function underWay(stage: Stage): Promise<{ readonly ended: Promise<StepResult> }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const ended = stage.deploy('slow', {
    ...runNumber(1),
    onLine: (line) => {
      if (line.startsWith('deployment/web: container web from')) resolve();
    },
  });
  await Promise.race([promise, ended]);
  return { ended };
}

function orderOf(number: number): object {
  const workflow = 'acme/shop/.github/workflows/ship.yml';
  return { repository: 'acme/shop', workflow, ref: 'refs/heads/main', number };
}

scenario('13: the second of two runs waits for the first, then deploys', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const { ended } = await underWay(stage);
  const held = await readLease(stage);
  expect(held).toEqual({
    holder: expect.stringMatching(/^acme\/shop run 1, attempt 1 \[[0-9a-f]{8}\]$/),
    url: 'https://github.com/acme/shop/actions/runs/1',
    transitions: 0,
    seconds: 60,
    stable: undefined,
    open: {
      version: 1,
      uid: expect.any(String),
      changes: [{ list: 'containers', index: 0, name: 'web', image: stage.images.v1, to: stage.images.slow }],
      annotationsBefore: { 'steadyship.dev/run': null },
      run: { title: 'acme/shop run 1, attempt 1', url: 'https://github.com/acme/shop/actions/runs/1' },
      order: orderOf(1),
      holder: held.holder,
      time: expect.any(String),
    },
  });
  const second = await stage.deploy('v2', runNumber(2));
  expect(second.log).toContain(
    `deployment/web: ${nameOf(1)} is deploying it; waiting up to 10 min for it to end`,
  );
  expect(stage.ending(await ended)).toEqual(green('succeeded', 'deployment/web runs <slow> and is healthy.'));
  expect(stage.ending(second)).toEqual(green('succeeded', 'deployment/web runs <v2> and is healthy.'));
  expect(await stage.state()).toEqual(shipped('v2', { history: ['v1', 'slow', 'v2'] }));
  expect(await readLease(stage)).toEqual({
    holder: undefined,
    url: undefined,
    transitions: 1,
    seconds: 60,
    stable: {
      version: 1,
      uid: held.open?.['uid'],
      images: [{ list: 'containers', name: 'web', image: stage.images.v2 }],
      run: { title: 'acme/shop run 2, attempt 1', url: 'https://github.com/acme/shop/actions/runs/2' },
      order: orderOf(2),
      time: expect.any(String),
    },
    open: undefined,
  });
});

scenario('13: with `lock-timeout: 0s` the second of two runs ends at once', async ({ stage }) => {
  await stage.start({ image: stage.images.v1 });
  const { ended } = await underWay(stage);
  const second = await stage.deploy('v2', { ...runNumber(2), inputs: { 'lock-timeout': '0s' } });
  expect(stage.ending(second)).toEqual(
    red(
      'failed',
      `deployment/web in namespace <namespace> is being deployed by ${nameOf(1)}. Run again when it has ended; if it is dead, its lock is taken over by a run that waits 60 s, and by any run 6 min after its last renewal. Nothing was changed in the cluster.`,
    ),
  );
  expect(stage.ending(await ended)).toEqual(green('succeeded', 'deployment/web runs <slow> and is healthy.'));
  expect(await stage.state()).toEqual(shipped('slow'));
  expect(await readLease(stage)).toMatchObject({ holder: undefined, transitions: 0, open: undefined });
});

scenario(
  '13: two runs that name the same workloads the other way round do not deadlock',
  async ({ stage }) => {
    const { v1, v2 } = stage.images;
    await stage.start({ image: v1 }, { image: v1, name: 'api' });
    const steps = await Promise.all([
      stage.deploy('v2', { ...runNumber(1), inputs: { workloads: 'deployment/web, deployment/api' } }),
      stage.deploy('v3', { ...runNumber(2), inputs: { workloads: 'deployment/api, deployment/web' } }),
    ]);
    expect(steps.map((step) => stage.ending(step))).toEqual([
      green('succeeded', '2 workloads run <v2> and are healthy: deployment/web and deployment/api.'),
      green('succeeded', '2 workloads run <v3> and are healthy: deployment/api and deployment/web.'),
    ]);
    const waited = steps.filter(({ log }) => log.includes('is deploying it; waiting up to 10 min'));
    expect(waited).toHaveLength(1);
    const last = waited[0]?.outputs['image'] === v2 ? 'v2' : 'v3';
    const history = ['v1', last === 'v2' ? 'v3' : 'v2', last];
    expect(await stage.state('web')).toEqual(shipped(last, { history }));
    expect(await stage.state('api')).toEqual(shipped(last, { history }));
  },
);
