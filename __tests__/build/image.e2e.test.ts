import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openDockerConfig } from '../../src/build/docker-config.ts';
import { buildAndPush } from '../../src/build/image.ts';
import { type BuildInputs, NO_BUILD_INPUTS } from '../../src/build/inputs.ts';
import type { BuildArguments, BuiltImage } from '../../src/build/request.ts';
import { parseImage } from '../../src/model/image.ts';
import type { Login } from '../../src/registry/credentials.ts';
import { openRegistry, type Registry } from '../../src/registry/registry.ts';
import type { Cluster } from '../cluster/index.ts';
import { packages } from '../cluster/packages.ts';
import { startRegistry } from '../cluster/registry.ts';
import { failureOf, realClock, recordingLog } from '../process/fakes.ts';

const USER = { user: 'octocat', password: 'pa:ss' };
const SHELL = 'FROM scratch\nCOPY busybox /bin/busybox\nSHELL ["/bin/busybox", "sh", "-c"]\n';

/** undefined: this machine can not run it, as the setup said. */
const setup = inject('setup');
const cluster = setup?.cluster as Cluster;
let folder: string;
let busybox: string;
/** Wants a login. */
let locked: Awaited<ReturnType<typeof startRegistry>>;

beforeAll(async () => {
  if (setup === undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'steadyship-build-e2e-'));
  busybox = (await packages(() => undefined)).busybox;
  mkdirSync(join(folder, 'locked'));
  locked = await startRegistry({ dir: join(folder, 'locked'), htpasswd: USER });
});

