import { ApiError, type Cluster, type Collection, UnreachableError } from '../../src/cluster/client.ts';
import type { Deployment, Event, KubeObject, Pod, ReplicaSet } from '../../src/model/kube.ts';
import type { JsonPatchOperation } from '../../src/model/patch.ts';
import { LeaseServer } from '../deploy/fake-leases.ts';

/** What a patch meets on its way, once each, in the order of the list. */
export type PatchFault =
  | { readonly kind: 'refuse'; readonly status: number; readonly message: string }
  /** Carried out, but the answer is lost. */
  | { readonly kind: 'lose-reply' }
  /** Lost on the way there. */
  | { readonly kind: 'lose-request' }
  /** Never sent: nothing listens there. */
  | { readonly kind: 'away' };

/**
 * A cluster in memory with a Deployment controller of the simplest kind: every patch rolls out at once, as
 * well as the test says the image is. It knows the API server's part of a JSON patch (tests, generation) and
 * nothing else: whether the real one behaves so, the end-to-end tests show.
 */
export class FakeCluster implements Cluster {
  readonly server = 'https://fake:6443';
  readonly namespace = 'shop';
  readonly patches: { readonly path: string; readonly operations: readonly JsonPatchOperation[] }[] = [];
  readonly faults: PatchFault[] = [];
  readonly logs = new Map<string, string>();
  readonly #deployments = new Map<string, Deployment>();
  readonly #listeners = new Set<() => void>();
  readonly #isGood: (image: string) => boolean;
  #sets: readonly ReplicaSet[] = [];
  #pods: readonly Pod[] = [];
  /** Shared, so that the next run of a test finds what this one remembered. */
  readonly leases = new LeaseServer();
  readonly #leases = this.leases.client();
  #serial = 0;
  #requests = 0;

  constructor(isGood: (image: string) => boolean) {
    this.#isGood = isGood;
  }

  /** What the nodes say that the good images' containers run; undefined: nothing. */
  imageID: string | undefined;

