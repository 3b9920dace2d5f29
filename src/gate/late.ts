import type { Collection, Trouble } from '../cluster/client.ts';

/** A collection that is opened when it is first wanted; until then it is empty and well. */
export class LateCollection<T> implements Collection<T> {
  readonly #open: () => Collection<T>;
  #inner: Collection<T> | undefined;

  constructor(open: () => Collection<T>) {
    this.#open = open;
  }

  /** Opens it. */
  get ready(): Promise<void> {
    return this.#begin().ready;
  }

  items(): readonly T[] {
    return this.#inner?.items() ?? [];
  }

  find(key: string): readonly T[] {
    return this.#inner?.find(key) ?? [];
  }

  /** Opens it. */
  subscribe(listener: (changed?: ReadonlySet<string>) => void): () => void {
    return this.#begin().subscribe(listener);
  }

  trouble(): Trouble | undefined {
    return this.#inner?.trouble();
  }

  sees(since: number): boolean {
    return this.#inner?.sees(since) ?? true;
  }

  stop(): void {
    this.#inner?.stop();
  }

  #begin(): Collection<T> {
    this.#inner ??= this.#open();
    return this.#inner;
  }
}
