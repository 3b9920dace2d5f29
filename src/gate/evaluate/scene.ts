import type { Condition, Container, ContainerStatus, Event, KubeObject, Pod } from '../../model/kube.ts';
import type { Limits } from '../../model/limits.ts';
import type { Observation, Pin } from '../../model/observation.ts';

/** The pods of a workload sorted by whose trouble counts and whose does not; each kind does it its own way. */
export interface Cast {
  /** How many new pods there are to be: those that the rollout reaches, and waits for. */
  readonly replicas: number;
  /** New pods that live and are not being deleted, by name. Only these are ever blamed. */
  readonly pods: readonly Pod[];
  /** New pods that ended as a whole (phase Failed or Succeeded). */
  readonly ended: readonly Pod[];
  /** Pods of older templates, those being deleted too. Never blamed, only mentioned. */
  readonly oldPods: readonly Pod[];
  /** What the live log says while no new pod is in the making, and when all are ready. */
  readonly waiting: { readonly forNew: string; readonly atEnd: string };
}

/** What every rule looks at, whatever the kind. */
export interface Scene extends Cast {
  readonly pin: Pin;
  readonly limits: Limits;
  readonly now: number;
  readonly events: readonly Event[];
  /** spec.replicas as it is now: an autoscaler may change it mid-rollout. A DaemonSet has none. */
  readonly size: number | undefined;
  /** How many new pods there are, and how many are available, by the controller's count. */
  readonly updated: number;
  readonly available: number;
  readonly minReadySeconds: number;
  /** Whether the rollout cannot pass one pod that is lost: the deaths of one then decide, not those of all. */
  readonly oneDecides: boolean;
}

/** A question put to one kind. */
export interface Inquiry<Seen extends Observation = Observation> {
  readonly pin: Pin;
  readonly seen: Seen;
  readonly limits: Limits;
  readonly now: number;
}

/** Whether the object is controlled by the owner of this uid. Names and labels prove nothing: they come again. */
export function isOwnedBy(object: KubeObject, uid: string | undefined): boolean {
  if (uid === undefined) return false;
  return (object.metadata?.ownerReferences ?? []).some(
    (owner) => owner.controller === true && owner.uid === uid,
  );
}

/** Whether the controller has taken up the object as it stands: before that its status is of another time. */
export function isObserved(
  object: (KubeObject & { readonly status?: { readonly observedGeneration?: number } }) | undefined,
): boolean {
  return (object?.status?.observedGeneration ?? 0) >= (object?.metadata?.generation ?? 0);
}

export function uidOf(pod: Pod): string {
  return pod.metadata?.uid ?? '';
}

export function nameOf(pod: Pod): string {
  return pod.metadata?.name ?? '';
}

export function isLeaving(object: KubeObject): boolean {
  return object.metadata?.deletionTimestamp != null;
}

/** Whether rules of restart are set in the pod: one container's rule may restart all of them. */
export function isRuled(pod: Pod): boolean {
  return [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].some(
    (one) => (one.restartPolicyRules ?? []).length > 0,
  );
}

export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
}

export function isReady(pod: Pod): boolean {
  return conditionOf(pod, 'Ready')?.status === 'True';
}

export function isScheduled(pod: Pod): boolean {
  return conditionOf(pod, 'PodScheduled')?.status === 'True' || (pod.spec?.nodeName ?? '') !== '';
}

export function conditionOf(pod: Pod, type: string): Condition | undefined {
  return (pod.status?.conditions ?? []).find((condition) => condition.type === type);
}

/** What a container is to its pod: an init container with restartPolicy Always is a sidecar and must keep running. */
export type Role = 'container' | 'init container' | 'sidecar';

/** A container of a pod, as the pod's spec has it, with its status if the kubelet has written one. */
export interface Place {
  readonly pod: Pod;
  readonly key: string;
  readonly name: string;
  readonly role: Role;
  readonly container: Container;
  readonly status: ContainerStatus;
}

const known = new WeakMap<Pod, readonly Place[]>();

/** Every container of the pod, init containers first, as they start. */
export function placesOf(pod: Pod): readonly Place[] {
  // Each rule asks; of a thousand pods one has changed, and an object that was seen never changes.
  const before = known.get(pod);
  if (before !== undefined) return before;
  const places = findPlaces(pod);
  known.set(pod, places);
  return places;
}

function findPlaces(pod: Pod): readonly Place[] {
  const init = (pod.spec?.initContainers ?? []).map((container) =>
    placeOf(pod, container, container.restartPolicy === 'Always' ? 'sidecar' : 'init container'),
  );
  const main = (pod.spec?.containers ?? []).map((container) => placeOf(pod, container, 'container'));
  return [...init, ...main];
}

function placeOf(pod: Pod, container: Container, role: Role): Place {
  const name = container.name ?? '';
  const all = role === 'container' ? pod.status?.containerStatuses : pod.status?.initContainerStatuses;
  const status = (all ?? []).find((one) => one.name === name) ?? {};
  return { pod, key: `${uidOf(pod)}/${name}`, name, role, container, status };
}

/** For sorting pods. */
export function byName(one: Pod, other: Pod): number {
  return nameOf(one) < nameOf(other) ? -1 : 1;
}
