import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/gate/lane.ts';
import type { Observer } from '../../src/gate/observe.ts';
import type { Bounds } from '../../src/gate/sight.ts';
import { gate } from '../../src/gate/wait.ts';
import type { Pod } from '../../src/model/kube.ts';
import { DEFAULT_LIMITS } from '../../src/model/limits.ts';
import type { Observation, Pin } from '../../src/model/observation.ts';
import { HandClock } from '../deploy/hand-clock.ts';
import { fakeWorld } from '../run/fake-world.ts';

/** One pod of one container, as the cluster has it. */
interface State {
  readonly ready: boolean;
  readonly restarts?: number;
  readonly image?: string;
  /** Whether an annotation of the template was changed. */
  readonly annotated?: boolean;
  /** Whether the container lies dead, and was not started again yet. */
  readonly dead?: boolean;
}

const NAMES = ['db', 'cache'] as const;
type Name = (typeof NAMES)[number];

function templateOf(image: string) {
  return { spec: { containers: [{ name: 'app', image, readinessProbe: {} }] } };
}

function pinOf(name: Name): Pin {
  return {
    kind: 'StatefulSet',
    namespace: name === 'db' ? 'data' : 'shop',
    name,
    uid: name,
    generation: 3,
    template: templateOf('v2'),
    images: [{ container: 'app', image: 'v2' }],
    conditions: [],
    restarts: new Map(),
    digestsSeen: new Set(),
  };
}

function observationOf(
  name: Name,
  { ready, restarts = 0, image = 'v2', annotated = false, dead = false }: State,
): Observation {
  const generation = image === 'v2' && !annotated ? 3 : 4;
  const metadata = annotated ? { metadata: { annotations: { config: '2' } } } : {};
  const available = ready ? 1 : 0;
  const ended = { exitCode: 1, reason: 'Error' };
  const pod: Pod = {
    metadata: {
      name: `${name}-0`,
      uid: `${name}-pod`,
      labels: { 'controller-revision-hash': `${name}-2` },
      ownerReferences: [{ kind: 'StatefulSet', uid: name, controller: true }],
    },
    spec: { nodeName: 'node', ...templateOf('v2').spec },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [
        {
          name: 'app',
          ready,
          started: true,
          restartCount: restarts,
          state: dead ? { terminated: ended } : { running: {} },
          ...(restarts > 0 ? { lastState: { terminated: ended } } : {}),
        },
      ],
    },
  };
  const workload = {
    metadata: { name, namespace: pinOf(name).namespace, uid: name, generation },
    spec: { replicas: 1, template: { ...templateOf(image), ...metadata } },
    status: {
      observedGeneration: generation,
      replicas: 1,
      updatedReplicas: 1,
      availableReplicas: available,
      readyReplicas: available,
      updateRevision: `${name}-2`,
    },
  };
  return { kind: 'StatefulSet', workload, pods: [pod], events: [] };
}

interface Options {
  readonly all?: boolean;
  readonly db?: State;
  readonly deadline?: number;
}

/** A gate over `db`, which is ready from the start, and `cache`, which is not; all that happens is seen at once. */
class Scene {
  readonly clock = new HandClock();
  readonly asked: { readonly name: string; readonly at: number; readonly own: number }[] = [];
  /** Of `db`; undefined: what is, is seen. */
  seenAt: number | undefined;
  outcomes: readonly Outcome[] | undefined;
  readonly lines: readonly string[];
  readonly #seen = new Map<string, Observation>();
  readonly #listeners = new Set<() => void>();

  constructor({ all = false, db = { ready: true }, deadline = 3_600_000 }: Options = {}) {
    this.set('db', db);
    this.set('cache', { ready: false });
    const { world, lines } = fakeWorld();
    this.lines = lines;
    const observer: Observer = {
      ready: Promise.resolve(),
      observe: ({ name }) => this.#seen.get(name) as Observation,
      subscribe: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      told: () => Promise.resolve(new Set<string>()),
      trouble: () => undefined,
      sees: ({ name }, bounds) => this.#sees(name, bounds),
      stop: () => undefined,
    };
    void gate({
      ...world,
      clock: this.clock,
      observer,
      all,
      pins: NAMES.map(pinOf),
      limits: { ...DEFAULT_LIMITS, timeout: 120_000, stableFor: 10_000, deadline },
    }).then((outcomes) => {
      this.outcomes = outcomes;
    });
  }

  set(name: Name, state: State): void {
    this.#seen.set(name, observationOf(name, state));
    this.tell();
  }

  tell(): void {
    for (const listener of this.#listeners) queueMicrotask(listener);
  }

  get db(): Outcome['verdict'] | undefined {
    return this.outcomes?.[0]?.verdict;
  }

  /** How it ended, in what second by the clock. */
  async end(seconds: number): Promise<readonly [string | undefined, number]> {
    const until = this.clock.now() + seconds * 1_000;
    while (this.outcomes === undefined && this.clock.now() < until) await this.clock.pass(0.5);
    return [this.db?.kind, this.clock.now() / 1_000];
  }

  #sees(name: string, { own }: Bounds): boolean {
    if (name !== 'db' || this.seenAt === undefined || this.seenAt >= own) return true;
    this.asked.push({ name, at: this.clock.now(), own });
    return false;
  }
}

const ANEW = 'statefulset/db: it was healthy before the others were, and';

/** `db` is healthy after 10 s, `cache` after 70. */
async function untilCacheIsReady(
  between: (scene: Scene) => Promise<void>,
  scene = new Scene(),
): Promise<Scene> {
  await scene.clock.pass(30);
  await between(scene);
  await scene.clock.pass(60 - scene.clock.now() / 1_000);
  scene.set('cache', { ready: true });
  return scene;
}

