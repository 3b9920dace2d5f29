import type { Place } from './place.ts';

/**
 * A mistake of the person who wrote the workflow, or of the world around it, that SteadyShip recognised and
 * can put into words: what was given, what is allowed, what to do. Its message is shown as it stands.
 */
export class UserError extends Error {
  override readonly name = 'UserError';
  /** Further sentences, one a mistake, when several were found at once. The message holds all of them. */
  readonly mistakes: readonly string[];
  /** Lines for where there is room below the message: a Role to paste, what a failed step wrote. */
  readonly details: readonly string[];
  /** Where in the repository the cause stands; undefined: nowhere, or it is not known. */
  readonly place: Place | undefined;

  constructor(mistakes: string | readonly string[], options: UserErrorOptions = {}) {
    const all = typeof mistakes === 'string' ? [mistakes] : mistakes;
    super(all.join('\n'), options);
    this.mistakes = all;
    this.details = options.details ?? [];
    this.place = options.place;
  }
}

export interface UserErrorOptions extends ErrorOptions {
  readonly details?: readonly string[];
  readonly place?: Place | undefined;
}

/**
 * The cluster, or the way to it, withheld the truth: unreachable, permission lost, an answer that makes no
 * sense. Whether the workload is healthy is then unknown, which is neither success nor a reason to roll back.
 */
export class UnknownError extends Error {
  override readonly name = 'UnknownError';
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The runner asked us to end: somebody cancelled the run, or the job's time is up. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled';

  constructor(signal: string) {
    super(`The run was cancelled (${signal}).`);
  }
}
