import type { Condition, ReplicaSet } from '../../model/kube.ts';
import type { DeploymentObservation, Pin } from '../../model/observation.ts';
import type { Answers } from './answers.ts';
import { type Completion, incomplete } from './complete.ts';
import type { Refusal } from './create.ts';
import type { PassedDeadline } from './overdue.ts';
import { newReplicaSet, ownedReplicaSets } from './replicaset.ts';
import {
  byName,
  type Cast,
  hasEnded,
  type Inquiry,
  isLeaving,
  isObserved,
  isOwnedBy,
  isReady,
} from './scene.ts';

/** A Deployment's pods: those of the ReplicaSet of our template are new. */
interface DeploymentCast extends Cast {
  readonly newSet: ReplicaSet | undefined;
  readonly oldSets: readonly ReplicaSet[];
}

export function castDeployment(pin: Pin, seen: DeploymentObservation): DeploymentCast {
  const newSet = newReplicaSet(pin, seen);
  const oldSets = ownedReplicaSets(pin, seen).filter((set) => set !== newSet);
  const ours = seen.pods
    .filter((pod) => isOwnedBy(pod, newSet?.metadata?.uid))
    .filter((pod) => !isLeaving(pod));
  return {
    // The API server always writes the default; 1 is that default.
    replicas: seen.workload?.spec?.replicas ?? 1,
    newSet,
    oldSets,
    pods: ours.filter((pod) => !hasEnded(pod)).sort(byName),
    ended: ours.filter(hasEnded).sort(byName),
    oldPods: seen.pods.filter(
      (pod) => oldSets.some((set) => isOwnedBy(pod, set.metadata?.uid)) && !hasEnded(pod),
    ),
    waiting: { forNew: 'waiting for new pods', atEnd: 'old pods end' },
  };
}

/** What a Deployment answers (gate-rules.md, "Deployment is healthy when"). */
export function askDeployment({ pin, seen, limits, now }: Inquiry<DeploymentObservation>): Answers {
  const cast = castDeployment(pin, seen);
  const none = {
    message: '0 replicas: nothing verified',
    note: 'nothing verified: the Deployment has 0 replicas',
  };
  return {
    scene: {
      ...cast,
      pin,
      limits,
      now,
      events: seen.events,
      size: cast.replicas,
      updated: cast.newSet?.status?.replicas ?? 0,
      available: cast.newSet?.status?.availableReplicas ?? 0,
      minReadySeconds: seen.workload?.spec?.minReadySeconds ?? 0,
      oneDecides: false,
    },
    completion: completionOf(seen, cast),
    refusal: refusalOf(pin, seen, cast),
    deadline: passedDeadline(pin, seen),
    nothing: cast.replicas === 0 ? none : undefined,
    signs: [],
    notes: [],
  };
}

/**
 * All that must agree before a rollout is complete. The Deployment's counts alone prove nothing: they may be of an
 * older generation, and they reach us by another watch than the pods. Conditions are not asked: Progressing is the
 * same formula and may be stale, and old pods may still be ending.
 */
function completionOf({ workload }: DeploymentObservation, cast: DeploymentCast): Completion {
  const { replicas, newSet, oldSets, oldPods, pods } = cast;
  const ready = pods.filter(isReady).length;
  if (newSet === undefined && replicas > 0) {
    const waits = oldPods.length === 0 ? '' : ` (old pods that have not ended: ${oldPods.length})`;
    return incomplete(`the new ReplicaSet does not exist yet${waits}`);
  }
  if (pods.length !== replicas) return incomplete(`${pods.length} of ${replicas} new pods exist`);
  if (ready !== replicas) return incomplete(`${ready} of ${replicas} new pods are ready`);
  if (!isObserved(workload)) {
    return { kind: 'behind', lacks: 'the deployment controller has not taken up the change' };
  }
  const old = oldSets.filter((set) => (set.spec?.replicas ?? 0) !== 0 || (set.status?.replicas ?? 0) !== 0);
  const {
    updatedReplicas: updated = 0,
    replicas: total = 0,
    availableReplicas: available = 0,
  } = workload?.status ?? {};
  if (old.length > 0)
    return incomplete(`old pods are still wanted (${old.map((set) => set.metadata?.name).join(', ')})`);
  if (updated !== replicas || total !== replicas) return incomplete(`${updated} of ${total} pods are new`);
  if (available !== replicas) return incomplete(`${available} of ${replicas} pods are available`);
  if (newSet !== undefined && !isFull(newSet, replicas)) {
    return { kind: 'behind', lacks: 'the new ReplicaSet has not been seen full' };
  }
  return { kind: 'complete' };
}

function isFull(set: ReplicaSet, replicas: number): boolean {
  const status = set.status ?? {};
  return (
    isObserved(set) &&
    (set.spec?.replicas ?? 0) === replicas &&
    (status.replicas ?? 0) === replicas &&
    (status.readyReplicas ?? 0) === replicas &&
    (status.availableReplicas ?? 0) === replicas
  );
}

/**
 * Only the new ReplicaSet's own condition counts: the Deployment's ReplicaFailure may be copied from an old one
 * (getReplicaFailures, kubernetes pkg/controller/deployment/progress.go:125, v1.36.3).
 */
function refusalOf(
  pin: Pin,
  { workload }: DeploymentObservation,
  { newSet }: DeploymentCast,
): Refusal | undefined {
  if (newSet !== undefined) {
    const failed = (newSet.status?.conditions ?? []).find(
      (one) => one.type === 'ReplicaFailure' && one.status === 'True' && one.reason === 'FailedCreate',
    );
    return failed === undefined ? undefined : { what: 'a new pod', text: failed.message ?? '' };
  }
  const failed = (workload?.status?.conditions ?? []).find(
    (one) => one.type === 'Progressing' && one.reason === 'ReplicaSetCreateError',
  );
  if (failed === undefined || stoodBefore(pin, failed)) return undefined;
  return {
    what: 'the new ReplicaSet',
    text: (failed.message ?? '').replace(/^Failed to create new replica set "[^"]*": /, ''),
  };
}

/** Whether the very same condition stood on the Deployment when it was patched. */
function stoodBefore(pin: Pin, condition: Condition): boolean {
  return pin.conditions.some(
    (old) =>
      old.type === condition.type &&
      old.status === condition.status &&
      old.reason === condition.reason &&
      old.message === condition.message &&
      old.lastUpdateTime === condition.lastUpdateTime &&
      old.lastTransitionTime === condition.lastTransitionTime,
  );
}

/**
 * The Deployment's own deadline, when it is about this rollout: observed, and not the condition that stood at the
 * patch (it stays for half a second and more after a patch, and in a rollback for longer). Nor can it be about us
 * before so much time has passed since the pin: onto an existing ReplicaSet the controller goes on counting from
 * the last rollout's progress (getNewReplicaSet sets FoundNewReplicaSet only where no condition is; kubernetes
 * pkg/controller/deployment/sync.go:165).
 */
function passedDeadline(pin: Pin, { workload }: DeploymentObservation): PassedDeadline | undefined {
  const condition = (workload?.status?.conditions ?? []).find(
    (one) => one.type === 'Progressing' && one.reason === 'ProgressDeadlineExceeded',
  );
  if (condition === undefined || !isObserved(workload) || stoodBefore(pin, condition)) return undefined;
  return { condition, seconds: workload?.spec?.progressDeadlineSeconds ?? 600 };
}
