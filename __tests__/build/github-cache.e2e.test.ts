import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { compileBuildKit, type Daemon, startBuildKit, startOldDocker } from '../cluster/builders.ts';
import type { Cluster } from '../cluster/index.ts';
import { startRegistry } from '../cluster/registry.ts';
import { type CacheService, type Fault, startCacheService } from './github-cache/service.ts';
import type { Scopes } from './github-cache/token.ts';
import { fetchJson, type RealCase, realBuild, SHELL } from './real.ts';

const setup = inject('setup');
const cluster = setup?.cluster as Cluster;
const MAIN: Scopes = { own: 'refs/heads/main' };
const PULL: Scopes = { own: 'refs/pull/7/merge', others: [MAIN.own] };
let folder: string;
let registry: Awaited<ReturnType<typeof startRegistry>>;
let programs: string;
let buildkit: Daemon;
let service: CacheService;

beforeAll(async () => {
  if (setup === undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'ss-github-cache-'));
  for (const name of ['registry', 'buildkit']) mkdirSync(join(folder, name));
  registry = await startRegistry({ dir: join(folder, 'registry') });
  programs = await compileBuildKit((line) => console.log(line));
  buildkit = await startBuildKit(join(folder, 'buildkit'));
  service = await startCacheService();
}, 600_000);

afterEach(() => service?.fail(undefined));

