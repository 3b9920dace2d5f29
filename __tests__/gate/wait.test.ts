import { describe, expect, test } from 'vitest';
import type { Trouble } from '../../src/cluster/client.ts';
import type { Outcome } from '../../src/gate/lane.ts';
import type { Observer } from '../../src/gate/observe.ts';
import type { Bounds } from '../../src/gate/sight.ts';
import { gate } from '../../src/gate/wait.ts';
import type { Pod, StatefulSet } from '../../src/model/kube.ts';
import { DEFAULT_LIMITS } from '../../src/model/limits.ts';
import type { Pin } from '../../src/model/observation.ts';
import { HandClock, settled } from '../deploy/hand-clock.ts';
import { fakeWorld } from '../run/fake-world.ts';

const TEMPLATE = { spec: { containers: [{ name: 'db', image: 'v2', readinessProbe: {} }] } };

const PIN: Pin = {
  kind: 'StatefulSet',
  namespace: 'shop',
  name: 'db',
  uid: 'db',
  generation: 3,
  template: TEMPLATE,
  images: [{ container: 'db', image: 'v2' }],
  conditions: [],
  restarts: new Map(),
  digestsSeen: new Set(),
};

function setOf(available: 0 | 1): StatefulSet {
  return {
    metadata: { name: 'db', namespace: 'shop', uid: 'db', generation: 3 },
    spec: { replicas: 1, template: TEMPLATE },
    status: {
      observedGeneration: 3,
      replicas: 1,
      updatedReplicas: 1,
      availableReplicas: available,
      readyReplicas: available,
      updateRevision: 'db-2',
    },
  };
}

function podOf(ready: boolean): Pod {
  return {
    metadata: {
      name: 'db-0',
      uid: 'pod',
      labels: { 'controller-revision-hash': 'db-2' },
      ownerReferences: [{ kind: 'StatefulSet', uid: 'db', controller: true }],
    },
    spec: { nodeName: 'node', containers: [{ name: 'db', image: 'v2', readinessProbe: {} }] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [{ name: 'db', ready, started: true, restartCount: 0, state: { running: {} } }],
    },
  };
}

/** A gate over caches of which the test says what they hold, and as of when. */
class Scene {
  readonly clock = new HandClock();
  readonly asked: { readonly at: number; readonly own: number }[] = [];
  trouble: Trouble | undefined;
  /** What a question is answered with; undefined: it is not. Milliseconds. */
  answersAfter: number | undefined = 1_000;
  outcome: Outcome | undefined;
  #ready = true;
  #seenAt = 0;
  #observation = this.#look();
  readonly #listeners = new Set<() => void>();
  readonly lines: readonly string[];

  constructor(ready: boolean, limits = { timeout: 60_000, stableFor: 10_000 }) {
    this.set(ready);
    const { world, lines } = fakeWorld();
    this.lines = lines;
    const observer: Observer = {
      ready: Promise.resolve(),
      observe: () => this.#observation,
      subscribe: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      told: () => Promise.resolve(new Set<string>()),
      trouble: () => this.trouble,
      sees: (_, bounds) => this.#sees(bounds),
      stop: () => undefined,
    };
    void gate({
      ...world,
      clock: this.clock,
      observer,
      pins: [PIN],
      limits: { ...DEFAULT_LIMITS, ...limits },
    }).then(([outcome]) => {
      this.outcome = outcome;
    });
  }

  /** What the caches hold from now on. */
  set(ready: boolean): void {
    this.#ready = ready;
    this.#observation = this.#look();
    this.#tell();
  }

  /** What the caches hold is known to be all there is. */
  see(): void {
    this.#seenAt = this.clock.now();
    this.#tell();
  }

  get verdict(): Outcome['verdict'] | undefined {
    return this.outcome?.verdict;
  }

  #look() {
    const workload = setOf(this.#ready ? 1 : 0);
    return { kind: 'StatefulSet' as const, workload, pods: [podOf(this.#ready)], events: [] };
  }

  #sees({ own, others }: Bounds): boolean {
    if (this.#seenAt >= Math.max(own, others)) return true;
    const at = this.clock.now();
    this.asked.push({ at, own });
    if (this.answersAfter !== undefined) {
      this.clock.timer(this.answersAfter, () => {
        if (this.trouble !== undefined) return;
        this.#seenAt = Math.max(this.#seenAt, at);
        this.#tell();
      });
    }
    return false;
  }

  #tell(): void {
    for (const listener of this.#listeners) queueMicrotask(listener);
  }
}

describe('a hold that passes in silence', () => {
  test('is green at its end, for it was asked in its last two seconds whether anything was missed', async () => {
    const scene = new Scene(true);
    await scene.clock.pass(9.9);
    expect(scene.asked).toEqual([{ at: 8_000, own: 7_000 }]);
    expect(scene.verdict).toBeUndefined();
    await scene.clock.pass(0.1);
    expect(scene.verdict).toMatchObject({ kind: 'healthy', message: '1/1 ready, held for 10 s' });
    expect(scene.asked).toHaveLength(1);
  });

  test('asks nothing when something was heard at its end', async () => {
    const scene = new Scene(true);
    await scene.clock.pass(7.5);
    scene.see();
    await scene.clock.pass(2.5);
    expect(scene.verdict?.kind).toBe('healthy');
    expect(scene.asked).toEqual([]);
  });

  test('is not green before the answer is here, and at once when it is', async () => {
    const scene = new Scene(true);
    scene.answersAfter = 3_500;
    await scene.clock.pass(11.4);
    expect(scene.verdict).toBeUndefined();
    await scene.clock.pass(0.2);
    expect(scene.verdict?.kind).toBe('healthy');
  });

  test('is not green when the answer brings that the pod is not ready any more', async () => {
    const scene = new Scene(true);
    scene.answersAfter = undefined;
    await scene.clock.pass(15);
    expect(scene.verdict).toBeUndefined();
    scene.set(false);
    scene.see();
    await scene.clock.pass(5);
    expect(scene.verdict).toBeUndefined();
    scene.answersAfter = 1_000;
    await scene.clock.pass(60);
    expect(scene.verdict).toMatchObject({ kind: 'failed', failure: { code: 'no-progress' } });
  });

  test('is unknown when nobody ever answers', async () => {
    const scene = new Scene(true);
    scene.answersAfter = undefined;
    await scene.clock.pass(69);
    expect(scene.verdict).toBeUndefined();
    await scene.clock.pass(2);
    expect(scene.verdict).toEqual({
      kind: 'unknown',
      message:
        "What became of statefulset/db could not be seen: the cluster's watches stayed silent, and it did not answer whether they missed anything. Look at the API server and at the load balancer and network in front of it, then run this again.",
    });
  });
});

describe('a standstill in silence', () => {
  test('fails when nothing was missed, a second later', async () => {
    const scene = new Scene(false);
    await scene.clock.pass(60.9);
    expect(scene.verdict).toBeUndefined();
    await scene.clock.pass(0.2);
    expect(scene.verdict).toMatchObject({ kind: 'failed', failure: { code: 'no-progress' } });
  });

  test('is none when it was merely not heard that the pod is ready', async () => {
    const scene = new Scene(false);
    scene.answersAfter = undefined;
    await scene.clock.pass(60.5);
    scene.set(true);
    scene.see();
    scene.answersAfter = 1_000;
    await scene.clock.pass(10);
    await settled();
    expect(scene.verdict?.kind).toBe('healthy');
  });
});
