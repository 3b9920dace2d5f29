import { ApiError, type Cluster, UnreachableError } from '../cluster/client.ts';
import { leases } from '../cluster/paths.ts';
import { type Clock, sleep } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import type { RunName, WorkloadRecord } from '../model/record.ts';
import { shortName } from '../model/workload.ts';
import { HeldLease, type Holding, isConflict, readLease } from './held-lease.ts';
import {
  durationFor,
  type Identity,
  keyOf,
  LEASES_SELECTOR,
  type Lease,
  type LockedWorkload,
  leaseName,
  renderHeld,
  renderNew,
  sortForLocking,
} from './lease.ts';
import { describeDead, untilFree, type WaitArguments } from './lock-wait.ts';
import { parseRecord, renderRecord } from './record.ts';
import { Sightings } from './sightings.ts';

/** The workloads of a run, locked: no other run of SteadyShip changes them meanwhile. */
export interface Lock {
  /**
   * Aborted with a LostLock when another run holds one of the Leases, or may. Send no new image then; putting
   * back stays right, because the patch's own tests refuse it where another's image stands.
   */
  readonly lost: AbortSignal;
  /** What is remembered of a workload, as this lock found or saved it. */
  record(workload: LockedWorkload): WorkloadRecord;
  /** Remembers it, at once and for sure: an error means that it was not. */
  save(workload: LockedWorkload, record: WorkloadRecord): Promise<void>;
  /** Gives all of them back, each with a last record if there is one. Never fails: what is not given back ends. */
  release(last?: readonly Remembered[]): Promise<void>;
  /** Stops renewing without giving back: for a main step whose post step goes on with the same identity. */
  leave(): void;
}

export interface Remembered {
  readonly workload: LockedWorkload;
  readonly record: WorkloadRecord;
}

/** The Leases as they were read, by what stands for their workloads. */
export type KnownLeases = ReadonlyMap<string, Lease>;