  /** Makes a Deployment that runs the image. */
  add(name: string, image: string, replicas: 0 | 1 = 1): Deployment {
    const deployment: Deployment = {
      metadata: {
        name,
        namespace: 'shop',
        uid: `uid-${name}`,
        generation: 1,
        resourceVersion: '1',
        annotations: { 'deployment.kubernetes.io/revision': '1' },
      },
      spec: {
        replicas,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: { containers: [{ name: 'web', image, readinessProbe: {} }] },
        },
      },
    };
    this.#deployments.set(name, deployment);
    this.#reconcile(name);
    return this.deployment(name);
  }

  deployment(name: string): Deployment {
    const found = this.#deployments.get(name);
    if (found === undefined) throw new Error(`no deployment ${name}`);
    return found;
  }

  imageOf(name: string): string | undefined {
    return this.deployment(name).spec?.template?.spec?.containers?.[0]?.image;
  }

  /** Somebody else sets the image. */
  setImage(name: string, image: string): void {
    this.#apply(name, [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: image }]);
  }

  get<T extends KubeObject>(path: string): Promise<T> {
    if (path.includes('/leases/')) return this.#leases.get<T>(path);
    this.#requests += 1;
    const deployment = this.#deployments.get(path.split('/').at(-1) ?? '');
    if (deployment === undefined) {
      return Promise.reject(
        new ApiError({ verb: 'GET', path }, { status: 404, reason: 'NotFound', message: 'not found' }),
      );
    }
    return Promise.resolve(deployment as unknown as T);
  }

  patch<T extends KubeObject>(path: string, operations: readonly JsonPatchOperation[]): Promise<T> {
    this.#requests += 1;
    this.patches.push({ path, operations });
    const fault = this.faults.shift();
    const request = { verb: 'PATCH', path };
    if (fault?.kind === 'lose-request') return Promise.reject(new UnreachableError(request, 'reset', true));
    if (fault?.kind === 'away')
      return Promise.reject(new UnreachableError(request, 'connection refused', false));
    if (fault?.kind === 'refuse') {
      return Promise.reject(
        new ApiError(request, { status: fault.status, reason: 'Forbidden', message: fault.message }),
      );
    }
    const name = path.split('/').at(-1) ?? '';
    if (!this.#deployments.has(name)) {
      const message = `deployments.apps "${name}" not found`;
      return Promise.reject(new ApiError(request, { status: 404, reason: 'NotFound', message }));
    }
    if (!this.#testsHold(name, operations)) {
      return Promise.reject(
        new ApiError(request, {
          status: 422,
          reason: 'Invalid',
          message: 'the server rejected our request due to an error in our request',
        }),
      );
    }
    this.#apply(name, operations);
    if (fault?.kind === 'lose-reply') return Promise.reject(new UnreachableError(request, 'reset', true));
    return Promise.resolve(this.deployment(name) as unknown as T);
  }

  text(path: string): Promise<string> {
    this.#requests += 1;
    const pod = path.split('/').at(-2) ?? '';
    const log = [...this.logs].find(([prefix]) => pod.startsWith(prefix))?.[1];
    return Promise.resolve(log ?? '');
  }

  collection<T extends KubeObject>(target: {
    readonly path: string;
    readonly fieldSelector?: string;
    readonly keyOf?: (object: T) => string | undefined;
  }): Collection<T> {
    const { path } = target;
    if (path.includes('/leases')) return this.#leases.collection<T>(target);
    const items = (): readonly KubeObject[] => {
      if (path.endsWith('/deployments')) return [...this.#deployments.values()];
      if (path.endsWith('/replicasets')) return this.#sets;
      return path.endsWith('/pods') ? this.#pods : ([] satisfies Event[]);
    };
    return {
      ready: Promise.resolve(),
      items: () => items() as readonly T[],
      find: (key) => (items() as readonly T[]).filter((each) => target.keyOf?.(each) === key),
      subscribe: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      trouble: () => undefined,
      sees: () => true,
      stop: () => undefined,
    };
  }

  /** Only Leases are listed, made and replaced by a run. */
  list<T extends KubeObject>(path: string): Promise<{ items: readonly T[]; resourceVersion: string }> {
    return this.#leases.list<T>(path);
  }
  create<T>(path: string, body: unknown): Promise<T> {
    return this.#leases.create<T>(path, body);
  }
  replace<T>(path: string, body: unknown): Promise<T> {
    return this.#leases.replace<T>(path, body);
  }
  /** Somebody else deletes a Deployment. */
  delete(name: string): Promise<void> {
    this.#deployments.delete(name);
    return Promise.resolve();
  }

  requestsSent(): { readonly requests: number; readonly watches: number } {
    return { requests: this.#requests, watches: 0 };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #testsHold(name: string, operations: readonly JsonPatchOperation[]): boolean {
    return operations.every((operation) => {
      if (operation.op !== 'test') return true;
      return (
        JSON.stringify(valueAt(this.deployment(name), operation.path)) === JSON.stringify(operation.value)
      );
    });
  }

  #apply(name: string, operations: readonly JsonPatchOperation[]): void {
    const next = structuredClone(this.deployment(name)) as unknown as Record<string, unknown>;
    for (const operation of operations) if (operation.op !== 'test') setAt(next, operation);
    const metadata = next['metadata'] as { generation: number };
    metadata.generation += 1;
    this.#deployments.set(name, next as Deployment);
    this.#reconcile(name);
  }

  /** The controller: one ReplicaSet for each template, one pod in the newest; bad images crash thrice. */
  #reconcile(name: string): void {
    this.#serial += 1;
    const deployment = this.deployment(name);
    const { generation = 1, uid = '' } = deployment.metadata ?? {};
    const image = this.imageOf(name) ?? '';
    const good = this.#isGood(image);
    const replicas = deployment.spec?.replicas ?? 1;
    const ready = good ? replicas : 0;
    const set = `${name}-${this.#serial}`;
    const owner = (kind: string, owned: string) => [{ kind, uid: owned, controller: true }];
    const old = this.#sets.filter((each) => each.metadata?.ownerReferences?.[0]?.uid !== uid);
    this.#sets = [
      ...old,
      {
        metadata: {
          name: set,
          uid: set,
          namespace: 'shop',
          ownerReferences: owner('Deployment', uid),
          generation: 1,
        },
        spec: {
          replicas,
          ...(deployment.spec?.template === undefined ? {} : { template: deployment.spec.template }),
        },
        status: {
          observedGeneration: 1,
          replicas,
          readyReplicas: ready,
          availableReplicas: ready,
        },
      },
    ];
    const lives = new Set(this.#sets.map((each) => each.metadata?.uid));
    this.#pods = [
      ...this.#pods.filter((pod) => lives.has(pod.metadata?.ownerReferences?.[0]?.uid)),
      ...(replicas === 0 ? [] : [podOf(set, image, good, owner('ReplicaSet', set), this.imageID)]),
    ];
    this.#deployments.set(name, {
      ...deployment,
      status: {
        observedGeneration: generation,
        replicas,
        updatedReplicas: replicas,
        readyReplicas: ready,
        availableReplicas: ready,
      },
    });
    for (const listener of this.#listeners) listener();
  }
}

function podOf(
  set: string,
  image: string,
  good: boolean,
  ownerReferences: { kind: string; uid: string; controller: boolean }[],
  imageID = '',
): Pod {
  const dead = { terminated: { exitCode: 1, reason: 'Error' } };
  return {
    metadata: { name: `${set}-pod`, uid: `${set}-pod`, namespace: 'shop', ownerReferences },
    spec: { nodeName: 'node', containers: [{ name: 'web', image, readinessProbe: {} }] },
    status: {
      phase: 'Running',
      conditions: [
        { type: 'PodScheduled', status: 'True' },
        { type: 'Ready', status: good ? 'True' : 'False' },
      ],
      containerStatuses: [
        good
          ? {
              name: 'web',
              image,
              imageID,
              ready: true,
              started: true,
              restartCount: 0,
              state: { running: {} },
            }
          : // The fifth death in one pod fails whatever the others do, and needs no time to pass.
            { name: 'web', image, ready: false, restartCount: 4, state: dead, lastState: dead },
      ],
    },
  };
}

function keysOf(path: string): string[] {
  return path
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function valueAt(object: unknown, path: string): unknown {
  return keysOf(path).reduce<unknown>(
    (value, key) => (value as Record<string, unknown> | undefined)?.[key],
    object,
  );
}

function setAt(object: unknown, operation: Exclude<JsonPatchOperation, { op: 'test' }>): void {
  const keys = keysOf(operation.path);
  const last = keys.pop() ?? '';
  const parent = keys.reduce<unknown>(
    (value, key) => (value as Record<string, unknown>)[key],
    object,
  ) as Record<string, unknown>;
  if (operation.op === 'remove') delete parent[last];
  else parent[last] = operation.value;
}
