import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type BuildInputs, NO_BUILD_INPUTS } from '../../../src/build/inputs.ts';
import { computeKey } from '../../../src/build/key/key.ts';
import { realClock, temporaryFolder } from '../../process/fakes.ts';

const DIGEST = `sha256:${'d'.repeat(64)}`;

interface Case {
  readonly files?: Readonly<Record<string, string>>;
  readonly inputs?: Partial<BuildInputs>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly digest?: string;
  readonly prepare?: (folder: string) => unknown;
}

/** The key of a small context, which is in no repository; or why it has none. */
async function keyOf({ files, inputs, environment, digest, prepare }: Case): Promise<string> {
  const directory = temporaryFolder();
  mkdirSync(join(directory, 'more'));
  const all = { Dockerfile: 'FROM node:24\nCOPY . /\n', 'a.txt': 'a', 'more/b.txt': 'b', ...files };
  for (const [name, text] of Object.entries(all)) writeFileSync(join(directory, name), text);
  await prepare?.(directory);
  const found = await computeKey({
    inputs: { ...NO_BUILD_INPUTS, ...inputs },
    directory,
    environment: { PATH: process.env['PATH'], HOME: directory, ...environment },
    clock: realClock,
    digestOf: async () => digest ?? DIGEST,
  });
  return found.kind === 'key' ? found.key : found.why;
}

const plain = /^[0-9a-f]{64}$/;

describe('the key', () => {
  test('is the same wherever and whenever the same is built', async () => {
    const first = await keyOf({});
    expect(first).toMatch(plain);
    const touched = (folder: string): void => utimesSync(join(folder, 'a.txt'), new Date(0), new Date(0));
    expect(await keyOf({ prepare: touched })).toBe(first);
    const others = { pull: true, cacheFrom: ['type=gha'], cacheTo: ['type=gha'], secrets: ['empty='] };
    expect(await keyOf({ inputs: others })).toBe(first);
    expect(await keyOf({ inputs: { buildArgs: ['NOT_SET'] } })).toBe(first);
  });
  test('does not know what a secret holds', async () => {
    const one = await keyOf({ inputs: { secrets: ['npm=one'] } });
    expect(await keyOf({ inputs: { secrets: ['npm=two'] } })).toBe(one);
  });
  test('is another for everything that decides the image', async () => {
    const cases: readonly Case[] = [
      {},
      { files: { 'a.txt': 'b' } },
      { files: { 'c.txt': '' } },
      { files: { Dockerfile: 'FROM node:24\nCOPY . / \n' } },
      { files: { '.dockerignore': 'a.txt\n.dockerignore' } },
      { digest: `sha256:${'e'.repeat(64)}` },
      { prepare: (folder) => chmodSync(join(folder, 'a.txt'), 0o755) },
      { prepare: (folder) => chmodSync(join(folder, 'more'), 0o700) },
      { prepare: (folder) => mkdirSync(join(folder, 'empty')) },
      { prepare: (folder) => symlinkSync('a.txt', join(folder, 'link')) },
      { prepare: (folder) => symlinkSync('more', join(folder, 'link')) },
      { inputs: { target: 't' } },
      { inputs: { platforms: ['linux/amd64'] } },
      { inputs: { platforms: ['linux/amd64', 'linux/arm64'] } },
      { inputs: { buildArgs: ['A=1'] } },
      { inputs: { buildArgs: ['A=2'] } },
      { inputs: { buildArgs: ['A'] }, environment: { A: '3' } },
      { inputs: { labels: ['A=1'] } },
      { inputs: { annotations: ['A=1'] } },
      { inputs: { secrets: ['npm=x'] } },
      { inputs: { network: 'none' } },
      { inputs: { addHosts: ['a:1.2.3.4'] } },
      { inputs: { shmSize: '1g' } },
      { inputs: { ulimit: ['nofile=1'] } },
      { inputs: { provenance: 'mode=max' } },
      { inputs: { sbom: 'true' } },
      { inputs: { buildContexts: ['more=more'] } },
      {
        inputs: { buildContexts: ['more=more'] },
        files: { 'more/.dockerignore': '*', '.dockerignore': 'more' },
      },
      { inputs: { buildContexts: [`more=docker-image://a@${DIGEST}`] } },
      { environment: { DOCKER_DEFAULT_PLATFORM: 'linux/arm64' } },
    ];
    const keys = await Promise.all(cases.map(keyOf));
    for (const key of keys) expect(key).toMatch(plain);
    expect(new Set(keys).size).toBe(cases.length);
  });
});

