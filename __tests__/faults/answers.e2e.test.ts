import { expect } from 'vitest';
import { green, red, restored, shipped, untouched } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';
import { deploying } from './deploying.ts';
import { any, list, longWatch, patch, patchTo, refuse, watch } from './fault.ts';
import { FaultyApi } from './faulty-api.ts';
import { healthy, ROLLED_BACK } from './words.ts';

/** The API server answers, and what it says is "not now". */

const tooMany = (seconds: number) =>
  refuse(429, 'TooManyRequests', 'too many requests, please try again later', {
    'retry-after': String(seconds),
  });
const leaderChanged = refuse(500, 'InternalError', 'etcdserver: leader changed');

scenario(
  '4: 429 with Retry-After, to a list, the patch and a watch: obeyed',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const first = await Promise.all([
      ...[list, patch, longWatch].map((match) => api.once(match, tooMany(2))),
      stage.deploy('v2', { inputs: { kubeconfig: api.kubeconfig() } }).then((step) => {
        expect(stage.ending(step)).toEqual(green('succeeded', healthy('v2')));
      }),
    ]);
    const [refusedPatch, sentPatch] = api.seen.filter(patch);
    expect(first[1]).toBe(refusedPatch);
    expect((sentPatch?.at ?? 0) - (refusedPatch?.at ?? 0)).toBeGreaterThan(1_990);
    expect(api.patches).toEqual([stage.images.v2]);
    expect(await stage.state()).toEqual(shipped('v2'));
  },
);

scenario('4: 429 that asks for an hour: told, and nothing is touched', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const api = await FaultyApi.before(stage, onTestFinished);
  api.always(patch, tooMany(3_600));
  const step = await stage.deploy('v2', { inputs: { kubeconfig: api.kubeconfig() } });
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'deployment/web could not be patched. The cluster at <api> is overloaded and asks to come back later (429): too many requests, please try again later. Run it again. Nothing was changed in the cluster.',
    ),
  );
  expect(api.patches).toEqual([]);
  expect(await stage.state()).toEqual(untouched());
});

scenario(
  '5: every read and watch answers "leader changed" for a while',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    for (const match of [list, list, watch, watch]) void api.once(match, leaderChanged);
    const deploy = await deploying(stage, 'slow', { inputs: { kubeconfig: api.kubeconfig() } });
    await deploy.patched();
    const takeBack = api.always(any, leaderChanged);
    api.reset();
    await stage.settled();
    takeBack();
    expect(stage.ending(await deploy.step)).toEqual(green('succeeded', healthy('slow')));
    expect(api.patches).toEqual([stage.images.slow]);
    expect(await stage.state()).toEqual(shipped('slow'));
  },
);

scenario(
  '5: the patch itself is answered "leader changed", and not carried out',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    void api.once(patch, leaderChanged);
    const step = await stage.deploy('v2', { inputs: { kubeconfig: api.kubeconfig() } });
    expect(stage.ending(step)).toEqual(green('succeeded', healthy('v2')));
    expect(api.patches).toEqual([stage.images.v2]);
    expect(await stage.state()).toEqual(shipped('v2'));
  },
);

scenario(
  '5: the patch is answered with an error, though it was carried out',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    void api.once(patch, async (exchange) => {
      for await (const _ of await exchange.forward());
      await refuse(500, 'InternalError', 'etcdserver: request timed out')(exchange);
    });
    const step = await stage.deploy('v2', { inputs: { kubeconfig: api.kubeconfig() } });
    expect(stage.ending(step)).toEqual(green('succeeded', healthy('v2')));
    expect(api.patches).toEqual([stage.images.v2]);
    expect(await stage.state()).toEqual(shipped('v2'));
  },
);

scenario(
  '5: the API server fails for a while just when it is to be put back',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const inputs = { kubeconfig: api.kubeconfig() };
    const back = patchTo(stage.images.v1);
    for (const _ of [1, 2, 3, 4]) void api.once(back, leaderChanged);
    const step = await stage.deploy('no-entrypoint', { inputs });
    expect(stage.ending(step)).toEqual(red('rolled-back', ROLLED_BACK));
    expect(api.patches).toEqual([stage.images['no-entrypoint'], stage.images.v1]);
    expect(await stage.state()).toEqual(restored('no-entrypoint'));
  },
);
