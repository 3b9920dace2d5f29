import { claim, mayClaim } from '../deploy/claim.ts';
import { slotsOf } from '../deploy/containers.ts';
import { type Identity, keyOf, type LockedWorkload } from '../deploy/lease.ts';
import {
  type AcquireArguments,
  acquire,
  identityOf,
  type KnownLeases,
  type Lock,
  type Remembered,
  TOGETHER,
} from '../deploy/lock.ts';
import { parseRecord, placeImages } from '../deploy/record.ts';
import type { RunFacts } from '../github/event.ts';
import type { Workload } from '../model/kube.ts';
import type { RunName, RunOrder, WorkloadRecord } from '../model/record.ts';
import { eachTogether } from '../model/together.ts';
import type { WorkloadId } from '../model/workload.ts';
import { hasWayBack, type OpenChange } from '../state.ts';

/** The workload as its lock knows it, and nothing else of it. */
export function lockedOf({ kind, namespace, name }: WorkloadId): LockedWorkload {
  return { kind, namespace, name };
}

/** This run, for the Lease and for whoever waits for it. */
function runName(facts: RunFacts): RunName {
  const title =
    facts.repository === undefined
      ? 'a run outside of GitHub'
      : `${facts.repository} run ${facts.runId}, attempt ${facts.runAttempt}`;
  return { title, url: facts.runUrl };
}

/** Where this run stands among those of its workflow; undefined outside of GitHub. */
export function orderOf({ repository, workflow, ref, runNumber }: RunFacts): RunOrder | undefined {
  return repository === undefined || runNumber === undefined
    ? undefined
    : { repository, workflow, ref, number: runNumber };
}

/** Another run was faster at one of the locks: what was read of the workloads may be of before it. */
export class Overtaken extends Error {}

interface GuardArguments extends Omit<AcquireArguments, 'identity' | 'workloads'> {
  readonly workloads: readonly WorkloadId[];
  readonly facts: RunFacts;
  /** Tells this step from others of the same run. */
  readonly random: string;
}

/**
 * The lock of a run and what it remembers of each workload: given back at the end with what is known by then.
 *
 * A run that builds takes it in the preflight. One whose image exists takes it with its marks, in one write right
 * before the first patch, if the Leases are then still as they were read.
 */
export class Guard {
  readonly identity: Identity;
  readonly #args: GuardArguments;
  readonly #workloads: readonly LockedWorkload[];
  readonly #lost = new AbortController();
  readonly #last = new Map<string, Remembered>();
  #lock: Lock | undefined;
  /** When the marks of a claim were written, which may have come to pass or not. */
  #claimed: string | undefined;
  #left = false;

  private constructor(args: GuardArguments) {
    this.identity = identityOf(runName(args.facts), args.random);
    this.#args = args;
    this.#workloads = args.workloads.map(lockedOf);
  }

  /**
   * Waits for the locks of all the workloads.
   *
   * @throws LockHeld when another run did not end in time
   */
  static async take(args: GuardArguments): Promise<Guard> {
    const guard = new Guard(args);
    await guard.wait(args.known);
    return guard;
  }

