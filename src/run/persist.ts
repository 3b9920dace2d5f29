import type { Applied } from '../model/change.ts';
import { type Clock, sleep } from '../model/clock.ts';
import { UnknownError, UserError } from '../model/error.ts';

/** Milliseconds between two tries to send a patch that the cluster could not take. */
const PAUSE = 2_000;

interface Patience {
  readonly clock: Clock;
  /** Ends the waiting, not a try that is under way. */
  readonly signal: AbortSignal;
  /** Milliseconds for all tries. */
  readonly patience: number;
  /** Told when the first try has not decided it, with the reason. */
  readonly undecided?: (why: string) => void;
}

/**
 * Sends a patch until the cluster has decided on it: one that is away, overloaded or electing a leader has not
 * refused it. What is sent tests what it replaces, so that a try whose fate is unknown may be made again.
 */
export async function persist(options: Patience, send: () => Promise<Applied>): Promise<Applied> {
  const { clock, signal, patience, undecided } = options;
  const until = clock.now() + patience;
  const isOver = (): boolean => signal.aborted || clock.now() + PAUSE > until;
  let doubt: UnknownError | undefined;
  for (let first = true; ; first = false) {
    let why: string;
    try {
      const applied = await send();
      if (applied.kind !== 'prevented') return applied;
      why = applied.message;
      if (applied.final === true || isOver()) {
        // Not this try, but one before may have been carried out.
        if (doubt !== undefined) throw doubt;
        return applied;
      }
    } catch (error) {
      if (error instanceof UnknownError) doubt = error;
      // A credential that can not be had now may be had in a moment.
      const passing = error instanceof UnknownError || error instanceof UserError;
      if (!passing) throw error;
      if (isOver()) throw doubt ?? error;
      why = error.message;
    }
    if (first) undecided?.(why);
    // An abort is no reason to forget what the last try came to: the next one tells it.
    await sleep(clock, PAUSE, signal).catch(() => undefined);
  }
}
