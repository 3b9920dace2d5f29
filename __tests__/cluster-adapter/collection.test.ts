import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { ApiError, type Cluster, type Collection } from '../../src/cluster/client.ts';
import { pods } from '../../src/cluster/paths.ts';
import { DEFAULT_TIMING, type Timing } from '../../src/cluster/timing.ts';
import type { Clock } from '../../src/model/clock.ts';
import type { KubeObject } from '../../src/model/kube.ts';
import { FakeApi, refusing, type Scripted, status } from './fake-api.ts';
import { FaultProxy } from './fault-proxy.ts';
import { accessTo, connected, failureOf, fastClock, type MemoryLog, memoryLog, until } from './kit.ts';

const PATH = pods('shop');

interface Scene {
  readonly api: FakeApi;
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: MemoryLog;
  readonly pods: Collection<KubeObject>;
}

/** A collection with one pod, `web-1`, in it, and its watch open. */
async function scene(through?: (api: FakeApi) => Promise<string>, timing?: Timing): Promise<Scene> {
  const api = await FakeApi.start();
  api.set('web-1');
  const clock = fastClock(20);
  const log = memoryLog();
  const cluster = connected(accessTo(through === undefined ? api.url : await through(api)), {
    clock,
    log,
    ...(timing === undefined ? {} : { timing }),
  });
  const collection = cluster.collection({ path: PATH, labelSelector: 'app=web' });
  await collection.ready;
  expect(api.requests('watch')).toEqual([]);
  collection.subscribe(() => undefined);
  await until(() => api.requests('watch').length === 1);
  return { api, cluster, clock, log, pods: collection };
}

function names(collection: Collection<KubeObject>): string[] {
  return collection
    .items()
    .map(({ metadata }) => metadata?.name ?? '')
    .sort();
}

/** Resolves when the names are these; answers how long that took by the clock. */
async function has(scene: Pick<Scene, 'pods' | 'clock'>, wanted: readonly string[]): Promise<number> {
  const started = scene.clock.now();
  await until(() => names(scene.pods).join() === [...wanted].sort().join());
  return scene.clock.now() - started;
}

const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);
beforeEach(() => void process.on('unhandledRejection', note));
afterEach(() => {
  process.off('unhandledRejection', note);
  expect(unhandled.splice(0)).toEqual([]);
});

