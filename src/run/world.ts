import type { RunFacts } from '../github/event.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import type { OpenRun } from '../state.ts';

/** All that a run needs of the world outside. */
export interface World {
  readonly clock: Clock;
  readonly log: Log;
  /** Makes the secrets that the log masks unreadable in a text: before it is escaped or cut, for then they are not found. */
  readonly redact: (text: string) => string;
  /** The runner's environment, as it was at the start. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the repository was checked out. */
  readonly workspace: string;
  readonly facts: RunFacts;
  /** Aborted with `Cancelled` when the runner asks us to end. */
  readonly signal: AbortSignal;
  /** Keeps for the post step what it would have to put back. */
  save(state: OpenRun): void;
  /** A few letters that nobody can guess: tells this step from others of the same run. */
  readonly random: string;
}
