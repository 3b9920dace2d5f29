import { expect } from 'vitest';
import { green, red, restored, shipped } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';
import { deploying } from './deploying.ts';
import { drip, holdBack, late, list, longWatch, refuse, status, watch } from './fault.ts';
import { FaultyApi } from './faulty-api.ts';
import { healthy, ROLLED_BACK } from './words.ts';

/** Watches break in every way that is known, and nothing that they would have told is missed. */

scenario(
  '1: watches are reset again and again while a good version comes',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const deploy = await deploying(stage, 'slow', { inputs: { kubeconfig: api.kubeconfig() } });
    await deploy.patched();
    for (const count of [1, 2]) {
      await stage.untilPods('slow', (pods) => pods.length === count);
      api.reset();
      await api.once(longWatch, ({ pass }) => pass());
      api.reset();
    }
    expect(stage.ending(await deploy.step)).toEqual(green('succeeded', healthy('slow')));
    expect(api.patches).toEqual([stage.images.slow]);
    expect(await stage.state()).toEqual(shipped('slow'));
  },
);

scenario('1: watches are reset while a bad version fails', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const api = await FaultyApi.before(stage, onTestFinished);
  const deploy = await deploying(stage, 'no-entrypoint', { inputs: { kubeconfig: api.kubeconfig() } });
  await deploy.patched();
  await stage.untilPods('no-entrypoint', (pods) => pods.length === 1);
  api.reset();
  await api.once(longWatch, ({ pass }) => pass());
  api.reset();
  expect(stage.ending(await deploy.step)).toEqual(red('rolled-back', ROLLED_BACK));
  expect(api.patches).toEqual([stage.images['no-entrypoint'], stage.images.v1]);
  expect(await stage.state()).toEqual(restored('no-entrypoint'));
});

scenario(
  '2: connections go silent without a word: noticed within 30 s',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const deploy = await deploying(stage, 'slow', { inputs: { kubeconfig: api.kubeconfig() } });
    await deploy.patched();
    await stage.untilPods('slow', (pods) => pods.length === 1);
    const since = performance.now();
    api.wire.silence();
    expect(stage.ending(await deploy.step)).toEqual(green('succeeded', healthy('slow')));
    expect(api.patches).toEqual([stage.images.slow]);
    expect(await stage.state()).toEqual(shipped('slow'));
    const resumed = api.seen.find((request) => longWatch(request) && request.at > since);
    expect(((resumed?.at ?? Number.NaN) - since) / 1_000).toBeLessThan(30);
  },
);

scenario('2: connections go silent while a bad version fails', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const api = await FaultyApi.before(stage, onTestFinished);
  const deploy = await deploying(stage, 'no-entrypoint', { inputs: { kubeconfig: api.kubeconfig() } });
  await deploy.patched();
  await stage.untilPods('no-entrypoint', (pods) => pods.length === 1);
  api.wire.silence();
  expect(stage.ending(await deploy.step)).toEqual(red('rolled-back', ROLLED_BACK));
  expect(api.patches).toEqual([stage.images['no-entrypoint'], stage.images.v1]);
  expect(await stage.state()).toEqual(restored('no-entrypoint'));
});

scenario(
  '2: connections go silent in a hold that is too short to notice, while somebody else ships: not green',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const inputs = { kubeconfig: api.kubeconfig(), 'stable-for': '14s' };
    const deploy = await deploying(stage, 'v2', { inputs });
    await deploy.said('holding for 14 s');
    api.wire.silence();
    await stage.kubectl('set', 'image', 'deployment/web', `web=${stage.images.v3}`);
    expect(stage.ending(await deploy.step)).toEqual(
      red(
        'superseded',
        'deployment/web: the image of container web was changed to <v3> by kubectl-set. That is left as it is, since a change of somebody else is never rolled back.',
      ),
    );
    expect(api.patches).toEqual([stage.images.v2]);
    await stage.settled();
    expect(await stage.state()).toEqual(shipped('v3', { history: ['v1', 'v2', 'v3'] }));
  },
);

const GONE = status(410, 'Expired', 'too old resource version: 1 (2)');

