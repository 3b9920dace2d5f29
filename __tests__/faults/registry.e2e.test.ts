import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { run } from '../cluster/command.ts';
import { green, red, shipped, untouched } from '../harness/expected.ts';
import { compile } from '../harness/images.ts';
import { scenario } from '../harness/scenario.ts';
import { any, type Fault, loseReply, loseRequest, type Passing, refuse } from './fault.ts';
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
      'The registry <faulty> answers with the error 503 (4 tries): "try again". Run the job again later. Nothing was changed in the cluster.',
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
        'The registry <faulty> has had too many requests (429), and asks to wait 3600 s: "slow down". Run the job again later, or log in: most registries allow more to those they know. Nothing was changed in the cluster.',
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

/** Commits two files that nobody has pushed yet, so that there are layers to send. */
async function checkout(workspace: string, namespace: string): Promise<void> {
  const { app } = await compile();
  await copyFile(app, join(workspace, 'app'));
  for (const name of ['one', 'two', 'three'])
    await writeFile(join(workspace, name), `${name} of ${namespace}`);
  await writeFile(
    join(workspace, 'Dockerfile'),
    'FROM scratch\nCOPY app /\nCOPY one /\nCOPY two /\nCOPY three /\nENTRYPOINT ["/app"]\nCMD ["-version", "built"]\n',
  );
  const git = (...args: readonly string[]): Promise<string> =>
    run('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', '-C', workspace, ...args]);
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '.');
  await git('commit', '--quiet', '--message=Ship it');
}

/** The digests of the blobs that the registry took, each as often as it was sent. */
const taken = ({ seen }: FaultyRegistry): readonly (string | null)[] =>
  seen
    .filter((request) => request.method === 'PUT' && request.status === 201 && blob(request))
    .map(({ query }) => query.get('digest'));

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
      await checkout(workspace, stage.namespace);
      const hit = registry.once(match, fault);
      const step = await stage.deploy('v2', {
        workspace,
        environment: stage.setup.cluster.env,
        inputs: { build: 'true', image: `${registry.host}/e2e/${stage.namespace}` },
      });
      if (step.outputs['image']) stage.know('built', step.outputs['image']);
      expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <built> and is healthy.'));
      await hit;
      const blobs = taken(registry);
      expect(blobs).toEqual([...new Set(blobs)]);
      expect(await stage.state()).toMatchObject({ image: 'built', available: 2, pods: { built: 2 } });
    },
  );
}

const lost: Fault = ({ response }) => {
  const errors = [{ code: 'BLOB_UPLOAD_UNKNOWN', message: 'blob upload unknown to registry' }];
  response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify({ errors }));
};
const denied: Fault = ({ response }) => {
  const errors = [{ code: 'DENIED', message: 'requested access to the resource is denied' }];
  response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ errors }));
};
const commit = (request: Passing): boolean => request.method === 'PUT' && blob(request);

for (const [what, match, fault, times] of [
  ['the registry loses an upload', commit, lost, 1],
  // More than BuildKit's own four tries.
  ['the manifest is answered 503 for ten seconds', manifest, unavailable, 4],
] as const) {
  scenario(
    `21: ${what}: the push is begun again, and no layer is sent twice`,
    async ({ stage, workspace, onTestFinished }) => {
      await stage.start({ image: stage.images.v1 });
      const registry = await FaultyRegistry.before(stage, onTestFinished);
      await checkout(workspace, stage.namespace);
      for (let count = 0; count < times; count += 1) void registry.once(match, fault);
      const step = await stage.deploy('v2', {
        workspace,
        environment: stage.setup.cluster.env,
        // Without the cache of before, but with that of the first try.
        inputs: { build: 'true', 'no-cache': 'true', image: `${registry.host}/e2e/${stage.namespace}` },
      });
      if (step.outputs['image']) stage.know('built', step.outputs['image']);
      expect(stage.ending(step)).toEqual(green('succeeded', 'deployment/web runs <built> and is healthy.'));
      expect(step.log).toContain('trying it again, 2 of 3');
      const blobs = taken(registry);
      expect(blobs.length).toBeGreaterThanOrEqual(4);
      expect(blobs).toEqual([...new Set(blobs)]);
      expect(await stage.state()).toMatchObject({ image: 'built', pods: { built: 2 } });
    },
  );
}

scenario('21: a push that is denied is not begun again', async ({ stage, workspace, onTestFinished }) => {
  await stage.start({ image: stage.images.v1 });
  const registry = await FaultyRegistry.before(stage, onTestFinished);
  await checkout(workspace, stage.namespace);
  registry.always(commit, denied);
  const step = await stage.deploy('v2', {
    workspace,
    environment: stage.setup.cluster.env,
    inputs: { build: 'true', image: `${registry.host}/e2e/${stage.namespace}` },
  });
  const ending = stage.ending(step);
  expect(ending).toEqual(red('failed', ending.reason));
  // The builder's words for a 403 differ from version to version.
  expect(ending.reason).toMatch(
    /^<faulty> refused a push to <faulty>\/e2e\/<namespace> without a login: ".*(?:403 Forbidden|denied).*"\. Set the inputs username and password\. Nothing was changed in the cluster\.$/,
  );
  expect(step.log).not.toContain('trying it again');
  expect(await stage.state()).toEqual(untouched());
});

scenario(
  '21: a tag that is moved while the run prepares: told, and deployed is what it stood for',
  async ({ stage, onTestFinished }) => {
    await stage.start({ image: stage.images.v1 });
    const registry = await FaultyRegistry.before(stage, onTestFinished);
    const elsewhere = `sha256:${'e'.repeat(64)}`;
    const head = ({ method, path }: Passing): boolean =>
      method === 'HEAD' && path.endsWith('/manifests/both');
    const moved = registry.once(head, ({ response }) => {
      const type = 'application/vnd.oci.image.index.v1+json';
      response.writeHead(200, { 'content-type': type, 'docker-content-digest': elsewhere }).end();
    });
    const [repository, digest] = registry.image('both').split('@');
    const step = await stage.deploy('both', { inputs: { image: `${repository}:both` } });
    await moved;
    expect(stage.ending(step)).toEqual(
      green('succeeded', 'deployment/web runs <faulty>/e2e/app@<both> and is healthy.'),
    );
    expect(step.warnings).toContain(
      `The tag ${repository}:both stands for ${elsewhere} now: somebody moved it while this run was preparing. Deployed is ${digest}, what it stood for before.`,
    );
    // And the nodes say that they run just that.
    expect(step.report?.workloads[0]?.containers).toMatchObject([
      { after: `${repository}@${digest}`, runs: 'same' },
    ]);
  },
);
