import {
  ApiError,
  type Cluster,
  type Collection,
  type CollectionTarget,
  type Trouble,
  UnreachableError,
} from '../../src/cluster/client.ts';
import type { Lease } from '../../src/deploy/lease.ts';
import type { KubeObject } from '../../src/model/kube.ts';

/** What the next write meets. */
export type WriteFault = 'lose-request' | 'lose-reply' | 'forbidden' | 'unavailable' | 'never-answered';

/** The API server's part in Leases: versions, conflicts, and who is told of a change. Several clients share it. */
export class LeaseServer {
  readonly leases = new Map<string, Lease>();
  readonly requests: string[] = [];
  /** For every write from now on, until it is taken away. */
  fault: WriteFault | undefined;
  readonly listeners = new Set<() => void>();
  #version = 0;

  /** A client of this server; `trouble` is its own view of the way there. */
  client(): FakeLeases {
    return new FakeLeases(this);
  }

  the(name: string): Lease {
    const lease = this.leases.get(name);
    if (lease === undefined) throw new Error(`no lease ${name}`);
    return lease;
  }

  put(lease: Lease): Lease {
    this.#version += 1;
    const name = lease.metadata?.name ?? '';
    const before = this.leases.get(name);
    const uid = before?.metadata?.uid ?? `uid-${this.#version}`;
    const kept = structuredClone({
      ...lease,
      metadata: { ...lease.metadata, uid, resourceVersion: String(this.#version) },
    });
    this.leases.set(name, kept);
    for (const listener of this.listeners) listener();
    return kept;
  }

  remove(name: string): void {
    this.leases.delete(name);
    for (const listener of this.listeners) listener();
  }
}

/** A cluster in which there are only Leases. */
export class FakeLeases implements Cluster {
  readonly server = 'https://fake:6443';
  readonly namespace = 'shop';
  readonly #server: LeaseServer;
  trouble: Trouble | undefined;

  constructor(server: LeaseServer) {
    this.#server = server;
  }

  async get<T extends KubeObject>(path: string): Promise<T> {
    this.#server.requests.push(`GET ${nameOf(path)}`);
    if (this.trouble !== undefined) throw new UnreachableError({ verb: 'GET', path }, 'no route', false);
    const lease = this.#server.leases.get(nameOf(path));
    if (lease === undefined) throw refused('GET', path, 404, 'NotFound');
    return structuredClone(lease) as unknown as T;
  }

  async list<T extends KubeObject>(path: string): Promise<{ items: readonly T[]; resourceVersion: string }> {
    this.#server.requests.push(`LIST ${path.split('/').at(-2)}`);
    return {
      items: structuredClone([...this.#server.leases.values()]) as unknown as T[],
      resourceVersion: '1',
    };
  }

  async create<T>(path: string, body: unknown): Promise<T> {
    const lease = body as Lease;
    const name = lease.metadata?.name ?? '';
    return (await this.#write('POST', path, name, () => {
      if (this.#server.leases.has(name)) throw refused('POST', path, 409, 'AlreadyExists');
      return this.#server.put(lease);
    })) as T;
  }

  async replace<T>(path: string, body: unknown, options: { readonly signal?: AbortSignal } = {}): Promise<T> {
    const lease = body as Lease;
    const name = nameOf(path);
    const write = (): Lease => {
      const now = this.#server.leases.get(name);
      // As the real one: what is not there has not the uid that was sent.
      if (now === undefined) throw refused('PUT', path, 409, 'Conflict');
      const { resourceVersion, uid } = now.metadata ?? {};
      if (lease.metadata?.resourceVersion !== resourceVersion || lease.metadata?.uid !== uid)
        throw refused('PUT', path, 409, 'Conflict');
      return this.#server.put(lease);
    };
    return (await this.#write('PUT', path, name, write, options.signal)) as T;
  }

  collection<T extends KubeObject>(target: CollectionTarget<T>): Collection<T> {
    const place = target.path.split('/').at(-2);
    const { keep = (lease: T): T | undefined => lease } = target;
    this.#server.requests.push(`WATCH ${place}`);
    const look = (): T[] =>
      [...this.#server.leases.values()].flatMap(
        (lease) => keep(structuredClone(lease) as unknown as T) ?? [],
      );
    let last = look();
    return {
      ready: Promise.resolve(),
      // A view that is cut off stands still.
      items: () => {
        if (this.trouble === undefined) last = look();
        return last;
      },
      find: () => [],
      subscribe: (listener) => {
        this.#server.listeners.add(listener);
        return () => this.#server.listeners.delete(listener);
      },
      trouble: () => this.trouble,
      sees: () => true,
      stop: () => void this.#server.requests.push(`UNWATCH ${place}`),
    };
  }

  patch(): never {
    throw new Error('not asked for in these tests');
  }
  delete(): never {
    throw new Error('not asked for in these tests');
  }
  text(): never {
    throw new Error('not asked for in these tests');
  }
  requestsSent(): { readonly requests: number; readonly watches: number } {
    return { requests: this.#server.requests.length, watches: 0 };
  }
  close(): Promise<void> {
    return Promise.resolve();
  }

  async #write(
    verb: string,
    path: string,
    name: string,
    write: () => Lease,
    signal?: AbortSignal,
  ): Promise<Lease> {
    this.#server.requests.push(`${verb} ${name}`);
    const { fault } = this.#server;
    const request = { verb, path };
    if (this.trouble !== undefined) throw new UnreachableError(request, 'no route', false);
    if (fault === 'lose-request') throw new UnreachableError(request, 'reset', true);
    if (fault === 'forbidden') throw refused(verb, path, 403, 'Forbidden');
    if (fault === 'unavailable') throw refused(verb, path, 503, 'ServiceUnavailable');
    if (fault === 'never-answered') {
      return await new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    }
    const answer = structuredClone(write());
    if (fault === 'lose-reply') throw new UnreachableError(request, 'reset', true);
    return answer;
  }
}

function nameOf(path: string): string {
  return path.split('/').at(-1) ?? '';
}

function refused(verb: string, path: string, status: number, reason: string): ApiError {
  return new ApiError({ verb, path }, { status, reason, message: reason });
}
