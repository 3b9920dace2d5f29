/** As of when a collection is known to hold all that there was, and how much of it somebody wants to know. */
export class Freshness {
  #seenAt = -Infinity;
  #wanted = -Infinity;

  /** Clock.now(); -Infinity: never. */
  get seenAt(): number {
    return this.#seenAt;
  }

  /** Whether somebody wants it seen later than it was. */
  get isWanted(): boolean {
    return this.#seenAt < this.#wanted;
  }

  /** @param since no later than now: what is asked now must be an answer */
  want(since: number): void {
    this.#wanted = Math.max(this.#wanted, since);
  }

  /** Answers whether somebody was waiting for it. */
  see(at: number): boolean {
    const wasWanted = this.isWanted;
    this.#seenAt = Math.max(this.#seenAt, at);
    return wasWanted && !this.isWanted;
  }
}
