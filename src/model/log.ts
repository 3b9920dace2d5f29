import type { Place } from './place.ts';

/**
 * Where the story is told while it happens. Everything that passes is escaped by the one who implements it:
 * a line of a pod's log can not become a workflow command.
 */
export interface Log {
  info(line: string): void;
  /** Shown only when the workflow's debug logging is on. */
  debug(line: string): void;
  /** An annotation that is no failure. */
  notice(message: string): void;
  warning(message: string, at?: Mark): void;
  /** Lines told inside are folded under the title. */
  group<T>(title: string, body: () => Promise<T>): Promise<T>;
  /** From now on this text is masked wherever it appears in the log. */
  secret(value: string): void;
}

/** What an annotation bears besides its message. */
export interface Mark {
  readonly title: string;
  /** Undefined: it stands at no file of the repository. */
  readonly place: Place | undefined;
}