describe('there is no key', () => {
  const builder =
    (name: string, json: unknown) =>
    (folder: string): void => {
      mkdirSync(join(folder, '.docker/buildx/instances'), { recursive: true });
      writeFileSync(join(folder, '.docker/buildx/current'), JSON.stringify({ Name: name }));
      writeFileSync(join(folder, '.docker/buildx/instances', name), JSON.stringify(json));
      writeFileSync(join(folder, '.dockerignore'), '.docker');
    };
  const elsewhere = 'may run on a machine of another kind, and `platforms` does not say what to build for';
  test.each<readonly [string, Case, string]>([
    [
      'a context that is fetched',
      { inputs: { context: 'https://github.com/a/b.git' } },
      'the build context lies elsewhere',
    ],
    ['ssh', { inputs: { ssh: ['default'] } }, 'the input `ssh` lets the build fetch from elsewhere'],
    [
      'another frontend',
      { inputs: { buildArgs: ['BUILDKIT_SYNTAX=x/y'] } },
      'the build-arg BUILDKIT_SYNTAX names another frontend',
    ],
    [
      'a reproducible build',
      { environment: { SOURCE_DATE_EPOCH: '0' } },
      'SOURCE_DATE_EPOCH asks for an image that bears no trace of its build, and so not of its age',
    ],
    [
      'a named image without a digest',
      { inputs: { buildContexts: ['a=docker-image://alpine:3'] } },
      'the build context "a=docker-image://alpine:3" is fetched from elsewhere by a tag (name its digest)',
    ],
    [
      'a named repository',
      { inputs: { buildContexts: ['a=https://github.com/a/b.git'] } },
      'the build context "a=https://github.com/a/b.git" is fetched from elsewhere',
    ],
    [
      'a layout',
      { inputs: { buildContexts: ['a=oci-layout://x'] } },
      'the build context "a=oci-layout://x" is fetched from elsewhere',
    ],
    [
      'a daemon elsewhere',
      { environment: { DOCKER_HOST: 'tcp://farm:2375' } },
      `the Docker daemon at tcp://farm:2375 ${elsewhere}`,
    ],
    [
      'a BuildKit elsewhere',
      { environment: { BUILDKIT_HOST: 'tcp://farm:1234' } },
      `the BuildKit at tcp://farm:1234 ${elsewhere}`,
    ],
    [
      'a context of docker',
      { environment: { DOCKER_CONTEXT: 'farm' } },
      `the Docker context farm ${elsewhere}`,
    ],
    ['an unknown builder', { inputs: { builder: 'farm' } }, `the builder farm ${elsewhere}`],
    [
      'a remote builder in use',
      { prepare: builder('farm', { Driver: 'remote', Nodes: [{ Endpoint: 'tcp://farm:1234' }] }) },
      `the builder farm ${elsewhere}`,
    ],
    [
      'a remote builder that is the default of a daemon',
      {
        prepare: (folder: string): void => {
          builder('farm', { Driver: 'remote', Nodes: [{ Endpoint: 'tcp://farm:1234' }] })(folder);
          writeFileSync(join(folder, '.docker/buildx/current'), JSON.stringify({ Name: '' }));
          mkdirSync(join(folder, '.docker/buildx/defaults'));
          writeFileSync(join(folder, '.docker/buildx/defaults/0123abcd'), 'farm');
        },
      },
      `the builder farm ${elsewhere}`,
    ],
    [
      'a builder with platforms',
      {
        prepare: builder('x', {
          Driver: 'docker-container',
          Nodes: [{ Endpoint: 'unix:///d', Platforms: [{}] }],
        }),
      },
      `the builder x ${elsewhere}`,
    ],
  ])('for %s', async (_, one, why) => {
    expect(await keyOf(one)).toBe(why);
  });
  test('for a .git in the context, at the top and below', async () => {
    const sentence = (path: string, line: string): string =>
      `${path} is part of the build context and differs in every checkout (a line \`${line}\` in .dockerignore leaves it out)`;
    const git = (path: string) => (folder: string) => mkdirSync(join(folder, path));
    expect(await keyOf({ prepare: git('.git') })).toBe(sentence('.git', '.git'));
    expect(await keyOf({ prepare: git('more/.git') })).toBe(sentence('more/.git', '**/.git'));
    expect(await keyOf({ prepare: git('.git'), files: { '.dockerignore': '.git' } })).toMatch(plain);
  });
  test('for a socket, a file that may not be there, a Dockerfile that is a link', async () => {
    const server = createServer();
    onTestFinished(() => void server.close());
    const socket = (folder: string) => new Promise<void>((done) => server.listen(join(folder, 's'), done));
    expect(await keyOf({ prepare: socket })).toBe('s is neither file, folder nor link');
    const link = (folder: string): void => symlinkSync('Dockerfile', join(folder, 'Other'));
    expect(await keyOf({ prepare: link, inputs: { file: 'Other' } })).toMatch(/\/Other is no plain file$/);
  });

  // The look-alikes.
  test('but there is one for the builder that setup-buildx makes, and for a builder elsewhere with `platforms`', async () => {
    const local = {
      Driver: 'docker-container',
      Nodes: [{ Endpoint: 'unix:///var/run/docker.sock', Platforms: null }],
    };
    expect(await keyOf({ prepare: builder('builder-1', local) })).toMatch(plain);
    const noDefaults = (folder: string): void => {
      builder('builder-1', local)(folder);
      mkdirSync(join(folder, '.docker/buildx/defaults'));
    };
    expect(await keyOf({ prepare: noDefaults })).toMatch(plain);
    const named = { inputs: { builder: 'farm', platforms: ['linux/amd64'] } };
    expect(await keyOf(named)).toMatch(plain);
  });
});