afterAll(async () => {
  await locked?.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Case {
  readonly dockerfile?: string;
  readonly inputs?: Partial<BuildInputs>;
  readonly host?: string;
  readonly logins?: readonly Login[];
  readonly home?: string;
  readonly rest?: Partial<BuildArguments>;
  readonly files?: Readonly<Record<string, string>>;
}

let count = 0;

/** A real build and push with nothing of the machine's configuration but the daemon. */
async function build(one: Case) {
  const workspace = join(folder, `workspace-${count++}`);
  const temp = `${workspace}-temp`;
  for (const path of [workspace, temp]) mkdirSync(path);
  writeFileSync(join(workspace, 'Dockerfile'), one.dockerfile ?? SHELL);
  copyFileSync(busybox, join(workspace, 'busybox'));
  for (const [name, text] of Object.entries(one.files ?? {})) writeFileSync(join(workspace, name), text);
  const environment = {
    ...process.env,
    ...cluster.env,
    HOME: one.home ?? temp,
    RUNNER_TEMP: temp,
    DOCKER_CONFIG: undefined,
  };
  const log = recordingLog();
  const config = await openDockerConfig({ logins: one.logins ?? [], environment, log });
  const tag = `${one.host ?? cluster.registry}/build/image:t${count}`;
  const result: Promise<BuiltImage> = buildAndPush({
    inputs: { ...NO_BUILD_INPUTS, ...one.inputs },
    tags: [tag],
    labels: { 'org.opencontainers.image.revision': 'abc' },
    directory: workspace,
    log,
    clock: realClock,
    environment,
    config,
    signal: new AbortController().signal,
    ...one.rest,
  }).finally(() => config.close());
  await result.catch(() => {});
  return { result, log, tag, left: readdirSync(temp).filter((name) => name.startsWith('steadyship-')) };
}

async function withRegistry<T>(
  logins: readonly Login[],
  body: (registry: Registry) => Promise<T>,
): Promise<T> {
  const registry = openRegistry({ logins, environment: {}, log: recordingLog(), clock: realClock });
  try {
    return await body(registry);
  } finally {
    await registry.close();
  }
}

const octocat = (): Login => ({ registry: locked.host, username: USER.user, password: USER.password });

describe.skipIf(setup === undefined)('a real build', () => {
  it('is in the registry under its tag, with the digest that it gave', async () => {
    const { result, log, tag, left } = await build({});
    const { digest } = await result;
    expect(await withRegistry([], (registry) => registry.resolve(parseImage(tag).image))).toMatchObject({
      exists: true,
      digest,
      platforms: [{ os: 'linux', architecture: 'amd64' }],
    });
    expect(log.lines.join('\n')).toContain('COPY busybox /bin/busybox');
    expect(left).toEqual([]);
  });
  it('of the same content gives the same digest, so that nothing is restarted for nothing', async () => {
    const dockerfile = `${SHELL}RUN echo once > /once\n`;
    const first = await (await build({ dockerfile })).result;
    expect((await (await build({ dockerfile })).result).digest).toBe(first.digest);
  });
  it('for several platforms pushes an index', async () => {
    const { result, tag } = await build({ inputs: { platforms: ['linux/amd64', 'linux/arm64'] } });
    const resolved = await withRegistry([], (registry) => registry.resolve(parseImage(tag).image));
    expect(resolved).toMatchObject({
      digest: (await result).digest,
      platforms: [{ architecture: 'amd64' }, { architecture: 'arm64' }],
    });
  });
  it('reads a secret of several lines, and tells it nobody', async () => {
    const secret = 'line 1\nline 2';
    const wanted = createHash('sha256').update(secret).digest('hex');
    const script = 'test "$(busybox sha256sum < /run/secrets/npm)" = "$WANTED  -"';
    const { result, log } = await build({
      dockerfile: `${SHELL}ARG WANTED\nRUN --mount=type=secret,id=npm ${script}\n`,
      inputs: { secrets: [`npm=${secret}`], buildArgs: [`WANTED=${wanted}`] },
    });
    await result;
    expect(log.secrets).toEqual([secret]);
    expect(log.lines.join('\n')).not.toContain('line 2');
  });
});

describe.skipIf(setup === undefined)('a real failure', () => {
  it('of a step is told by its line, its code and its own words', async () => {
    const { result, left } = await build({
      dockerfile: `${SHELL}RUN echo looking; echo "no such module" >&2; exit 3\n`,
    });
    expect((await failureOf(() => result)).message.split('\n').sort()).toEqual([
      '  looking',
      '  no such module',
      'The build failed at Dockerfile:4: `RUN echo looking; echo "no such module" >&2; exit 3` ended with exit code 3. Its last lines:',
    ]);
    expect(left).toEqual([]);
  });
  it('of a copy names the file', async () => {
    const { result } = await build({ dockerfile: 'FROM scratch\nCOPY nothere /x\n' });
    expect((await failureOf(() => result)).message).toBe(
      'The build failed at Dockerfile:2: `COPY nothere /x`: the context . has no /nothere, or .dockerignore leaves it out.',
    );
  });
  it('of a Dockerfile names the line', async () => {
    const { result } = await build({ dockerfile: 'FROM scratch\nFOO bar\n' });
    expect((await failureOf(() => result)).message).toBe(
      'The Dockerfile of the context is wrong at line 2: unknown instruction: FOO (did you mean FROM?).',
    );
  });
  it('of a stage names it', async () => {
    const { result } = await build({ inputs: { target: 'nope' } });
    expect((await failureOf(() => result)).message).toBe(
      'The Dockerfile has no stage "nope": the input target must be one of the names behind "AS" in its FROM lines.',
    );
  });
  it('of a base image names it', async () => {
    const base = `${cluster.registry}/no/such:1`;
    const { result } = await build({ dockerfile: `FROM ${base}\n` });
    expect((await failureOf(() => result)).message).toBe(
      `The base image ${base} of Dockerfile:1 can not be had: ${base}: not found. Check its name, and that the builder may pull it.`,
    );
  });
  it('of the daemon', async () => {
    const rest = { environment: { ...process.env, ...cluster.env, DOCKER_HOST: 'unix:///nope.sock' } };
    const { result } = await build({ rest });
    expect((await failureOf(() => result)).message).toBe(
      'The Docker daemon at unix:///nope.sock can not be reached. Start it, or set DOCKER_HOST to where it runs.',
    );
  });
  it('of a builder that is not there', async () => {
    const { result } = await build({ inputs: { builder: 'nobuilder' } });
    expect((await failureOf(() => result)).message).toContain(
      'There is no builder "nobuilder" on this runner',
    );
  });
  it('of the registry that is away', async () => {
    const { result } = await build({ host: '127.0.0.1:1' });
    expect((await failureOf(() => result)).message).toMatch(
      /^The push to 127\.0\.0\.1:1 failed, for the registry can not be reached or is overloaded \(3 tries\): .*connection refused\. Run the job again; layers that arrived are not sent twice\.$/,
    );
  });
  it('ends the build with the run', async () => {
    const abort = new AbortController();
    const began = performance.now();
    setTimeout(() => abort.abort(new Error('The run was cancelled.')), 1_500);
    const { result } = await build({
      dockerfile: `${SHELL}RUN while :; do busybox sleep 1; done\n`,
      rest: { signal: abort.signal },
    });
    expect((await failureOf(() => result)).message).toBe('The run was cancelled.');
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

describe.skipIf(setup === undefined)('a registry that wants a login', () => {
  it('takes the one that was given', async () => {
    const { result, tag } = await build({ host: locked.host, logins: [octocat()] });
    const { digest } = await result;
    const { image } = parseImage(tag);
    await withRegistry([octocat()], async (registry) => {
      expect(await registry.resolve(image)).toMatchObject({ digest });
      expect(await registry.canPullAnonymously(image)).toBe(false);
      await registry.checkPush(image);
    });
  });
  it('refuses none, in the preflight as in the push', async () => {
    const { result, tag } = await build({ host: locked.host });
    const sentence = `${locked.host} refused a push to ${locked.host}/build/image without a login`;
    expect((await failureOf(() => result)).message).toBe(
      `${sentence}: "401 Unauthorized". Set the inputs username and password.`,
    );
    const early = await failureOf(() =>
      withRegistry([], (registry) => registry.checkPush(parseImage(tag).image)),
    );
    expect(early.message).toBe(
      `${sentence}: "authentication required". Set the inputs username and password.`,
    );
  });
  it('refuses a wrong one before the build', async () => {
    const wrong = { ...octocat(), password: 'wrong' };
    const { image } = parseImage(`${locked.host}/build/image:x`);
    expect(
      (await failureOf(() => withRegistry([wrong], (registry) => registry.checkPush(image)))).message,
    ).toBe(
      `${locked.host} refused the login as "octocat" from the inputs username and password: "authentication required". Check both for the right registry and for a token that has expired or was revoked.`,
    );
  });
  it("takes the user's own credential helper, and our login before a store that is broken", async () => {
    const home = join(folder, 'home');
    mkdirSync(join(home, '.docker'), { recursive: true });
    const bin = join(home, 'bin');
    mkdirSync(bin);
    writeFileSync(
      join(bin, 'docker-credential-test'),
      `#!/bin/sh\nread host\necho "$host" >> ${home}/asked\necho '{"Username":"${USER.user}","Secret":"${USER.password}"}'\n`,
      { mode: 0o755 },
    );
    const config = JSON.stringify({ credHelpers: { [locked.host]: 'test' } });
    writeFileSync(join(home, '.docker', 'config.json'), config);
    const path = {
      ...process.env,
      ...cluster.env,
      HOME: home,
      DOCKER_CONFIG: undefined,
      PATH: `${bin}:${cluster.env['PATH'] ?? process.env['PATH']}`,
    };
    const { result } = await build({ host: locked.host, home, rest: { environment: path } });
    await result;
    expect(readFileSync(join(home, 'asked'), 'utf8')).toContain(locked.host);
    writeFileSync(join(home, '.docker', 'config.json'), '{"credsStore":"nowhere"}');
    await (await build({ host: locked.host, home, logins: [octocat()] })).result;
    expect(readFileSync(join(home, '.docker', 'config.json'), 'utf8')).toBe('{"credsStore":"nowhere"}');
  });
});