describe('a collection', () => {
  test('lists, watches from there, and tells its listeners', async () => {
    const it = await scene();
    let calls = 0;
    const unsubscribe = it.pods.subscribe(() => calls++);
    it.api.set('web-2');
    it.api.remove('web-1');
    await has(it, ['web-2']);
    expect(calls).toBeGreaterThan(0);
    expect(it.api.requests('watch')[0]?.query.toString()).toBe(
      'labelSelector=app%3Dweb&resourceVersion=101&watch=true&allowWatchBookmarks=true&timeoutSeconds=300',
    );
    unsubscribe();
    calls = 0;
    it.api.set('web-3');
    await has(it, ['web-2', 'web-3']);
    expect(calls).toBe(0);
  });

  test('calls listeners once for all events of one chunk', async () => {
    const it = await scene();
    let calls = 0;
    it.pods.subscribe(() => calls++);
    const event = (name: string, version: number) =>
      `${JSON.stringify({ type: 'ADDED', object: { metadata: { name, resourceVersion: String(version) } } })}\n`;
    it.api.write(event('web-2', 200) + event('web-3', 201) + event('web-4', 202));
    await has(it, ['web-1', 'web-2', 'web-3', 'web-4']);
    expect(calls).toBe(1);
  });

  test('understands events that arrive in crumbs, split within characters', async () => {
    const it = await scene(async (api) => {
      const proxy = await FaultProxy.to(api.port);
      proxy.crumbs = 3;
      return `http://127.0.0.1:${proxy.port}`;
    });
    it.api.set('web-2', { message: 'Größe: 5 €, 🚢 läuft aus' });
    await has(it, ['web-1', 'web-2']);
    expect(it.pods.items()).toContainEqual(expect.objectContaining({ message: 'Größe: 5 €, 🚢 läuft aus' }));
    expect(it.api.requests('watch')).toHaveLength(1);
  });

  test('understands an event of several megabytes', async () => {
    const it = await scene();
    it.api.set('web-2', { message: 'é'.repeat(2_000_000) });
    await has(it, ['web-1', 'web-2']);
    expect(it.api.requests('watch')).toHaveLength(1);
  });

  test('keeps of each object what it is told to', async () => {
    const it = await scene();
    it.api.set('web-2', { spec: { secret: 'large' } });
    const slim = it.cluster.collection<KubeObject>({
      path: PATH,
      keep: ({ metadata }) => ({ metadata: { name: metadata?.name ?? '' } }),
    });
    slim.subscribe(() => undefined);
    await slim.ready;
    it.api.set('web-3', { spec: { secret: 'large' } });
    await until(() => slim.items().length === 3);
    expect(slim.items()).toEqual([
      { metadata: { name: 'web-1' } },
      { metadata: { name: 'web-2' } },
      { metadata: { name: 'web-3' } },
    ]);
  });

  test('takes up a watch that ended in its time', async () => {
    const it = await scene(undefined, { ...DEFAULT_TIMING, watch: 10_000 });
    it.api.set('web-2');
    await until(() => it.api.requests('watch').length === 2);
    it.api.set('web-3');
    await has(it, ['web-1', 'web-2', 'web-3']);
    expect(it.api.requests('watch')[1]?.query.get('resourceVersion')).toBe('102');
    expect(it.api.requests('list')).toHaveLength(1);
    expect(it.pods.trouble()).toBeUndefined();
  });
});

describe('after a reset', () => {
  test('it resumes from the last version, without listing again, and misses nothing', async () => {
    const it = await scene();
    it.api.set('web-2');
    await has(it, ['web-1', 'web-2']);
    it.api.resetWatches();
    it.api.set('web-3');
    it.api.remove('web-1');
    expect(await has(it, ['web-2', 'web-3'])).toBeLessThan(3_000);
    expect(it.api.requests('watch').map(({ query }) => query.get('resourceVersion'))).toEqual(['101', '102']);
    expect(it.api.requests('list')).toHaveLength(1);
    expect(it.pods.trouble()).toBeUndefined();
  });

  test('it resumes from a bookmark, which is newer than any object', async () => {
    const it = await scene();
    it.api.bookmark();
    await new Promise((resolve) => setTimeout(resolve, 30));
    it.api.resetWatches();
    await until(() => it.api.requests('watch').length === 2);
    expect(it.api.requests('watch')[1]?.query.get('resourceVersion')).toBe('111');
  });

  test('it drops a line that was cut in the middle, and gets it whole', async () => {
    const it = await scene();
    it.api.write('{"type":"ADDED","object":{"metadata":{"name":"we');
    await new Promise((resolve) => setTimeout(resolve, 30));
    it.api.resetWatches();
    it.api.set('web-2');
    await has(it, ['web-1', 'web-2']);
  });

  test('many in a row do not make it ask in a tight loop', async () => {
    const it = await scene();
    const before = it.api.seen.length;
    it.api.always = (response) => response.writeHead(200).end();
    it.api.resetWatches();
    await new Promise((resolve) => setTimeout(resolve, 1_000)); // 20 s by the clock
    expect(it.api.seen.length - before).toBeGreaterThan(3);
    expect(it.api.seen.length - before).toBeLessThan(25);
  });
});

