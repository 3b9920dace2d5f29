/**
 * What the caches keep of each object: what the model knows, which is what the rules read. Of thousands of pods all
 * the rest would be most of our memory: who manages which field, mounts, environments. Keeping of what was kept
 * changes nothing.
 */
import type {
  Condition,
  Container,
  ContainerStatus,
  Event,
  KubeObject,
  Node,
  ObjectMeta,
  Pod,
  PodSpec,
  Probe,
} from '../model/kube.ts';

/** Everything but who wrote which field. Of a workload that is kept: it names those who fight back. */
export function keepChild<T extends KubeObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata ?? {};
  return { ...object, metadata };
}

/** What is kept of a field: all of it, or what this leaves of it. */
type Keep<T> = {
  readonly [Field in keyof Required<T>]: true | false | ((value: NonNullable<T[Field]>) => T[Field]);
};

/** Those fields of an object that the model knows: the compiler asks for each of them here. */
function only<T extends object>(fields: Keep<T>): (object: T) => T {
  const known = Object.entries(fields) as [keyof T, true | false | ((value: unknown) => T[keyof T])][];
  return (object) => {
    const kept: Partial<T> = {};
    for (const [field, keep] of known) {
      const value = object[field];
      if (value === undefined || value === null || keep === false) continue;
      kept[field] = keep === true ? value : keep(value);
    }
    return kept as T;
  };
}

function each<T>(keep: (item: T) => T): (items: readonly T[]) => readonly T[] {
  return (items) => items.map(keep);
}

const probe = only<Probe>({
  initialDelaySeconds: true,
  periodSeconds: true,
  timeoutSeconds: true,
  successThreshold: true,
  failureThreshold: true,
});

const container = only<Container>({
  name: true,
  image: true,
  restartPolicy: true,
  restartPolicyRules: true,
  resources: ({ limits }) => (limits === undefined ? {} : { limits }),
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
});

const podSpec = only<PodSpec>({
  containers: each(container),
  initContainers: each(container),
  imagePullSecrets: true,
  serviceAccountName: true,
  nodeName: true,
  restartPolicy: true,
  readinessGates: true,
  schedulingGates: true,
  affinity: ({ nodeAffinity }) => (nodeAffinity === undefined ? {} : { nodeAffinity }),
});

const condition = only<Condition>({
  type: true,
  status: true,
  reason: true,
  message: true,
  lastUpdateTime: true,
  lastTransitionTime: true,
  observedGeneration: true,
});

const containerStatus = only<ContainerStatus>({
  name: true,
  image: true,
  imageID: true,
  ready: true,
  started: true,
  restartCount: true,
  state: true,
  lastState: true,
});

const podMetadata = only<ObjectMeta>({
  name: true,
  namespace: true,
  uid: true,
  resourceVersion: true,
  generation: true,
  labels: true,
  // Of pods no rule reads them, and tools write whole documents there.
  annotations: false,
  creationTimestamp: true,
  deletionTimestamp: true,
  ownerReferences: true,
  managedFields: false,
});

export const keepPod = only<Pod>({
  apiVersion: true,
  kind: true,
  metadata: podMetadata,
  spec: podSpec,
  status: only<NonNullable<Pod['status']>>({
    phase: true,
    reason: true,
    message: true,
    nominatedNodeName: true,
    conditions: each(condition),
    containerStatuses: each(containerStatus),
    initContainerStatuses: each(containerStatus),
  }),
});

/** A node's status lists every image that it holds: of thousands of nodes that would be all our memory. */
export function keepNode({ metadata, spec, status }: Node): Node {
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

/** The longest base of a generated name (k8s.io/apiserver pkg/storage/names, maxGeneratedNameLength, v0.36.3). */
const GENERATED_BASE = 58;

/**
 * Whether an event may be about a workload or its children, by the name of what it is about: controllers name their
 * children after themselves. Events know no labels, and may come before what they are about; one that is about an
 * object that was adopted under another name is ours once that object is known.
 */
export function mayConcern(
  workloads: readonly { readonly name: string }[],
  isKnown: (uid: string) => boolean,
): (event: Event) => boolean {
  const names = new Set(workloads.map(({ name }) => name));
  const cut = new Set(workloads.map(({ name }) => name.slice(0, GENERATED_BASE)));
  return ({ involvedObject: { name = '', uid } = {} }) => {
    if (names.has(name) || cut.has(name.slice(0, GENERATED_BASE)) || isKnown(uid ?? '')) return true;
    for (let end = name.lastIndexOf('-'); end > 0; end = name.lastIndexOf('-', end - 1)) {
      if (names.has(name.slice(0, end))) return true;
    }
    return false;
  };
}

/** Events that come with every pod and that no rule reads; the server leaves them out of lists and watches. */
const ROUTINE = ['Scheduled', 'SuccessfulDelete', 'ScalingReplicaSet'];

/**
 * @param deploymentsOnly of other kinds a creation that succeeds is what clears one that failed
 */
export function eventSelector(deploymentsOnly: boolean): string {
  const routine = deploymentsOnly ? [...ROUTINE, 'SuccessfulCreate'] : ROUTINE;
  return routine.map((reason) => `reason!=${reason}`).join(',');
}
