import { describe, expect, test } from 'vitest';
import { ApiError, type Cluster } from '../../src/cluster/client.ts';
import type { Pod, StatefulSet } from '../../src/model/kube.ts';
import { DEFAULT_LIMITS } from '../../src/model/limits.ts';
import type { Observation, Pin } from '../../src/model/observation.ts';
import { gateRevert } from '../../src/run/stuck.ts';
import { fakeWorld } from './fake-world.ts';

const TEMPLATE = { spec: { containers: [{ name: 'db', image: 'v1', readinessProbe: {} }] } };

const DB: StatefulSet = {
  metadata: { name: 'db', namespace: 'shop', uid: 'db', generation: 3 },
  spec: { replicas: 1, template: TEMPLATE },
  status: {
    observedGeneration: 3,
    replicas: 1,
    updatedReplicas: 1,
    availableReplicas: 1,
    updateRevision: 'db-good',
  },
};

const PIN: Pin = {
  kind: 'StatefulSet',
  namespace: 'shop',
  name: 'db',
  uid: 'db',
  generation: 3,
  template: TEMPLATE,
  images: [{ container: 'db', image: 'v1' }],
  conditions: [],
  restarts: new Map(),
  digestsSeen: new Set(),
};

function podOf(revision: string, ready: boolean): Pod {
  return {
    metadata: {
      name: 'db-0',
      uid: `pod-${revision}`,
      labels: { 'controller-revision-hash': revision },
      ownerReferences: [{ kind: 'StatefulSet', uid: 'db', controller: true }],
    },
    spec: { nodeName: 'node', containers: [{ name: 'db', image: 'v1', readinessProbe: {} }] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [{ name: 'db', ready, started: true, restartCount: 0, state: { running: {} } }],
    },
  };
}

function observation(pod: Pod): Observation {
  return { kind: 'StatefulSet', workload: DB, pods: [pod], events: [] };
}

/** A revert that a pod of the failed image blocks; `evictWith`: how the API server answers an eviction. */
async function revert(evict: boolean, evictWith?: number) {
  // One object until something changes, as the observer has it.
  let seen = observation(podOf('db-bad', false));
  const sent: string[] = [];
  const listeners = new Set<() => void>();
  const replace = (): void => {
    seen = observation(podOf('db-good', true));
    for (const listener of listeners) listener();
  };
  const cluster = {
    server: 'https://fake:6443',
    create: (path: string, body: unknown) => {
      sent.push(`POST ${path} ${JSON.stringify(body)}`);
      if (evictWith === undefined) return Promise.resolve(replace());
      const refusal = { status: evictWith, reason: 'Refused', message: 'no' };
      return Promise.reject(new ApiError({ verb: 'POST', path }, refusal));
    },
    delete: (path: string, body: unknown) => {
      sent.push(`DELETE ${path} ${JSON.stringify(body)}`);
      return Promise.resolve(replace());
    },
  } as unknown as Cluster;
  const { world, lines } = fakeWorld();
  const [outcome] = await gateRevert({
    ...world,
    cluster,
    evict,
    pins: [PIN],
    failed: [{ ...PIN, revision: 'db-bad' }],
    limits: { ...DEFAULT_LIMITS, stableFor: 0 },
    observer: {
      ready: Promise.resolve(),
      observe: () => seen,
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      told: () => Promise.resolve(new Set<string>()),
      trouble: () => undefined,
      sees: () => true,
      stop: () => undefined,
    },
  });
  return { verdict: outcome?.verdict, sent, lines };
}

const EVICTION =
  'POST /api/v1/namespaces/shop/pods/db-0/eviction {"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"db-0","namespace":"shop"},"deleteOptions":{"preconditions":{"uid":"pod-db-bad"}}}';

describe('a pod of the failed image that blocks the way back', () => {
  test('is named with what to do, and left alone, where eviction is not wished', async () => {
    const { verdict, sent } = await revert(false);
    expect(sent).toEqual([]);
    expect(verdict).toMatchObject({
      kind: 'failed',
      failure: {
        code: 'blocked',
        advice:
          'Delete it: kubectl -n shop delete pod db-0 (or set `evict-stuck: true` to have that done). The controller then makes it anew with the image from before.',
      },
    });
  });

  test('is evicted by its uid, once', async () => {
    const { verdict, sent } = await revert(true);
    expect(sent).toEqual([EVICTION]);
    expect(verdict?.kind).toBe('healthy');
  });

  test('is deleted by its uid where a disruption budget forbids the eviction', async () => {
    const { verdict, sent, lines } = await revert(true, 429);
    expect(sent).toEqual([
      EVICTION,
      'DELETE /api/v1/namespaces/shop/pods/db-0 {"preconditions":{"uid":"pod-db-bad"}}',
    ]);
    expect(verdict?.kind).toBe('healthy');
    expect(lines).toContain(
      'statefulset/db: pod db-0 of the failed image deleted: it blocked the way back, and a disruption budget forbids its eviction',
    );
  });

  test('is named with the refusal where the eviction is refused', async () => {
    const { verdict, sent } = await revert(true, 403);
    expect(sent).toEqual([EVICTION]);
    expect(verdict).toMatchObject({
      kind: 'failed',
      failure: {
        code: 'blocked',
        message: expect.stringMatching(
          /^the image from before is set again, but pod db-0 of the failed image is not ready, and the controller replaces no pod while that is so \(kubernetes#67250\), and it could not be evicted \(/,
        ),
        advice:
          'Delete it: kubectl -n shop delete pod db-0. The controller then makes it anew with the image from before.',
      },
    });
  });
});
