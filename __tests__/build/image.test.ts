import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DockerConfig } from '../../src/build/docker-config.ts';
import { nativePlatform } from '../../src/build/emulation.ts';
import { buildAndPush } from '../../src/build/image.ts';
import { type BuildInputs, NO_BUILD_INPUTS } from '../../src/build/inputs.ts';
import type { BuildArguments } from '../../src/build/request.ts';
import { UserError } from '../../src/model/error.ts';
import type { ImageName } from '../../src/model/image.ts';
import { failureOf, hastyClock, realClock, recordingLog, temporaryFolder } from '../process/fakes.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

/** A docker that notes how it was called, then does what the case's shell says; `$@` are its arguments. */
function setUp(
  script: string,
  inputs: Partial<BuildInputs> = {},
  rest: Partial<BuildArguments> = {},
  variables: Readonly<Record<string, string>> = {},
) {
  const folder = temporaryFolder();
  const workspace = join(folder, 'workspace');
  const temp = join(folder, 'temp');
  const notes = join(folder, 'notes');
  for (const path of [workspace, temp, notes]) mkdirSync(path);
  writeFileSync(join(workspace, 'Dockerfile'), 'FROM scratch\n');
  const preamble = `#!/bin/sh
n=$(date +%s%N)-$$; { for a in "$@"; do printf '%s\\n' "$a"; done; } > ${notes}/$n.args; env > ${notes}/$n.env
for a in "$@"; do case "$a" in --metadata-file=*) file=\${a#*=};; --secret=*src=*) secret=\${a##*src=};; esac; done
[ -n "$secret" ] && cp "$secret" ${folder}/secret
built() { echo '{"containerimage.digest":"${DIGEST}"}' > "$file"; }
`;
  writeFileSync(join(folder, 'docker'), preamble + script, { mode: 0o755 });
  const log = recordingLog();
  const environment = {
    PATH: `${folder}:${process.env['PATH']}`,
    RUNNER_TEMP: temp,
    INPUT_PASSWORD: 'p',
    ACTIONS_RUNTIME_TOKEN: 'jwt',
    ...variables,
  };
  const config: DockerConfig = {
    directory: '/c',
    environment: { DOCKER_CONFIG: '/c' },
    helpers: [],
    loginOf: () => undefined,
    close: async () => {},
  };
  const result = buildAndPush({
    inputs: { ...NO_BUILD_INPUTS, ...inputs },
    tags: ['ghcr.io/acme/shop:abc'],
    labels: { a: 'b' },
    directory: workspace,
    log,
    clock: realClock,
    environment,
    config,
    signal: new AbortController().signal,
    ...rest,
  });
  const calls = () =>
    readdirSync(notes)
      .filter((name) => name.endsWith('.args'))
      .sort()
      .map((name) => readFileSync(join(notes, name), 'utf8').trim().split('\n'));
  const environments = () =>
    readdirSync(notes)
      .filter((name) => name.endsWith('.env'))
      .sort()
      .map((name) => readFileSync(join(notes, name), 'utf8'));
  return { result, log, calls, environments, folder, temp };
}

