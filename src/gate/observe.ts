/** What the gate sees: caches of lists and watches, and out of them what concerns one workload. */
import type { Cluster, Collection, Trouble } from '../cluster/client.ts';
import { ApiError } from '../cluster/client.ts';
import { nodes } from '../cluster/paths.ts';
import type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  KubeObject,
  LabelSelector,
  Node,
  Pod,
  ReplicaSet,
  StatefulSet,
} from '../model/kube.ts';
import type { Observation } from '../model/observation.ts';
import type { WorkloadId } from '../model/workload.ts';
import { keepYoungSpaceSmall } from '../process/memory.ts';
import { type NamespaceCaches, openNamespace } from './caches.ts';
import { keepNode } from './keep.ts';
import type { Bounds } from './sight.ts';

/** A workload to watch: its name, and the labels by which its children can be asked for. */
export interface Watched extends WorkloadId {
  readonly selector: LabelSelector | undefined;
}

/** The caches behind a gate: one list and one watch per kind and namespace, whatever the number of workloads. */
export interface Observer {
  /** Resolves when every cache is filled, but for the events. */
  readonly ready: Promise<void>;
  /**
   * Begins to read the events, as the first who subscribes does, too. Resolves with those that were told by now, each
   * at the version that it had: what they say is not about what comes next.
   */
  told(): Promise<ReadonlySet<string>>;
  /** What the caches hold of one workload now: the same object until something of it changes. */
  observe(workload: WorkloadId): Observation;
  subscribe(listener: () => void): () => void;
  /** The first trouble of any cache: what they hold may then be stale. */
  trouble(): Trouble | undefined;
  /**
   * Whether the caches behind a workload hold all that there was at these moments, which lie in the past. Those that
   * may not are asked, and the listeners called when it is known, or is trouble.
   */
  sees(workload: WorkloadId, bounds: Bounds): boolean;
  stop(): void;
}

/** Opens the caches for some workloads. */
export function openObserver(cluster: Cluster, watched: readonly Watched[]): Observer {
  const seen = watched.some(({ kind }) => kind === 'DaemonSet') ? openNodes(cluster) : undefined;
  const namespaces = [...new Set(watched.map((each) => each.namespace))].map(
    (namespace) =>
      new Sight((isKnown) =>
        openNamespace(
          cluster,
          namespace,
          watched.filter((each) => each.namespace === namespace),
          isKnown,
        ),
      ),
  );
  // When the first lists are under way, and before their answers are here.
  setImmediate(keepYoungSpaceSmall);
  const all = namespaces.flatMap((each) => each.caches.collections);
  const sources: readonly Collection<KubeObject>[] = [
    ...all,
    ...(seen === undefined ? [] : [seen.collection]),
  ];
  const sightOf = ({ namespace }: WorkloadId): Sight => {
    const sight = namespaces.find((each) => each.caches.namespace === namespace);
    if (sight === undefined) throw new Error(`namespace ${namespace} is not observed`);
    return sight;
  };
  return {
    ready: Promise.all([...namespaces.flatMap(filled), seen?.ready]).then(() => undefined),
    told: async () => {
      const caches = namespaces.map((each) => each.caches.events);
      await Promise.all(caches.map((each) => each.ready));
      return new Set(caches.flatMap((each) => each.items().map(versionOf)));
    },
    observe: (workload) => sightOf(workload).observe(workload, seen?.items()),
    subscribe: (listener) => {
      // Before the listener, which will ask.
      for (const sight of namespaces) sight.follow();
      const off = sources.map((each) => each.subscribe(() => listener()));
      return () => {
        for (const each of off) each();
      };
    },
    trouble: () => [...all.map((each) => each.trouble()), seen?.trouble()].find((each) => each !== undefined),
    sees: (workload, bounds) => {
      // Each is asked, whatever the others say, so that they answer at the same time.
      const answers = [sightOf(workload).sees(bounds), seen?.sees(bounds.others) ?? true];
      return answers.every((each) => each);
    },
    stop: () => {
      for (const each of sources) each.stop();
    },
  };
}

function filled({ caches }: Sight): readonly Promise<void>[] {
  return withoutEvents(caches).map((each) => each.ready);
}

function withoutEvents({ collections, events }: NamespaceCaches): readonly Collection<KubeObject>[] {
  return collections.filter((each) => each !== events);
}

/** An event that comes again is the same object at another version. */
export function versionOf({ metadata }: KubeObject): string {
  return `${metadata?.uid}@${metadata?.resourceVersion}`;
}

interface Nodes {
  readonly collection: Collection<Node>;
  readonly ready: Promise<void>;
  /** undefined: they may not be listed. */
  items(): readonly Node[] | undefined;
  trouble(): Trouble | undefined;
  sees(since: number): boolean;
}

