/** The client: verbs, retries and pages on top of the transport. */
import type { Clock } from '../model/clock.ts';
import type { KubeObject } from '../model/kube.ts';
import type { Log } from '../model/log.ts';
import type { ClusterAccess } from './access.ts';
import type { Cluster, ListOptions, ListResult, Query, RequestOptions, WriteOptions } from './client.ts';
import { WatchedCollection } from './collection.ts';
import { createCredentials } from './credentials.ts';
import { ApiError, UnreachableError } from './errors.ts';
import { isFutile } from './explain.ts';
import { LoginAwayError } from './login-error.ts';
import { type Advice, retryAfter, retrying } from './retry.ts';
import { DEFAULT_TIMING, type Timing } from './timing.ts';
import { type ApiRequest, Transport } from './transport.ts';

export interface ConnectOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** process.env of the entry: proxies, and what exec plugins may see of it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly userAgent: string;
  readonly timing?: Timing;
  /** When an earlier step of this run heard of the cluster (wall time): it is right then, and at most away. */
  readonly lastHeard?: Date;
  /** Between 0 and 1, for jitter. */
  readonly random?: () => number;
}

const PAGE = 500;
const TEXT_LIMIT = { bytes: 1024 * 1024, cut: true };

/** Access reviews are created and kept nowhere: what is sent by POST is a question, and may be asked again. */
function isQuestion(path: string): boolean {
  return path.startsWith('/apis/authorization.k8s.io/');
}

/** Does no network I/O yet: the first request connects. */
export function connect(access: ClusterAccess, options: ConnectOptions): Cluster {
  const { clock, log, environment, userAgent, lastHeard } = options;
  const timing = options.timing ?? DEFAULT_TIMING;
  const random = options.random ?? Math.random;
  const closing = new AbortController();
  const credentials = createCredentials({ access, clock, log, environment, timing, signal: closing.signal });
  const transport = new Transport({
    access,
    credentials,
    clock,
    environment,
    timing,
    userAgent,
    lastHeard,
    closed: closing.signal,
  });
  const collections = new Set<{ stop(): void }>();

  function trying<T>(attempt: () => Promise<T>, judge: (error: unknown) => Advice, options: RequestOptions) {
    return retrying(attempt, judge, {
      clock,
      random,
      patience: () => {
        const most = options.patience ?? timing.readPatience;
        return transport.reached ? most : Math.min(most, timing.firstContactPatience);
      },
      backoffFirst: timing.backoffFirst,
      backoffMax: timing.backoffMax,
      signal:
        options.signal === undefined ? closing.signal : AbortSignal.any([options.signal, closing.signal]),
    });
  }

  function read<T>(request: Omit<ApiRequest, 'timeout'>, options: RequestOptions): Promise<T> {
    const whole = { ...request, timeout: timing.readTry, signal: options.signal };
    return trying(async () => transport.parse<T>(whole, await transport.send(whole)), judgeRead, options);
  }

  function write<T>(
    verb: 'create' | 'update' | 'patch' | 'delete',
    path: string,
    body: unknown,
    options: WriteOptions = {},
  ): Promise<T> {
    const { signal, fieldManager, dryRun } = options;
    const query = { fieldManager, dryRun: dryRun === true ? 'All' : undefined };
    const request: ApiRequest = { verb, path, query, body, timeout: timing.writeTry, signal };
    return trying(
      async () => transport.parse<T>(request, await transport.send(request)),
      judgeWrite,
      signal === undefined ? {} : { signal },
    );
  }

  function judgeRead(error: unknown): Advice {
    if (error instanceof UnreachableError) return { kind: isFutile(error) ? 'give-up' : 'again' };
    if (error instanceof LoginAwayError) return { kind: 'again' };
    if (!(error instanceof ApiError) || ![429, 500, 502, 503, 504].includes(error.status))
      return { kind: 'give-up' };
    return afterAsked(error) ?? { kind: 'again' };
  }

  /** Only what was certainly not carried out is sent again. */
  function judgeWrite(error: unknown): Advice {
    if (error instanceof UnreachableError) {
      return { kind: error.mayHaveArrived || isFutile(error) ? 'give-up' : 'again' };
    }
    if (!(error instanceof ApiError) || error.status !== 429) return { kind: 'give-up' };
    // An eviction's 429 is not "later, please" but "a disruption budget forbids it": that is for the caller.
    if (error.details?.causes?.some((cause) => cause.reason === 'DisruptionBudget'))
      return { kind: 'give-up' };
    return afterAsked(error) ?? { kind: 'give-up' };
  }

  function afterAsked(error: ApiError): Advice | undefined {
    const milliseconds = retryAfter(error.retryAfter, clock.wall());
    if (milliseconds === undefined) return undefined;
    if (milliseconds > timing.retryAfterMax) return { kind: 'give-up' };
    return { kind: 'again-after', milliseconds };
  }

  async function list<T extends KubeObject>(
    path: string,
    query: Query = {},
    options: ListOptions<T> = {},
  ): Promise<ListResult<T>> {
    interface Page {
      readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
      readonly items?: readonly T[];
    }
    const get = (more: Query) =>
      read<Page>({ verb: 'list', path, query: { limit: PAGE, ...query, ...more } }, options);
    const keep = options.keep ?? ((item: T) => item);
    const items: T[] = [];
    let page = await get({});
    for (;;) {
      for (const item of page.items ?? []) {
        const kept = keep(item);
        if (kept !== undefined) items.push(kept);
      }
      const next = page.metadata?.continue;
      if (!next || query['limit'] !== undefined) break;
      try {
        page = await get({ continue: next });
      } catch (error) {
        // The pages' common version was compacted away in between: all in one piece then.
        if (!(error instanceof ApiError) || error.status !== 410) throw error;
        items.length = 0;
        page = await get({ limit: undefined });
      }
    }
    return { items, resourceVersion: page.metadata?.resourceVersion ?? '' };
  }

  return {
    server: new URL(access.server).origin,
    namespace: access.namespace,
    get: (path, options = {}) => read({ verb: 'get', path, query: options.query }, options),
    list,
    create: <T>(path: string, body: unknown, options: WriteOptions = {}) =>
      isQuestion(path)
        ? read<T>({ verb: 'create', path, body, query: undefined }, options)
        : write<T>('create', path, body, options),
    replace: (path, body, options) => write('update', path, body, options),
    patch: (path, operations, options) => write('patch', path, operations, options),
    delete: async (path, body, options) => {
      await write('delete', path, body, options);
    },
    text: (path, query, options = {}) => {
      const request = {
        verb: 'get',
        path,
        query,
        accept: '*/*',
        timeout: timing.readTry,
        limit: TEXT_LIMIT,
        signal: options.signal,
      } as const;
      return trying(async () => (await transport.send(request)).body.toString('utf8'), judgeRead, options);
    },
    collection: (target) => {
      const collection = new WatchedCollection(target, {
        transport,
        list,
        clock,
        log,
        timing,
        random,
        server: access.server,
      });
      collections.add(collection);
      return collection;
    },
    requestsSent: () => ({ requests: transport.requests, watches: transport.watches }),
    close: async () => {
      for (const collection of collections) collection.stop();
      closing.abort(new Error(`the connection to ${access.server} was closed`));
      transport.destroy();
    },
  };
}