scenario(
  '3: a watch cannot be resumed (410 as the answer): listed anew',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const deploy = await deploying(stage, 'slow', { inputs: { kubeconfig: api.kubeconfig() } });
    await deploy.patched();
    await stage.untilPods('slow', (pods) => pods.length === 1);
    const since = performance.now();
    const takeBack = api.always(watch, refuse(410, 'Expired', 'too old resource version: 1 (2)'));
    const listed = api.once(list, ({ pass }) => {
      takeBack();
      return pass();
    });
    api.reset();
    await listed;
    expect(stage.ending(await deploy.step)).toEqual(green('succeeded', healthy('slow')));
    expect(api.seen.filter((request) => list(request) && request.at > since)).not.toEqual([]);
    expect(api.patches).toEqual([stage.images.slow]);
    expect(await stage.state()).toEqual(shipped('slow'));
  },
);

const CRASHES =
  'deployment/web: container web exits 1 on every new pod (3 crashes): "cannot connect to database at db:5432". Rolled back to <v1> in <time>.';

// Neither is judged within the first ten seconds, so that the fault comes before the verdict.
for (const [image, ending, state] of [
  ['slow', green('succeeded', healthy('slow')), shipped('slow')],
  ['crash', red('rolled-back', CRASHES), restored('crash')],
] as const) {
  scenario(
    `3: watches end with 410 as an event (${image}): listed anew`,
    async ({ stage, onTestFinished }) => {
      await stage.start({ image: stage.images.v1 });
      const api = await FaultyApi.before(stage, onTestFinished);
      const deploy = await deploying(stage, image, { inputs: { kubeconfig: api.kubeconfig() } });
      await deploy.patched();
      await stage.untilPods(image, (pods) => pods.length === 1);
      // Deployments, ReplicaSets, pods and events.
      await api.watched(4);
      const since = performance.now();
      api.endWatches({ type: 'ERROR', object: GONE });
      expect(stage.ending(await deploy.step)).toEqual(ending);
      const lists = api.seen.filter((request) => list(request) && request.at > since).map(({ path }) => path);
      expect(lists).toEqual(
        expect.arrayContaining(
          ['deployments', 'replicasets', 'pods', 'events'].map((each) => stage.path(each)),
        ),
      );
      expect(api.patches[0]).toBe(stage.images[image]);
      expect(api.patches).toHaveLength(state.history.length - 1);
      expect(await stage.state()).toEqual(state);
    },
  );
}

scenario(
  '3: a proxy that holds watches back: said, and read periodically',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    api.always(watch, holdBack);
    const inputs = { kubeconfig: api.kubeconfig(), 'stable-for': '20s' };
    const deploy = await deploying(stage, 'v2', { inputs });
    // The first look after the silence may show all ready: only what happens later is held back a second time.
    await deploy.said('/deployments was silent while');
    await stage.kubectl('annotate', 'deployment/web', 'example.com/note=later');
    const step = await deploy.step;
    expect(stage.ending(step)).toEqual(green('succeeded', healthy('v2')));
    expect(stage.plain(step.log)).toContain(
      'Something between this runner and <api> holds watches back (a proxy that buffers answers?): reading ',
    );
    expect(api.patches).toEqual([stage.images.v2]);
    expect(await stage.state()).toEqual(shipped('v2'));
  },
);

scenario('3: answers that come by drops of 7 bytes', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const api = await FaultyApi.before(stage, onTestFinished);
  api.always(longWatch, drip(7));
  const step = await stage.deploy('no-entrypoint', { inputs: { kubeconfig: api.kubeconfig() } });
  expect(stage.ending(step)).toEqual(red('rolled-back', ROLLED_BACK));
  expect(api.patches).toEqual([stage.images['no-entrypoint'], stage.images.v1]);
  expect(await stage.state()).toEqual(restored('no-entrypoint'));
});

scenario('3: every answer comes a second late', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const api = await FaultyApi.before(stage, onTestFinished);
  api.always(() => true, late(1_000));
  const step = await stage.deploy('no-entrypoint', { inputs: { kubeconfig: api.kubeconfig() } });
  expect(stage.ending(step)).toEqual(red('rolled-back', ROLLED_BACK));
  expect(api.patches).toEqual([stage.images['no-entrypoint'], stage.images.v1]);
  expect(await stage.state()).toEqual(restored('no-entrypoint'));
});
