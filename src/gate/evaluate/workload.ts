import type { Limits } from '../../model/limits.ts';
import type { Observation, Pin } from '../../model/observation.ts';
import type { Verdict } from '../../model/verdict.ts';
import type { Answers } from './answers.ts';
import { askDaemonSet, castDaemonSet } from './daemonset.ts';
import { askDeployment, castDeployment } from './deployment.ts';
import { type Evaluation, judge } from './judge.ts';
import { begin, type Memory } from './memory.ts';
import { remember } from './remember.ts';
import { takeStance } from './repin.ts';
import type { Cast, Inquiry, Scene } from './scene.ts';
import { askStatefulSet, castStatefulSet } from './statefulset.ts';
import { lineOf, type PodPhase, phasesOf } from './status.ts';

export type { Evaluation } from './judge.ts';
export { begin, beginAgain, type Memory } from './memory.ts';

interface Question {
  readonly pin: Pin;
  readonly memory: Memory;
  readonly seen: Observation;
  readonly limits: Limits;
  readonly now: number;
}

/**
 * Is the rollout of a workload healthy, failed, or still under way? A pure step: what was pinned, what is
 * remembered, what the caches hold, and the time go in; the verdict and the new memory come out. Every rule is in
 * docs/gate-rules.md and has its rows in __tests__/gate/evaluate/.
 */
export function evaluate({ pin, memory, seen, limits, now }: Question): Evaluation {
  if (seen.kind !== pin.kind) throw new Error(`a ${pin.kind} was pinned, and a ${seen.kind} is observed`);
  const stance = takeStance(pin, seen);
  switch (stance.kind) {
    case 'superseded':
    case 'unknown':
      return { verdict: stance, memory, pin, recheckIn: undefined, notes: [] };
    case 'behind':
      return awaitPatch({ pin, memory, seen, limits, now });
    case 'ours': {
      const answers = ask({ pin: stance.pin, seen, limits, now });
      return judge(answers, remember(memory, answers.scene), scaled(memory, answers.scene));
    }
    case 'anew': {
      const answers = ask({ pin: stance.pin, seen, limits, now });
      const fresh: Memory = { ...begin(stance.pin, now), startedAt: memory.startedAt };
      const notes = [stance.note, ...scaled(memory, answers.scene)];
      return judge(answers, remember(fresh, answers.scene), notes);
    }
  }
}

/** The line of the live log, for a moment between two evaluations. */
export function statusLine(pin: Pin, seen: Observation, holding?: number): string {
  return lineOf(castOf(pin, seen), seen.events, holding);
}

/** Every new pod that is not being deleted, by name, with what it does now. */
export function podPhases(pin: Pin, seen: Observation): readonly PodPhase[] {
  return phasesOf(castOf(pin, seen), seen.events);
}

function ask(inquiry: Inquiry): Answers {
  const { seen } = inquiry;
  switch (seen.kind) {
    case 'Deployment':
      return askDeployment({ ...inquiry, seen });
    case 'StatefulSet':
      return askStatefulSet({ ...inquiry, seen });
    case 'DaemonSet':
      return askDaemonSet({ ...inquiry, seen });
  }
}

function castOf(pin: Pin, seen: Observation): Cast {
  switch (seen.kind) {
    case 'Deployment':
      return castDeployment(pin, seen);
    case 'StatefulSet':
      return castStatefulSet(pin, seen);
    case 'DaemonSet':
      return castDaemonSet(pin, seen);
  }
}

/** Our own patch has not come back through the watch: nothing seen yet is about it, but time runs. */
function awaitPatch({ pin, memory, limits, now }: Question): Evaluation {
  const at = Math.min(memory.progressAt + limits.timeout, memory.startedAt + limits.deadline);
  const message = 'waiting for the cluster to show the patch';
  const verdict: Verdict =
    at > now ? { kind: 'progressing', message } : { kind: 'unknown', message: `${message}: it never did` };
  return { verdict, memory, pin, recheckIn: at > now ? at - now : undefined, notes: [] };
}

function scaled(before: Memory, { size }: Scene): readonly string[] {
  if (before.replicas === undefined || size === undefined || before.replicas === size) return [];
  return [`scaled from ${before.replicas} to ${size} replicas during the rollout`];
}
