/** Where in the repository a cause stands: GitHub shows an annotation there. */
export interface Place {
  /** From the workspace on, with slashes. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The last line of it; absent: only the one. */
  readonly endLine?: number;
}
