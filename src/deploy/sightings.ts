import type { Clock } from '../model/clock.ts';
import {
  diesAt,
  holderOf,
  type Identity,
  keyOf,
  type Lease,
  type LockedWorkload,
  look,
  type Sighting,
} from './lease.ts';

/** Looks that are further apart say nothing of the time between, in milliseconds: the cluster may have been away. */
const GAP = 15_000;

interface Seen {
  readonly lease: Lease;
  readonly sighting: Sighting;
  /** Clock.now() of the last look. */
  readonly at: number;
}

/**
 * What a run has seen of the Leases that it wants. It looks at all of them from the start, so that those of one
 * dead run come to their end together, and not one after the other.
 */
export class Sightings {
  readonly #identity: Identity;
  readonly #clock: Clock;
  readonly #seen = new Map<string, Seen>();

  constructor(identity: Identity, clock: Clock) {
    this.#identity = identity;
    this.#clock = clock;
  }

  /**
   * One more look.
   *
   * @param lease undefined: there is none
   * @param clear whether the cluster could be seen since the look before
   */
  see(workload: LockedWorkload, lease: Lease | undefined, clear = true): void {
    const key = keyOf(workload);
    if (lease === undefined) {
      this.#seen.delete(key);
      return;
    }
    const before = this.#seen.get(key);
    const at = this.#clock.now();
    const whole = clear && (before === undefined || at - before.at <= GAP);
    const sighting = look(before?.sighting, lease, { now: at, wall: this.#clock.wall(), clear: whole });
    this.#seen.set(key, { lease, sighting, at });
  }

  /** As it was seen last; undefined: there was none. */
  lease(workload: LockedWorkload): Lease | undefined {
    return this.#seen.get(keyOf(workload))?.lease;
  }

  /** Of a Lease that somebody else holds, dead or alive. */
  held(workload: LockedWorkload): Omit<Seen, 'at'> | undefined {
    const seen = this.#seen.get(keyOf(workload));
    const holder = seen && holderOf(seen.lease);
    return holder === undefined || holder.holder === this.#identity.holder ? undefined : seen;
  }

  /** Clock.now() from which it may be taken, unless its holder shows a sign of life before. */
  freeAt(workload: LockedWorkload): number {
    const held = this.held(workload);
    return held === undefined ? Number.NEGATIVE_INFINITY : diesAt(held.lease, held.sighting);
  }

  /** By what was seen: time in which nobody looked proves nothing. */
  isFree(workload: LockedWorkload): boolean {
    const at = this.#seen.get(keyOf(workload))?.at ?? 0;
    return at >= this.freeAt(workload);
  }
}
