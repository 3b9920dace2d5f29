import { type Clock, sleep } from '../model/clock.ts';
import { messageOf } from '../model/error.ts';
import type { Log } from '../model/log.ts';
import type { SizeReport } from '../model/report.ts';
import type { Obtained } from './image.ts';
import type { Shipped } from './lane.ts';
import type { Asked, Sized } from './measure.ts';

/** A registry that has not answered by the end of the run is not worth the wait: milliseconds. */
const PATIENCE = 1_000;

/** The sizes of a run's images, looked up beside the gate: nothing waits for them, and no failure of theirs is one. */
export class Sizes {
  readonly #found = new Map<string, SizeReport>();
  readonly #pending: Promise<void>[] = [];
  readonly #registry: Asked;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(world: { readonly registry: Asked; readonly clock: Clock; readonly log: Log }) {
    this.#registry = world.registry;
    this.#clock = world.clock;
    this.#log = world.log;
  }

  /** @param before the image that it replaces, as the workload named it; undefined: none */
  begin(sized: Sized, before: string | undefined): void {
    this.#pending.push(this.#look(sized, before));
  }

  of(reference: string): SizeReport | undefined {
    return this.#found.get(reference);
  }

  /** Waits for what is still to come, for a moment. */
  async settle(): Promise<void> {
    if (this.#pending.length === 0) return;
    const enough = new AbortController();
    const patience = sleep(this.#clock, PATIENCE, enough.signal).catch(() => undefined);
    await Promise.race([Promise.all(this.#pending), patience]);
    enough.abort();
  }

  async #look(sized: Sized, before: string | undefined): Promise<void> {
    try {
      const [{ measure }, { describeSize }] = await Promise.all([
        import('./measure.ts'),
        import('../report/build.ts'),
      ]);
      const size = await measure(this.#registry, sized, before);
      if (size === undefined) return;
      this.#found.set(sized.reference, size);
      const { target } = sized;
      this.#log.info(`Image${target === undefined ? '' : ` of target ${target}`}: ${describeSize(size)}`);
    } catch (error) {
      // It is for a person to know, and decides nothing.
      this.#log.debug(`the size of ${sized.reference} could not be looked up: ${messageOf(error)}`);
    }
  }
}

/** Begins with an image that was patched onto workloads: held against what the first of them ran before. */
export function beginSize(
  sizes: Sizes,
  obtained: Obtained,
  shipped: readonly Pick<Shipped, 'unchanged' | 'changes'>[],
): void {
  const { target, reference, image, digest, platforms, built, seen } = obtained;
  const moved = shipped.filter(({ unchanged }) => !unchanged);
  // What is there already is nothing new to anybody.
  if (!seen || digest === undefined || (!built && moved.length === 0)) return;
  const changes = moved.flatMap((each) => each.changes).filter(({ to }) => to === reference);
  const before = changes.find(({ image: from }) => from !== reference)?.image;
  const which = target === undefined ? {} : { target };
  sizes.begin({ ...which, reference, image, digest, platforms }, before);
}
