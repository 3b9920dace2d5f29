import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import {
  buildahPath,
  compileBuildKit,
  type Daemon,
  loadBuildKitImage,
  startBuildKit,
  startOldDocker,
} from '../cluster/builders.ts';
import type { Cluster } from '../cluster/index.ts';
import { startRegistry } from '../cluster/registry.ts';
import { failureOf } from '../process/fakes.ts';
import { forbidCaches } from './forbidding.ts';
import { configOf, fetchJson, type RealCase, realBuild, SHELL } from './real.ts';

const setup = inject('setup');
const cluster = setup?.cluster as Cluster;
const STEP = `${SHELL}RUN busybox date +%s%N > /made\n`;
const EMULATOR = { platforms: ['linux/riscv64'] };
let folder: string;
let registry: Awaited<ReturnType<typeof startRegistry>>;
/** Lets everything pass but tags that begin with "cache-". */
let forbidding: { readonly host: string; stop(): Promise<void> };
let old: Daemon;
let programs: string;
let buildkit: Daemon;

beforeAll(async () => {
  if (setup === undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'ss-builders-'));
  for (const name of ['registry', 'old', 'buildkit']) mkdirSync(join(folder, name));
  registry = await startRegistry({ dir: join(folder, 'registry') });
  forbidding = await forbidCaches(registry.host);
  old = await startOldDocker(join(folder, 'old'));
  programs = await compileBuildKit((line) => console.log(line));
  buildkit = await startBuildKit(join(folder, 'buildkit'));
}, 600_000);

