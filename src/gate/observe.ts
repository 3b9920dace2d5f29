import type { Cluster, Collection, Trouble } from '../cluster/client.ts';
import { ApiError } from '../cluster/client.ts';
import { controllerRevisions, events, nodes, pods, replicaSets, workloads } from '../cluster/paths.ts';
import type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  Event,
  KubeObject,
  LabelSelector,
  Node,
  Pod,
  ReplicaSet,
  StatefulSet,
  Workload,
} from '../model/kube.ts';
import type { Observation, WorkloadKind } from '../model/observation.ts';
import type { WorkloadId } from '../model/workload.ts';

/** A workload to watch: its name, and the labels by which its children can be asked for. */
export interface Watched extends WorkloadId {
  readonly selector: LabelSelector | undefined;
}

/** The caches behind a gate: one list and one watch per kind and namespace, whatever the number of workloads. */
export interface Observer {
  /** Resolves when every cache is filled. */
  readonly ready: Promise<void>;
  /** What the caches hold of one workload now. */
  observe(workload: WorkloadId): Observation;
  subscribe(listener: () => void): () => void;
  /** The first trouble of any cache: what they hold may then be stale. */
  trouble(): Trouble | undefined;
  stop(): void;
}

/** Opens the caches for some workloads. */
export function openObserver(cluster: Cluster, watched: readonly Watched[]): Observer {
  const seen = watched.some(({ kind }) => kind === 'DaemonSet') ? openNodes(cluster) : undefined;
  const namespaces = [...new Set(watched.map((each) => each.namespace))].map((namespace) =>
    openNamespace(
      cluster,
      namespace,
      watched.filter((each) => each.namespace === namespace),
    ),
  );
  const all: Collection<KubeObject>[] = namespaces.flatMap((each) => each.collections);
  const sources = [...all, ...(seen === undefined ? [] : [seen.collection])];
  return {
    ready: Promise.all([...all.map((each) => each.ready), seen?.ready]).then(() => undefined),
    observe: (workload) => {
      const caches = namespaces.find((each) => each.namespace === workload.namespace);
      if (caches === undefined) throw new Error(`namespace ${workload.namespace} is not observed`);
      return observationOf(caches, workload, seen?.items());
    },
    subscribe: (listener) => {
      const off = sources.map((each) => each.subscribe(listener));
      return () => {
        for (const each of off) each();
      };
    },
    trouble: () => [...all.map((each) => each.trouble()), seen?.trouble()].find((each) => each !== undefined),
    stop: () => {
      for (const each of sources) each.stop();
    },
  };
}

interface Nodes {
  readonly collection: Collection<Node>;
  readonly ready: Promise<void>;
  /** undefined: they may not be listed. */
  items(): readonly Node[] | undefined;
  trouble(): Trouble | undefined;
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
  };
}

/** A node's status lists every image that it holds: of thousands of nodes that would be all our memory. */
function keepNode({ metadata, spec, status }: Node): Node {
  const { name, uid, resourceVersion } = metadata ?? {};
  const conditions = (status?.conditions ?? []).filter(({ type }) => type === 'Ready');
  return {
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    ...(spec?.unschedulable === undefined ? {} : { spec: { unschedulable: spec.unschedulable } }),
    status: { conditions },
  };
}

interface NamespaceCaches {
  readonly namespace: string;
  readonly collections: readonly Collection<KubeObject>[];
  readonly workloads: ReadonlyMap<WorkloadKind, Collection<Workload>>;
  /** Of Deployments. */
  readonly replicaSets: Collection<ReplicaSet> | undefined;
  /** Of DaemonSets. */
  readonly revisions: Collection<ControllerRevision> | undefined;
  readonly pods: Collection<Pod>;
  readonly events: Collection<Event>;
}

