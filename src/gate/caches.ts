/** The lists and watches of one namespace: one of each kind, whatever the number of workloads. */
import type { Cluster, Collection } from '../cluster/client.ts';
import { controllerRevisions, events, pods, replicaSets, workloads } from '../cluster/paths.ts';
import type {
  ControllerRevision,
  Event,
  KubeObject,
  LabelSelector,
  Pod,
  ReplicaSet,
  Workload,
} from '../model/kube.ts';
import type { WorkloadKind } from '../model/observation.ts';
import type { WorkloadId } from '../model/workload.ts';
import { eventSelector, keepChild, keepPod, mayConcern } from './keep.ts';
import { LateCollection } from './late.ts';
import { anyMatches, commonSelector } from './selector.ts';

/**
 * Children are found by the uid of their controller, events by that of what they are about, workloads by
 * `<kind>/<name>`.
 */
export interface NamespaceCaches {
  readonly namespace: string;
  readonly collections: readonly Collection<KubeObject>[];
  readonly workloads: ReadonlyMap<WorkloadKind, Collection<Workload>>;
  /** Of Deployments. */
  readonly replicaSets: Collection<ReplicaSet> | undefined;
  /** Of DaemonSets. */
  readonly revisions: Collection<ControllerRevision> | undefined;
  readonly pods: Collection<Pod>;
  /** Read when they are first wanted: a namespace may have thousands, and nothing is decided by those of before. */
  readonly events: LateCollection<Event>;
}

/** Milliseconds. What the events say adds to what the objects say: they are waited for as long as anything is. */
const PATIENCE = 3_600_000;

interface Watched extends WorkloadId {
  readonly selector: LabelSelector | undefined;
}

/** @param isKnown whether an object of this uid was found to be one of the workloads' */
export function openNamespace(
  cluster: Cluster,
  namespace: string,
  watched: readonly Watched[],
  isKnown: (uid: string) => boolean,
): NamespaceCaches {
  const kinds = new Map<WorkloadKind, readonly Watched[]>();
  for (const each of watched) kinds.set(each.kind, [...(kinds.get(each.kind) ?? []), each]);
  const concerns = mayConcern(watched, isKnown);
  const deploymentsOnly = kinds.size === 1 && kinds.has('Deployment');
  const caches = {
    workloads: new Map(
      [...kinds].map(([kind, of]) => [kind, openWorkloads(cluster, kind, namespace, of)] as const),
    ),
    replicaSets: openChildren<ReplicaSet>(cluster, replicaSets(namespace), kinds.get('Deployment')),
    revisions: openChildren<ControllerRevision>(
      cluster,
      controllerRevisions(namespace),
      kinds.get('DaemonSet'),
    ),
    pods: openChildren<Pod>(cluster, pods(namespace), watched, keepPod) as Collection<Pod>,
    events: new LateCollection<Event>(() =>
      cluster.collection<Event>({
        path: events(namespace),
        fieldSelector: eventSelector(deploymentsOnly),
        keep: (event) => (concerns(event) ? keepChild(event) : undefined),
        keyOf: (event) => event.involvedObject?.uid,
        patience: PATIENCE,
      }),
    ),
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
  const names = new Set<string | undefined>(watched.map(({ name }) => name));
  return cluster.collection<Workload>({
    path: workloads(kind, namespace),
    ...(only === undefined ? {} : { fieldSelector: `metadata.name=${only.name}` }),
    keep: (workload) => (names.has(workload.metadata?.name) ? workload : undefined),
    keyOf: (workload) => `${kind}/${workload.metadata?.name}`,
  });
}

function openChildren<T extends KubeObject>(
  cluster: Cluster,
  path: string,
  parents: readonly Watched[] | undefined,
  keep: (child: T) => T = keepChild,
): Collection<T> | undefined {
  if (parents === undefined) return undefined;
  const selectors = parents.map(({ selector }) => selector);
  const labelSelector = commonSelector(selectors);
  const isAskedFor = anyMatches(selectors);
  return cluster.collection<T>({
    path,
    ...(labelSelector === undefined ? {} : { labelSelector }),
    keep: (child) => (isAskedFor(child.metadata?.labels) ? keep(child) : undefined),
    keyOf: controllerOf,
  });
}

function controllerOf({ metadata }: KubeObject): string | undefined {
  return metadata?.ownerReferences?.find(({ controller }) => controller === true)?.uid;
}