afterAll(async () => {
  if (setup === undefined) return;
  await Promise.all([old?.stop(), buildkit?.stop(), registry?.stop(), forbidding?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;

function build(environment: RealCase['environment'], one: Partial<RealCase> = {}, host = registry.host) {
  return realBuild({
    folder,
    environment: { ...cluster.env, ...environment },
    tag: `${host}/shop:t${count++}`,
    dockerfile: STEP,
    ...one,
  });
}

function plan(host: string, repository: string, own: string | undefined) {
  const at = (tag: string) => `${host}/${repository}:${tag}`;
  return {
    scope: 'steadyship-shop',
    from: [...(own === undefined ? [] : [at(own)]), at('cache-main')],
    to: own === undefined ? undefined : at(own),
  };
}

/** What the daemon itself remembers is no proof of a cache elsewhere. */
function forget(program: readonly string[], environment: Readonly<Record<string, string>>): void {
  const [file = '', ...args] = program;
  execFileSync(file, args, { env: { ...process.env, ...cluster.env, ...environment }, stdio: 'ignore' });
}

const cached = (text: string): boolean => /RUN busybox date[^\n]*\n(?:#\d+ .*\n)*#\d+ CACHED/.test(text);

describe.skipIf(setup === undefined)('a BuildKit without Docker', () => {
  const host = () => ({ BUILDKIT_HOST: buildkit.address, DOCKER_HOST: 'unix:///nowhere' });
  it('builds by itself for several platforms, with attestations and a cache', async () => {
    const repository = 'by-buildkit';
    const { result, text, left } = await build(host(), {
      dockerfile: SHELL,
      tag: `${registry.host}/${repository}:x`,
      inputs: {
        platforms: ['linux/amd64', 'linux/arm64'],
        provenance: 'mode=min',
        cacheTo: [`type=registry,ref=${registry.host}/${repository}:c`],
      },
    });
    const { digest } = await result;
    const index = await fetchJson(registry.host, `${repository}/manifests/${digest}`);
    expect(index['manifests']).toHaveLength(4);
    expect(await fetchJson(registry.host, `${repository}/manifests/c`)).toBeDefined();
    expect(text).toContain(`Building with the BuildKit at ${buildkit.address} (BUILDKIT_HOST)`);
    expect(left).toEqual([]);
  });
  it('has its cache in the registry: of its own, else the default branch', async () => {
    const repository = 'cached';
    const run = (own: string | undefined) => {
      forget([join(programs, 'buildctl'), '--addr', buildkit.address, 'prune', '--all'], {});
      return build(host(), {
        tag: `${registry.host}/${repository}:t${count++}`,
        rest: { cache: plan(registry.host, repository, own) },
      });
    };
    const first = await run('cache-main');
    const { digest } = await first.result;
    expect(cached(first.text)).toBe(false);
    expect(first.log.warnings).toEqual([]);
    const pull = await run('cache-pr-7');
    expect(cached(pull.text)).toBe(true);
    // Nothing was built anew, so the image is the same.
    expect((await pull.result).digest).toBe(digest);
    expect(await fetchJson(registry.host, `${repository}/manifests/cache-pr-7`)).toBeDefined();
    const tag = await run(undefined);
    expect(cached(tag.text)).toBe(true);
    const { tags } = (await fetchJson(registry.host, `${repository}/tags/list`)) as { tags: string[] };
    expect(tags.filter((name) => name.startsWith('cache')).sort()).toEqual(['cache-main', 'cache-pr-7']);
  });
  it('is not failed by a cache that the registry refuses', async () => {
    const { result, log } = await build(
      host(),
      { rest: { cache: plan(forbidding.host, 'shop', 'cache-main') } },
      forbidding.host,
    );
    await result;
    expect(log.warnings).toHaveLength(1);
    expect(log.warnings[0]).toMatch(
      /^The build's cache was not written \(exporting cache to registry\): .*403 Forbidden: denied: no caches here\. The image is not affected; the next build may take longer\.$/,
    );
  });
  it('nor by one of its own that is refused, unless that was asked for', async () => {
    const ref = `type=registry,ref=${forbidding.host}/shop:cache-x`;
    const { result, log } = await build(host(), { inputs: { cacheTo: [ref] } });
    await result;
    expect(log.warnings).toHaveLength(1);
    const strict = await build(host(), { inputs: { cacheTo: [`${ref},ignore-error=false`] } });
    expect((await failureOf(() => strict.result)).message).toContain('no caches here');
  });
  it("nor by GitHub's cache that can not even be set up", async () => {
    const { result, log } = await build(
      {
        ...host(),
        ACTIONS_RUNTIME_TOKEN: 'eyJhbGciOiJub25lIn0.e30.x',
        ACTIONS_CACHE_URL: 'http://127.0.0.1:1/',
      },
      { rest: { cache: plan(registry.host, 'shop', 'cache-main') } },
    );
    await result;
    expect(log.warnings).toEqual([
      'The build goes on without writing a cache, for that failed: invalid token without access controls. The next build may take longer.',
    ]);
  });
  it('says before the build that a RUN needs an emulator, and of a COPY nothing', async () => {
    const { result, log } = await build(host(), { inputs: EMULATOR });
    await result;
    expect(log.warnings).toHaveLength(1);
    expect(log.warnings[0]).toMatch(
      /^The builder runs programs of linux\/amd64, .* only, and Dockerfile:4 has a RUN for linux\/riscv64: it will most probably fail there\. Add the step `- uses: docker\/setup-qemu-action@v3` before this one, or build on a runner of that platform\.$/,
    );
    const copy = await build(host(), { dockerfile: SHELL, inputs: EMULATOR });
    await copy.result;
    expect(copy.log.warnings).toEqual([]);
  });
});

describe.skipIf(setup === undefined)("Docker's own builder with its old image store", () => {
  const host = () => ({ DOCKER_HOST: old.address });
  const builders = () =>
    execFileSync('docker', ['ps', '--all', '--format', '{{.Names}}'], {
      env: { ...process.env, ...cluster.env, ...host() },
      encoding: 'utf8',
    });
  it('keeps its cache in an image beside, for which no other builder is made', async () => {
    const repository = 'old';
    const run = (own: string) => {
      forget(['docker', 'image', 'prune', '--all', '--force'], host());
      forget(['docker', 'builder', 'prune', '--all', '--force'], host());
      return build(host(), {
        tag: `${registry.host}/${repository}:t${count++}`,
        rest: { cache: plan(registry.host, repository, own) },
      });
    };
    const first = await run('cache-main');
    expect(cached(first.text)).toBe(false);
    expect((await first.result).tags).toHaveLength(1);
    const second = await run('cache-pr-7');
    await second.result;
    expect(cached(second.text)).toBe(true);
    expect(`${first.text}${second.text}`).not.toContain('making another');
    expect(await configOf(registry.host, repository, 'cache-pr-7')).toBeDefined();
  });
  it('gets another builder made where the wish needs it, which is gone afterwards', async () => {
    await loadBuildKitImage(folder, old);
    const repository = 'made';
    const { result, text, log, left } = await build(host(), {
      tag: `${registry.host}/${repository}:x`,
      inputs: { platforms: ['linux/amd64', 'linux/riscv64'], provenance: 'true' },
      dockerfile: STEP.replace('scratch', '--platform=$BUILDPLATFORM scratch'),
    });
    const { digest } = await result;
    const index = await fetchJson(registry.host, `${repository}/manifests/${digest}`);
    expect(index['manifests']).toHaveLength(4);
    expect(text).toContain(
      "Docker's own builder can not do several platforms: making another for this build",
    );
    expect(log.warnings).toEqual([]);
    expect(builders()).not.toContain('steadyship-');
    expect(left).toEqual([]);
  });
  it('and is gone, too, when the run is cancelled', async () => {
    await loadBuildKitImage(folder, old);
    const abort = new AbortController();
    const building = build(host(), {
      inputs: { provenance: 'true' },
      dockerfile: `${SHELL}RUN while :; do busybox sleep 1; done\n`,
      rest: { signal: abort.signal },
    });
    while (!builders().includes('steadyship-')) await new Promise((resolve) => setTimeout(resolve, 100));
    abort.abort(new Error('The run was cancelled.'));
    const { result } = await building;
    expect((await failureOf(() => result)).message).toBe('The run was cancelled.');
    expect(builders()).not.toContain('steadyship-');
  });
});

describe.skipIf(setup === undefined)('buildah, where there is no Docker', () => {
  let path: string | undefined;
  beforeAll(async () => {
    path = await buildahPath(folder);
    if (path === undefined) console.log("buildah is not tried: this distribution's package is not known.");
  }, 300_000);
  const here = () => ({ PATH: path, DOCKER_HOST: undefined });
  it('builds and pushes, with secrets and labels', async ({ skip }) => {
    if (path === undefined) skip();
    const tag = `${registry.host}/by-buildah:x`;
    const { result, log, left, text } = await build(here(), {
      tag,
      dockerfile: `${SHELL}ARG WORD\nRUN --mount=type=secret,id=npm busybox test "$WORD $(busybox cat /run/secrets/npm)" = "a b"\nHEALTHCHECK CMD true\n`,
      inputs: { buildArgs: ['WORD=a'], secrets: ['npm=b'], cacheFrom: ['type=gha'] },
      rest: { tags: [tag, `${registry.host}/by-buildah:y`] },
    });
    const built = await result;
    expect(built.tags).toEqual([tag, `${registry.host}/by-buildah:y`]);
    expect(log.notices).toEqual([
      "buildah builds the image, and its caches are not BuildKit's: `cache-from` is not used.",
    ]);
    const config = (await configOf(registry.host, 'by-buildah', built.digest))['config'];
    expect(config).toMatchObject({
      Labels: { 'org.opencontainers.image.revision': 'abc' },
      Healthcheck: { Test: ['CMD-SHELL', 'true'] },
    });
    expect(await configOf(registry.host, 'by-buildah', 'y')).toMatchObject({ config });
    expect(text).toContain('STEP 5/7: RUN');
    expect(left).toEqual([]);
  });
  it('builds for several platforms', async ({ skip }) => {
    if (path === undefined) skip();
    const { result } = await build(here(), {
      tag: `${registry.host}/by-buildah:several`,
      dockerfile: SHELL,
      inputs: { platforms: ['linux/amd64', 'linux/arm64'] },
    });
    const { digest } = await result;
    const { manifests } = await fetchJson(registry.host, `by-buildah/manifests/${digest}`);
    const platforms = (manifests as { platform: { architecture: string } }[]).map(
      ({ platform }) => platform.architecture,
    );
    expect(platforms.sort()).toEqual(['amd64', 'arm64']);
  });
  const failures: readonly [name: string, dockerfile: string, sentence: string][] = [
    [
      'a step',
      `${SHELL}RUN echo looking; exit 3\n`,
      'The build failed: `RUN echo looking; exit 3` ended with exit code 3. Its last lines:\n  looking',
    ],
    [
      'a copy',
      'FROM scratch\nCOPY nothere /x\n',
      'The build failed: the context . has no /nothere, or .dockerignore leaves it out.',
    ],
  ];
  it.each(failures)('tells of %s that fails', async (_, dockerfile, sentence) => {
    if (path === undefined) return;
    const { result } = await build(here(), { dockerfile });
    expect((await failureOf(() => result)).message).toBe(sentence);
  });
  it('tells of a push that is refused', async ({ skip }) => {
    if (path === undefined) skip();
    const tag = `${forbidding.host}/shop:cache-1`;
    const { result } = await build(here(), { tag, dockerfile: SHELL });
    expect((await failureOf(() => result)).message).toBe(
      `${forbidding.host} refused a push to ${forbidding.host}/shop without a login: "writing manifest: uploading manifest cache-1 to ${forbidding.host}/shop: denied: no caches here". Set the inputs username and password.`,
    );
  });
  it('says before the build what it can not do', async ({ skip }) => {
    if (path === undefined) skip();
    const { result, text } = await build(here(), {
      inputs: {
        builder: 'big',
        provenance: 'mode=max',
        sbom: 'true',
        buildContexts: ['base=oci-layout://base'],
        annotations: ['index:a=b'],
      },
    });
    expect((await failureOf(() => result)).message).toBe(
      'There is no Docker on this runner, so buildah builds the image, and it can not do `builder`, `provenance`, `sbom`, an oci-layout:// in `build-contexts`, a level ("index:", "manifest:") in `annotations`. Remove them, or use a runner that has Docker.',
    );
    expect(text).toBe('');
  });
});