describe('who was healthy before the others', () => {
  test('and is so still ends with them, and says it once', async () => {
    const scene = await untilCacheIsReady(async () => {});
    expect(await scene.end(60)).toEqual(['healthy', 70]);
    const said = 'statefulset/db: 1/1 ready, held for 10 s';
    expect(scene.lines.filter((line) => line === said)).toEqual([said]);
    const [db, cache] = scene.outcomes ?? [];
    expect((cache?.ended.getTime() ?? 0) - (db?.ended.getTime() ?? 0)).toBe(60_000);
  });

  test('and was not ready for a moment is healthy', async () => {
    const scene = await untilCacheIsReady(async (it) => {
      it.set('db', { ready: false });
      await it.clock.pass(10);
      it.set('db', { ready: true });
    });
    expect(await scene.end(60)).toEqual(['healthy', 70]);
  });

  test('and is not ready when they are is waited for, and held', async () => {
    const scene = await untilCacheIsReady(async (it) => it.set('db', { ready: false }));
    expect(await scene.end(20)).toEqual([undefined, 80]);
    expect(scene.lines).toContain(`${ANEW} it is not complete any more: gated anew`);
    scene.set('db', { ready: true });
    expect(await scene.end(60)).toEqual(['healthy', 90]);
  });

  test('and never gets ready again fails, by a clock of its own', async () => {
    const scene = await untilCacheIsReady(async (it) => it.set('db', { ready: false }));
    expect(await scene.end(300)).toEqual(['failed', 190]);
    expect(scene.db).toMatchObject({ failure: { code: 'no-progress' } });
  });

  test('and restarted since is held once more', async () => {
    const scene = await untilCacheIsReady(async (it) => it.set('db', { ready: true, restarts: 1 }));
    expect(await scene.end(60)).toEqual(['healthy', 80]);
    expect(scene.lines).toContain(`${ANEW} a container of it ended since: gated anew`);
  });

  test('but not for restarts of before', async () => {
    const scene = new Scene({ db: { ready: true, restarts: 2 } });
    await untilCacheIsReady(async () => {}, scene);
    expect(await scene.end(60)).toEqual(['healthy', 70]);
  });

  test('and restarts in that hold fails at once', async () => {
    const scene = await untilCacheIsReady(async (it) => it.set('db', { ready: true, restarts: 1 }));
    await scene.clock.pass(15);
    scene.set('db', { ready: true, restarts: 2 });
    expect(await scene.end(60)).toEqual(['failed', 75.5]);
    expect(scene.db).toMatchObject({ failure: { code: 'late-crash' } });
  });

  test.each<readonly [string, State]>([
    ['started again', { ready: false, restarts: 5 }],
    ['lying dead', { ready: false, restarts: 4, dead: true }],
  ])('and crashes again and again fails by the crashes since, %s', async (_, state) => {
    const crashed = new Scene({ db: { ready: true, restarts: 2 } });
    const scene = await untilCacheIsReady(async (it) => it.set('db', state), crashed);
    expect((await scene.end(60))[0]).toBe('failed');
    expect(scene.db).toMatchObject({
      failure: { code: 'crash', message: expect.stringContaining('(3 crashes)') },
    });
  });

  test('and whose template was changed since is held once more', async () => {
    const scene = await untilCacheIsReady(async (it) => it.set('db', { ready: true, annotated: true }));
    expect(await scene.end(60)).toEqual(['healthy', 80]);
    expect(scene.lines).toContain(`${ANEW} its template was changed since: gated anew`);
  });

  test('and got another image since is superseded', async () => {
    const scene = await untilCacheIsReady(async (it) => it.set('db', { ready: true, image: 'theirs' }));
    expect(await scene.end(60)).toEqual(['superseded', 70]);
    expect(scene.db).toMatchObject({ message: 'the image of container app was changed to theirs' });
  });

  test('is looked at again but once', async () => {
    const scene = await untilCacheIsReady(async (it) => it.set('db', { ready: false }));
    await scene.clock.pass(20);
    scene.set('db', { ready: true });
    scene.set('cache', { ready: false });
    await scene.clock.pass(15);
    expect(scene.outcomes).toBeUndefined();
    scene.set('db', { ready: false });
    scene.set('cache', { ready: true });
    expect(await scene.end(60)).toEqual(['healthy', 105]);
  });

  test('and past the deadline has the time of `timeout` to get ready', async () => {
    const late = new Scene({ deadline: 65_000 });
    const scene = await untilCacheIsReady(async (it) => it.set('db', { ready: false }), late);
    expect(await scene.end(40)).toEqual([undefined, 100]);
    scene.set('db', { ready: true });
    expect(await scene.end(60)).toEqual(['healthy', 110]);
  });

  test('stays so when the run can not succeed any more', async () => {
    const scene = await untilCacheIsReady(async (it) => it.set('db', { ready: false }));
    scene.set('cache', { ready: true, image: 'theirs' });
    expect(await scene.end(60)).toEqual(['healthy', 60.5]);
  });

  test('is asked about when it was not heard of lately', async () => {
    const scene = await untilCacheIsReady(async (it) => {
      it.seenAt = it.clock.now();
    });
    expect(await scene.end(15)).toEqual([undefined, 75]);
    expect(scene.asked[0]).toEqual({ name: 'db', at: 70_000, own: 67_000 });
    scene.seenAt = 74_000;
    scene.tell();
    expect(await scene.end(60)).toEqual(['healthy', 75.5]);
  });

  test('is not looked at again when all of a rollback are waited for: each has its own end', async () => {
    const scene = await untilCacheIsReady(
      async (it) => it.set('db', { ready: false }),
      new Scene({ all: true }),
    );
    expect(await scene.end(60)).toEqual(['healthy', 70]);
  });
});
