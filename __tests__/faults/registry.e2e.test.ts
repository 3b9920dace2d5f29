import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { run } from '../cluster/command.ts';
import { green, red, shipped, untouched } from '../harness/expected.ts';
import { compile } from '../harness/images.ts';
import { scenario } from '../harness/scenario.ts';
import { any, loseReply, loseRequest, type Passing, refuse } from './fault.ts';
import { FaultyRegistry } from './faulty-registry.ts';

/** The registry has its own bad days. */

const tooMany = (seconds: number) =>
  refuse(429, 'TOOMANYREQUESTS', 'slow down', { 'retry-after': String(seconds) });
const unavailable = refuse(503, 'UNAVAILABLE', 'try again');

scenario(
  '21: 429, 503 and a cut connection while the image is looked up',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const registry = await FaultyRegistry.before(stage, onTestFinished);
    stage.know('image', registry.image('v2'));
    for (const fault of [tooMany(1), unavailable, loseRequest]) void registry.once(any, fault);
    const step = await stage.deploy('v2', { inputs: { image: registry.image('v2') } });
    expect(stage.ending(step)).toEqual(
      green('succeeded', 'deployment/web runs <registry>/e2e/app@<v2> and is healthy.'),
    );
    expect(registry.seen.slice(0, 4).map(({ reached }) => reached)).toEqual([false, false, false, true]);
    expect(await stage.state()).toEqual(shipped('image'));
  },
);

scenario('21: a registry that fails for good: told after four tries', async ({ stage, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const registry = await FaultyRegistry.before(stage, onTestFinished);
  registry.always(any, unavailable);
  const step = await stage.deploy('v2', { inputs: { image: registry.image('v2') } });
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'The registry <faulty> answers with the error 503 (4 tries). Run the job again later. Nothing was changed in the cluster.',
    ),
  );
  expect(registry.seen).toHaveLength(4);
  expect(await stage.state()).toEqual(untouched());
});

scenario(
  '21: a registry that asks to come back in an hour: told at once',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const registry = await FaultyRegistry.before(stage, onTestFinished);
    registry.always(any, tooMany(3_600));
    const step = await stage.deploy('v2', { inputs: { image: registry.image('v2') } });
    expect(stage.ending(step)).toEqual(
      red(
        'failed',
        'The registry <faulty> has had too many requests (429), and asks to wait 3600 s. Run the job again later, or log in: most registries allow more to those they know. Nothing was changed in the cluster.',
      ),
    );
    expect(registry.seen).toHaveLength(1);
    expect(await stage.state()).toEqual(untouched());
  },
);

/** The requests by which content is sent. */
const blob = ({ method, path }: Passing): boolean =>
  path.includes('/blobs/uploads/') && (method === 'PATCH' || method === 'PUT');
const manifest = ({ method, path }: Passing): boolean => method === 'PUT' && path.includes('/manifests/');

for (const [what, match, fault] of [
  ['an upload is cut once', blob, loseRequest],
  ['an upload is answered 503 once', blob, unavailable],
  ['the manifest is answered 503 once', manifest, unavailable],
  ['the answer to the manifest is lost once', manifest, loseReply],
] as const) {
  scenario(
    `21: ${what} during the push: pushed all the same`,
    async ({ stage, workspace, onTestFinished }) => {
      await stage.start({ image: stage.images.v1 });
      const registry = await FaultyRegistry.before(stage, onTestFinished);
      const { app } = await compile();
      await copyFile(app, join(workspace, 'app'));
      // What nobody has pushed yet, so that there is something to send.
      await writeFile(join(workspace, 'content'), stage.namespace);
      await writeFile(
        join(workspace, 'Dockerfile'),
        'FROM scratch\nCOPY app content /\nENTRYPOINT ["/app"]\nCMD ["-version", "built"]\n',
      );
      const git = (...args: readonly string[]): Promise<string> =>
        run('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', '-C', workspace, ...args]);
      await git('init', '--quiet', '--initial-branch=main');
      await git('add', '.');
      await git('commit', '--quiet', '--message=Ship it');
      const hit = registry.once(match, fault);
      const step = await stage.deploy('v2', {
        workspace,
        environment: stage.setup.cluster.env,
        inputs: { build: 'true', image: `${registry.host}/e2e/${stage.namespace}` },
      });
      if (step.outputs['image']) stage.know('built', step.outputs['image']);
      expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <built> and is healthy.'));
      await hit;
      const sent = registry.seen.filter(({ method, status }) => method === 'PUT' && status === 201);
      const blobs = sent.filter(blob).map(({ query }) => query.get('digest'));
      expect(blobs).toEqual([...new Set(blobs)]);
      expect(await stage.state()).toMatchObject({ image: 'built', available: 2, pods: { built: 2 } });
    },
  );
}