describe('a build', () => {
  it('gives the digest that buildx wrote down, and tells its lines', async () => {
    const { result, log, calls, temp } = setUp('echo "#1 [internal] load" >&2; echo >&2; built');
    expect(await result).toMatchObject({ digest: DIGEST, tags: ['ghcr.io/acme/shop:abc'] });
    expect(log.lines).toEqual(['#1 [internal] load']);
    expect(calls()).toHaveLength(1);
    expect(calls()[0]?.slice(0, 3)).toEqual(['buildx', 'build', '--progress=plain']);
    expect(readdirSync(temp)).toEqual([]);
  });
  it("gets neither the step's inputs nor the job's tokens, but docker's private configuration", async () => {
    const { result, environments } = setUp('built');
    await result;
    expect(environments()[0]).toContain('DOCKER_CONFIG=/c');
    expect(environments()[0]).not.toMatch(/INPUT_|ACTIONS_/);
  });
  it("gets the cache service's token for a gha cache", async () => {
    const { result, environments } = setUp('built', { cacheFrom: ['type=gha'] });
    await result;
    expect(environments()[0]).toContain('ACTIONS_RUNTIME_TOKEN=jwt');
  });
  it('reads secrets from files that are gone afterwards, whatever happens', async () => {
    const { result, calls, folder, temp } = setUp('exit 1', { secrets: ['npm=s3cr3t'] });
    await failureOf(() => result);
    expect(readFileSync(join(folder, 'secret'), 'utf8')).toBe('s3cr3t');
    expect(calls().flat().join(' ')).not.toContain('s3cr3t');
    expect(readdirSync(temp)).toEqual([]);
  });
  it('tells the warnings of the checks once, at their lines', async () => {
    const short = Buffer.from('FromAsCasing: do not match (line 1)').toString('base64');
    const json = { 'containerimage.digest': DIGEST, 'buildx.build.warnings': [{ short }] };
    const script = `echo " 1 warning found (use docker --debug to expand):"; echo " - FromAsCasing: do not match (line 1)"; echo '${JSON.stringify(json)}' > "$file"`;
    const { result, log, environments } = setUp(script);
    expect((await result).told.warnings).toEqual([
      { rule: 'FromAsCasing', message: 'do not match', place: { file: 'Dockerfile', line: 1, endLine: 1 } },
    ]);
    expect(log.warnings).toEqual(['do not match.']);
    expect(log.marks[0]?.place).toEqual({ file: 'Dockerfile', line: 1, endLine: 1 });
    expect(environments()[0]).toContain('BUILDX_METADATA_WARNINGS=1');
  });
  it('tells them by what an older buildx prints, also when it fails', async () => {
    const list =
      'echo " 1 warning found (use --debug to expand):"; echo " - FromAsCasing: do not match (line 1)"';
    const old = setUp(`${list}; built`);
    expect((await old.result).told.warnings).toHaveLength(1);
    const failing = setUp(`${list}; exit 1`);
    await failureOf(() => failing.result);
    for (const { log } of [old, failing]) expect(log.warnings).toEqual(['do not match.']);
  });
  it('that fails in silence fails', async () => {
    const { result } = setUp('exit 1');
    expect((await failureOf(() => result)).message).toBe(
      'docker buildx build failed with exit code 1: it said nothing.',
    );
  });
  it('that ends well without a digest fails', async () => {
    const { result } = setUp('echo "{}" > "$file"');
    expect((await failureOf(() => result)).message).toBe(
      'buildx wrote no digest of the pushed image into its metadata file: {}\n',
    );
  });
  it('ends with the run', async () => {
    const abort = new AbortController();
    const { result, calls } = setUp('sleep 30', {}, { signal: abort.signal });
    const failure = failureOf(() => result);
    while (calls().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    abort.abort(new Error('The run was cancelled.'));
    expect((await failure).message).toBe('The run was cancelled.');
  });
  it('without anything that builds says so', async () => {
    const { result } = setUp('', {}, { environment: { PATH: dirname('/nonexistent/x') } });
    expect((await failureOf(() => result)).message).toBe(
      'The program docker is not on PATH: the image is built with it. Use a runner that has Docker, for example ubuntu-latest. Without Docker, buildah does too, or buildx with BUILDKIT_HOST.',
    );
  });
});

describe('a tag that the registry will not move', () => {
  const refuse = (tag: string) =>
    `case "$*" in *shop:${tag}*) case "$*" in *shop:${tag}-*) built;; *) echo "ERROR: failed to solve: failed to push ghcr.io/acme/shop:${tag}: 400: The image tag '${tag}' already exists in the 'shop' repository and cannot be overwritten because the tag is immutable." >&2; exit 1;; esac;; *) built;; esac`;
  const clock = { ...realClock, wall: () => new Date('2026-11-21T09:15:00Z') };
  it('is replaced by a new one when it is ours', async () => {
    const { result, log, calls } = setUp(refuse('abc'), {}, { clock });
    expect(await result).toMatchObject({ digest: DIGEST, tags: ['ghcr.io/acme/shop:abc-20261121t091500z'] });
    expect(log.notices).toEqual([
      'ghcr.io/acme/shop:abc exists and the registry does not let tags be moved: this image gets the tag ghcr.io/acme/shop:abc-20261121t091500z.',
    ]);
    expect(calls()).toHaveLength(2);
  });
  it("is left out when it is the user's", async () => {
    const { result, log } = setUp(
      refuse('v1'),
      {},
      { tags: ['ghcr.io/acme/shop:abc', 'ghcr.io/acme/shop:v1'] },
    );
    expect(await result).toMatchObject({ digest: DIGEST, tags: ['ghcr.io/acme/shop:abc'] });
    expect(log.warnings).toEqual([
      'ghcr.io/acme/shop:v1 exists and the registry does not let tags be moved: it was left as it is.',
    ]);
  });
  it('again and again is a failure', async () => {
    const { result, calls } = setUp(
      'echo "ERROR: failed to solve: failed to push ghcr.io/acme/shop:abc: tag is immutable" >&2; exit 1',
    );
    expect((await failureOf(() => result)).message).toBe('The push to ghcr.io failed: tag is immutable');
    expect(calls()).toHaveLength(2);
  });
});

describe('a builder that gives up for lack of time', () => {
  it('is begun again, with what was built before', async () => {
    const { result, log, calls } = setUp(
      'if [ -e "$0.again" ]; then built; exit; fi; touch "$0.again"; echo "ERROR: failed to solve: DeadlineExceeded: failed commit on ref \\"history-migrate-sha256:ab\\": context deadline exceeded" >&2; exit 1',
      { noCache: true },
      { clock: hastyClock(), random: () => 0.5 },
    );
    expect(await result).toMatchObject({ digest: DIGEST });
    expect(log.lines).toContain(
      'The builder gave up for lack of time (failed commit on ref "history-migrate-sha256:ab": context deadline exceeded); trying it again, 2 of 3. What is built is in its cache.',
    );
    expect(calls().map((words) => words.includes('--no-cache'))).toEqual([true, false]);
  });
  it('is not a program of the Dockerfile that ran out of its own', async () => {
    const { result, calls } = setUp(
      'echo "#5 [2/2] RUN ./fetch" >&2; echo "#5 0.2 DeadlineExceeded: context deadline exceeded" >&2; echo "#5 ERROR: process \\"/bin/sh -c ./fetch\\" did not complete successfully: exit code: 1" >&2; echo "ERROR: failed to solve: process \\"/bin/sh -c ./fetch\\" did not complete successfully: exit code: 1" >&2; exit 1',
      {},
      { clock: hastyClock() },
    );
    expect((await failureOf(() => result)).message).toContain('RUN ./fetch');
    expect(calls()).toHaveLength(1);
  });
});

describe('a push that fails in passing', () => {
  const error = (words: string) =>
    `echo "ERROR: failed to solve: failed to push ghcr.io/acme/shop:abc: ${words}" >&2; exit 1`;
  const status = (text: string) =>
    `unexpected status from PUT request to https://ghcr.io/v2/acme/shop/manifests/abc: ${text}`;
  /** Without the moments in which a child's last output is waited for. */
  const pauses = ({ waits }: { readonly waits: readonly number[] }) => waits.filter((wait) => wait > 500);
  const later = (words: string) =>
    `[ $(ls ${'$(dirname "$0")'}/notes/*.args | wc -l) -gt 1 ] && { built; exit 0; }; ${error(words)}`;

  it('is begun again when the registry is ready, with what was built before', async () => {
    const clock = hastyClock();
    const asked: string[] = [];
    const ready = async ({ registry, repository }: ImageName): Promise<void> =>
      void asked.push(`${registry}/${repository}`);
    const { result, calls, log } = setUp(
      later(status('503 Service Unavailable')),
      { noCache: true, pull: true },
      { clock, random: () => 0.5, ready },
    );
    expect(await result).toMatchObject({ digest: DIGEST, tags: ['ghcr.io/acme/shop:abc'] });
    expect(calls().map((call) => call.filter((each) => /^--(no-cache|pull)$/.test(each)))).toEqual([
      ['--no-cache', '--pull'],
      [],
    ]);
    expect(pauses(clock)).toEqual([2_000]);
    expect(asked).toEqual(['ghcr.io/acme/shop']);
    expect(log.lines.at(-1)).toBe(
      `The push to ghcr.io failed (503 Service Unavailable); trying it again, 2 of 3. What is built and what arrived is not done twice.`,
    );
  });
  it('does not call cached what the first try did', async () => {
    const first = 'echo "#4 [1/1] RUN x"; echo "#4 DONE 7.5s"';
    const second = 'echo "#4 [1/1] RUN x"; echo "#4 CACHED"';
    const { result } = setUp(
      `[ $(ls ${'$(dirname "$0")'}/notes/*.args | wc -l) -gt 1 ] && { ${second}; built; exit 0; }; ${first}; ${error(status('503 Service Unavailable'))}`,
      {},
      { clock: hastyClock() },
    );
    expect((await result).told.steps).toEqual([{ name: '[1/1] RUN x', seconds: 7.5, cached: false }]);
  });
  it('and goes on failing is told after three tries', async () => {
    const clock = hastyClock();
    const { result, calls } = setUp(error(status('502 Bad Gateway')), {}, { clock, random: () => 0.5 });
    expect((await failureOf(() => result)).message).toBe(
      'The push to ghcr.io failed, for the registry can not be reached or is overloaded (3 tries): 502 Bad Gateway. Run the job again; layers that arrived are not sent twice.',
    );
    expect(calls()).toHaveLength(3);
    expect(pauses(clock)).toEqual([2_000, 4_000]);
  });
  it('is told in the words of the registry that stays away', async () => {
    const ready = () => Promise.reject(new UserError('The registry asks to wait 3600 s.'));
    const { result, calls } = setUp(error('429 Too Many Requests'), {}, { clock: hastyClock(), ready });
    expect((await failureOf(() => result)).message).toBe('The registry asks to wait 3600 s.');
    expect(calls()).toHaveLength(1);
  });
  it.each([
    [status('403 Forbidden')],
    [status('401 Unauthorized')],
    [status('404 Not Found')],
    ['denied: 503 is the name of this policy'],
    ['x509: certificate signed by unknown authority'],
  ])('%s does not pass', async (words) => {
    const { result, calls } = setUp(error(words), {}, { clock: hastyClock() });
    await failureOf(() => result);
    expect(calls()).toHaveLength(1);
  });
  it('is none when a step of the build failed, whatever it wrote', async () => {
    const script =
      'echo "ERROR: failed to solve: process \\"/bin/sh -c echo failed to push x: 503\\" did not complete successfully: exit code: 1" >&2; exit 1';
    const { result, calls } = setUp(script, {}, { clock: hastyClock() });
    await failureOf(() => result);
    expect(calls()).toHaveLength(1);
  });
});

describe('a builder', () => {
  const answers = (driver: string, store: string) =>
    `case "$*" in *inspect*) echo "Name: default"; echo "Driver: ${driver}";; info*) echo '[["driver-type","${store}"]]';; *" create "*|*" rm "*) ;; *) built;; esac`;
  const several = { platforms: ['linux/amd64', 'linux/arm64'] };
  it("is made for what docker's own can not do, and removed", async () => {
    const { result, calls } = setUp(answers('docker', 'overlay2'), several);
    await result;
    const [, , create, started, build, remove] = calls();
    const name = create?.[3];
    expect(name).toMatch(/^steadyship-[0-9a-f]{12}$/);
    expect(create).toEqual(['buildx', 'create', '--name', name, '--driver', 'docker-container']);
    expect(started).toEqual(['buildx', 'inspect', '--bootstrap', name]);
    expect(build).toContain(`--builder=${name}`);
    expect(remove).toEqual(['buildx', 'rm', '--force', name]);
  });
  it('is removed when the build fails', async () => {
    const script = answers('docker', 'overlay2').replace('*) built', '*) exit 1');
    const { result, calls } = setUp(script, several);
    await failureOf(() => result);
    expect(calls().at(-1)?.slice(0, 3)).toEqual(['buildx', 'rm', '--force']);
  });
  it('is removed when the run is cancelled', async () => {
    const abort = new AbortController();
    const script = answers('docker', 'overlay2').replace('*) built', '*) sleep 30');
    const { result, calls } = setUp(script, several, { signal: abort.signal });
    const failure = failureOf(() => result);
    while (!calls().some((call) => call.includes('--push'))) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    abort.abort(new Error('The run was cancelled.'));
    expect((await failure).message).toBe('The run was cancelled.');
    expect(calls().at(-1)?.slice(0, 3)).toEqual(['buildx', 'rm', '--force']);
  });
  it('shares the network of a registry that is on this machine', async () => {
    const { result, calls } = setUp(answers('docker', 'overlay2'), several, {
      tags: ['localhost:5000/shop:abc'],
    });
    await result;
    expect(calls()[2]?.slice(-2)).toEqual(['--driver-opt', 'network=host']);
  });
  const rows: readonly [name: string, script: string, inputs: Partial<BuildInputs>, calls: number][] = [
    [
      'is not made when docker has the newer image store',
      answers('docker', 'io.containerd.snapshotter.v1'),
      several,
      3,
    ],
    ['is not made when the current one can do it', answers('docker-container', 'overlay2'), several, 3],
    ['is not made when one is named', answers('docker', 'overlay2'), { ...several, builder: 'mine' }, 2],
    [
      'is not made for one platform, be it another',
      answers('docker', 'overlay2'),
      { platforms: ['linux/riscv64'] },
      2,
    ],
    ["is not even asked for this machine's platform", 'built', { platforms: [nativePlatform()] }, 1],
    ['is asked for attestations', answers('docker-container', 'x'), { provenance: 'true' }, 3],
    [
      'is asked for a cache that is not inline',
      answers('docker-container', 'x'),
      { cacheTo: ['type=registry,ref=x'] },
      3,
    ],
    ['is not asked for an inline cache', answers('docker-container', 'x'), { cacheTo: ['type=inline'] }, 1],
  ];
  it.each(rows)('%s', async (_, script, inputs, count) => {
    const { result, calls } = setUp(script, inputs);
    await result;
    expect(calls()).toHaveLength(count);
    expect(calls().some((call) => call.includes('create'))).toBe(false);
  });
});

describe('a cache', () => {
  const cache = { scope: 's', from: ['ghcr.io/acme/shop:cache-main'], to: 'ghcr.io/acme/shop:cache-main' };
  const inspect = 'case "$*" in *inspect*) echo "Driver: docker-container"; exit;; *info*) exit;; esac;';
  const service = {
    ACTIONS_RUNTIME_TOKEN: 'jwt',
    ACTIONS_RESULTS_URL: 'https://results',
    ACTIONS_CACHE_SERVICE_V2: 'True',
  };
  const building = (calls: string[][]) => calls.filter((call) => call.includes('--push'));
  it("by default gets the token of GitHub's service, which its builder's questions do not", async () => {
    const { result, calls, environments } = setUp(`${inspect} built`, {}, { cache }, service);
    await result;
    expect(building(calls())[0]).toContain(
      '--cache-from=type=gha,scope=s,url_v2=https://results,url=https://results',
    );
    expect(environments().map((text) => text.includes('ACTIONS_RUNTIME_TOKEN'))).toEqual([
      false,
      false,
      true,
    ]);
  });
  it('that is not written is told of, and the build is good', async () => {
    const script = `${inspect} echo "#9 exporting cache to registry"; echo "#9 ERROR: 403 Forbidden"; echo "denied: no"; echo "------"; built`;
    const { result, log, calls } = setUp(script, {}, { cache });
    expect(await result).toMatchObject({ digest: DIGEST, tags: ['ghcr.io/acme/shop:abc'] });
    expect(log.warnings).toEqual([
      "The build's cache was not written (exporting cache to registry): 403 Forbidden: denied: no. The image is not affected; the next build may take longer.",
    ]);
    expect(building(calls())).toHaveLength(1);
  });
  it('that ends the build of an old BuildKit is left out of a second one', async () => {
    const script = `${inspect} case "$*" in *--cache-to*) echo "#9 exporting cache to registry"; echo "#9 ERROR: 403 Forbidden"; echo "ERROR: failed to solve: 403 Forbidden"; exit 1;; *) built;; esac`;
    const { result, log, calls } = setUp(script, {}, { cache });
    await result;
    expect(log.warnings).toEqual([
      'The build goes on without writing a cache, for that failed: 403 Forbidden. The next build may take longer.',
    ]);
    expect(building(calls())).toHaveLength(2);
  });
  const azure = (operation: string, status: string) =>
    [
      `${operation} https://x.blob.core.windows.net/c/1`,
      'R',
      `RESPONSE ${status.slice(0, 3)}: ${status}`,
      'ERROR CODE: Gone',
      'R',
      '<Error/>',
      'R',
    ]
      .join('\n')
      .replaceAll(/^R$/gm, '-'.repeat(80));
  it("that Azure takes no layer of is told in Azure's words, and in no more of them", async () => {
    const script = `${inspect} echo "#9 exporting to GitHub Actions Cache"; echo "#9 ERROR: error writing layer blob: ${azure('PUT', '403 Forbidden')}"; echo "------"; echo " > exporting to GitHub Actions Cache:"; built`;
    const { result, log } = setUp(script, {}, { cache }, service);
    await result;
    expect(log.warnings).toEqual([
      "The build's cache was not written (exporting to GitHub Actions Cache): error writing layer blob: PUT https://x.blob.core.windows.net/c/1: 403 Forbidden (Gone). The image is not affected; the next build may take longer.",
    ]);
  });
  it.each(['failed to compute cache key: ', 'failed to push ghcr.io/acme/shop:abc: '])(
    'that can not be read is left out of a second build: %s',
    async (why) => {
      const script = `${inspect} case "$*" in *--cache-from*) echo 'ERROR: failed to solve: ${why}failed to copy: ${azure('GET', '404 Not Found')}'; exit 1;; *) built;; esac`;
      const { result, log, calls } = setUp(script, {}, { cache }, service);
      expect((await result).digest).toBe(DIGEST);
      expect(log.warnings).toEqual([
        'The build goes on without reading a cache, for that failed: GET https://x.blob.core.windows.net/c/1: 404 Not Found (Gone). It takes longer.',
      ]);
      // It is written all the same.
      expect(building(calls()).map((call) => call.some((word) => word.startsWith('--cache-to=')))).toEqual([
        true,
        true,
      ]);
    },
  );
  it.each([
    [
      "a registry's layer",
      'httpReadSeeker: failed open: unexpected status code https://ghcr.io/v2/a/blobs/sha256:b: 404 Not Found',
      { cache },
    ],
    ['a cache, though none was read', azure('GET', '404 Not Found'), {}],
  ])('is not what failed where it is %s', async (_, words, rest) => {
    const script = `${inspect} echo 'ERROR: failed to solve: failed to compute cache key: failed to copy: ${words}'; exit 1`;
    const { result, log, calls } = setUp(script, {}, rest, service);
    await failureOf(() => result);
    expect(log.warnings).toEqual([]);
    expect(building(calls())).toHaveLength(1);
  });
  it('that failed beside a step is not why the build failed', async () => {
    const script = `${inspect} echo "#3 importing cache manifest from ghcr.io/acme/shop:cache-main"; echo "#3 ERROR: not found"; echo "#5 [1/1] RUN x"; echo '#5 ERROR: process "x" did not complete successfully: exit code: 3'; echo 'ERROR: failed to solve: process "x" did not complete successfully: exit code: 3'; exit 1`;
    const { result, calls } = setUp(script, {}, { cache });
    expect((await failureOf(() => result)).message).toBe(
      'The build failed: `[1/1] RUN x` ended with exit code 3. It wrote nothing.',
    );
    expect(building(calls())).toHaveLength(1);
  });
  it('in an image beside gets a tag that is none of the image', async () => {
    const old = inspect.replace('docker-container', 'docker');
    const { result, calls } = setUp(`${old} built`, {}, { cache }, service);
    expect((await result).tags).toEqual(['ghcr.io/acme/shop:abc']);
    expect(building(calls())[0]).toEqual(
      expect.arrayContaining(['--cache-to=type=inline', '--tag=ghcr.io/acme/shop:cache-main']),
    );
    expect(calls().some((call) => call.includes('create'))).toBe(false);
  });
});

describe('BUILDKIT_HOST', () => {
  const address = { BUILDKIT_HOST: 'tcp://buildkit:1234' };
  it('is built with, by a builder that is gone afterwards', async () => {
    const script = 'case "$*" in *" create "*|*" rm "*) ;; *) built;; esac';
    const { result, calls } = setUp(script, {}, {}, address);
    await result;
    const [create, build, remove] = calls();
    const name = create?.[3] ?? '';
    expect(create).toEqual([
      ...['buildx', 'create', '--name', name],
      ...['--driver', 'remote', 'tcp://buildkit:1234'],
    ]);
    expect(build).toContain(`--builder=${name}`);
    expect(remove).toEqual(['buildx', 'rm', '--force', name]);
  });
  it('is not where a builder is named', async () => {
    const { result, calls } = setUp('built', { builder: 'mine' }, {}, address);
    await result;
    expect(calls()).toHaveLength(1);
  });
  it('without anything that speaks to it is told', async () => {
    const { result } = setUp('', {}, { environment: { ...address, PATH: '/nonexistent' } });
    expect((await failureOf(() => result)).message).toContain('nothing on PATH can speak to it');
  });
});

it('a missing Dockerfile is told before docker is started', async () => {
  const { result, folder } = setUp('built', { file: 'nope' });
  expect((await failureOf(() => result)).message).toContain(
    `There is no Dockerfile at ${folder}/workspace/nope.`,
  );
  expect(readdirSync(join(folder, 'notes'))).toEqual([]);
});
