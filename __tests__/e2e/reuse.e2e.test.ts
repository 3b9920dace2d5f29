import { appendFile, chmod, mkdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { pushImage } from '../cluster/image.ts';
import { green, shipped } from '../harness/expected.ts';
import { compile } from '../harness/images.ts';
import { Repository } from '../harness/repository.ts';
import { PRIVATE_PUSH, type StepOptions, type StepResult } from '../harness/runner.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';

const PULL_REQUEST = {
  ...PRIVATE_PUSH,
  pull_request: {
    number: 7,
    head: { sha: 'f'.repeat(40), repo: { full_name: 'acme/shop' } },
    base: { repo: { full_name: 'acme/shop' } },
  },
};

/** The repository, its registry, and the step that builds and pushes. */
class Shop {
  readonly repository: Repository;
  readonly #stage: Stage;
  readonly image: string;
  readonly base: string;

  constructor(stage: Stage, workspace: string) {
    this.#stage = stage;
    this.repository = new Repository(workspace);
    this.image = `${stage.setup.cluster.registry}/e2e/${stage.namespace}`;
    this.base = `${this.image}-base:1`;
  }

  path(name: string): string {
    return join(this.repository.folder, name);
  }

  async pushBase(version: string): Promise<void> {
    const { app } = await compile();
    await pushImage({ reference: this.base, program: app, args: ['-version', version] });
  }

  async begin(): Promise<void> {
    await this.pushBase('1');
    await this.repository.begin({
      Dockerfile: `FROM ${this.base}\nARG VERSION=1\nCOPY . /data/\n`,
      '.dockerignore': '.git\nREADME.md\n',
      '.gitignore': 'generated\n',
      'README.md': 'Shop',
      'src/a.txt': 'one',
      'src/b.txt': 'two',
      'bin/start': '#!/bin/sh\n',
    });
    await symlink('a.txt', this.path('src/link'));
    await this.repository.commit();
  }

  /** Builds what is checked out, as a push to main unless it is said otherwise. */
  async build(
    inputs: Readonly<Record<string, string>> = {},
    more: Partial<StepOptions> = {},
  ): Promise<StepResult> {
    const { cluster } = this.#stage.setup;
    const sha = await this.repository.git('rev-parse', 'HEAD');
    return await this.#stage.deploy('v2', {
      workspace: this.repository.folder,
      ...more,
      inputs: {
        build: 'true',
        image: this.image,
        command: 'build',
        workloads: '',
        kubeconfig: '',
        ...inputs,
      },
      environment: { ...cluster.env, GITHUB_REF: 'refs/heads/main', GITHUB_SHA: sha, ...more.environment },
    });
  }

  /** The tags of the registry, or what it answers about one of them. */
  async registry(path: string, init: RequestInit = {}): Promise<Response> {
    const [host, ...name] = this.image.split('/');
    return await fetch(`http://${host}/v2/${name.join('/')}/${path}`, init);
  }

  async tags(): Promise<readonly string[]> {
    return ((await (await this.registry('tags/list')).json()) as { tags: string[] }).tags;
  }
}

/** Changes something that decides an image; answers the inputs, where it is one of them. */
type Change = (shop: Shop) => Promise<unknown>;

