/** What a collection holds, and up to where it has followed the server's history. */
import type { KubeObject } from '../model/kube.ts';
import type { WatchEvent } from './watch.ts';

export class Store<T extends KubeObject> {
  /** The newest version seen, of whatever kind of message. All events up to it are in. */
  version = '';
  #objects = new Map<string, T>();
  #items: readonly T[] | undefined;
  readonly #keep: (object: T) => T;

  constructor(keep: ((object: T) => T) | undefined) {
    this.#keep = keep ?? ((object) => object);
  }

  /** The same array until something changes. */
  items(): readonly T[] {
    this.#items ??= [...this.#objects.values()];
    return this.#items;
  }

  replace(objects: readonly T[], version: string): void {
    this.#objects = new Map(objects.map((object) => [keyOf(object), this.#keep(object)]));
    this.#items = undefined;
    this.version = version;
  }

  /**
   * Whether it changed anything. Events that are not newer than what was followed already tell nothing new; a
   * deletion is judged by its object alone, for no harm is done by removing again what is gone.
   */
  apply({ type, object }: WatchEvent<T>): boolean {
    const version = object.metadata?.resourceVersion ?? '';
    const key = keyOf(object);
    const ahead = isNewer(version, this.version);
    if (ahead) this.version = version;
    if (type === 'BOOKMARK' || (type !== 'DELETED' && !ahead)) return false;
    if (type === 'DELETED') {
      const held = this.#objects.get(key);
      if (held === undefined || isNewer(held.metadata?.resourceVersion ?? '', version)) return false;
      this.#objects.delete(key);
    } else {
      this.#objects.set(key, this.#keep(object));
    }
    this.#items = undefined;
    return true;
  }
}

function keyOf(object: KubeObject): string {
  return `${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}`;
}

/**
 * Versions of one resource are decimal numbers that grow, and may be compared as such since Kubernetes 1.35
 * declared what had always been so (KEP-5504). They may exceed 2^53.
 */
export function isNewer(version: string, than: string): boolean {
  return version.length === than.length ? version > than : version.length > than.length;
}
