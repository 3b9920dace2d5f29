import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import type { Cluster } from '../../src/cluster/client.ts';
import { LoginAwayError } from '../../src/cluster/login-error.ts';
import { namespaces } from '../../src/cluster/paths.ts';
import { FakeApi, json, refusing } from './fake-api.ts';
import {
  accessTo,
  connected,
  failureOf,
  fastClock,
  type MemoryLog,
  memoryLog,
  temporaryFolder,
  until,
} from './kit.ts';

/** A login that worked once, and then hangs or fails. */

const PATH = namespaces('shop');
/** Seconds for which a token is good; it is renewed 30 s before that. */
const LIFE = 400;
const SPEED = 20;
const LATE =
  'The login of the kubeconfig\'s user "tester" gave no new credential within 15 s, where the one before is no ' +
  'longer good. Look at the service that it asks, and at the network of this runner, then run this again.';
const FAILED =
  'login, with which the kubeconfig\'s user "tester" logs in, failed (exit code 1). It said: no route to host. ' +
  'Log in before this step in a way that needs no person.';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});

interface Scene {
  readonly api: FakeApi;
  readonly cluster: Cluster;
  readonly log: MemoryLog;
  readonly get: () => Promise<unknown>;
  /** From now on so many milliseconds later. */
  readonly leap: (milliseconds: number) => void;
  /** What its next runs do; undefined: they log in. */
  readonly become: (state: 'hanging' | 'failing' | undefined) => void;
  readonly runs: () => number;
  /** Those that requests bore. */
  readonly tokens: () => (string | undefined)[];
}

/** Prints token-1, token-2, …, unless it is told to hang or to fail. */
async function scene(): Promise<Scene> {
  const api = await FakeApi.start();
  const command = join(folder, 'login');
  writeFileSync(
    command,
    `#!/bin/sh
cd ${folder}
n=$(($(cat n 2>/dev/null || echo 0) + 1)); echo $n > n
while [ -e hanging ]; do sleep 0.02; done
if [ -e failing ]; then echo "no route to host" >&2; exit 1; fi
echo "{\\"kind\\":\\"ExecCredential\\",\\"apiVersion\\":\\"client.authentication.k8s.io/v1\\",\\"status\\":{\\"token\\":\\"token-$n\\",\\"expirationTimestamp\\":\\"$(date -u -d "+${LIFE} seconds" +%FT%TZ)\\"}}"
`,
  );
  chmodSync(command, 0o755);
  const base = fastClock(SPEED);
  let ahead = 0;
  const log = memoryLog();
  const plugin = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command,
    args: [],
    env: [],
    installHint: undefined,
    provideClusterInfo: false,
    clusterInfo: {},
    notBelow: undefined,
  } as const;
  const cluster = connected(accessTo(api.url, { credential: { kind: 'exec', plugin } }), {
    clock: { ...base, now: () => base.now() + ahead },
    environment: { PATH: process.env['PATH'] },
    log,
  });
  return {
    api,
    cluster,
    log,
    get: () => cluster.get(PATH, { patience: 0 }),
    leap: (milliseconds) => {
      ahead += milliseconds;
    },
    become: (state) => {
      for (const one of ['hanging', 'failing']) rmSync(join(folder, one), { force: true });
      if (state !== undefined) writeFileSync(join(folder, state), '');
    },
    runs: () => (existsSync(join(folder, 'n')) ? Number(readFileSync(join(folder, 'n'), 'utf8')) : 0),
    tokens: () => api.seen.map(({ headers }) => headers.authorization?.replace('Bearer ', '')),
  };
}

test('one that hangs holds nothing up while what it gave before is still good', async () => {
  const { get, leap, become, runs, tokens } = await scene();
  await get();
  become('hanging');
  leap((LIFE - 20) * 1_000);
  const started = performance.now();
  await get();
  await get();
  expect(performance.now() - started).toBeLessThan(500);
  await until(() => runs() === 2);
  expect(tokens()).toEqual(['token-1', 'token-1', 'token-1']);
});

