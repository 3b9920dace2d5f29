import type { StatefulSet } from '../../model/kube.ts';
import type { Pin, StatefulSetObservation } from '../../model/observation.ts';
import type { Answers } from './answers.ts';
import { blockerOf, blockSigns } from './blocked.ts';
import { type Completion, incomplete } from './complete.ts';
import { type Refusal, refusalInEvents } from './create.ts';
import {
  byName,
  type Cast,
  hasEnded,
  type Inquiry,
  isLeaving,
  isObserved,
  isOwnedBy,
  isReady,
  nameOf,
} from './scene.ts';
import { isOfRevision, type Seat, seatsOf } from './seat.ts';
import { phaseOf } from './status.ts';

/** A StatefulSet's pods: those of the revision that its status calls the update's are new. */
interface StatefulSetCast extends Cast {
  readonly revision: string | undefined;
  readonly seats: readonly Seat[];
  /** The places that the rollout reaches: from the partition on, and below it where a pod is new already. */
  readonly reached: readonly Seat[];
  /** Ready pods beyond the replicas, not yet scaled away: the status counts them too. */
  readonly spare: number;
}

export function castStatefulSet(pin: Pin, seen: StatefulSetObservation): StatefulSetCast {
  const revision = revisionOf(pin, seen.workload);
  const own = seen.pods.filter((pod) => isOwnedBy(pod, pin.uid));
  const seats = seatsOf(seen.workload, own);
  const reached = seats.filter(({ due, pod }) => due || (pod !== undefined && isOfRevision(pod, revision)));
  const ours = reached
    .map(({ pod }) => pod)
    .filter((pod) => pod !== undefined)
    .filter((pod) => isOfRevision(pod, revision) && !isLeaving(pod));
  const seated = new Set(seats.map((seat) => seat.pod));
  const blocker = blockerOf(seen.workload, seats, revision);
  const forNew =
    blocker === undefined
      ? 'waiting for new pods'
      : `waiting for ${nameOf(blocker)} (older revision): ${phaseOf(blocker, seen.events)}`;
  return {
    replicas: reached.length,
    revision,
    seats,
    reached,
    spare: own.filter((pod) => isReady(pod) && !seated.has(pod)).length,
    pods: ours.filter((pod) => !hasEnded(pod)).sort(byName),
    ended: ours.filter(hasEnded).sort(byName),
    oldPods: own.filter((pod) => !isOfRevision(pod, revision) && !hasEnded(pod)),
    waiting: { forNew, atEnd: 'waiting for the controller' },
  };
}

/**
 * What the controller calls our template. Status and observedGeneration are written at once, so an observed status
 * names the revision of the template that stands; that of another generation may name an older one. That
 * currentRevision equals it proves nothing: after a revert it does from the start, with the bad pods still there.
 *
 * Source: updateStatefulSet and completeRollingUpdate, kubernetes
 * pkg/controller/statefulset/stateful_set_control.go:573-577, stateful_set_utils.go:639 (v1.36.3).
 */
function revisionOf(pin: Pin, workload: StatefulSet | undefined): string | undefined {
  const named = workload?.status?.updateRevision ?? '';
  return isObserved(workload) && named !== '' ? named : pin.revision;
}

/** What a StatefulSet answers (gate-rules.md, "StatefulSet"). */
export function askStatefulSet({ pin, seen, limits, now }: Inquiry<StatefulSetObservation>): Answers {
  const cast = castStatefulSet(pin, seen);
  const { workload } = seen;
  const size = cast.seats.length;
  const oldReady = cast.oldPods.filter(isReady).length;
  return {
    scene: {
      ...cast,
      pin: { ...pin, revision: cast.revision },
      limits,
      now,
      events: seen.events,
      size,
      updated: cast.pods.length,
      // The status counts old pods too; what they leave over is of new ones.
      available: Math.max(0, (workload?.status?.availableReplicas ?? 0) - oldReady),
      minReadySeconds: workload?.spec?.minReadySeconds ?? 0,
      oneDecides: true,
    },
    completion: completionOf(seen, cast),
    refusal: refusalOf(seen, cast),
    deadline: undefined,
    nothing: cast.reached.length === 0 ? nothingOf(size) : undefined,
    signs: blockSigns(seen, cast.seats, cast.revision),
    notes: partitionNotes(cast),
  };
}

function nothingOf(size: number): NonNullable<Answers['nothing']> {
  if (size === 0) {
    return {
      message: '0 replicas: nothing verified',
      note: 'nothing verified: the StatefulSet has 0 replicas',
    };
  }
  return {
    message: 'the partition keeps every pod as it is: nothing verified',
    note: `nothing verified: the partition is not below the ${size} replicas, so no pod gets the new image`,
  };
}

/**
 * All that must agree before a rollout is complete: the controller has observed it, every pod that the update
 * reaches is new and Ready, the pods below the partition are well too, and the status counts as many.
 *
 * Source: `kubectl rollout status`, StatefulSetStatusViewer, k8s.io/kubectl pkg/polymorphichelpers/rollout_status.go:120
 * (v0.36.3), which asks for readyReplicas where we ask for availableReplicas (minReadySeconds), and never looks at a pod.
 */
function completionOf({ workload }: StatefulSetObservation, cast: StatefulSetCast): Completion {
  const { replicas, reached, seats, spare, pods, revision } = cast;
  const behind: Completion = {
    kind: 'behind',
    lacks: 'the StatefulSet controller has not taken up the change',
  };
  if (revision === undefined) return behind;
  if (reached.length === 0) return isObserved(workload) ? { kind: 'complete' } : behind;
  const ready = pods.filter(isReady).length;
  if (pods.length !== replicas) return incomplete(`${pods.length} of ${replicas} new pods exist`);
  if (ready !== replicas) return incomplete(`${ready} of ${replicas} new pods are ready`);
  // All that are reached are well by now, so whoever is not stays at an older revision.
  const unwell = seats.find((seat) => !isWell(seat));
  if (unwell !== undefined) return incomplete(`pod ${unwell.name} below the partition is not ready`);
  if (!isObserved(workload)) return behind;
  const { updatedReplicas: updated = 0, availableReplicas: available = 0 } = workload?.status ?? {};
  const due = seats.filter((seat) => seat.due).length;
  if (updated < due) return incomplete(`${updated} of ${due} pods are new`);
  if (available < seats.length + spare) {
    return incomplete(`${Math.max(0, available - spare)} of ${seats.length} pods are available`);
  }
  return { kind: 'complete' };
}

function isWell({ pod }: Seat): boolean {
  return pod !== undefined && !isLeaving(pod) && !hasEnded(pod) && isReady(pod);
}

/** Only while a pod is lacking: the event stays when the trouble is over. */
function refusalOf(seen: StatefulSetObservation, { seats }: StatefulSetCast): Refusal | undefined {
  if (seats.every((seat) => seat.pod !== undefined)) return undefined;
  return refusalInEvents(seen.events, seen.workload?.metadata?.uid ?? '');
}

function partitionNotes({ reached, seats }: StatefulSetCast): readonly string[] {
  const kept = seats.length - reached.length;
  if (kept === 0 || reached.length === 0) return [];
  const pods = kept === 1 ? '1 pod is' : `${kept} pods are`;
  return [
    `${pods} kept at an older revision by the partition: ${reached.length} of ${seats.length} verified`,
  ];
}
