import { ApiError, type Cluster, type RequestOptions, UnreachableError } from '../cluster/client.ts';
import { explain } from '../cluster/explain.ts';
import { leases } from '../cluster/paths.ts';
import { type Clock, sleep } from '../model/clock.ts';
import { messageOf } from '../model/error.ts';
import type { Log } from '../model/log.ts';
import { shortName } from '../model/workload.ts';
import {
  holderOf,
  type Identity,
  type Lease,
  type LockedWorkload,
  leaseName,
  renderFree,
  renderHeld,
  renderNew,
} from './lease.ts';
import { isTaken, LostLock, takenBy, unrenewed } from './lost-lock.ts';

/** What holding a Lease needs. */
export interface Holding {
  readonly cluster: Cluster;
  readonly workload: LockedWorkload;
  readonly identity: Identity;
  /** leaseDurationSeconds. */
  readonly seconds: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted: the run was cancelled, and has seconds left. */
  readonly signal: AbortSignal;
}

/** Renewed so many times in its duration; a failed renewal is tried again after this (client-go's RetryPeriod). */
const RENEWALS = 3;
const RETRY = 2_000;
/** One try of a write, and how long one that matters is tried again, in milliseconds. */
const TRY = 10_000;
const PATIENCE = 30_000;
const PATIENCE_AT_THE_END = 5_000;
/** Times that the same write may be overtaken by another; labels and annotations are anybody's. */
const OVERTAKEN = 5;

type Annotations = Readonly<Record<string, string | undefined>>;

/** A Lease that is ours: renewed in the background until it is released, left or lost. */
export class HeldLease {
  readonly workload: LockedWorkload;
  readonly #holding: Holding;
  readonly #lost = new AbortController();
  readonly #ended = new AbortController();
  /** As the server answered last. */
  #lease: Lease;
  /** When the server answered last (wall time). */
  #heard: Date;
  /** Writes go one after the other: two at once would only overtake each other. */
  #queue: Promise<unknown> = Promise.resolve();
  #takeBackRenewal = (): void => {};
  #takeBackDoubt = (): void => {};

  /** @param sentAt Clock.now() when the write was sent that took it */
  constructor(holding: Holding, lease: Lease, sentAt: number) {
    this.workload = holding.workload;
    this.#holding = holding;
    this.#lease = lease;
    this.#heard = holding.clock.wall();
    this.#renewed(sentAt);
  }

