import { expect } from 'vitest';
import { green, red, restored, shipped } from '../harness/expected.ts';
import { scenario } from '../harness/scenario.ts';
import { cutReply, loseReply, loseRequest, patch, patchTo } from './fault.ts';
import { FaultyApi } from './faulty-api.ts';
import { CANNOT_START, healthy, ROLLED_BACK } from './words.ts';

/** What became of a patch whose answer never came? What the object says decides, and nothing is sent twice. */

for (const [what, fault, sent] of [
  ['the reply to the patch is lost', loseReply, 1],
  ['the reply to the patch breaks off in the middle', cutReply, 1],
  ['the patch is lost before it gets anywhere', loseRequest, 2],
] as const) {
  scenario(`6: ${what}: patched once all the same`, async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    void api.once(patch, fault);
    const step = await stage.deploy('v2', { inputs: { kubeconfig: api.kubeconfig() } });
    expect(stage.ending(step)).toEqual(green('succeeded', healthy('v2')));
    expect(api.seen.filter(patch)).toHaveLength(sent);
    expect(api.patches).toEqual([stage.images.v2]);
    expect(await stage.state()).toEqual(shipped('v2'));
  });

  scenario(`6: ${what}, of a rollback: put back once all the same`, async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    void api.once(patchTo(stage.images.v1), fault);
    const step = await stage.deploy('no-entrypoint', { inputs: { kubeconfig: api.kubeconfig() } });
    expect(stage.ending(step)).toEqual(red('rolled-back', ROLLED_BACK));
    expect(api.seen.filter(patch)).toHaveLength(sent + 1);
    expect(api.patches).toEqual([stage.images['no-entrypoint'], stage.images.v1]);
    expect(await stage.state()).toEqual(restored('no-entrypoint'));
  });
}

scenario(
  '6: the reply is lost, and then the API server is away: unknown, and nobody guesses',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const inputs = { kubeconfig: api.kubeconfig() };
    void api.once(patch, async (exchange) => {
      for await (const _ of await exchange.forward());
      await api.away();
    });
    const step = await stage.deploy('v2', { inputs });
    expect(stage.ending(step)).toEqual(
      red(
        'unknown',
        'The answer to the patch of deployment/web was lost, and the cluster can not be asked what became of it. Look yourself: kubectl get deployment/web -n <namespace> -o wide. deployment/web is left as it is: whether it has the new image is unknown.',
      ),
    );
    await api.back();
    const post = await stage.deploy('v2', { entry: 'post', state: step.state, inputs });
    expect({ exitCode: post.exitCode, log: post.log }).toEqual({ exitCode: 0, log: '' });
    await stage.settled();
    expect(api.patches).toEqual([stage.images.v2]);
    expect(await stage.state()).toEqual(shipped('v2'));
  },
);

scenario(
  '6: the patch of a rollback is lost again and again: said, and left to the post step',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const api = await FaultyApi.before(stage, onTestFinished);
    const inputs = { kubeconfig: api.kubeconfig(), timeout: '30s' };
    const clear = api.always(patchTo(stage.images.v1), loseRequest);
    const step = await stage.deploy('no-entrypoint', { inputs });
    expect(stage.ending(step)).toEqual(
      red(
        'rollback-failed',
        `${CANNOT_START} Whether the rollback to <v1> worked is unknown: The answer to the patch of deployment/web was lost, and so far the cluster has not carried it out. Look yourself: kubectl get deployment/web -n <namespace> -o wide.`,
      ),
    );
    expect(api.patches).toEqual([stage.images['no-entrypoint']]);
    clear();
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