const CHANGES: Readonly<Record<string, Change>> = {
  'a mode bit that git knows': async (shop) => {
    await chmod(shop.path('bin/start'), 0o755);
    await shop.repository.commit();
  },
  'a mode bit that git does not know': (shop) => chmod(shop.path('src/a.txt'), 0o600),
  "a folder's mode": (shop) => chmod(shop.path('src'), 0o700),
  "a link's target": async (shop) => {
    await rm(shop.path('src/link'));
    await symlink('b.txt', shop.path('src/link'));
    await shop.repository.commit();
  },
  'an exception in .dockerignore': async (shop) => {
    await appendFile(shop.path('.dockerignore'), '!README.md\n');
    await shop.repository.commit();
  },
  'the base image, which moved': (shop) => shop.pushBase('2'),
  'a build-arg': async () => ({ 'build-args': 'VERSION=2' }),
  'a file that is gone': async (shop) => {
    await rm(shop.path('src/b.txt'));
    await shop.repository.commit();
  },
  "a file's case": async (shop) => {
    await rename(shop.path('src/a.txt'), shop.path('src/A.txt'));
    await shop.repository.commit();
  },
  'two files that changed places': async (shop) => {
    await shop.repository.write({ 'src/a.txt': 'two', 'src/b.txt': 'one' });
    await shop.repository.commit();
  },
  'a file that git ignores': (shop) => shop.repository.write({ generated: '1' }),
  'an empty folder, which git does not know': async (shop) => void (await mkdir(shop.path('empty'))),
  'a file that git was told to take as unchanged': async (shop) => {
    await shop.repository.git('update-index', '--assume-unchanged', 'src/a.txt');
    await shop.repository.write({ 'src/a.txt': 'uno' });
  },
  'a file of the same size and time': async (shop) => {
    const time = new Date('2026-01-01T00:00:00Z');
    await utimes(shop.path('src/a.txt'), time, time);
    await shop.repository.git('status');
    await shop.repository.git('config', 'core.trustctime', 'false');
    await writeFile(shop.path('src/a.txt'), 'uno');
    await utimes(shop.path('src/a.txt'), time, time);
  },
  'the content behind an LFS pointer': async (shop) => {
    // What `git lfs pull` does to a work tree that was checked out with `lfs: false`: git sees no change.
    await shop.repository.git('config', 'filter.lfs.clean', 'cat > /dev/null; printf pointer');
    await shop.repository.write({ 'model.bin': 'the real content' });
  },
  "a submodule's commit": async (shop) => {
    const module = new Repository(shop.path('module'));
    await module.write({ 'm.txt': 'other' });
    await module.commit();
    await shop.repository.commit();
  },
  'a file in a submodule that git was told to leave alone': async (shop) => {
    await shop.repository.git('config', 'diff.ignoreSubmodules', 'all');
    await shop.repository.write({ 'module/m.txt': 'dirty' });
  },
  'a label': async () => ({ labels: 'team=shop' }),
  'the target': async () => ({ target: 'first' }),
  'a platform': async () => ({ platforms: 'linux/arm64' }),
  "a secret's id": async () => ({ secrets: 'npm=token' }),
};

for (const [name, change] of Object.entries(CHANGES)) {
  scenario(`built again: ${name}`, async ({ stage, workspace, outside }) => {
    const shop = new Shop(stage, workspace);
    await shop.begin();
    const dockerfile = await readFile(shop.path('Dockerfile'), 'utf8');
    await shop.repository.write({ Dockerfile: dockerfile.replace('\nARG', ' AS first\nARG') });
    await new Repository(outside).begin({ 'm.txt': 'module' });
    await shop.repository.git('submodule', '--quiet', 'add', outside, 'module');
    await shop.repository.write({ '.gitattributes': '*.bin filter=lfs\n', 'model.bin': 'pointer' });
    await shop.repository.commit();

    const first = await shop.build();
    expect(first.outputs).toMatchObject({ result: 'succeeded', built: 'true' });
    // The twin: nothing changed but the commit.
    await shop.repository.write({ 'README.md': 'Shop 2' });
    await shop.repository.commit();
    const same = await shop.build();
    expect(same.outputs).toMatchObject({ built: 'false', digest: first.outputs['digest'] });

    const inputs = await change(shop);
    const other = await shop.build(Object.assign({}, inputs));
    expect(other.outputs).toMatchObject({ result: 'succeeded', built: 'true' });
    expect(other.outputs['digest']).not.toBe(first.outputs['digest']);
  });
}

scenario('nothing is built after a change of what is not in the context', async ({ stage, workspace }) => {
  await stage.start({ image: stage.images.v1 });
  const shop = new Shop(stage, workspace);
  await shop.begin();
  const deploy = { command: 'deploy', workloads: 'deployment/web', kubeconfig: stage.kubeconfig };
  const first = await shop.build(deploy);
  stage.know('built', first.outputs['image'] ?? '');
  expect(stage.ending(first)).toEqual(green('succeeded', 'deployment/web runs <built> and is healthy.'));
  const built = await shop.repository.git('rev-parse', 'HEAD');

  await shop.repository.write({ 'README.md': 'Shop, as it should be' });
  const commit = await shop.repository.commit();
  const step = await shop.build(deploy);
  expect(stage.ending(step)).toEqual(
    green('unchanged', 'deployment/web already runs <built> and is healthy, so nothing was patched.'),
  );
  expect(step.outputs).toMatchObject({ built: 'false', tag: commit, digest: first.outputs['digest'] });
  expect(step.report?.image).toMatchObject({ built: false, reused: { commit: built } });
  expect(step.summary).toContain(
    `nothing was built: the same content as commit <code title="${built}">${built.slice(0, 12)}</code>, built on `,
  );
  expect(step.log).toContain(`was built of the same content, from commit ${built.slice(0, 12)} on `);
  expect(step.log).not.toContain('load build definition');
  // The new tag stands for the old manifest.
  const tagged = await shop.registry(`manifests/${commit}`, {
    method: 'HEAD',
    headers: {
      accept:
        'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json',
    },
  });
  expect(tagged.headers.get('docker-content-digest')).toBe(first.outputs['digest']);
  const annotations = ['steadyship.dev/revision', 'steadyship.dev/run'];
  expect(await stage.state()).toEqual(shipped('built', { annotations }));
});