function openNamespace(cluster: Cluster, namespace: string, watched: readonly Watched[]): NamespaceCaches {
  const kinds = new Map<WorkloadKind, readonly Watched[]>();
  for (const each of watched) kinds.set(each.kind, [...(kinds.get(each.kind) ?? []), each]);
  const openChildren = <T extends KubeObject>(
    path: string,
    parents: readonly Watched[] | undefined,
  ): Collection<T> | undefined => {
    if (parents === undefined) return undefined;
    const labelSelector = commonSelector(parents.map((each) => each.selector));
    return cluster.collection<T>({ path, ...(labelSelector === undefined ? {} : { labelSelector }) });
  };
  const caches = {
    workloads: new Map(
      [...kinds].map(([kind, of]) => [kind, openWorkloads(cluster, kind, namespace, of)] as const),
    ),
    replicaSets: openChildren<ReplicaSet>(replicaSets(namespace), kinds.get('Deployment')),
    revisions: openChildren<ControllerRevision>(controllerRevisions(namespace), kinds.get('DaemonSet')),
    pods: openChildren<Pod>(pods(namespace), watched) as Collection<Pod>,
    events: cluster.collection<Event>({ path: events(namespace) }),
  };
  const { workloads: byKind, ...children } = caches;
  const collections = [...byKind.values(), ...Object.values(children)].filter((each) => each !== undefined);
  return { namespace, collections, ...caches };
}

function openWorkloads(
  cluster: Cluster,
  kind: WorkloadKind,
  namespace: string,
  watched: readonly Watched[],
): Collection<Workload> {
  const [only] = watched.length === 1 ? watched : [];
  return cluster.collection<Workload>({
    path: workloads(kind, namespace),
    ...(only === undefined ? {} : { fieldSelector: `metadata.name=${only.name}` }),
  });
}

/**
 * The label selector that asks for the children of all the workloads and of as few others as may be. One
 * workload: its own selector. Several: the values of one label that all of them ask for by equality. It only
 * narrows: whose child an object is, its owner reference says.
 *
 * @returns undefined when nothing narrows
 */
export function commonSelector(selectors: readonly (LabelSelector | undefined)[]): string | undefined {
  const [first] = selectors;
  if (first === undefined) return undefined;
  if (selectors.length === 1) return renderSelector(first);
  const key = Object.keys(first.matchLabels ?? {}).find((label) =>
    selectors.every((selector) => selector?.matchLabels?.[label] !== undefined),
  );
  if (key === undefined) return undefined;
  const values = [...new Set(selectors.map((selector) => selector?.matchLabels?.[key] ?? ''))];
  return `${key} in (${values.join(',')})`;
}

/** A selector in the form that the query parameter takes (k8s.io/apimachinery labels.Parse). */
export function renderSelector(selector: LabelSelector): string | undefined {
  const equal = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    switch (operator) {
      case 'In':
        return `${key} in (${values.join(',')})`;
      case 'NotIn':
        return `${key} notin (${values.join(',')})`;
      case 'DoesNotExist':
        return `!${key}`;
      default:
        return `${key}`;
    }
  });
  const all = [...equal, ...expressions];
  return all.length === 0 ? undefined : all.join(',');
}

function observationOf(
  caches: NamespaceCaches,
  { kind, name }: WorkloadId,
  seenNodes: readonly Node[] | undefined,
): Observation {
  const workload = caches.workloads
    .get(kind)
    ?.items()
    .find((each) => each.metadata?.name === name);
  const itself = uidsOf(workload === undefined ? [] : [workload]);
  const sets = kind === 'Deployment' ? ownedBy(caches.replicaSets?.items() ?? [], itself) : [];
  const children = ownedBy(caches.pods.items(), kind === 'Deployment' ? uidsOf(sets) : itself);
  const concerned = new Set([...itself, ...uidsOf(sets), ...uidsOf(children)]);
  const seen = {
    pods: children,
    events: caches.events.items().filter((event) => concerned.has(event.involvedObject?.uid)),
  };
  // A list's items bear no kind; which list it was, does.
  switch (kind) {
    case 'Deployment':
      return { kind, workload: workload as Deployment | undefined, replicaSets: sets, ...seen };
    case 'StatefulSet':
      return { kind, workload: workload as StatefulSet | undefined, ...seen };
    case 'DaemonSet': {
      const revisions = ownedBy(caches.revisions?.items() ?? [], itself);
      return { kind, workload: workload as DaemonSet | undefined, revisions, nodes: seenNodes, ...seen };
    }
  }
}

function ownedBy<T extends KubeObject>(
  objects: readonly T[],
  owners: ReadonlySet<string | undefined>,
): readonly T[] {
  return objects.filter((object) =>
    object.metadata?.ownerReferences?.some((owner) => owner.controller === true && owners.has(owner.uid)),
  );
}

function uidsOf(objects: readonly KubeObject[]): ReadonlySet<string | undefined> {
  return new Set(objects.map((object) => object.metadata?.uid).filter((uid) => uid !== undefined));
}
