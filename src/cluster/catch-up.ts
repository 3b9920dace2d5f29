/** What happened since a version, by a watch that ends after a moment. */
import type { Clock } from '../model/clock.ts';
import type { KubeObject } from '../model/kube.ts';
import type { Query } from './client.ts';
import type { Timing } from './timing.ts';
import type { Transport } from './transport.ts';
import { streamEvents, type WatchEvent } from './watch.ts';

interface CatchUp {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timing: Timing;
  readonly path: string;
  /** With the version. */
  readonly query: Query;
  readonly signal: AbortSignal;
}

export interface CaughtUp<T> {
  readonly events: readonly WatchEvent<T>[];
  /**
   * Undefined: these are all. An API server says that it has no more to tell by lasting for as long as it was asked to;
   * what ended the watch before that was another.
   */
  readonly flaw: string | undefined;
}

/** Rejects as streamEvents does. */
export async function catchUp<T extends KubeObject>(args: CatchUp): Promise<CaughtUp<T>> {
  const { transport, clock, timing, path, query, signal } = args;
  const asked = clock.now();
  const seconds = timing.probe / 1000;
  const events: WatchEvent<T>[] = [];
  const isWhole = await streamEvents<T>(transport, {
    path,
    query,
    seconds,
    timeout: timing.probeTry,
    signal,
    opened: () => {},
    events: (more) => events.push(...more),
  });
  const lasted = clock.now() - asked >= timing.probe / 2;
  const end = isWhole ? undefined : 'in the middle of an event';
  return { events, flaw: lasted ? end : 'at once' };
}