scenario('an index is taken over as a whole', async ({ stage, workspace }) => {
  const shop = new Shop(stage, workspace);
  await shop.begin();
  await shop.repository.write({ Dockerfile: 'FROM scratch\nCOPY src /\n' });
  await shop.repository.commit();
  const platforms = { platforms: 'linux/amd64,linux/arm64', tags: 'latest' };
  const first = await shop.build(platforms);
  expect(first.outputs).toMatchObject({ built: 'true' });
  await shop.repository.commit();
  const second = await shop.build(platforms);
  expect(second.outputs).toMatchObject({ built: 'false', digest: first.outputs['digest'] });
});

scenario('what a pull request built is not taken by main, the reverse is', async ({ stage, workspace }) => {
  const shop = new Shop(stage, workspace);
  await shop.begin();
  const request = { eventName: 'pull_request', event: PULL_REQUEST };
  const theirs = await shop.build({}, request);
  const ours = await shop.build();
  expect([theirs.outputs['built'], ours.outputs['built']]).toEqual(['true', 'true']);
  const again = await shop.build({}, request);
  expect(again.outputs).toMatchObject({ built: 'false', digest: theirs.outputs['digest'] });

  // Somebody who may push moves main's tag to what the pull request built.
  const mine = (await shop.tags()).find((tag) => tag.startsWith('steadyship-default-')) ?? '';
  const accept =
    'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json';
  const manifest = await shop.registry(`manifests/${theirs.outputs['digest']}`, { headers: { accept } });
  const headers = { 'content-type': manifest.headers.get('content-type') ?? '' };
  const body = await manifest.text();
  expect((await shop.registry(`manifests/${mine}`, { method: 'PUT', headers, body })).status).toBe(201);
  const step = await shop.build();
  expect(step.outputs).toMatchObject({ built: 'true' });
  expect(step.outputs['digest']).not.toBe(theirs.outputs['digest']);
  expect(step.warnings).toEqual([
    `${shop.image}:${mine} is not taken over: the tag was moved to an image that is not of this content (of its own it says ${mine.replace('steadyship-default-', 'pull-request:')}).`,
  ]);
});

scenario('a pull request takes what main built', async ({ stage, workspace }) => {
  const shop = new Shop(stage, workspace);
  await shop.begin();
  const ours = await shop.build();
  const theirs = await shop.build({}, { eventName: 'pull_request', event: PULL_REQUEST });
  expect(theirs.outputs).toMatchObject({
    built: 'false',
    digest: ours.outputs['digest'],
    tag: `pr-7-${'f'.repeat(40)}`,
  });
});

const ALWAYS: Readonly<Record<string, readonly [Readonly<Record<string, string>>, string]>> = {
  '`reuse: never`': [{ reuse: 'never' }, ''],
  '`no-cache`': [{ 'no-cache': 'true' }, ''],
  'an image that is too old': [{ 'max-age': '1ms' }, 'ago, and `max-age` is 0 min.'],
  'a tag in another repository': [
    { tags: '<image>-other:1' },
    'because the input `tags` names another repository',
  ],
};

for (const [name, [inputs, words]] of Object.entries(ALWAYS)) {
  scenario(`always built: ${name}`, async ({ stage, workspace }) => {
    const shop = new Shop(stage, workspace);
    await shop.begin();
    await shop.build();
    const given = Object.entries(inputs).map(([key, value]) => [key, value.replace('<image>', shop.image)]);
    const step = await shop.build(Object.fromEntries(given));
    expect(step.outputs).toMatchObject({ result: 'succeeded', built: 'true' });
    expect(step.log).toContain(words);
  });
}

scenario(
  'always built: a tree that differs from its commit, and a context with .git in it',
  async ({ stage, workspace }) => {
    const shop = new Shop(stage, workspace);
    await shop.begin();
    await shop.repository.write({ 'src/a.txt': 'three' });
    for (const _ of [1, 2]) {
      const dirty = await shop.build();
      expect(dirty.outputs).toMatchObject({ built: 'true' });
      expect(dirty.log).toContain('because the work tree differs from its commit.');
    }
    await shop.repository.write({ '.dockerignore': 'README.md' });
    await shop.repository.commit();
    for (const _ of [1, 2]) {
      const whole = await shop.build();
      expect(whole.outputs).toMatchObject({ built: 'true' });
      expect(whole.log).toContain('because .git is part of the build context and differs in every checkout');
    }
  },
);