describe('when its version is gone', () => {
  test('as a status, it lists again', async () => {
    const it = await scene();
    it.api.version = 500;
    it.api.compacted = 400;
    it.api.resetWatches();
    it.api.set('web-2');
    it.api.remove('web-1');
    expect(await has(it, ['web-2'])).toBeLessThan(5_000);
    expect(it.api.requests('list')).toHaveLength(2);
    expect(it.pods.trouble()).toBeUndefined();
    it.api.set('web-3');
    await has(it, ['web-2', 'web-3']);
  });

  test('as an ERROR event, it lists again, and keeps what came before it', async () => {
    const it = await scene();
    it.api.deafenWatches();
    it.api.set('web-2');
    it.api.write(
      '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}\n',
    );
    expect(await has(it, ['web-1', 'web-2'])).toBeLessThan(5_000);
    expect(it.api.requests('list')).toHaveLength(2);
  });
});

describe('a watch that is silent', () => {
  test('and dead is noticed within 30 s, and what it missed is brought', async () => {
    let proxy: FaultProxy | undefined;
    const it = await scene(async (api) => {
      proxy = await FaultProxy.to(api.port);
      return `http://127.0.0.1:${proxy.port}`;
    });
    proxy?.silence();
    it.api.set('web-2');
    it.api.remove('web-1');
    expect(await has(it, ['web-2'])).toBeLessThan(30_000);
    await until(() => it.api.requests('watch').length === 2);
    it.api.set('web-3');
    expect(await has(it, ['web-2', 'web-3'])).toBeLessThan(2_000);
    expect(it.api.requests('list')).toHaveLength(1);
  });

  test('and merely has nothing to say costs one short read in 15 s, and goes on', async () => {
    const it = await scene();
    await new Promise((resolve) => setTimeout(resolve, 2_500)); // 50 s by the clock
    expect(it.api.requests('check').length).toBeGreaterThanOrEqual(2);
    expect(it.api.requests('check').length).toBeLessThanOrEqual(3);
    expect(it.api.requests('watch')).toHaveLength(1);
    expect(it.cluster.requestsSent()).toEqual({ requests: 1 + it.api.requests('check').length, watches: 1 });
  });

  test('but is asked nothing while it speaks', async () => {
    const it = await scene();
    for (let i = 0; i < 10; i++) {
      await new Promise((resolve) => setTimeout(resolve, 150)); // 30 s by the clock in all
      it.api.set('web-2');
    }
    expect(it.api.requests('check')).toHaveLength(0);
  });

  test('because a proxy holds it back makes it read periodically, and say so once', async () => {
    const api = await FakeApi.start();
    api.set('web-1');
    api.holdsBack = true;
    const clock = fastClock(20);
    const log = memoryLog();
    const it = { clock, pods: connected(accessTo(api.url), { clock, log }).collection({ path: PATH }) };
    it.pods.subscribe(() => undefined);
    await it.pods.ready;
    const delays: number[] = [];
    for (let i = 2; i < 9; i++) {
      api.set(`web-${i}`);
      delays.push(
        await has(
          it,
          Array.from({ length: i }, (_, n) => `web-${n + 1}`),
        ),
      );
    }
    expect(Math.max(...delays)).toBeLessThan(30_000);
    expect(Math.max(...delays.slice(-3))).toBeLessThan(6_000);
    expect(log.lines.filter((line) => line.startsWith('info'))).toEqual([
      `info: Something between this runner and ${api.url} holds watches back (a proxy that buffers answers?): reading ${PATH} every 2 s instead.`,
    ]);
    expect(it.pods.trouble()).toBeUndefined();
  });
});

