/**
 * What the rest of SteadyShip knows of a cluster. Objects are raw JSON in both directions: a typed client
 * drops the fields that it does not know, and a rollback must put back what it never understood.
 */
import type { KubeObject } from '../model/kube.ts';
import type { JsonPatchOperation } from '../model/patch.ts';

export { ApiError, UnreachableError } from './errors.ts';

/** Query parameters; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface RequestOptions {
  readonly query?: Query;
  /** Gives up at once, rejecting with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Reads only: how long to go on trying, in milliseconds. Default: Timing.readPatience. */
  readonly patience?: number;
}

export interface WriteOptions {
  readonly signal?: AbortSignal;
  readonly fieldManager?: string;
  readonly dryRun?: boolean;
}

export interface ListResult<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

export interface CollectionTarget<T> {
  readonly path: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /**
   * What to keep of each object, for collections that are large and read in part only; undefined: nothing, it is
   * none of ours. Keeping of what was kept changes nothing.
   */
  readonly keep?: (object: T) => T | undefined;
  /** The key by which `find` finds an object, if it is ever looked for. */
  readonly keyOf?: (object: T) => string | undefined;
  /** How long to go on trying to list it the first time, in milliseconds. Default: Timing.readPatience. */
  readonly patience?: number;
}

export interface ListOptions<T> extends RequestOptions {
  /** As of a collection; asked page by page, so that a large list is never held whole. */
  readonly keep?: (object: T) => T | undefined;
}

/**
 * Reads are tried again on network errors, 429, 500, 502, 503 and 504, and when a login that worked before gives no
 * credential now, within their patience; an access review (a question that is asked by creating it) is a read. Writes
 * are sent at most once: only an attempt that certainly was not carried out (no connection, 401, 429 with Retry-After)
 * is made again. Rejections are ApiError, UnreachableError, UserError (credentials that can not be had), or
 * the signal's reason.
 */
export interface Cluster {
  /** For messages: scheme, host and port. */
  readonly server: string;
  /** The kubeconfig context's; undefined: none is set there. */
  readonly namespace: string | undefined;
  get<T extends KubeObject>(path: string, options?: RequestOptions): Promise<T>;
  /** All pages. */
  list<T extends KubeObject>(path: string, query?: Query, options?: ListOptions<T>): Promise<ListResult<T>>;
  create<T>(path: string, body: unknown, options?: WriteOptions): Promise<T>;
  /** PUT; a conflict (409) is for the caller. */
  replace<T>(path: string, body: unknown, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject>(
    path: string,
    operations: readonly JsonPatchOperation[],
    options?: WriteOptions,
  ): Promise<T>;
  delete(path: string, body?: unknown, options?: WriteOptions): Promise<void>;
  /** Pod logs. Bounded: what comes after the first megabyte is cut off. */
  text(path: string, query?: Query, options?: RequestOptions): Promise<string>;
  collection<T extends KubeObject>(target: CollectionTarget<T>): Collection<T>;
  /** Sent so far: requests of every kind but watches, and watches. Retries count. */
  requestsSent(): { readonly requests: number; readonly watches: number };
  /** Stops all collections and closes all connections. */
  close(): Promise<void>;
}

export interface Trouble {
  readonly kind: 'unreachable' | 'forbidden' | 'unauthorized';
  /** A whole sentence. */
  readonly message: string;
  /** Clock.now() of the first failure. */
  readonly since: number;
}

/** A cache of a list that a watch keeps up to date. */
export interface Collection<T> {
  /**
   * Resolves when the first list is in. Rejects only with ApiError (401, 403, 404) or with UnreachableError
   * after the target's patience; the collection has then stopped. After stop() it rejects too.
   */
  readonly ready: Promise<void>;
  items(): readonly T[];
  /** Those whose key is this one, without a walk through all the others. */
  find(key: string): readonly T[];
  /**
   * Calls back after changes, once per chunk of events, with the keys under which something came, went or became
   * another; undefined: under any. Answers how to unsubscribe.
   */
  subscribe(listener: (changed?: ReadonlySet<string>) => void): () => void;
  /** undefined while all is well. The items are then still the last ones seen. */
  trouble(): Trouble | undefined;
  /**
   * Whether the items are known to hold all that there was at that moment (Clock.now(), not later than now). If they
   * are not, it is asked at the cost of one short read, and the listeners are called when it is known, or is trouble.
   * Only a collection that somebody subscribed to asks.
   */
  sees(since: number): boolean;
  stop(): void;
}
