/** What happened since a version, by a watch that ends after a moment. */
import type { Clock } from '../model/clock.ts';
import type { KubeObject } from '../model/kube.ts';
import type { Query } from './client.ts';
import type { Timing } from './timing.ts';
import type { Transport } from './transport.ts';
import { ForeignAnswer, streamEvents, type WatchEvent } from './watch.ts';

interface CatchUp {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timing: Timing;
  readonly path: string;
  /** With the version. */
  readonly query: Query;
  readonly signal: AbortSignal;
}

/**
 * Rejects with ForeignAnswer when it ended at once and was empty: an API server that has nothing to tell says so by
 * lasting for as long as it was asked to.
 */
export async function catchUp<T extends KubeObject>(args: CatchUp): Promise<readonly WatchEvent<T>[]> {
  const { transport, clock, timing, path, query, signal } = args;
  const asked = clock.now();
  const seconds = timing.probe / 1000;
  const seen: WatchEvent<T>[] = [];
  await streamEvents<T>(transport, {
    path,
    query,
    seconds,
    timeout: timing.probeTry,
    signal,
    opened: () => {},
    events: (events) => seen.push(...events),
  });
  if (seen.length === 0 && clock.now() - asked < timing.probe / 2) {
    throw new ForeignAnswer(path, `a watch that was to last ${seconds} s ended at once, with nothing in it`);
  }
  return seen;
}