describe('trouble', () => {
  test('begins when the server is away, says since when, and ends when it is back', async () => {
    const it = await scene();
    const away = it.clock.now();
    let told = 0;
    it.pods.subscribe(() => told++);
    await it.api.stop();
    await until(() => it.pods.trouble() !== undefined);
    const { kind, message, since } = it.pods.trouble() ?? { since: 0 };
    expect(kind).toBe('unreachable');
    expect(message?.replace(/\d{2}:\d{2}:\d{2} UTC/, '<clock>')).toBe(
      `The cluster at ${it.api.url} answered until <clock>, but can no longer be reached: the connection was refused, so ` +
        `nothing listens there (connect ECONNREFUSED 127.0.0.1:${it.api.port}). Look at the API server and at the load ` +
        'balancer and network in front of it, then run this again.',
    );
    expect(since).toBeGreaterThanOrEqual(away);
    expect(told).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 3_000)); // 60 s by the clock
    expect(it.pods.trouble()?.since).toBe(since);
    expect(names(it.pods)).toEqual(['web-1']);
    it.api.set('web-2');
    await it.api.listen(it.api.port);
    expect(await has(it, ['web-1', 'web-2'])).toBeLessThan(10_000);
    await until(() => it.pods.trouble() === undefined);
  }, 15_000);

  test('ends too when the way there was a black hole in the meantime', async () => {
    let proxy: FaultProxy | undefined;
    const it = await scene(async (api) => {
      proxy = await FaultProxy.to(api.port);
      return `http://127.0.0.1:${proxy.port}`;
    });
    if (proxy !== undefined) proxy.blackHole = true;
    proxy?.silence();
    const dead = it.clock.now();
    await until(() => it.pods.trouble() !== undefined);
    expect(it.clock.now() - dead).toBeLessThan(30_000);
    expect(it.pods.trouble()).toMatchObject({ kind: 'unreachable' });
    await new Promise((resolve) => setTimeout(resolve, 1_500)); // 30 s by the clock
    it.api.set('web-2');
    if (proxy !== undefined) proxy.blackHole = false;
    expect(await has(it, ['web-1', 'web-2'])).toBeLessThan(20_000);
    await until(() => it.pods.trouble() === undefined);
  });

  test('is named when the permission is taken away, and ends when it is given back', async () => {
    const it = await scene();
    it.api.always = refusing(403, 'Forbidden', 'pods is forbidden: User "ci" cannot watch resource "pods"');
    it.api.resetWatches();
    await until(() => it.pods.trouble() !== undefined);
    expect(it.pods.trouble()).toMatchObject({
      kind: 'forbidden',
      message:
        `The cluster at ${it.api.url} forbids it (403): pods is forbidden: User "ci" cannot watch resource "pods". ` +
        'Grant this user the Role that the README lists.',
    });
    it.api.always = undefined;
    it.api.set('web-2');
    await has(it, ['web-1', 'web-2']);
    await until(() => it.pods.trouble() === undefined);
  });

  test('is named when the credentials are no longer accepted', async () => {
    const it = await scene();
    it.api.always = refusing(401, 'Unauthorized', 'Unauthorized');
    it.api.resetWatches();
    await until(() => it.pods.trouble() !== undefined);
    expect(it.pods.trouble()?.kind).toBe('unauthorized');
  });

  test('passes when the server answers 500 for a while', async () => {
    const it = await scene();
    it.api.script.push(
      ...Array.from({ length: 4 }, () => refusing(500, 'InternalError', 'etcdserver: leader changed')),
    );
    it.api.resetWatches();
    it.api.set('web-2');
    expect(await has(it, ['web-1', 'web-2'])).toBeLessThan(10_000);
    await until(() => it.pods.trouble() === undefined);
  });
});