  /** Aborted with a LostLock. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get annotations(): Readonly<Record<string, string>> | undefined {
    return this.#lease.metadata?.annotations;
  }

  /**
   * Writes annotations; every write renews too.
   *
   * @throws LostLock when somebody else holds the Lease, whatever the cluster said when it can not be written
   */
  write(annotations: Annotations): Promise<void> {
    return this.#patiently(
      () => PATIENCE,
      (lease) => this.#render(lease, annotations),
    );
  }

  /** Gives the Lease back. One that can not be given back ends by itself. */
  async release(annotations: Annotations = {}): Promise<void> {
    const { log, seconds } = this.#holding;
    await this.#free(annotations, () => PATIENCE_AT_THE_END).catch((error: unknown) =>
      log.debug(
        `The lock on ${this.#name} could not be given back (${messageOf(error)}); it ends by itself after ${seconds} s.`,
      ),
    );
  }

  /** Gives the Lease back with what the run came to: a marker that should go would stay for the next run to find. */
  async conclude(annotations: Annotations): Promise<void> {
    if (bears(this.#lease, annotations)) return await this.release();
    const { cluster, log, seconds, signal } = this.#holding;
    // A run that was cancelled is killed soon, and has more to say before.
    const patience = (): number => (signal.aborted ? PATIENCE_AT_THE_END : PATIENCE);
    await this.#free(annotations, patience).catch((error: unknown) =>
      log.warning(
        `${this.#name}: how this run ended could not be written to the Lease ${leaseName(this.workload)} in namespace ${this.workload.namespace}: ${explain(error, cluster).replace(/\.?$/, '.')} The lock ends by itself after ${seconds} s. The next run goes by what the Lease says now: a rollout that is still marked there as open is judged anew, and put back if it is not healthy.`,
      ),
    );
  }

  async #free(annotations: Annotations, patience: () => number): Promise<void> {
    const { clock } = this.#holding;
    this.leave();
    // Whoever took it writes there now; that it was taken has been told already.
    if (isTaken(this.#lost.signal)) return;
    await this.#patiently(
      patience,
      (lease) => renderFree(lease, { now: clock.wall(), annotations }),
      // The answer to an earlier try was lost.
      (lease) => holderOf(lease) === undefined && bears(lease, annotations),
    );
  }

  /** Stops renewing and says nothing: whoever comes next with the same identity finds it still ours. */
  leave(): void {
    this.#ended.abort();
    this.#takeBackRenewal();
    this.#takeBackDoubt();
  }

  get #name(): string {
    return shortName(this.workload);
  }

  get #path(): string {
    return leases(this.workload.namespace, leaseName(this.workload));
  }

  #render(lease: Lease, annotations: Annotations = {}): Lease {
    const { identity, seconds, clock } = this.#holding;
    return renderHeld(lease, { identity, seconds, now: clock.wall(), annotations });
  }

  /** The duration counts from when the write was sent: others may have seen it that early. */
  #renewed(sentAt: number): void {
    this.#takeBackRenewal();
    this.#takeBackDoubt();
    if (this.#ended.signal.aborted) return;
    const { clock, seconds } = this.#holding;
    const gone = clock.now() - sentAt;
    const later = (milliseconds: number, callback: () => void): (() => void) =>
      clock.timer(Math.max(0, milliseconds - gone), callback);
    this.#takeBackRenewal = later((seconds * 1_000) / RENEWALS, () => void this.#renew());
    this.#takeBackDoubt = later(seconds * 1_000, () => this.#lose(unrenewed(this.workload, seconds)));
  }

  /** Goes on trying after the lock became doubtful: where nobody took it meanwhile, it protects again. */
  async #renew(): Promise<void> {
    const { clock, log } = this.#holding;
    try {
      await this.#exclusive(() => this.#put((lease) => this.#render(lease)));
    } catch (error) {
      if (this.#ended.signal.aborted || error instanceof LostLock) return;
      log.debug(`The lock on ${this.#name} could not be renewed: ${messageOf(error)}`);
      this.#takeBackRenewal = clock.timer(RETRY, () => void this.#renew());
    }
  }

  #lose(reason: LostLock): void {
    if (reason.kind === 'taken') this.leave();
    this.#lost.abort(reason);
  }

  async #patiently(
    patience: () => number,
    render: (lease: Lease) => Lease,
    isDone?: (now: Lease) => boolean,
  ): Promise<void> {
    const { clock } = this.#holding;
    const began = clock.now();
    for (;;) {
      try {
        await this.#exclusive(() => this.#put(render, isDone));
        return;
      } catch (error) {
        const final = error instanceof LostLock || (error instanceof ApiError && isFinal(error));
        if (final || clock.now() - began + RETRY > patience()) throw error;
        await sleep(clock, RETRY);
      }
    }
  }

  #exclusive(body: () => Promise<void>): Promise<void> {
    const next = this.#queue.then(body);
    this.#queue = next.catch(() => undefined);
    return next;
  }

  /**
   * One write, on what the Lease is by now, as long as it is ours.
   *
   * @param isDone asked of a Lease that another write changed: whether nothing is left to write
   */
  async #put(render: (lease: Lease) => Lease, isDone?: (now: Lease) => boolean): Promise<void> {
    const { cluster, clock } = this.#holding;
    for (let tries = 1; ; tries += 1) {
      if (isTaken(this.#lost.signal)) throw this.#lost.signal.reason;
      const sentAt = clock.now();
      try {
        this.#lease = await this.#limited('update', (signal) =>
          cluster.replace<Lease>(this.#path, render(this.#lease), { signal }),
        );
        this.#renewed(sentAt);
        return;
      } catch (error) {
        if (!isConflict(error) || tries === OVERTAKEN) throw error;
        if (await this.#readAgain(isDone)) return;
      }
    }
  }

  /**
   * Our view was old: what is there now decides. A Lease that was deleted is made again, memory and all (the
   * server answers a write to it with a conflict too, for it has no longer the uid that was sent).
   *
   * @returns whether nothing is left to write
   */
  async #readAgain(isDone: (now: Lease) => boolean = () => false): Promise<boolean> {
    const { cluster, identity, seconds, clock } = this.#holding;
    const now = await this.#limited('get', (signal) =>
      readLease(cluster, this.#path, { signal, patience: 0 }),
    );
    if (now === undefined) {
      const { annotations = {} } = this.#lease.metadata ?? {};
      const made = renderNew(this.workload, { identity, seconds, now: clock.wall(), annotations });
      this.#lease = await this.#limited('create', (signal) =>
        cluster.create<Lease>(leases(this.workload.namespace), made, { signal }),
      );
      return false;
    }
    if (isDone(now)) return true;
    if (now.spec?.holderIdentity !== identity.holder) {
      const taken = takenBy(this.workload, now);
      this.#lose(taken);
      throw taken;
    }
    this.#lease = now;
    return false;
  }

  /** @throws UnreachableError when nothing was answered in time, as the client does where the limit is its own */
  async #limited<T>(verb: string, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock } = this.#holding;
    const limit = new AbortController();
    const takeBack = clock.timer(TRY, () => {
      const words = `no answer within ${TRY / 1_000} s`;
      const lastHeard = this.#heard;
      limit.abort(new UnreachableError({ verb, path: this.#path }, words, true, { lastHeard }));
    });
    try {
      const answer = await send(limit.signal);
      this.#heard = clock.wall();
      return answer;
    } catch (error) {
      if (error instanceof ApiError) this.#heard = clock.wall();
      throw error;
    } finally {
      takeBack();
    }
  }
}

function bears({ metadata }: Lease, annotations: Annotations): boolean {
  return Object.entries(annotations).every(([key, value]) => metadata?.annotations?.[key] === value);
}

/** The Lease as it is; undefined: there is none. */
export async function readLease(
  cluster: Cluster,
  path: string,
  options: RequestOptions,
): Promise<Lease | undefined> {
  try {
    return await cluster.get<Lease>(path, options);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

/** Somebody else wrote in between, or was first to create. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409;
}

/** An answer that trying again can not change. */
function isFinal({ status }: ApiError): boolean {
  return status < 500 && status !== 409 && status !== 429 && status !== 401;
}