/**
 * Nodes lie outside of every namespace, and a Role can not grant them. Whether they may be listed is decided once, at
 * the start: a rollout that is judged by them half the way would be judged by two measures.
 */
function openNodes(cluster: Cluster): Nodes {
  const collection = cluster.collection<Node>({ path: nodes(), keep: keepNode });
  let hidden = false;
  const ready = collection.ready.catch((error: unknown) => {
    if (!(error instanceof ApiError && error.status === 403)) throw error;
    hidden = true;
    collection.stop();
  });
  return {
    collection,
    ready,
    items: () => (hidden ? undefined : collection.items()),
    trouble: () => (hidden ? undefined : collection.trouble()),
    sees: (since) => hidden || collection.sees(since),
  };
}

/**
 * One namespace, and what was last seen of each workload in it. An observation is made by asking the caches for one
 * key after the other: as long as nothing changes under any of these keys, another one would say the same.
 */
class Sight {
  readonly caches: NamespaceCaches;
  #follows = false;
  readonly #seen = new Map<
    string,
    { readonly observation: Observation; readonly nodes: readonly Node[] | undefined }
  >();
  /** Key that was asked for → for which workload. What is controlled has one controller, so it is of one workload. */
  readonly #asked = new Map<string, string>();

  constructor(open: (isKnown: (uid: string) => boolean) => NamespaceCaches) {
    this.caches = open((uid) => this.#asked.has(uid));
  }

  /** The caches stand still until somebody listens to them: only from then on is there anything to be told. */
  follow(): void {
    if (this.#follows) return;
    this.#follows = true;
    this.#seen.clear();
    for (const collection of this.caches.collections) {
      collection.subscribe((changed) => {
        if (changed === undefined) this.#seen.clear();
        else for (const key of changed) this.#seen.delete(this.#asked.get(key) ?? '');
      });
    }
  }

  sees({ own, others }: Bounds): boolean {
    const { pods, workloads } = this.caches;
    const ours: ReadonlySet<unknown> = new Set([pods, ...workloads.values()]);
    const answers = withoutEvents(this.caches).map((each) => each.sees(ours.has(each) ? own : others));
    return answers.every((each) => each);
  }

  observe({ kind, name }: WorkloadId, seenNodes: readonly Node[] | undefined): Observation {
    const itself = `${kind}/${name}`;
    const before = this.#seen.get(itself);
    if (before !== undefined && before.nodes === seenNodes) return before.observation;
    const find = <T extends KubeObject>(
      from: Collection<T> | undefined,
      key: string | undefined,
    ): readonly T[] => {
      if (key === undefined) return [];
      this.#asked.set(key, itself);
      return from?.find(key) ?? [];
    };
    const observation = observationOf(this.caches, { kind, name }, { find, nodes: seenNodes });
    this.#seen.set(itself, { observation, nodes: seenNodes });
    return observation;
  }
}

interface Eyes {
  /** What a cache holds under a key. */
  readonly find: <T extends KubeObject>(
    from: Collection<T> | undefined,
    key: string | undefined,
  ) => readonly T[];
  readonly nodes: readonly Node[] | undefined;
}

function observationOf(
  caches: NamespaceCaches,
  { kind, name }: Pick<WorkloadId, 'kind' | 'name'>,
  { find, nodes: seenNodes }: Eyes,
): Observation {
  const [workload] = find(caches.workloads.get(kind), `${kind}/${name}`);
  const itself = workload?.metadata?.uid;
  const sets = kind === 'Deployment' ? find<ReplicaSet>(caches.replicaSets, itself) : [];
  const revisions = kind === 'DaemonSet' ? find<ControllerRevision>(caches.revisions, itself) : [];
  const owners = kind === 'Deployment' ? uidsOf(sets) : [itself];
  const children = owners.flatMap((uid) => find<Pod>(caches.pods, uid));
  const concerned = [...new Set([itself, ...uidsOf(sets), ...uidsOf(children)])];
  const seen = { pods: children, events: concerned.flatMap((uid) => find(caches.events, uid)) };
  // A list's items bear no kind; which list it was, does.
  switch (kind) {
    case 'Deployment':
      return { kind, workload: workload as Deployment | undefined, replicaSets: sets, ...seen };
    case 'StatefulSet':
      return { kind, workload: workload as StatefulSet | undefined, ...seen };
    case 'DaemonSet':
      return { kind, workload: workload as DaemonSet | undefined, revisions, nodes: seenNodes, ...seen };
  }
}

function uidsOf(objects: readonly KubeObject[]): readonly (string | undefined)[] {
  return objects.map((object) => object.metadata?.uid);
}
