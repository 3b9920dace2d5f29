import type { Pod } from '../../model/kube.ts';
import type { Failure } from '../../model/verdict.ts';
import { eventsAbout } from './events.ts';
import type { EndedPods, Memory } from './memory.ts';
import {
  conditionOf,
  isLeaving,
  isReady,
  isScheduled,
  nameOf,
  placesOf,
  type Scene,
  uidOf,
} from './scene.ts';
import { NEVER_ALONE, type Sign } from './sign.ts';

/**
 * Pods that ended as a whole, which only a container with a restartPolicy of its own brings about: the controller
 * replaces them by new ones whose restartCount is 0, so the deaths are counted over all of them. A reason in the
 * status, or DisruptionTarget, says that the node or the scheduler did it (evicted, preempted, shut down).
 */
export function rememberEnded(before: EndedPods, scene: Scene, isFirstLook: boolean): EndedPods {
  const peak = Math.max(before.peak, scene.pods.length);
  const fresh = scene.ended.filter((pod) => !before.known.includes(uidOf(pod)));
  const known = scene.ended.map(uidOf);
  const own = isFirstLook ? [] : fresh.filter((pod) => !isNodesDoing(pod));
  const chief = own.at(-1);
  if (chief === undefined) return { ...before, peak, known };
  const places = placesOf(chief).filter((place) => place.status.state?.terminated !== undefined);
  const place = places.find((one) => (one.status.state?.terminated?.exitCode ?? 0) !== 0) ?? places.at(-1);
  return {
    known,
    peak,
    count: before.count + own.length,
    names: counted(before.names, own.map(nameOf)),
    firstAt: before.firstAt ?? scene.now,
    last: {
      pod: nameOf(chief),
      podUid: uidOf(chief),
      container: place?.name,
      exitCode: place?.status.state?.terminated?.exitCode ?? 0,
      reason: place?.status.state?.terminated?.reason ?? '',
    },
  };
}

function counted(
  before: Readonly<Record<string, number>>,
  ended: readonly string[],
): Readonly<Record<string, number>> {
  const names = { ...before };
  for (const name of ended) names[name] = (names[name] ?? 0) + 1;
  return names;
}

function isNodesDoing(pod: Pod): boolean {
  return (pod.status?.reason ?? '') !== '' || conditionOf(pod, 'DisruptionTarget')?.status === 'True';
}

/**
 * So many pods ended that at least one place among `peak` saw its third end (max-restarts + 1): with two ends in
 * each place, one more decides. Where one pod decides (a StatefulSet's come again under their names), the third end
 * of one name does. Nothing is said while all the pods that should be there are Ready.
 */
export function endedSigns(scene: Scene, memory: Memory): readonly Sign[] {
  const { count, names, firstAt, last, peak } = memory.ended;
  const allWell = scene.pods.length >= scene.replicas && scene.pods.every(isReady);
  if (last === undefined || firstAt === undefined || allWell) return [];
  const most = Math.max(...Object.values(names));
  const enough = scene.oneDecides
    ? most > scene.limits.maxRestarts
    : count > scene.limits.maxRestarts * Math.max(1, peak);
  const who = last.container === undefined ? 'every container' : `container ${last.container}`;
  const what = last.reason === 'OOMKilled' ? 'is killed for want of memory' : `exits ${last.exitCode}`;
  const failure: Failure = {
    code: 'pod-failed',
    message: `${who} ${what} and ends its pod (${count} ${count === 1 ? 'pod' : 'pods'})`,
    advice:
      "Look at the container's last log lines; its restartPolicy keeps it from being started again in the same pod.",
    subject: {
      pod: last.pod,
      podUid: last.podUid,
      ...(last.container === undefined ? {} : { container: last.container }),
    },
  };
  const patience = enough ? scene.limits.crashSpan : NEVER_ALONE;
  return [{ key: 'ended', failure, since: firstAt, patience }];
}

/**
 * The scheduler finds no node. Borne for five minutes, and longer while an autoscaler is making room
 * (cluster-autoscaler: TriggeredScaleUp, Karpenter: Nominated), a preemption is under way (nominatedNodeName), or an old
 * pod of the workload is ending, which may hold the very GPU or port that the new one wants (maxSurge 0).
 */
export function scheduleSigns(scene: Scene): readonly Sign[] {
  return scene.pods.flatMap((pod): readonly Sign[] => {
    const condition = conditionOf(pod, 'PodScheduled');
    if (isScheduled(pod) || condition?.status !== 'False') return [];
    const subject = { pod: nameOf(pod), podUid: uidOf(pod) };
    if (condition.reason === 'SchedulingGated') {
      const gates = (pod.spec?.schedulingGates ?? []).map((gate) => gate.name).join(', ');
      const message = `pod ${nameOf(pod)} waits for its scheduling gates${gates === '' ? '' : ` (${gates})`}`;
      const advice = 'Find out why the controller that set the scheduling gate does not take it away.';
      return [
        {
          key: `gated/${uidOf(pod)}`,
          failure: { code: 'unschedulable', message, advice, subject },
          patience: NEVER_ALONE,
        },
      ];
    }
    if (condition.reason !== 'Unschedulable') return [];
    const text = condition.message ?? '';
    const failure: Failure = {
      code: 'unschedulable',
      message: `pod ${nameOf(pod)} fits on no node: ${firstSentence(text)}`,
      quote: text,
      advice: scheduleAdvice(text),
      subject,
    };
    const patience = isRoomComing(scene, pod) ? NEVER_ALONE : scene.limits.patience.unschedulable;
    return [{ key: `unschedulable/${uidOf(pod)}`, failure, patience }];
  });
}

function isRoomComing(scene: Scene, pod: Pod): boolean {
  if ((pod.status?.nominatedNodeName ?? '') !== '' || scene.oldPods.some(isLeaving)) return true;
  const said = eventsAbout(scene.events, uidOf(pod), [
    'TriggeredScaleUp',
    'NotTriggerScaleUp',
    'Nominated',
  ]).at(-1);
  return said !== undefined && said.reason !== 'NotTriggerScaleUp';
}

/** "0/3 nodes are available: 3 Insufficient memory. preemption: …": what comes after is about preemption. */
function firstSentence(text: string): string {
  return text.split(/\. (?=preemption:|no new claims|$)/, 1)[0]?.replace(/\.$/, '') ?? text;
}

function scheduleAdvice(text: string): string {
  const short = /Insufficient ([\w./-]+)/.exec(text)?.[1]?.replace(/\.$/, '');
  if (short !== undefined) return `Lower the pod's request for ${short}, or add nodes that have it.`;
  if (/persistentvolumeclaim/.test(text))
    return 'Create the PersistentVolumeClaim that the pod refers to, or wait until it is bound.';
  if (/taint/.test(text)) return 'Add a toleration for the taint named, or nodes without it.';
  if (/affinity|selector/.test(text))
    return "Correct the pod's nodeSelector or affinity, or label a node to fit.";
  return 'Compare what the pod asks for with what the nodes have.';
}
