/**
 * What the caches keep of each object. Of thousands of pods the fields that no rule reads would be most of our
 * memory: who manages which field, mounts, environments. Keeping of what was kept changes nothing.
 */
import type { Container, Event, KubeObject, Node, Pod } from '../model/kube.ts';

/** Everything but who wrote which field. Of a workload that is kept: it names those who fight back. */
export function keepChild<T extends KubeObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata ?? {};
  return { ...object, metadata };
}

export function keepPod(pod: Pod): Pod {
  const { metadata, spec, status } = keepChild(pod);
  if (spec === undefined) return { metadata: metadata ?? {}, ...(status === undefined ? {} : { status }) };
  const { volumes: _v, tolerations: _t, ...rest } = spec as typeof spec & Unread;
  const { containers, initContainers } = rest;
  return {
    metadata: metadata ?? {},
    spec: {
      ...rest,
      ...(containers === undefined ? {} : { containers: containers.map(keepContainer) }),
      ...(initContainers === undefined ? {} : { initContainers: initContainers.map(keepContainer) }),
    },
    ...(status === undefined ? {} : { status }),
  };
}

/** Fields of pods and containers that may be long and that no rule reads: the model does not know them. */
type Unread = Readonly<
  Record<'volumes' | 'tolerations' | 'env' | 'envFrom' | 'volumeMounts' | 'command' | 'args', unknown>
>;

function keepContainer(container: Container): Container {
  const {
    env: _e,
    envFrom: _f,
    volumeMounts: _v,
    command: _c,
    args: _a,
    ...rest
  } = container as Unread & Container;
  return rest;
}

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
