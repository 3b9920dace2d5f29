import { slotsOf } from '../deploy/containers.ts';
import { type Identity, keyOf, type LockedWorkload } from '../deploy/lease.ts';
import {
  type AcquireArguments,
  acquire,
  identityOf,
  type Lock,
  type Remembered,
  TOGETHER,
} from '../deploy/lock.ts';
import { placeImages } from '../deploy/record.ts';
import type { RunFacts } from '../github/event.ts';
import type { Clock } from '../model/clock.ts';
import type { Workload } from '../model/kube.ts';
import type { RunName, RunOrder, WorkloadRecord } from '../model/record.ts';
import { eachTogether } from '../model/together.ts';
import type { WorkloadId } from '../model/workload.ts';
import type { OpenChange } from '../state.ts';

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

/**
 * The lock of a run and what it remembers of each workload: taken in the preflight, given back at the end with
 * what is known by then.
 */
export class Guard {
  readonly identity: Identity;
  readonly #lock: Lock;
  readonly #facts: RunFacts;
  readonly #clock: Clock;
  readonly #last = new Map<string, Remembered>();
  #left = false;

  private constructor(lock: Lock, identity: Identity, facts: RunFacts, clock: Clock) {
    this.#lock = lock;
    this.identity = identity;
    this.#facts = facts;
    this.#clock = clock;
  }

  /**
   * Waits for the locks of all the workloads.
   *
   * @param random tells this step from others of the same run
   * @throws LockHeld when another run did not end in time
   */
  static async take(
    args: Omit<AcquireArguments, 'identity' | 'workloads'> & {
      readonly workloads: readonly WorkloadId[];
      readonly facts: RunFacts;
      readonly random: string;
    },
  ): Promise<Guard> {
    const { facts, random, clock } = args;
    const identity = identityOf(runName(facts), random);
    const lock = await acquire({ ...args, identity, workloads: args.workloads.map(lockedOf) });
    return new Guard(lock, identity, facts, clock);
  }

  get lock(): Lock {
    return this.#lock;
  }

  /** Aborted when another run may have the lock: no new image may be sent then. */
  get lost(): AbortSignal {
    return this.#lock.lost;
  }

  record(workload: WorkloadId): WorkloadRecord {
    return this.#lock.record(lockedOf(workload));
  }

  /** Leaves, before the workloads are touched, what the next run needs should this one be killed. */
  async mark(changes: readonly OpenChange[]): Promise<void> {
    const time = this.#clock.wall().toISOString();
    const run = runName(this.#facts);
    await eachTogether(changes, TOGETHER, async (change) => {
      const { uid, changes, annotationsBefore } = change;
      const open = { uid, changes, annotationsBefore, run, time };
      await this.#lock.save(lockedOf(change), { ...this.record(change), open });
    });
  }

  /** To be remembered at the end: what runs now was held to be healthy to the end. */
  isStable(workload: WorkloadId, now: Workload, commit: string | undefined): void {
    const stable = {
      uid: now.metadata?.uid ?? '',
      images: placeImages(slotsOf(now)),
      commit,
      run: runName(this.#facts),
      order: orderOf(this.#facts),
      time: this.#clock.wall().toISOString(),
    };
    this.#remember(workload, { stable, open: undefined });
  }

  /** To be remembered at the end: nothing of ours is open there any more. */
  isClosed(workload: WorkloadId): void {
    this.#remember(workload, { ...this.record(workload), open: undefined });
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
    this.#lock.leave();
  }

  /** Gives the locks back, and with them what is to be remembered. Never fails. */
  async release(): Promise<void> {
    if (!this.#left) await this.#lock.release([...this.#last.values()]);
  }
}