test('one that hangs in the background is ended with the connection, without a word', async () => {
  const { cluster, log, get, leap, become, runs } = await scene();
  await get();
  become('hanging');
  leap((LIFE - 20) * 1_000);
  await get();
  await until(() => runs() === 2);
  await cluster.close();
  become(undefined);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(log.lines.filter((line) => line.includes('failed'))).toEqual([]);
});

test('it is renewed before its end without being waited for', async () => {
  const { get, leap, runs, tokens } = await scene();
  await get();
  await get();
  expect(runs()).toBe(1);
  leap((LIFE - 20) * 1_000);
  while (!tokens().includes('token-2')) await get();
  expect(runs()).toBe(2);
});

test('one that hangs is waited for no longer than the request may last, and serves those that come after', async () => {
  const { get, leap, become, runs, tokens } = await scene();
  await get();
  become('hanging');
  leap(LIFE * 1_000);
  const failed = await failureOf(get());
  expect(failed).toBeInstanceOf(LoginAwayError);
  expect(failed.message).toBe(LATE);
  become(undefined);
  await get();
  expect(tokens()).toEqual(['token-1', 'token-2']);
  expect(runs()).toBe(2);
});

test('the first one has all the time that a login may take', async () => {
  const { get, become, runs, tokens } = await scene();
  become('hanging');
  const got = get();
  await until(() => runs() === 1);
  await new Promise((resolve) => setTimeout(resolve, 20_000 / SPEED)); // longer than a read may last
  become(undefined);
  await got;
  expect(tokens()).toEqual(['token-1']);
});

test('who gives up is not kept by one that hangs', async () => {
  const { cluster, get, leap, become, runs } = await scene();
  await get();
  become('hanging');
  leap(LIFE * 1_000);
  const given = new AbortController();
  const failed = failureOf(cluster.get(PATH, { signal: given.signal }));
  await until(() => runs() === 2);
  const started = performance.now();
  given.abort(new Error('enough'));
  expect((await failed).message).toBe('enough');
  expect(performance.now() - started).toBeLessThan(500);
});

test('a renewal after a 401 is waited for no longer either', async () => {
  const { api, get, become } = await scene();
  await get();
  become('hanging');
  api.always = refusing(401, 'Unauthorized', 'Unauthorized');
  expect((await failureOf(get())).message).toBe(LATE);
});

test('one that fails in passing is borne by a read as a cluster that is away', async () => {
  const { cluster, get, leap, become, runs, tokens } = await scene();
  await get();
  become('failing');
  leap(LIFE * 1_000);
  const got = cluster.get(PATH);
  await until(() => runs() >= 5);
  become(undefined);
  await got;
  expect(tokens()).toEqual(['token-1', `token-${runs()}`]);
});

test('one that never worked is told at once', async () => {
  const { cluster, become, runs } = await scene();
  become('failing');
  const failed = await failureOf(cluster.get(PATH));
  expect(failed).not.toBeInstanceOf(LoginAwayError);
  expect(failed.message).toBe(FAILED);
  expect(runs()).toBe(1);
});

test('a watch that can not be resumed since the login fails is out of sight, not refused', async () => {
  const { api, cluster, get, leap, become } = await scene();
  api.set('web-1');
  await get();
  const pods = cluster.collection({ path: PATH });
  await pods.ready;
  pods.subscribe(() => undefined);
  await until(() => api.watching() === 1);
  become('failing');
  leap(LIFE * 1_000);
  api.resetWatches();
  await until(() => pods.trouble() !== undefined);
  expect(pods.trouble()).toMatchObject({ kind: 'unreachable', message: FAILED });
  become(undefined);
  await until(() => pods.trouble() === undefined);
});

test('a watch whose new credential is not accepted either is refused', async () => {
  const { api, cluster, get } = await scene();
  await get();
  const pods = cluster.collection({ path: PATH });
  await pods.ready;
  pods.subscribe(() => undefined);
  await until(() => api.watching() === 1);
  api.always = refusing(401, 'Unauthorized', 'Unauthorized');
  api.resetWatches();
  await until(() => pods.trouble() !== undefined);
  expect(pods.trouble()?.kind).toBe('unauthorized');
  api.always = (response) => json(response, 200, { kind: 'Deployment' });
});
