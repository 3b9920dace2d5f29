import type { DaemonSet, PodTemplate } from '../../model/kube.ts';
import { DEFAULT_LIMITS } from '../../model/limits.ts';
import type { DaemonSetObservation, Pin } from '../../model/observation.ts';
import type { Failure } from '../../model/verdict.ts';
import type { Answers } from './answers.ts';
import { type Completion, incomplete } from './complete.ts';
import { type Refusal, refusalInEvents } from './create.ts';
import { type Spot, spotsOf } from './node.ts';
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
  uidOf,
} from './scene.ts';
import { isOfRevision } from './seat.ts';
import { NEVER_ALONE, type Sign } from './sign.ts';
import { sameTemplate } from './template.ts';

/** A DaemonSet's pods: those of the ControllerRevision of our template are new, on the nodes that count. */
interface DaemonSetCast extends Cast {
  readonly revision: string | undefined;
  readonly counted: readonly Spot[];
  /** Nodes that are not waited for, and whose pods are not blamed. */
  readonly excused: readonly Spot[];
  /** Nodes that should run a pod and have none, by the controller's count. */
  readonly missing: number;
}

export function castDaemonSet(
  pin: Pin,
  seen: DaemonSetObservation,
  share = DEFAULT_LIMITS.lateCrashShare,
): DaemonSetCast {
  const revision = revisionOf(pin, seen);
  const spots = spotsOf(pin, seen, revision);
  const fallen = spots.filter((spot) => spot.standing === 'fallen').length;
  const few = spots.length > 1 / share && fallen <= share * spots.length;
  const counts = ({ standing }: Spot): boolean => standing === 'counts' || (standing === 'fallen' && !few);
  const counted = spots.filter(counts);
  const all = counted.flatMap((spot) => spot.pods);
  const ours = all.filter((pod) => isOfRevision(pod, revision) && !isLeaving(pod));
  const { desiredNumberScheduled: desired = 0, currentNumberScheduled: current = 0 } =
    seen.workload?.status ?? {};
  const missing = isObserved(seen.workload) ? Math.max(0, desired - current) : 0;
  return {
    replicas: counted.length + missing,
    revision,
    counted,
    excused: spots.filter((spot) => !counts(spot)),
    missing,
    pods: ours.filter((pod) => !hasEnded(pod)).sort(byName),
    ended: ours.filter(hasEnded).sort(byName),
    oldPods: all.filter((pod) => !isOfRevision(pod, revision) && !hasEnded(pod)),
    waiting: { forNew: 'waiting for new pods', atEnd: 'waiting for the controller' },
  };
}

/**
 * The `controller-revision-hash` of our template's pods. The status names no revision, and the newest one that we see
 * may be of before the patch (it comes by another watch), so the template decides; of several that say the same, the
 * controller keeps the one of the greatest revision.
 *
 * Source: constructHistory and dedupCurHistories, kubernetes pkg/controller/daemon/update.go:293-348, 403 (v1.36.3).
 */
function revisionOf(pin: Pin, seen: DaemonSetObservation): string | undefined {
  const ours = seen.revisions
    .filter((one) => isOwnedBy(one, pin.uid))
    .filter((one) => sameTemplate(stored(one.data?.spec?.template), pin.template))
    .sort((one, other) => (other.revision ?? 0) - (one.revision ?? 0));
  return ours[0]?.metadata?.labels?.['controller-revision-hash'];
}

/** Without the directive that makes a patch of it (getPatch, the same file, 499). */
function stored(template: (PodTemplate & { readonly $patch?: string }) | undefined): PodTemplate | undefined {
  if (template === undefined) return undefined;
  const { $patch: _directive, ...rest } = template;
  return rest;
}

/** What a DaemonSet answers (gate-rules.md, "DaemonSet"). */
export function askDaemonSet({ pin, seen, limits, now }: Inquiry<DaemonSetObservation>): Answers {
  const cast = castDaemonSet(pin, seen, limits.lateCrashShare);
  const { workload } = seen;
  const oldReady = cast.oldPods.filter(isReady).length;
  const completion = completionOf(seen, cast);
  return {
    scene: {
      ...cast,
      pin,
      limits,
      now,
      events: seen.events,
      size: undefined,
      updated: cast.pods.length,
      // The status counts old pods too; what they leave over is of new ones.
      available: Math.max(0, (workload?.status?.numberAvailable ?? 0) - oldReady),
      minReadySeconds: workload?.spec?.minReadySeconds ?? 0,
      oneDecides: false,
    },
    completion,
    refusal: refusalOf(seen, cast),
    deadline: undefined,
    nothing: isNowhere(seen, cast)
      ? { message: '0 nodes: nothing verified', note: 'nothing verified: no node is to run a pod of it' }
      : undefined,
    signs: nodeSigns(workload, cast),
    notes: excuseNotes(cast),
  };
}

function isNowhere({ workload }: DaemonSetObservation, { counted, excused }: DaemonSetCast): boolean {
  const desired = workload?.status?.desiredNumberScheduled ?? 0;
  return isObserved(workload) && desired === 0 && counted.length === 0 && excused.length === 0;
}

/**
 * All that must agree before a rollout is complete: on every node that counts a new pod is Ready and no old one
 * stays, no node lacks a pod, the controller has observed it, and its counts say so too. They leave out what is
 * excused: a node that is not Ready keeps an old pod for ever, and an old pod that is ending, being older, is the
 * one that the status speaks of.
 *
 * Source: `kubectl rollout status`, DaemonSetStatusViewer, k8s.io/kubectl pkg/polymorphichelpers/rollout_status.go:95
 * (v0.36.3), which waits for every node; the counts: daemon_controller.go:1209-1243 (v1.36.3).
 */