describe('what answers in the place of the API server', () => {
  const page =
    (body: string, type = 'text/html'): Scripted =>
    (response) =>
      response.writeHead(200, { 'content-type': type }).end(body);

  test.each<readonly [string, Scripted, string]>([
    [
      'a maintenance page',
      page('<html>\n<title>Maintenance</title>\n</html>\n'),
      'the watch sent what is no JSON: <html>',
    ],
    ['a page of one line', page('<h1>Log in</h1>'), 'the watch sent what is no JSON: <h1>Log in</h1>'],
    [
      'JSON that is no event',
      page('{"login":"needed"}', 'application/json'),
      'the watch sent an event of an unknown kind: {"login":"needed"}',
    ],
    [
      'nothing, with 204',
      (response) => response.writeHead(204).end(),
      'the watch was answered by an empty 204',
    ],
  ])('with %s is trouble at once, until a watch is a watch again', async (_, answer, words) => {
    const it = await scene();
    it.api.always = answer;
    it.api.resetWatches();
    await until(() => it.pods.trouble() !== undefined, 500); // 10 s by the clock
    expect(it.pods.trouble()).toMatchObject({
      kind: 'unreachable',
      message: expect.stringMatching(
        /^The cluster at http:\S+ answered until \d\d:\d\d:\d\d UTC, and then gave no usable answer: /,
      ),
    });
    expect(it.pods.trouble()?.message).toContain(`: watch ${PATH}: ${words}. Look at the API server and at `);
    const { since } = it.pods.trouble() ?? {};
    it.api.set('web-2');
    await new Promise((resolve) => setTimeout(resolve, 500)); // 10 s by the clock
    expect(it.pods.trouble()?.since).toBe(since);
    it.api.always = undefined;
    await until(() => it.pods.trouble() === undefined);
    expect(names(it.pods)).toEqual(['web-1', 'web-2']);
  });

  test('with an empty 200 is trouble when it is time for a check, or when somebody asks', async () => {
    const it = await scene();
    it.api.always = page('', 'application/json');
    it.api.resetWatches();
    await until(() => it.pods.trouble() !== undefined, 1_500); // 30 s by the clock
    expect(it.pods.trouble()?.message).toContain(
      `: watch ${PATH}: a watch that was to last 1 s ended at once, with nothing new in it. `,
    );
  });

  test('but an event that was cut at the end is none of that', async () => {
    const it = await scene();
    it.api.script.push(page('{"type":"ADDED","object":{"metadata":', 'application/json'));
    it.api.resetWatches();
    it.api.set('web-2');
    await has(it, ['web-1', 'web-2']);
    expect(it.log.lines.filter((line) => line.includes('no usable answer'))).toEqual([]);
  });

  test('does not end trouble by taking a watch and saying nothing', async () => {
    const it = await scene();
    it.api.script.push(refusing(500, 'InternalError', 'etcdserver: leader changed'));
    it.api.always = (response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    it.api.resetWatches();
    await until(() => it.api.requests('check').length > 0);
    expect(it.pods.trouble()).toMatchObject({ kind: 'unreachable' });
  });

  test('by passing headers on and cutting watches before they are checked is noticed', async () => {
    const api = await FakeApi.start();
    api.set('web-1');
    api.holdsBack = api.passesHeaders = true;
    const clock = fastClock(20);
    const it = { clock, pods: connected(accessTo(api.url), { clock }).collection({ path: PATH }) };
    it.pods.subscribe(() => undefined);
    await it.pods.ready;
    const cut = setInterval(() => api.resetLongWatches(), 250); // 5 s by the clock
    onTestFinished(() => clearInterval(cut));
    api.set('web-2');
    expect(await has(it, ['web-1', 'web-2'])).toBeLessThan(30_000);
    api.set('web-3');
    expect(await has(it, ['web-1', 'web-2', 'web-3'])).toBeLessThan(30_000);
    expect(it.pods.trouble()).toBeUndefined();
  });
});

/** So long that a busy machine does not make of an end at once one in its time. */
const LONG_PROBE: Timing = { ...DEFAULT_TIMING, probe: 20_000, probeTry: 60_000 };

describe('whether nothing was missed', () => {
  test('is known from the list, and later from one short read that is shared', async () => {
    const it = await scene();
    expect(it.pods.sees(0)).toBe(true);
    expect(it.api.requests('check')).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 100)); // 2 s by the clock
    const since = it.clock.now();
    let told = 0;
    it.pods.subscribe(() => told++);
    expect([it.pods.sees(since - 500), it.pods.sees(since), it.pods.sees(since)]).toEqual([
      false,
      false,
      false,
    ]);
    await until(() => told > 0);
    expect(it.pods.sees(since)).toBe(true);
    expect(it.api.requests('check')).toHaveLength(1);
    expect(it.clock.now() - since).toBeLessThan(4_000);
    expect(it.api.requests('watch')).toHaveLength(1);
  });

  test('is known from an event, at no cost', async () => {
    const it = await scene();
    await new Promise((resolve) => setTimeout(resolve, 200)); // 4 s by the clock
    const since = it.clock.now();
    it.api.set('web-2');
    await has(it, ['web-1', 'web-2']);
    expect(it.pods.sees(since)).toBe(true);
    expect(it.api.requests('check')).toEqual([]);
  });

  test('is not known from the first events of a watch, which are old and may be some of many', async () => {
    const it = await scene();
    await new Promise((resolve) => setTimeout(resolve, 200)); // 4 s by the clock
    it.api.deafenWatches();
    it.api.set('web-2');
    const since = it.clock.now();
    it.api.resetWatches();
    await has(it, ['web-1', 'web-2']);
    expect(it.pods.sees(since)).toBe(false);
    await until(() => it.pods.sees(since));
  });

  test('a watch that brings what is known already, and ends, is not asked for in a tight loop', async () => {
    const it = await scene();
    const old = it.api.eventOf('web-1', it.api.version);
    it.api.always = (response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end(old);
    const before = it.api.requests('watch').length;
    it.api.resetWatches();
    await new Promise((resolve) => setTimeout(resolve, 500)); // 10 s by the clock
    expect(it.api.requests('watch').length - before).toBeLessThan(15);
  });

  test('is asked when every watch is ended a moment after its first event', async () => {
    const it = await scene();
    let ends = 0;
    it.api.always = (response, { query }) => {
      const isLong = Number(query.get('timeoutSeconds')) > 5;
      response.writeHead(200, { 'content-type': 'application/json' });
      if (isLong) response.write(it.api.eventOf('web-1'));
      else response.flushHeaders();
      setTimeout(() => response.end(), isLong ? 10 : 50); // 0.2 and 1 s by the clock
      ends += isLong ? 1 : 0;
    };
    it.api.resetWatches();
    await until(() => ends > 3);
    const since = it.clock.now();
    await until(() => it.pods.sees(since), 250); // 5 s by the clock
    expect(it.pods.trouble()).toBeUndefined();
  });

  test.each<readonly [string, (line: string) => string, number]>([
    ['at once, after its first event', () => '', 0],
    ['in its time, but within its second event', (line) => line.slice(0, 40), 1_000], // 20 s by the clock
  ])(
    'is not known from a short read that is ended %s',
    async (_, rest, after) => {
      const it = await scene(undefined, LONG_PROBE);
      it.api.always = (response) => {
        const line = it.api.eventOf('web-1');
        response.writeHead(200, { 'content-type': 'application/json' }).write(line);
        setTimeout(() => response.end(rest(line)), after);
      };
      it.api.resetWatches();
      const since = it.clock.now();
      const asked = it.api.seen.length;
      await until(() => it.pods.sees(since) || it.api.seen.length > asked + 3, 15_000);
      expect(it.pods.sees(since)).toBe(false);
      it.api.always = undefined;
      await until(() => it.pods.sees(since), 15_000);
    },
    40_000,
  );

  test('and a short read that is ended at once with what was known before is trouble', async () => {
    const it = await scene(undefined, LONG_PROBE);
    const old = it.api.eventOf('web-1', it.api.version);
    it.api.always = (response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end(old);
    it.api.resetWatches();
    const since = it.clock.now();
    await until(() => it.pods.sees(since) || it.pods.trouble() !== undefined);
    expect(it.pods.trouble()?.message).toContain(
      `: watch ${PATH}: a watch that was to last 20 s ended at once, with nothing new in it. `,
    );
  });

  test('brings what was missed when the way of the watch is dead', async () => {
    const it = await scene();
    it.api.deafenWatches();
    await new Promise((resolve) => setTimeout(resolve, 100)); // 2 s by the clock
    it.api.remove('web-1');
    const since = it.clock.now();
    expect(it.pods.sees(since)).toBe(false);
    await until(() => it.pods.sees(since));
    expect(names(it.pods)).toEqual([]);
  });
});

describe('Retry-After of a watch', () => {
  const busy = (headers: Record<string, string>): Scripted =>
    refusing(429, 'TooManyRequests', 'busy', headers);

  /** Milliseconds by the clock between a watch that was refused so and the next request. */
  async function pauseAfter(headers: Record<string, string>): Promise<number> {
    const it = await scene();
    let refusedAt = 0;
    it.api.script.push((response, request) => {
      refusedAt = it.clock.now();
      busy(headers)(response, request);
    });
    it.api.resetWatches();
    await until(() => refusedAt > 0);
    const { length } = it.api.seen;
    await until(() => it.api.seen.length > length);
    return it.clock.now() - refusedAt;
  }

  test('is obeyed', async () => {
    const pause = await pauseAfter({ 'retry-after': '6' });
    expect(pause).toBeGreaterThanOrEqual(5_900);
    expect(pause).toBeLessThan(9_000);
  });

  test('is obeyed up to 30 s', async () => {
    const pause = await pauseAfter({ 'retry-after': '3600' });
    expect(pause).toBeGreaterThanOrEqual(29_000);
    expect(pause).toBeLessThan(34_000);
  });

  test.each<Record<string, string>>([{}, { 'retry-after': '0' }, { 'retry-after': 'soon' }])(
    'of %j changes nothing',
    async (headers) => {
      expect(await pauseAfter(headers)).toBeLessThan(2_000);
    },
  );
});

describe('ready', () => {
  test.each([
    [401, 'Unauthorized'],
    [403, 'Forbidden'],
    [404, 'NotFound'],
  ])('rejects with %i at once', async (code, reason) => {
    const api = await FakeApi.start();
    api.always = (response) => status(response, code, reason, 'no');
    const collection = connected(accessTo(api.url)).collection({ path: PATH });
    const error = await failureOf(collection.ready);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: code });
    expect(api.seen).toHaveLength(1);
  });

  test('rejects when nobody listens, after the patience for a first contact', async () => {
    const api = await FakeApi.start();
    await api.stop();
    const clock = fastClock(20);
    const started = clock.now();
    const error = await failureOf(connected(accessTo(api.url), { clock }).collection({ path: PATH }).ready);
    expect(error).toMatchObject({ name: 'UnreachableError', mayHaveArrived: false });
    expect(clock.now() - started).toBeLessThan(8_000);
  });
});

describe('stop', () => {
  test('before the list is in rejects ready, and nothing is unhandled', async () => {
    const api = await FakeApi.start();
    api.always = () => {};
    const collection = connected(accessTo(api.url)).collection({ path: PATH });
    const failed = failureOf(collection.ready);
    collection.stop();
    expect((await failed).message).toBe(`the collection of ${PATH} was stopped`);
  });

  test('ends the watch, the timers and the calls', async () => {
    const it = await scene();
    let calls = 0;
    it.pods.subscribe(() => calls++);
    it.pods.stop();
    await until(() => it.api.watching() === 0);
    const before = it.api.seen.length;
    it.api.set('web-2');
    await new Promise((resolve) => setTimeout(resolve, 1_000)); // 20 s by the clock
    expect(it.api.seen.length).toBe(before);
    expect(calls).toBe(0);
    expect(names(it.pods)).toEqual(['web-1']);
  });

  test('in the middle of trouble ends the tries', async () => {
    const it = await scene();
    await it.api.stop();
    await until(() => it.pods.trouble() !== undefined);
    it.pods.stop();
    const { requests } = it.cluster.requestsSent();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(it.cluster.requestsSent().requests).toBeLessThanOrEqual(requests + 1);
  });
});
