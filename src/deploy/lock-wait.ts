import type { Cluster, Collection } from '../cluster/client.ts';
import { leases } from '../cluster/paths.ts';
import type { Clock } from '../model/clock.ts';
import { UserError } from '../model/error.ts';
import type { Log } from '../model/log.ts';
import { shortName } from '../model/workload.ts';
import {
  diesAt,
  holderOf,
  type Identity,
  type Lease,
  type LockedWorkload,
  leaseName,
  look,
  type Sighting,
} from './lease.ts';

/** Another run holds the lock and did not end in time. Nothing was touched. */
export class LockHeld extends UserError {}

export interface WaitArguments {
  readonly cluster: Cluster;
  readonly workload: LockedWorkload;
  readonly identity: Identity;
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
 * Waits until a Lease can be taken: given back, deleted, or its holder dead. It is watched, not polled.
 *
 * @returns the Lease as it stands then; undefined: there is none any more
 * @throws LockHeld at the end of the time
 */
export async function untilFree(args: WaitArguments): Promise<Lease | undefined> {
  const { cluster, workload, clock, signal } = args;
  const collection = cluster.collection<Lease>({
    path: leases(workload.namespace),
    fieldSelector: `metadata.name=${leaseName(workload)}`,
  });
  try {
    await orAborted(collection.ready, signal);
    const teller = new Teller(args);
    let sighting: Sighting | undefined;
    for (;;) {
      const [lease] = collection.items();
      const holder = lease === undefined ? undefined : holderOf(lease);
      if (lease === undefined || holder === undefined || holder.holder === args.identity.holder) return lease;
      const now = clock.now();
      sighting = look(sighting, lease, { now, clear: collection.trouble() === undefined });
      if (now >= diesAt(lease, sighting)) {
        teller.dead(lease);
        return lease;
      }
      if (now - args.began >= args.timeout) throw new LockHeld(teller.end(lease));
      teller.wait(lease);
      const left = Math.min(diesAt(lease, sighting), args.began + args.timeout) - now;
      await woken(collection, clock, Math.min(TICK, left), signal);
    }
  } finally {
    collection.stop();
  }
}

/** Until something changed, or the time is over. */
function woken(
  collection: Collection<Lease>,
  clock: Clock,
  milliseconds: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      takeBack();
      unsubscribe();
      signal.removeEventListener('abort', abort);
      settle();
    };
    const abort = (): void => end(() => reject(signal.reason));
    const takeBack = clock.timer(milliseconds, () => end(resolve));
    const unsubscribe = collection.subscribe(() => end(resolve));
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

  dead(lease: Lease): void {
    const { log, workload } = this.#args;
    log.info(
      `${shortName(workload)}: ${nameHolder(lease)} has not renewed its lock for ${lifespan(lease)}, so it is dead; its lock is taken over`,
    );
  }

  end(lease: Lease): string {
    const { workload, timeout } = this.#args;
    const waited = timeout === 0 ? '' : `, and did not end within ${span(timeout)} (\`lock-timeout\`)`;
    return (
      `${shortName(workload)} in namespace ${workload.namespace} is being deployed by ${nameHolder(lease)}${waited}. ` +
      `Run again when it has ended; if it is dead, its lock can be taken over after ${lifespan(lease)}.`
    );
  }
}

function nameHolder(lease: Lease): string {
  const holder = holderOf(lease);
  return `${holder?.title}${holder?.url === undefined ? '' : ` (${holder.url})`}`;
}

function lifespan(lease: Lease): string {
  return span(diesAt(lease, { sign: '', since: 0 }));
}

/** `45 s`, `10 min`; more than two minutes to the next ten seconds, so that "10 min" is not told as 599 s. */
function span(milliseconds: number): string {
  const exact = Math.round(milliseconds / 1_000);
  const seconds = exact < 120 ? exact : Math.ceil(exact / 10) * 10;
  return seconds >= 120 && seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}
