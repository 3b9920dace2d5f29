import { describe, expect, test } from 'vitest';
import { ApiError, type Cluster, type Collection, type CollectionTarget } from '../../src/cluster/client.ts';
import { openObserver } from '../../src/gate/observe.ts';
import type { KubeObject } from '../../src/model/kube.ts';
import type { WorkloadKind } from '../../src/model/observation.ts';

describe('the caches that are opened', () => {
  const selector = { matchLabels: { app: 'x' } };
  const watched = (kind: WorkloadKind, name: string) => ({ kind, namespace: 'shop', name, selector });

  /** Nodes are refused, as to a user with a Role alone; everything else is empty. */
  function caches(objects: Readonly<Record<string, readonly KubeObject[]>> = {}) {
    const paths: string[] = [];
    const asked: string[] = [];
    const cluster = {
      collection: <T>({ path, keyOf }: CollectionTarget<T>): Collection<T> => {
        paths.push(path);
        const items = (objects[path.split('/').at(-1) ?? ''] ?? []) as readonly T[];
        const refused = path === '/api/v1/nodes';
        const denied = new ApiError(
          { verb: 'GET', path },
          { status: 403, reason: 'Forbidden', message: 'nodes is forbidden' },
        );
        return {
          ready: refused ? Promise.reject(denied) : Promise.resolve(),
          items: () => items,
          find: (key) => items.filter((each) => keyOf?.(each) === key),
          subscribe: () => () => undefined,
          trouble: () => (refused ? { kind: 'forbidden', message: 'nodes', since: 0 } : undefined),
          sees: (since) => {
            asked.push(`${path.split('/').at(-1)} since ${since}`);
            return since < 10;
          },
          stop: () => undefined,
        };
      },
    };
    return { paths, asked, cluster: cluster as unknown as Cluster };
  }

  test.each<readonly [WorkloadKind, readonly string[]]>([
    ['Deployment', ['deployments', 'replicasets', 'pods', 'events']],
    ['StatefulSet', ['statefulsets', 'pods', 'events']],
    ['DaemonSet', ['nodes', 'daemonsets', 'controllerrevisions', 'pods', 'events']],
  ])('for a %s are those that tell its new pods from the old ones', async (kind, wanted) => {
    const { paths, cluster } = caches();
    const observer = openObserver(cluster, [watched(kind, 'db')]);
    await observer.ready;
    expect(paths.map((path) => path.split('/').at(-1))).toEqual(wanted.slice(0, -1));
    // The events of before decide nothing: the patch does not wait for them.
    await observer.told();
    expect(paths.map((path) => path.split('/').at(-1))).toEqual(wanted);
    observer.subscribe(() => undefined);
    expect(paths).toHaveLength(wanted.length);
  });

  test('tell the events of before, each at its version', async () => {
    const { cluster } = caches({
      events: [
        { metadata: { uid: 'e', resourceVersion: '7' } },
        { metadata: { uid: 'f', resourceVersion: '9' } },
      ],
    });
    expect(await openObserver(cluster, [watched('Deployment', 'db')]).told()).toEqual(
      new Set(['e@7', 'f@9']),
    );
  });

  test('nodes that may not be listed are unknown, and no trouble', async () => {
    const observer = openObserver(caches().cluster, [watched('DaemonSet', 'agent')]);
    await observer.ready;
    expect(observer.trouble()).toBeUndefined();
    expect(observer.observe(watched('DaemonSet', 'agent'))).toMatchObject({ nodes: undefined });
  });

  test('are asked all at once whether they missed anything, but for events and hidden nodes', async () => {
    const { asked, cluster } = caches();
    const observer = openObserver(cluster, [watched('DaemonSet', 'agent')]);
    observer.subscribe(() => undefined);
    await observer.ready;
    expect(observer.sees(watched('DaemonSet', 'agent'), { own: 9, others: 11 })).toBe(false);
    expect(asked).toEqual(['daemonsets since 9', 'controllerrevisions since 11', 'pods since 9']);
    expect(observer.sees(watched('DaemonSet', 'agent'), { own: 9, others: 8 })).toBe(true);
  });

  test("two kinds of one name are told apart, and a StatefulSet's pods are its own", async () => {
    const owned = (uid: string): KubeObject => ({
      metadata: { uid: `pod-of-${uid}`, ownerReferences: [{ uid, controller: true }] },
    });
    const { cluster } = caches({
      deployments: [{ metadata: { name: 'db', uid: 'd' } }],
      replicasets: [{ metadata: { uid: 'r', ownerReferences: [{ uid: 'd', controller: true }] } }],
      statefulsets: [{ metadata: { name: 'db', uid: 's' } }],
      pods: [owned('r'), owned('s')],
    });
    const both = [watched('Deployment', 'db'), watched('StatefulSet', 'db')];
    const observer = openObserver(cluster, both);
    await observer.ready;
    const seen = both.map((each) => observer.observe(each));
    expect(seen.map(({ workload }) => workload?.metadata?.uid)).toEqual(['d', 's']);
    expect(seen.map(({ pods }) => pods.map((pod) => pod.metadata?.uid))).toEqual([
      ['pod-of-r'],
      ['pod-of-s'],
    ]);
  });
});
