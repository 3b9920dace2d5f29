/** Samples and what is said of them. */

/** The middle value: one slow round does not move it. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** A row of the table. */
export interface Figure {
  readonly name: string;
  readonly unit: 's' | 'MB' | 'requests';
  readonly ours: readonly number[];
  /** The peer's samples in the same run; empty when it has no such figure. */
  readonly theirs: readonly number[];
  /** What is to be reached: a value, or a ratio to the peer. */
  readonly bar?: { readonly most: number; readonly of: 'value' | 'ratio' };
  /** What to know when reading the row. */
  readonly note?: string;
}

export function ratio({ ours, theirs }: Figure): number | undefined {
  return theirs.length === 0 ? undefined : median(ours) / median(theirs);
}

/** undefined: the row has no bar. */
export function isMet(figure: Figure): boolean | undefined {
  const { bar, ours } = figure;
  if (bar === undefined) return undefined;
  const value = bar.of === 'ratio' ? ratio(figure) : median(ours);
  return value !== undefined && value <= bar.most;
}
