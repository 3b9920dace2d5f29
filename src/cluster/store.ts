/** What a collection holds, and up to where it has followed the server's history. */
import type { KubeObject } from '../model/kube.ts';
import type { CollectionTarget } from './client.ts';
import type { WatchEvent } from './watch.ts';

export class Store<T extends KubeObject> {
  /** The newest version seen, of whatever kind of message. All events up to it are in. */
  version = '';
  #objects = new Map<string, T>();
  /** The same objects by what `keyOf` says of them: one change must not cost a walk through all. */
  #index = new Map<string, Map<string, T>>();
  #items: readonly T[] | undefined;
  #changed = new Set<string>();
  readonly #keep: (object: T) => T | undefined;
  readonly #keyOf: (object: T) => string | undefined;

  constructor({ keep, keyOf }: Pick<CollectionTarget<T>, 'keep' | 'keyOf'> = {}) {
    this.#keep = keep ?? ((object) => object);
    this.#keyOf = keyOf ?? (() => undefined);
  }

  /** The same array until something changes. */
  items(): readonly T[] {
    this.#items ??= [...this.#objects.values()];
    return this.#items;
  }

  /** Those under one key. */
  find(key: string): readonly T[] {
    return [...(this.#index.get(key)?.values() ?? [])];
  }

  /** The keys under which something changed since this was last asked. */
  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  /** Begins anew with what a list brought; of it only what is to be kept. */
  replace(objects: Iterable<T>, version: string): void {
    for (const key of this.#index.keys()) this.#changed.add(key);
    this.#objects = new Map();
    this.#index = new Map();
    for (const object of objects) this.#put(object);
    this.#items = undefined;
    this.version = version;
  }

  /**
   * Whether it changed anything. Events that are not newer than what was followed already tell nothing new; a
   * deletion is judged by its object alone, for no harm is done by removing again what is gone.
   */
  apply({ type, object }: WatchEvent<T>): boolean {
    const version = object.metadata?.resourceVersion ?? '';
    const ahead = isNewer(version, this.version);
    if (ahead) this.version = version;
    if (type === 'BOOKMARK' || (type !== 'DELETED' && !ahead)) return false;
    if (type === 'DELETED') {
      const name = nameOf(object);
      const held = this.#objects.get(name);
      if (held === undefined || isNewer(held.metadata?.resourceVersion ?? '', version)) return false;
      this.#drop(name, held);
    } else if (!this.#put(object)) return false;
    this.#items = undefined;
    return true;
  }

  /** Whether anything is different now: one that is not kept, and was not held, makes no difference. */
  #put(object: T): boolean {
    const name = nameOf(object);
    const held = this.#objects.get(name);
    const kept = this.#keep(object);
    if (kept === undefined) {
      if (held !== undefined) this.#drop(name, held);
      return held !== undefined;
    }
    const key = this.#keyOf(kept);
    if (held !== undefined && this.#keyOf(held) !== key) this.#drop(name, held);
    this.#objects.set(name, kept);
    if (key === undefined) return true;
    const siblings = this.#index.get(key);
    if (siblings === undefined) this.#index.set(key, new Map([[name, kept]]));
    else siblings.set(name, kept);
    this.#changed.add(key);
    return true;
  }

  #drop(name: string, held: T): void {
    this.#objects.delete(name);
    const key = this.#keyOf(held);
    if (key === undefined) return;
    const siblings = this.#index.get(key);
    siblings?.delete(name);
    if (siblings?.size === 0) this.#index.delete(key);
    this.#changed.add(key);
  }
}

function nameOf(object: KubeObject): string {
  return `${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}`;
}

/**
 * Versions of one resource are decimal numbers that grow, and may be compared as such since Kubernetes 1.35
 * declared what had always been so (KEP-5504). They may exceed 2^53.
 */
export function isNewer(version: string, than: string): boolean {
  return version.length === than.length ? version > than : version.length > than.length;
}
