import type { Pod, StatefulSet } from '../../model/kube.ts';
import type { Pin, StatefulSetObservation } from '../../model/observation.ts';
import type { Failure } from '../../model/verdict.ts';
import { hasEnded, isLeaving, isObserved, isOwnedBy, isReady, nameOf, uidOf } from './scene.ts';
import { isOfRevision, type Seat, seatsOf } from './seat.ts';
import { NEVER_ALONE, type Sign } from './sign.ts';
import { phaseOf } from './status.ts';

/**
 * Whether the controller updates no pod now, because pods are not well. With OrderedReady it stops at the first that
 * is not Ready, of whatever revision (kubernetes#67250): processReplica, kubernetes
 * pkg/controller/statefulset/stateful_set_control.go:463-485 (v1.36.3). With Parallel it stops when as many as
 * maxUnavailable are not, where that feature is on: updateStatefulSetAfterInvariantEstablished, the same file, 772.
 * Where it is off, the update goes from the highest ordinal down and waits for no old pod, which we cannot see.
 */
function isStopped(workload: StatefulSet | undefined, seats: readonly Seat[]): boolean {
  const unwell = seats.filter(
    ({ pod }) => pod === undefined || isLeaving(pod) || hasEnded(pod) || !isReady(pod),
  ).length;
  return unwell >= (isOrdered(workload) ? 1 : maxUnavailable(workload, seats.length));
}

function isOrdered(workload: StatefulSet | undefined): boolean {
  return workload?.spec?.podManagementPolicy !== 'Parallel';
}

/** Source: getStatefulSetMaxUnavailable, kubernetes pkg/controller/statefulset/stateful_set_utils.go:688 (v1.36.3). */
function maxUnavailable(workload: StatefulSet | undefined, replicas: number): number {
  const given = workload?.spec?.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1;
  const number = typeof given === 'string' ? Math.floor((Number.parseFloat(given) * replicas) / 100) : given;
  return Math.max(1, number);
}

/**
 * Pods of other revisions that are not Ready and stay so: one that is being deleted goes by itself, and one that has
 * ended is deleted by the controller (processReplica, the same file, 425).
 */
function unwellOld(seats: readonly Seat[], revision: string | undefined): readonly (Seat & { pod: Pod })[] {
  return seats.flatMap(({ pod, ...seat }) => {
    if (pod === undefined || revision === undefined || isOfRevision(pod, revision)) return [];
    return isLeaving(pod) || hasEnded(pod) || isReady(pod) ? [] : [{ ...seat, pod }];
  });
}

function isDone(seats: readonly Seat[], revision: string | undefined): boolean {
  return seats.every(({ due, pod }) => !due || (pod !== undefined && isOfRevision(pod, revision)));
}

/** The pod of an older revision that holds up the update now, as far as it is no new pod that does. */
export function blockerOf(
  workload: StatefulSet | undefined,
  seats: readonly Seat[],
  revision: string | undefined,
): Pod | undefined {
  if (isDone(seats, revision) || !isStopped(workload, seats)) return undefined;
  return unwellOld(seats, revision)[0]?.pod;
}

/**
 * Pods of an older revision that keep the rollout from its end. The image that is rolled out has no part in it, so
 * they prove nothing, but when time is up they are what a person must know.
 */
export function blockSigns(
  { workload, events }: StatefulSetObservation,
  seats: readonly Seat[],
  revision: string | undefined,
): readonly Sign[] {
  const blocker = blockerOf(workload, seats, revision);
  const done = isDone(seats, revision);
  const signs = unwellOld(seats, revision)
    .filter(({ pod, due }) => pod === blocker || (done && !due))
    .map(({ pod }): Sign => {
      const name = nameOf(pod);
      const why = isOrdered(workload)
        ? 'podManagementPolicy OrderedReady'
        : `maxUnavailable ${maxUnavailable(workload, seats.length)}`;
      const failure: Failure = {
        code: 'no-progress',
        message: done
          ? `pod ${name}, which the partition keeps at an older revision, is not ready: ${phaseOf(pod, events)}`
          : `pod ${name} of an older revision is not ready and holds up the update (${why}): ${phaseOf(pod, events)}`,
        advice: done
          ? `Mend pod ${name}: the StatefulSet is whole only with it.`
          : `Mend or delete pod ${name}: while it is not ready, the controller replaces no other pod, and not this one either.`,
        subject: { pod: name, podUid: uidOf(pod) },
      };
      return { key: `blocked/${uidOf(pod)}`, failure, patience: NEVER_ALONE };
    });
  const ending = seats.find(({ due, pod }) => due && pod !== undefined && isLeaving(pod))?.pod;
  if (ending === undefined) return signs;
  const failure: Failure = {
    code: 'no-progress',
    message: `pod ${nameOf(ending)} is being deleted and does not end`,
    advice: `Look at its node, its finalizers and its grace period: its place is filled anew only when it is gone.`,
    subject: { pod: nameOf(ending), podUid: uidOf(ending) },
  };
  return [...signs, { key: `ending/${uidOf(ending)}`, failure, patience: NEVER_ALONE }];
}

/**
 * The pods that must be evicted for a reverted StatefulSet to heal, in the order in which to do it: the highest
 * ordinal first, as the controller itself would. All of them: while one is left, the controller does not even fill
 * the places of the others. None before it has observed the revert (it would make the bad pod anew), none below the
 * partition (the same), none that it replaces by itself, and none while nothing is held up.
 *
 * @param bad the revision that failed (`pin.revision` of the rollout that is reverted): a pod of any other was ill
 *   before and is not ours to evict. Undefined when that is not known any more: any revision but the right one.
 */
export function stuckPods(args: {
  /** Of the revert. */
  readonly pin: Pin;
  readonly seen: StatefulSetObservation;
  readonly bad?: string | undefined;
}): readonly Pod[] {
  const { pin, seen, bad } = args;
  const { workload } = seen;
  const revision = workload?.status?.updateRevision;
  const current =
    workload !== undefined &&
    workload.metadata?.uid === pin.uid &&
    (workload.metadata.generation ?? 0) >= pin.generation &&
    isObserved(workload);
  if (!current || revision === undefined || workload.spec?.updateStrategy?.type === 'OnDelete') return [];
  const seats = seatsOf(
    workload,
    seen.pods.filter((pod) => isOwnedBy(pod, pin.uid)),
  );
  if (isDone(seats, revision) || !isStopped(workload, seats)) return [];
  return unwellOld(seats, revision)
    .filter(({ due, pod }) => due && (bad === undefined || isOfRevision(pod, bad)))
    .map(({ pod }) => pod)
    .reverse();
}
