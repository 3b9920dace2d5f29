/** Over one watch: when it is to be checked by a short second one, and when what it said proves it not behind. */
import type { Clock } from '../model/clock.ts';
import type { Timing } from './timing.ts';

/** So many early checks that find nothing, and a watch is no longer under suspicion. */
const QUIET = 10;

interface Duties {
  readonly clock: Clock;
  readonly timing: Timing;
  /** Somebody wants it seen now, or trouble has to be proven over. */
  readonly isUrgent: (isOpen: boolean) => boolean;
  /** Whether earlier watches were held back. */
  readonly isSuspicious: () => boolean;
  /** When the silence of all watches so far is to be checked (Clock.now()). */
  readonly dueAt: () => number;
  /** Nothing that happened before that moment is missing. */
  readonly prove: (at: number) => void;
  /** Rejects with what is to end the watch. */
  readonly check: () => Promise<void>;
  readonly fail: (error: unknown) => void;
}

export class Vigil {
  readonly #duties: Duties;
  #openedAt: number | undefined;
  #heardAt: number | undefined;
  #isProven = true;
  #hasProven = false;
  #lookedAt: number;
  #quiet = 0;
  #checking = false;
  #ended = false;
  #takeBack = (): void => {};

  constructor(duties: Duties) {
    this.#duties = duties;
    this.#lookedAt = duties.clock.now();
    this.wait();
  }

  get isOpen(): boolean {
    return this.#openedAt !== undefined;
  }

  get hasSpoken(): boolean {
    return this.#heardAt !== undefined;
  }

  /** Whether what it said proved it not behind at any time. */
  get hasProven(): boolean {
    return this.#hasProven;
  }

  opened(): void {
    this.#openedAt = this.#lookedAt = this.#duties.clock.now();
    this.wait();
  }

  /** Something came, and was taken in. */
  heard(): void {
    this.#heardAt = this.#lookedAt = this.#duties.clock.now();
    this.#isProven = false;
    this.#proveIfDue();
    this.wait();
  }

  end(): void {
    this.#ended = true;
    this.#takeBack();
  }

  /** Anew, when what it depends on has changed. */
  wait(): void {
    this.#takeBack();
    if (this.#ended) return;
    const { clock } = this.#duties;
    const at = Math.min(
      this.#checking ? Infinity : this.#checkAt(),
      this.#isProven ? Infinity : this.#provenAt(),
    );
    if (at < Infinity) this.#takeBack = clock.timer(Math.max(0, at - clock.now()), () => this.#look());
  }

  #look(): void {
    const { clock, check, fail } = this.#duties;
    this.#proveIfDue();
    if (this.#checking || this.#checkAt() > clock.now()) {
      this.wait();
      return;
    }
    this.#checking = true;
    check().then(() => {
      this.#checking = false;
      this.#quiet++;
      this.#lookedAt = clock.now();
      this.wait();
    }, fail);
    this.wait();
  }

  #proveIfDue(): void {
    if (this.#heardAt === undefined || this.#isProven || this.#provenAt() > this.#duties.clock.now()) return;
    this.#isProven = this.#hasProven = true;
    this.#duties.prove(this.#heardAt);
  }

  /** What comes first on a watch is from before it opened, and more of that may be on its way. */
  #provenAt(): number {
    return (this.#openedAt ?? Infinity) + this.#duties.timing.probe;
  }

  #checkAt(): number {
    const { isUrgent, isSuspicious, dueAt, timing } = this.#duties;
    if (isUrgent(this.isOpen)) return -Infinity;
    // Until it has opened, and after one that was held back, there is reason to look sooner.
    const calm = this.isOpen && (this.hasSpoken || !isSuspicious() || this.#quiet >= QUIET);
    if (!calm) return this.#lookedAt + Math.min(timing.poll, timing.silence);
    return Math.max(dueAt(), (this.#heardAt ?? -Infinity) + timing.silence);
  }
}