afterAll(async () => {
  if (setup === undefined) return;
  await Promise.all([buildkit?.stop(), registry?.stop(), service?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;

interface Run {
  /** The image's repository, and so its cache; the same makes the same steps. */
  readonly repository: string;
  readonly scopes?: Scopes;
  readonly environment?: RealCase['environment'];
  readonly inputs?: RealCase['inputs'];
  /** A last step on top of what may be cached. */
  readonly more?: string;
}

/** One run of the action; what its builder remembers of earlier ones is no proof of a cache elsewhere. */
async function run({ repository, scopes = MAIN, environment, inputs, more = '' }: Run) {
  const prune = ['--addr', buildkit.address, 'prune', '--all'];
  execFileSync(join(programs, 'buildctl'), prune, { stdio: 'ignore' });
  const given = service.environmentOf(scopes);
  const at = (tag: string) => `${registry.host}/${repository}:${tag}`;
  const built = await realBuild({
    folder,
    environment: {
      ...cluster.env,
      BUILDKIT_HOST: buildkit.address,
      DOCKER_HOST: 'unix:///nowhere',
      ...given,
      ...environment,
    },
    tag: at(`t${count++}`),
    // The second layer is of several blocks (a block is 1 MiB), and in no registry's cache of the image alone.
    dockerfile: `${SHELL.replace('scratch', 'scratch AS early')}RUN busybox echo ${repository} && busybox dd if=/dev/urandom of=/made bs=1M count=3
${more}FROM scratch
COPY --from=early /made /made
`,
    ...(inputs === undefined ? {} : { inputs }),
    rest: {
      cache: { scope: `steadyship-${repository}`, from: [at('cache-main')], to: at('cache-main') },
    },
  });
  const { digest } = await built.result;
  // It is there, whatever became of its cache.
  await fetchJson(registry.host, `${repository}/manifests/${digest}`);
  const said = [...built.log.lines, ...built.log.warnings, ...built.log.notices].join('\n');
  for (const secret of [given.ACTIONS_RUNTIME_TOKEN, 'sig=']) expect(said).not.toContain(secret);
  const cached = /RUN busybox echo[^\n]*\n(?:#\d+ .*\n)*?#\d+ CACHED/.test(built.text);
  return { digest, cached, warnings: built.log.warnings, text: built.text };
}

async function tagsOf(repository: string): Promise<readonly string[]> {
  const { tags } = await fetchJson(registry.host, `${repository}/tags/list`);
  return (tags as string[]).filter((tag) => !/^t\d/.test(tag));
}

describe.skipIf(setup === undefined)("GitHub's cache", () => {
  it('is written by one run and read by the next, though nobody named it', async () => {
    const first = await run({ repository: 'default' });
    expect(first.warnings).toEqual([]);
    expect(first.cached).toBe(false);
    expect(service.entries().filter((entry) => /index-steadyship-default-/.test(entry))).toEqual([
      expect.stringMatching(/^refs\/heads\/main index-steadyship-default-1-[0-9a-f]{8}#1$/),
    ]);
    expect(service.calls).toContain('PUT blocklist');
    const second = await run({ repository: 'default' });
    expect(second.cached).toBe(true);
    expect(second.digest).toBe(first.digest);
    expect(second.warnings).toEqual([]);
    // The registry has the image, and no cache beside it.
    expect(await tagsOf('default')).toEqual([]);
  });

  it("is read by a pull request, whose own nobody else's run reads", async () => {
    const main = await run({ repository: 'pulled' });
    const pull = await run({ repository: 'pulled', scopes: PULL });
    expect(pull.cached).toBe(true);
    expect(pull.digest).toBe(main.digest);
    await run({ repository: 'strange', scopes: PULL });
    expect((await run({ repository: 'strange', scopes: PULL })).cached).toBe(true);
    expect((await run({ repository: 'strange' })).cached).toBe(false);
  });

  it('is told to nobody who has the image', async () => {
    const repository = 'attested';
    const given = service.environmentOf(MAIN);
    const { digest, warnings } = await run({ repository, inputs: { provenance: 'mode=max', sbom: '' } });
    expect(warnings).toEqual([]);
    const index = await fetchJson(registry.host, `${repository}/manifests/${digest}`);
    const all = await Promise.all(
      (index['manifests'] as { digest: string }[]).map(async ({ digest }) => {
        const manifest = await fetchJson(registry.host, `${repository}/manifests/${digest}`);
        const layers = (manifest['layers'] as { digest: string; mediaType: string }[]).filter(
          ({ mediaType }) => mediaType.includes('in-toto'),
        );
        return Promise.all(
          layers.map((one) => fetchJson(registry.host, `${repository}/blobs/${one.digest}`)),
        );
      }),
    );
    const statements = all.flat();
    expect(statements).toHaveLength(1);
    const [, claims = ''] = given.ACTIONS_RUNTIME_TOKEN.split('.');
    for (const word of [claims.slice(0, 20), 'ACTIONS_', service.url]) {
      expect(JSON.stringify(statements)).not.toContain(word);
    }
  });

  const twirp = (status: number, code: string, msg: string) => ({
    status,
    body: JSON.stringify({ code, msg }),
  });
  const onExport = (call: string): boolean => call === 'CreateCacheEntry';
  const always = (): boolean => true;
  const faults: readonly [
    name: string,
    when: (call: string) => boolean,
    answer: ReturnType<Fault>,
    cause: string,
  ][] = [
    [
      'is away',
      onExport,
      twirp(503, 'unavailable', 'try again later'),
      'error writing layer blob: unavailable',
    ],
    ['is broken', always, twirp(500, 'internal', 'something went wrong'), 'internal'],
    ['takes no token', always, twirp(401, 'unauthenticated', 'token expired'), 'unauthenticated'],
    [
      'is answered for by what stands before it',
      onExport,
      { status: 502, body: "<h2>Our services aren't available right now</h2>" },
      "error writing layer blob: failed to parse error response 502: <h2>Our services aren't available right now</h2>: invalid character '<' looking for beginning of value",
    ],
    [
      'gives an address that takes nothing',
      (call) => call.startsWith('PUT'),
      {
        status: 403,
        body: '<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code></Error>',
      },
      'error writing layer blob: PUT http://AZURE 403 Forbidden (AuthenticationFailed)',
    ],
  ];
  it.each(faults)(
    'that %s is a warning with the cause, and a built image',
    async (_, when, answer, cause) => {
      const repository = `fault-${count}`;
      service.fail((call) => (when(call) ? answer : undefined));
      const { warnings, cached } = await run({ repository });
      expect(cached).toBe(false);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]?.replace(/127\.\S+/, 'AZURE')).toBe(
        `The build's cache was not written (exporting to GitHub Actions Cache): ${cause}. The image is not affected; the next build may take longer.`,
      );
      expect(service.entries().filter((entry) => entry.includes(repository))).toEqual([]);
    },
  );

  it('that nobody reaches is a warning with the cause, too', async () => {
    const environment = { ACTIONS_RESULTS_URL: 'http://127.0.0.1:1/' };
    const { warnings } = await run({ repository: 'unreached', environment });
    expect(warnings).toEqual([
      'The build\'s cache was not written (exporting to GitHub Actions Cache): Post "http://127.0.0.1:1/twirp/github.actions.results.api.v1.CacheService/GetCacheEntryDownloadURL": dial tcp 127.0.0.1:1: connect: connection refused. The image is not affected; the next build may take longer.',
    ]);
  });

  /** A step for which the one before has to be there, not only to be known. */
  const more = 'RUN busybox date >> /made\n';
  it('that has dropped a layer, as it does with the oldest, is built past', async () => {
    const repository = 'dropped';
    await run({ repository });
    service.evict((key) => key.startsWith('buildkit-blob-'));
    expect(await run({ repository, more })).toMatchObject({ cached: false, warnings: [] });
  });

  it('that can not give a layer which it has is left out, with a warning', async () => {
    const repository = 'lost';
    await run({ repository });
    service.lose((key) => key.startsWith('buildkit-blob-'));
    const { warnings } = await run({ repository, more });
    expect(warnings).toEqual([
      expect.stringMatching(
        /^The build goes on without reading a cache, for that failed: GET http:\/\/127\.0\.0\.1:\d+\/actions-cache\/[\w-]+: 404 Not Found \(BlobNotFound\)\. It takes longer\.$/,
      ),
    ]);
  });

  const absent: readonly [name: string, environment: RealCase['environment']][] = [
    ['without an address', { ACTIONS_RESULTS_URL: '' }],
    ['without a token', { ACTIONS_RUNTIME_TOKEN: undefined }],
    ['of a server that has no version 2', { ACTIONS_CACHE_SERVICE_V2: undefined }],
  ];
  it.each(absent)('%s is none: the cache is in the registry', async (_, environment) => {
    const repository = `absent-${count}`;
    const before = service.calls.length;
    const first = await run({ repository, environment });
    const second = await run({ repository, environment });
    expect([first.cached, second.cached]).toEqual([false, true]);
    expect(await tagsOf(repository)).toEqual(['cache-main']);
    expect(service.calls.length).toBe(before);
  });

  it("is not for Docker's own builder with its old image store, which has its cache in an image", async () => {
    mkdirSync(join(folder, 'old'));
    const old = await startOldDocker(join(folder, 'old'));
    try {
      const repository = 'old';
      const before = service.calls.length;
      const environment = { BUILDKIT_HOST: undefined, DOCKER_HOST: old.address };
      const { warnings } = await run({ repository, environment });
      expect(warnings).toEqual([]);
      expect(await tagsOf(repository)).toEqual(['cache-main']);
      expect(service.calls.length).toBe(before);
    } finally {
      await old.stop();
    }
  });
});