export interface AcquireArguments {
  readonly cluster: Cluster;
  readonly workloads: readonly LockedWorkload[];
  /** From `readLeases`, if that was asked already. */
  readonly known?: KnownLeases;
  readonly identity: Identity;
  /** How long to wait for others in all, in milliseconds; 0: not at all. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** So many writes may fail on their way before it is said that the cluster does not answer; the wait between. */
const FAILURES = 5;
const RETRY = 2_000;

/** This step's identity: a run may have several jobs, and a job several steps, that want the same workload. */
export function identityOf(run: RunName, random: string): Identity {
  return { ...run, holder: `${run.title} [${random}]` };
}

/** Leases are written so many at once. */
export const TOGETHER = 16;

/**
 * Takes the Lease of every workload, in the order that all runs keep, and waits for those that others hold. Those of
 * dead holders are taken over.
 *
 * Those that look free are written at the same time. Where another was faster at one, those that come after it in
 * the order are given back before it is waited for: so nobody waits for one while holding a later one, and two
 * runs that want the same ones can not wait for each other.
 *
 * @throws LockHeld when another run did not end in time; nothing is held then
 */
export async function acquire(args: AcquireArguments): Promise<Lock> {
  const { cluster, identity, clock, log, signal } = args;
  const workloads = sortForLocking(args.workloads);
  const seconds = durationFor(workloads.length);
  const known = args.known ?? (await readLeases(cluster, workloads, signal));
  const began = clock.now();
  const sightings = new Sightings(identity, clock);
  for (const workload of workloads) sightings.see(workload, known.get(keyOf(workload)));
  const held: HeldLease[] = [];
  const holdingOf = (workload: LockedWorkload): Holding => ({
    cluster,
    workload,
    identity,
    seconds,
    clock,
    log,
    signal,
  });
  try {
    while (held.length < workloads.length) {
      const left = workloads.slice(held.length);
      const free = leadingFree(left, sightings).slice(0, TOGETHER);
      const together = free.length < 2 ? [] : free.map(holdingOf);
      const taken = await takeTogether(together, sightings, signal);
      held.push(...taken);
      const [next, ...later] = left.slice(taken.length);
      if (next === undefined || (taken.length > 0 && taken.length === free.length)) continue;
      held.push(await take(holdingOf(next), { ...args, wanted: [next, ...later], sightings, began }));
    }
  } catch (error) {
    await Promise.all(held.map((each) => each.release()));
    throw error;
  }
  return new Held(held, log);
}

/** Those at the beginning that nobody else held when they were seen last, or somebody who is dead. */
function leadingFree(workloads: readonly LockedWorkload[], sightings: Sightings): readonly LockedWorkload[] {
  const end = workloads.findIndex((workload) => !sightings.isFree(workload));
  return end === -1 ? workloads : workloads.slice(0, end);
}

/** @returns those that were had, up to the first that was not; what was had after it is given back */
async function takeTogether(
  wanted: readonly Holding[],
  sightings: Sightings,
  signal: AbortSignal,
): Promise<readonly HeldLease[]> {
  const tries = await Promise.allSettled(wanted.map((holding) => takeSeen(holding, sightings, signal)));
  const missed = tries.findIndex(({ status }) => status === 'rejected');
  const had = (some: typeof tries): HeldLease[] =>
    some.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  if (missed === -1) return had(tries);
  await Promise.all(had(tries.slice(missed)).map((each) => each.release()));
  return had(tries.slice(0, missed));
}

/**
 * What is remembered of workloads, read without a lock: good enough to end early, not to act upon.
 */
export async function readRecords(
  cluster: Cluster,
  workloads: readonly LockedWorkload[],
  signal: AbortSignal,
): Promise<readonly Remembered[]> {
  const known = await readLeases(cluster, workloads, signal);
  return workloads.map((workload) => ({
    workload,
    record: parseRecord(known.get(keyOf(workload))?.metadata?.annotations).record,
  }));
}

/** One list for each namespace, however many workloads there are. */
export async function readLeases(
  cluster: Cluster,
  workloads: readonly LockedWorkload[],
  signal: AbortSignal,
): Promise<KnownLeases> {
  const namespaces = [...new Set(workloads.map(({ namespace }) => namespace))];
  const lists = await Promise.all(
    namespaces.map((each) =>
      cluster.list<Lease>(leases(each), { labelSelector: LEASES_SELECTOR }, { signal }),
    ),
  );
  const found = new Map(
    lists.flatMap(({ items }, index) =>
      items.map((lease) => [`${namespaces[index]}/${lease.metadata?.name}`, lease] as const),
    ),
  );
  return new Map(
    workloads.flatMap((workload) => {
      const lease = found.get(`${workload.namespace}/${leaseName(workload)}`);
      return lease === undefined ? [] : [[keyOf(workload), lease] as const];
    }),
  );
}

/**
 * Takes one Lease. Every write bears the version that was read: of two who write at once, one finds a conflict
 * and reads again.
 */
async function take(
  holding: Holding,
  args: AcquireArguments & Pick<WaitArguments, 'wanted' | 'sightings' | 'began'>,
): Promise<HeldLease> {
  const { cluster, workload, clock } = holding;
  const { sightings, signal } = args;
  const path = leases(workload.namespace, leaseName(workload));
  let failures = 0;
  for (;;) {
    signal.throwIfAborted();
    if (!sightings.isFree(workload)) await untilFree({ ...args, workload });
    try {
      return await takeSeen(holding, sightings, signal);
    } catch (error) {
      // An answer that was lost may stand for a write that was carried out: what is there now says so.
      const lost = error instanceof UnreachableError || (error instanceof ApiError && error.status >= 500);
      if (lost) failures += 1;
      if (!(lost || isConflict(error)) || failures === FAILURES) throw error;
      if (lost) await sleep(clock, RETRY, signal);
      sightings.see(workload, await readLease(cluster, path, { signal }));
    }
  }
}

/** One write, on the Lease as it was seen last. Whom it was taken from is told. */
async function takeSeen(holding: Holding, sightings: Sightings, signal: AbortSignal): Promise<HeldLease> {
  const { workload, log } = holding;
  const dead = sightings.held(workload);
  const taken = await writeLease(holding, sightings.lease(workload), signal);
  if (dead !== undefined) log.info(describeDead(workload, dead));
  return taken;
}

/** One write of a Lease as ours; a conflict when it is no longer what it was. */
export async function writeLease(
  holding: Holding,
  current: Lease | undefined,
  signal: AbortSignal,
  annotations: Readonly<Record<string, string | undefined>> = {},
): Promise<HeldLease> {
  const { cluster, workload, identity, seconds, clock } = holding;
  const sentAt = clock.now();
  const held = { identity, seconds, now: clock.wall(), annotations };
  const lease =
    current === undefined
      ? await cluster.create<Lease>(leases(workload.namespace), renderNew(workload, held), { signal })
      : await cluster.replace<Lease>(
          leases(workload.namespace, leaseName(workload)),
          renderHeld(current, held),
          { signal },
        );
  return new HeldLease(holding, lease, sentAt);
}

/** Leases that were had, as one lock. */
export class Held implements Lock {
  readonly lost: AbortSignal;
  readonly #leases: ReadonlyMap<string, HeldLease>;
  readonly #records = new Map<string, WorkloadRecord>();

  constructor(held: readonly HeldLease[], log: Log) {
    this.#leases = new Map(held.map((each) => [keyOf(each.workload), each]));
    this.lost = AbortSignal.any(held.map((each) => each.lost));
    for (const { workload, annotations } of held) {
      const { record, problems } = parseRecord(annotations);
      this.#records.set(keyOf(workload), record);
      for (const problem of problems) log.warning(`${shortName(workload)}: ${problem}`);
    }
  }

  record(workload: LockedWorkload): WorkloadRecord {
    return this.#records.get(keyOf(workload)) ?? { stable: undefined, open: undefined };
  }

  async save(workload: LockedWorkload, record: WorkloadRecord): Promise<void> {
    const lease = this.#leases.get(keyOf(workload));
    if (lease === undefined) throw new Error(`${shortName(workload)} is not locked by this run`);
    await lease.write(renderRecord(record));
    this.#records.set(keyOf(workload), record);
  }

  async release(last: readonly Remembered[] = []): Promise<void> {
    const records = new Map(last.map(({ workload, record }) => [keyOf(workload), record]));
    await Promise.all(
      [...this.#leases].map(([key, lease]) => {
        const record = records.get(key);
        return record === undefined ? lease.release() : lease.conclude(renderRecord(record));
      }),
    );
  }

  leave(): void {
    for (const lease of this.#leases.values()) lease.leave();
  }
}