function completionOf(seen: DaemonSetObservation, cast: DaemonSetCast): Completion {
  const { replicas, revision, counted, excused, missing, pods, oldPods } = cast;
  const { workload } = seen;
  if (isNowhere(seen, cast)) return { kind: 'complete' };
  if (revision === undefined) return incomplete('the new revision does not exist yet');
  const well = new Set(pods.filter(isReady));
  const ready = counted.filter((spot) => spot.pods.some((pod) => well.has(pod))).length;
  if (replicas > 0 && (ready !== replicas || !pods.every(isReady))) {
    return incomplete(`${ready} of ${replicas} nodes have a new pod that is ready`);
  }
  // Its pod may still be called Ready for a moment: the word of a kubelet that is not heard any more.
  const fallen = counted.find((spot) => spot.standing === 'fallen');
  if (fallen !== undefined) return incomplete(`node ${fallen.node} is not Ready any more`);
  const staying = oldPods.filter((pod) => !isLeaving(pod));
  if (staying.length > 0) return incomplete(`old pods still run (${staying.map(nameOf).join(', ')})`);
  if (!isObserved(workload)) {
    return { kind: 'behind', lacks: 'the DaemonSet controller has not taken up the change' };
  }
  if (counted.length === 0) {
    return incomplete(`none of the ${excused.length + missing} nodes that are to run a pod of it counts`);
  }
  const {
    desiredNumberScheduled: desired = 0,
    updatedNumberScheduled: updated = 0,
    numberAvailable: available = 0,
  } = workload?.status ?? {};
  const ending = new Set(oldPods);
  const slack = [
    ...excused.filter((spot) => !spot.pods.some((pod) => isOfRevision(pod, revision) && isReady(pod))),
    ...counted.filter((spot) => spot.pods.some((pod) => ending.has(pod))),
  ].length;
  if (updated < desired - slack) return incomplete(`${updated} of ${desired} pods are new`);
  if (available < desired - slack) return incomplete(`${available} of ${desired} pods are available`);
  return { kind: 'complete' };
}

/** Only while a pod is lacking: the event stays when the trouble is over. */
function refusalOf(seen: DaemonSetObservation, { missing }: DaemonSetCast): Refusal | undefined {
  return missing === 0 ? undefined : refusalInEvents(seen.events, seen.workload?.metadata?.uid ?? '');
}

/** Nodes that keep the rollout from its end. That is no proof against the image; when time is up, they are named. */
function nodeSigns(workload: DaemonSet | undefined, cast: DaemonSetCast): readonly Sign[] {
  const fallen = cast.counted
    .filter((spot) => spot.standing === 'fallen')
    .map(({ node, pods }): Sign => {
      const pod = pods.find((one) => isOfRevision(one, cast.revision) && !isLeaving(one));
      const failure: Failure = {
        code: 'no-progress',
        message: `node ${node} was Ready until the new pod had started on it, and is not any more`,
        advice: `Look at the node (kubectl describe node ${node}): if the DaemonSet serves the node itself (network, storage), the new image may be the cause.`,
        ...(pod === undefined ? {} : { subject: { pod: nameOf(pod), podUid: uidOf(pod) } }),
      };
      return { key: `node/${node}`, failure, patience: NEVER_ALONE };
    });
  const down = cast.excused.filter((spot) => spot.standing === 'not-ready');
  const total = cast.counted.length + cast.excused.length + cast.missing;
  const allowed = maxUnavailable(workload, total);
  const waits = cast.oldPods.some((pod) => !isLeaving(pod));
  if (!waits || allowed === undefined || down.length < allowed) return fallen;
  const names = down.map((spot) => spot.node);
  const failure: Failure = {
    code: 'no-progress',
    message: `${list(names)} not Ready, which uses up maxUnavailable (${allowed}): the controller replaces no other pod`,
    advice: 'Bring the nodes back or remove them from the cluster, or raise maxUnavailable.',
  };
  return [...fallen, { key: 'node/down', failure, patience: NEVER_ALONE }];
}

/**
 * How many pods may be unavailable; undefined when the rollout surges instead. Pods on nodes that are not Ready are
 * among them, those being deleted too.
 *
 * Source: rollingUpdate and updatedDesiredNodeCounts, kubernetes pkg/controller/daemon/update.go:69-126, 600-615;
 * the percentage is rounded up: UnavailableCount, pkg/controller/daemon/util/daemonset_util.go (v1.36.3).
 */
function maxUnavailable(workload: DaemonSet | undefined, nodes: number): number | undefined {
  const { maxSurge = 0, maxUnavailable: given = 1 } = workload?.spec?.updateStrategy?.rollingUpdate ?? {};
  if (scaled(maxSurge, nodes) > 0) return undefined;
  return Math.max(1, scaled(given, nodes));
}

function scaled(value: number | string, of: number): number {
  return typeof value === 'string' ? Math.ceil((Number.parseFloat(value) * of) / 100) : value;
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  return names.length === 1 ? `node ${shown} is` : `nodes ${shown}${more} are`;
}

function excuseNotes({ excused }: DaemonSetCast): readonly string[] {
  const of = (standing: Spot['standing']): readonly string[] =>
    excused.filter((spot) => spot.standing === standing).map((spot) => spot.node);
  const told: readonly (readonly [readonly string[], string])[] = [
    [of('not-ready'), 'not Ready'],
    [of('fallen'), 'not Ready any more'],
    [of('late'), 'newer than the patch'],
    [of('gone'), 'gone'],
  ];
  return told
    .filter(([names]) => names.length > 0)
    .map(([names, why]) => `not verified: ${list(names)} ${why}`);
}
