/** How lately the caches must have been heard for a verdict to stand on them. */
import type { Verdict } from '../model/verdict.ts';

/** Clock.now() since when each kind of cache must have been seen. */
export interface Bounds {
  /** The workload itself, and the pods. */
  readonly own: number;
  /** But for the events: they explain a failure, and decide nothing. */
  readonly others: number;
}

/** Milliseconds. A short read takes one second; it is asked so long before the end of a hold that it adds nothing. */
export const LEAD = 2_000;

/** What was seen so lately was seen at the end of a hold: a little more than LEAD, for an end that comes late. */
export const RECENT = LEAD + 1_000;

/** The adapter checks a silent watch by itself after 15 s, and is told a second later. */
const STALE = 20_000;

/** Those that time alone brings about: nothing was heard that would say so. */
const BY_TIME: ReadonlySet<string> = new Set(['no-progress', 'deadline', 'progress-deadline']);

/**
 * A hold is broken by what the pods do, and by who sets another image, so both must have been seen at its end; of the
 * rest it is enough that nobody was blind for long. A failure that was heard needs no more than that either.
 *
 * @param held milliseconds for which the rollout was complete; undefined: it is not
 * @param now Clock.now() when the verdict was due
 * @returns undefined: it is not about the health of what is seen
 */
export function boundsOf(verdict: Verdict, held: number | undefined, now: number): Bounds | undefined {
  const lately = { own: now - STALE, others: now - STALE };
  switch (verdict.kind) {
    case 'healthy':
      return (held ?? 0) < LEAD ? lately : boundsOfHold(now);
    case 'failed':
      return BY_TIME.has(verdict.failure.code) ? { own: now - RECENT, others: now - RECENT } : lately;
    case 'progressing':
    case 'superseded':
    case 'unknown':
      return undefined;
  }
}

/** @param end Clock.now() when the hold ends */
export function boundsOfHold(end: number): Bounds {
  return { own: end - RECENT, others: end - STALE };
}
