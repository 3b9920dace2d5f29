import type { Condition } from '../../model/kube.ts';
import type { Failure } from '../../model/verdict.ts';
import type { Completion } from './complete.ts';
import type { Memory } from './memory.ts';
import { standstillAt } from './progress.ts';
import { isReady, nameOf, type Scene, uidOf } from './scene.ts';
import { duration, type Sign } from './sign.ts';
import { phaseOf } from './status.ts';

/** A controller's own deadline that has passed, and how long it was. */
export interface PassedDeadline {
  readonly condition: Condition;
  readonly seconds: number;
}

/** The timers over all: which has run out, if any, and when the next one does. */
export interface Overdue {
  readonly failure: Failure | undefined;
  readonly at: number;
}

/**
 * Time is up: the cause is the most telling sign there is, and the timer that fired stands behind it. While the
 * hold runs, no timer does: the rollout is complete, and the hold ends by itself.
 */
export function overdue(
  scene: Scene,
  memory: Memory,
  completion: Completion,
  signs: readonly Sign[],
  own: PassedDeadline | undefined,
): Overdue {
  const { now, limits } = scene;
  const cause = causeOf(scene, completion, signs);
  if (memory.heldSince !== undefined) {
    if (completion.kind === 'complete') return { failure: undefined, at: Infinity };
    // Held, and a controller does not catch up: that is no standstill of the pods, but it may not last for ever.
    const at = Math.max(memory.startedAt + limits.deadline, memory.heldSince + limits.timeout);
    const fired = `the deadline of ${duration(limits.deadline)} passed`;
    return { failure: at <= now ? named(cause, 'deadline', fired) : undefined, at };
  }
  // Not sooner after the pin than it is long, or it was counted from an older rollout. The cluster's times are whole
  // seconds, so two are allowed for.
  const passedAt = own === undefined ? Infinity : memory.pinnedAt + Math.max(0, own.seconds - 2) * 1000;
  if (own !== undefined && passedAt <= now) {
    const fired = `the ${scene.pin.kind}'s progress deadline of ${duration(own.seconds * 1000)} passed`;
    const quote = cause.quote ?? own.condition.message;
    return {
      failure: { ...named(cause, 'progress-deadline', fired), ...(quote === undefined ? {} : { quote }) },
      at: now,
    };
  }
  const standstill = standstillAt(scene, memory);
  const deadline = memory.startedAt + limits.deadline;
  if (standstill <= now) {
    return {
      failure: named(cause, 'no-progress', `no progress for ${duration(standstill - memory.progressAt)}`),
      at: now,
    };
  }
  if (deadline <= now) {
    return {
      failure: named(cause, 'deadline', `the deadline of ${duration(limits.deadline)} passed`),
      at: now,
    };
  }
  return { failure: undefined, at: Math.min(standstill, deadline, passedAt) };
}

function named(cause: Failure, code: Failure['code'], fired: string): Failure {
  return { ...cause, code, message: `${cause.message} (${fired})` };
}

function causeOf(scene: Scene, completion: Completion, signs: readonly Sign[]): Failure {
  const [first] = signs;
  if (first !== undefined) return first.failure;
  const pod = scene.pods.find((one) => !isReady(one));
  const { kind, namespace, name } = scene.pin;
  const told = kind === 'Deployment' ? 'conditions and events' : 'events';
  const lacks = completion.kind === 'complete' ? 'complete, but not held' : completion.lacks;
  return {
    code: 'no-progress',
    message: pod === undefined ? lacks : `${lacks}, ${nameOf(pod)}: ${phaseOf(pod, scene.events)}`,
    advice: `Look at the ${kind}'s ${told}: kubectl -n ${namespace} describe ${kind.toLowerCase()} ${name}.`,
    ...(pod === undefined ? {} : { subject: { pod: nameOf(pod), podUid: uidOf(pod) } }),
  };
}
