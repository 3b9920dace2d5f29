import type { Cluster, Collection } from '../cluster/client.ts';
import { leases } from '../cluster/paths.ts';
import type { Clock } from '../model/clock.ts';
import { UserError } from '../model/error.ts';
import type { Log } from '../model/log.ts';
import { shortName } from '../model/workload.ts';
import {
  durationOf,
  forgottenAfter,
  holderOf,
  type Lease,
  type LockedWorkload,
  leaseName,
  type Sighting,
} from './lease.ts';
import type { Sightings } from './sightings.ts';

/** Another run holds the lock and did not end in time. Nothing was touched. */
export class LockHeld extends UserError {}

export interface WaitArguments {
  readonly cluster: Cluster;
  readonly workload: LockedWorkload;
  /** This one, and those that are wanted after it: all are looked at meanwhile. */
  readonly wanted: readonly LockedWorkload[];
  readonly sightings: Sightings;
  /** Clock.now() when the waiting for all locks together began, and its bound in milliseconds. */
  readonly began: number;
  readonly timeout: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** How often to look whether the cluster can be seen at all; nothing is asked of it for that. */
const TICK = 5_000;
/** How often a person is told that the wait goes on. */
const TELL = 60_000;

/**
 * Waits until a Lease can be taken: given back, deleted, or its holder dead. It is watched, not polled, and with it
 * all that are wanted after it. The sightings tell how it stands then.
 *
 * @throws LockHeld at the end of the time
 */
export async function untilFree(args: WaitArguments): Promise<void> {
  const { workload, sightings, clock, signal } = args;
  const views = openViews(args);
  const collections = views.map(({ collection }) => collection);
  try {
    await orAborted(Promise.all(collections.map(({ ready }) => ready)), signal);
    const teller = new Teller(args);
    for (;;) {
      for (const view of views) lookAt(view, sightings);
      const held = sightings.held(workload);
      if (held === undefined || sightings.isFree(workload)) return;
      const now = clock.now();
      const end = args.began + args.timeout;
      if (now >= end) throw new LockHeld(teller.end(held.lease));
      teller.wait(held.lease);
      const left = Math.min(sightings.freeAt(workload), end) - now;
      await woken(collections, clock, Math.min(TICK, left), signal);
    }
  } finally {
    for (const collection of collections) collection.stop();
  }
}

/** The wanted Leases of one namespace. */
interface View {
  readonly workloads: readonly LockedWorkload[];
  readonly collection: Collection<Lease>;
}

/**
 * One list and one watch for each namespace, however many Leases are wanted of it. They are not told by their label:
 * one that somebody took it from is held all the same.
 */
function openViews({ cluster, wanted }: WaitArguments): readonly View[] {
  const namespaces = Map.groupBy(wanted, ({ namespace }) => namespace);
  return [...namespaces].map(([namespace, workloads]) => {
    const names = new Set(workloads.map(leaseName));
    const keep = (lease: Lease): Lease | undefined =>
      names.has(lease.metadata?.name ?? '') ? lease : undefined;
    return { workloads, collection: cluster.collection<Lease>({ path: leases(namespace), keep }) };
  });
}

function lookAt({ workloads, collection }: View, sightings: Sightings): void {
  const found = new Map(collection.items().map((lease) => [lease.metadata?.name, lease]));
  const clear = collection.trouble() === undefined;
  for (const workload of workloads) sightings.see(workload, found.get(leaseName(workload)), clear);
}

/** Until something changed, or the time is over. */
function woken(
  collections: readonly Collection<Lease>[],
  clock: Clock,
  milliseconds: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      takeBack();
      for (const unsubscribe of subscriptions) unsubscribe();
      signal.removeEventListener('abort', abort);
      settle();
    };
    const abort = (): void => end(() => reject(signal.reason));
    const takeBack = clock.timer(milliseconds, () => end(resolve));
    const subscriptions = collections.map((collection) => collection.subscribe(() => end(resolve)));
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
  });
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Says who is waited for: at once, when it is another, and from time to time. */
class Teller {
  readonly #args: WaitArguments;
  #told: { readonly holder: string; readonly at: number } | undefined;

  constructor(args: WaitArguments) {
    this.#args = args;
  }

  wait(lease: Lease): void {
    const { clock, log, workload, began, timeout } = this.#args;
    const holder = holderOf(lease)?.holder ?? '';
    const now = clock.now();
    const again = this.#told?.holder === holder;
    if (again && now - (this.#told?.at ?? 0) < TELL) return;
    this.#told = { holder, at: now };
    const name = shortName(workload);
    log.info(
      again
        ? `${name}: still waiting for ${nameHolder(lease)} (${span(now - began)} of ${span(timeout)})`
        : `${name}: ${nameHolder(lease)} is deploying it; waiting up to ${span(timeout - (now - began))} for it to end`,
    );
  }

  end(lease: Lease): string {
    const { workload, timeout } = this.#args;
    const waited = timeout === 0 ? '' : `, and did not end within ${span(timeout)} (\`lock-timeout\`)`;
    return (
      `${shortName(workload)} in namespace ${workload.namespace} is being deployed by ${nameHolder(lease)}${waited}. ` +
      `Run again when it has ended; if it is dead, its lock is taken over by a run that waits ${span(durationOf(lease))}, ` +
      `and by any run ${span(forgottenAfter(lease))} after its last renewal.`
    );
  }
}

/** What is told of a lock that was taken from a dead holder. */
export function describeDead(
  workload: LockedWorkload,
  { lease, sighting }: { readonly lease: Lease; readonly sighting: Sighting },
): string {
  const silence = sighting.forgotten ? `more than ${span(forgottenAfter(lease))}` : span(durationOf(lease));
  return `${shortName(workload)}: ${nameHolder(lease)} has not renewed its lock for ${silence}, so it is dead; its lock is taken over`;
}

function nameHolder(lease: Lease): string {
  const holder = holderOf(lease);
  return `${holder?.title}${holder?.url === undefined ? '' : ` (${holder.url})`}`;
}

/** `45 s`, `10 min`; more than two minutes to the next ten seconds, so that "10 min" is not told as 599 s. */
function span(milliseconds: number): string {
  const exact = Math.round(milliseconds / 1_000);
  const seconds = exact < 120 ? exact : Math.ceil(exact / 10) * 10;
  return seconds >= 120 && seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}
