import type { Pin } from '../../model/observation.ts';
import type { Verdict } from '../../model/verdict.ts';
import type { Answers } from './answers.ts';
import { notesOf } from './complete.ts';
import { crashSigns } from './crash.ts';
import { createSigns } from './create.ts';
import { heldSince, holdFor, lateSigns, markHeld } from './hold.ts';
import type { Memory } from './memory.ts';
import { overdue } from './overdue.ts';
import { endedSigns, scheduleSigns } from './pod.ts';
import { pullSigns } from './pull.ts';
import { readinessSigns } from './readiness.ts';
import { dueAt, duration, type Sign } from './sign.ts';
import { startSigns } from './start.ts';
import { lineOf } from './status.ts';
import { volumeSigns } from './volume.ts';

export interface Evaluation {
  readonly verdict: Verdict;
  /** What the next call needs; plain data. */
  readonly memory: Memory;
  /** The same, or pinned anew (the generation moved and our image is still there). */
  readonly pin: Pin;
  /** Milliseconds from now at which the verdict may change without any event; undefined: never. */
  readonly recheckIn: number | undefined;
  /** Lines for the live log about what happened between the two calls. */
  readonly notes: readonly string[];
}

/** Makes the verdict of what a kind answers and what is remembered, by the rules that are the same for all. */
export function judge(answers: Answers, known: Memory, notes: readonly string[]): Evaluation {
  const { scene, completion, nothing } = answers;
  const signs = readSigns(answers, known);
  const memory = settle(known, answers, signs);
  const { pin, now, limits } = scene;
  const end = (verdict: Verdict): Evaluation => ({ verdict, memory, pin, recheckIn: undefined, notes });

  const failed = signs.find((sign) => dueAt(sign, memory.signs, now) <= now);
  if (failed !== undefined) return end({ kind: 'failed', failure: failed.failure });

  const hold = nothing !== undefined ? 0 : holdFor(pin.template, limits);
  const heldUntil = memory.heldSince === undefined ? undefined : memory.heldSince + hold;
  if (completion.kind === 'complete' && heldUntil !== undefined && heldUntil <= now) {
    return end(
      nothing !== undefined
        ? {
            kind: 'healthy',
            message: nothing.message,
            notes: [nothing.note, ...answers.notes],
            unproven: true,
          }
        : {
            kind: 'healthy',
            message: healthyMessage(scene.replicas, hold),
            notes: [...notesOf(scene, memory), ...answers.notes],
          },
    );
  }

  const times = overdue(scene, memory, completion, signs, answers.deadline);
  if (times.failure !== undefined) return end({ kind: 'failed', failure: times.failure });

  const next = [...signs.map((sign) => dueAt(sign, memory.signs, now)), heldUntil ?? Infinity, times.at];
  const soonest = Math.min(...next.filter((at) => at > now));
  return {
    verdict: {
      kind: 'progressing',
      message: lineOf(scene, scene.events, heldUntil === undefined ? undefined : hold),
    },
    memory,
    pin,
    recheckIn: Number.isFinite(soonest) ? soonest - now : undefined,
    notes,
  };
}

/** Every sign of trouble, the surest and most telling first: the first that is due names the failure. */
function readSigns({ scene, refusal, signs }: Answers, memory: Memory): readonly Sign[] {
  return [
    ...lateSigns(scene, memory),
    ...pullSigns(scene, memory),
    ...startSigns(scene, memory),
    ...crashSigns(scene, memory),
    ...endedSigns(scene, memory),
    ...createSigns(scene, refusal),
    ...volumeSigns(scene),
    ...scheduleSigns(scene),
    ...readinessSigns(scene),
    ...signs,
  ];
}

/** Starts and stops the timers: first sightings of the signs that are there, and the hold. */
function settle(known: Memory, { scene, completion }: Answers, signs: readonly Sign[]): Memory {
  const held = heldSince(known, scene, completion.kind);
  // Time in the hold is no standstill: when the hold breaks, the clock goes on where it stopped.
  const paused = known.heldSince !== undefined && held !== known.heldSince ? scene.now - known.heldSince : 0;
  const memory: Memory = {
    ...known,
    heldSince: held,
    progressAt: known.progressAt + paused,
    signs: Object.fromEntries(signs.map(({ key }) => [key, known.signs[key] ?? scene.now])),
  };
  return { ...memory, containers: markHeld(memory) };
}

function healthyMessage(replicas: number, hold: number): string {
  return hold === 0
    ? `${replicas}/${replicas} ready`
    : `${replicas}/${replicas} ready, held for ${duration(hold)}`;
}