  /** Leaves the locks to the first mark; undefined where that can not be: somebody holds one, or left something open. */
  static plan(args: GuardArguments & { readonly known: KnownLeases }): Guard | undefined {
    const guard = new Guard(args);
    return mayClaim(guard.#workloads, args.known) ? guard : undefined;
  }

  /** All those that are locked together. */
  get workloads(): readonly LockedWorkload[] {
    return this.#workloads;
  }

  /** undefined: it was not taken yet. */
  get lock(): Lock | undefined {
    return this.#lock;
  }

  /** Aborted when another run may have the lock: no new image may be sent then. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  record(workload: WorkloadId): WorkloadRecord {
    const locked = lockedOf(workload);
    if (this.#lock !== undefined) return this.#lock.record(locked);
    return parseRecord(this.#args.known?.get(keyOf(locked))?.metadata?.annotations).record;
  }

  /**
   * Waits for the locks, as `take` does.
   *
   * @param known the Leases, if they were read just now
   */
  async wait(known?: KnownLeases): Promise<void> {
    const { known: _, ...args } = this.#args;
    const { identity } = this;
    const workloads = this.#workloads;
    const lock = await acquire({ ...args, workloads, identity, ...(known === undefined ? {} : { known }) });
    this.#hold(lock);
    // A claim whose answer was lost may have left its mark: that is ours, and not of a killed run.
    await eachTogether(workloads, TOGETHER, async (workload) => {
      const record = lock.record(workload);
      if (record.open === undefined || record.open.time !== this.#claimed) return;
      if (record.open.run.title === identity.title) await lock.save(workload, { ...record, open: undefined });
    });
  }

  #hold(lock: Lock): void {
    this.#lock = lock;
    const lose = (): void => this.#lost.abort(lock.lost.reason);
    if (lock.lost.aborted) lose();
    else lock.lost.addEventListener('abort', lose, { once: true });
  }

  /**
   * Leaves, before the workloads are touched, what the next run needs should this one be killed.
   *
   * @param commit what is deployed is of; undefined: nobody knows
   * @throws Overtaken when the locks were not taken yet and can not be had as they were planned
   */
  async mark(changes: readonly OpenChange[], commit?: string): Promise<void> {
    const time = this.#args.clock.wall().toISOString();
    const run = runName(this.#args.facts);
    const { holder } = this.identity;
    const order = orderOf(this.#args.facts);
    const origin = { ...(commit === undefined ? {} : { commit }), ...(order === undefined ? {} : { order }) };
    // The next run must find nothing to put back where there is no way back.
    const marks = changes.filter(hasWayBack).map((change) => {
      const { uid, changes, annotationsBefore } = change;
      const open = { uid, changes, annotationsBefore, run, ...origin, holder, time };
      return { workload: lockedOf(change), record: { ...this.record(change), open } };
    });
    const lock = this.#lock;
    if (lock !== undefined) {
      await eachTogether(marks, TOGETHER, ({ workload, record }) => lock.save(workload, record));
      return;
    }
    const { known = new Map() } = this.#args;
    const records = new Map(marks.map(({ workload, record }) => [keyOf(workload), record]));
    const { identity } = this;
    this.#claimed = time;
    const claimed = await claim({ ...this.#args, workloads: this.#workloads, known, identity }, records);
    if (claimed === undefined) throw new Overtaken('another run was faster at the lock');
    this.#hold(claimed);
  }

  /** To be remembered at the end: what runs now was held to be healthy to the end. */
  isStable(workload: WorkloadId, now: Workload, commit: string | undefined): void {
    const stable = {
      uid: now.metadata?.uid ?? '',
      images: placeImages(slotsOf(now)),
      commit,
      run: runName(this.#args.facts),
      order: orderOf(this.#args.facts),
      time: this.#args.clock.wall().toISOString(),
    };
    this.#remember(workload, { stable, open: undefined });
  }

  /** To be remembered at the end: nothing of ours is open there any more. */
  isClosed(workload: WorkloadId): void {
    this.#remember(workload, { ...this.record(workload), open: undefined });
  }

  /** To be remembered at the end: it was to go back and did not, so whoever comes next sends it back. */
  goesBack(workload: WorkloadId): void {
    const { stable, open } = this.record(workload);
    if (open !== undefined) this.#remember(workload, { stable, open: { ...open, goesBack: true } });
  }

  /** Nobody knows how it is: the next run finds the marker and judges. */
  staysOpen(workload: WorkloadId): void {
    this.#last.delete(keyOf(lockedOf(workload)));
  }

  #remember(workload: WorkloadId, record: WorkloadRecord): void {
    const locked = lockedOf(workload);
    this.#last.set(keyOf(locked), { workload: locked, record });
  }

  /** Keeps the lock for the post step, which goes on under the same identity. */
  leave(): void {
    this.#left = true;
    this.#lock?.leave();
  }

  /** Gives the locks back, and with them what is to be remembered. Never fails. */
  async release(): Promise<void> {
    if (!this.#left) await this.#lock?.release([...this.#last.values()]);
  }
}
