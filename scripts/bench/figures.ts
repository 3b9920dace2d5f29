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
  /** What is to be reached: a value, a ratio to the peer, or what may come on top of the peer's. */
  readonly bar?: { readonly most: number; readonly of: 'value' | 'ratio' | 'difference' };
  /** What to know when reading the row. */
  readonly note?: string;
}

/** undefined: there is no peer, or it came before the fact, of which nothing is a multiple. */
export function ratio({ ours, theirs }: Figure): number | undefined {
  const peer = theirs.length === 0 ? 0 : median(theirs);
  return peer > 0 ? median(ours) / peer : undefined;
}

/** What ours takes on top of the peer's. */
export function difference({ ours, theirs }: Figure): number | undefined {
  return theirs.length === 0 ? undefined : median(ours) - median(theirs);
}

/** undefined: the row has no bar, or no peer to be held against. */
export function isMet(figure: Figure): boolean | undefined {
  const { bar, ours } = figure;
  if (bar === undefined) return undefined;
  const value = {
    value: () => median(ours),
    ratio: () => ratio(figure),
    difference: () => difference(figure),
  }[bar.of]();
  return value === undefined ? undefined : value <= bar.most;
}
