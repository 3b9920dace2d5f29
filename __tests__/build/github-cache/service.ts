/**
 * GitHub's cache service, version 2, on this machine. What it is asked and answers is what GitHub's own client
 * (actions/toolkit, packages/cache: results/api/v1/cache.proto, cacheTwirpClient.ts) and BuildKit's
 * (tonistiigi/go-actions-cache) expect of it; errors are Twirp's: https://twitchtv.github.io/twirp/docs/spec_v7.html.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Blobs, CONTAINER, type Operation } from './blobs.ts';
import { type Scopes, sign } from './token.ts';
import { Refusal, twirpError } from './twirp.ts';

type Method = 'CreateCacheEntry' | 'FinalizeCacheEntryUpload' | 'GetCacheEntryDownloadURL';
export type Call = Method | Operation;

/** What is answered instead; undefined: what the service has to say. */
export type Fault = (call: Call) => { readonly status: number; readonly body: string } | undefined;

export interface CacheService {
  /** With a slash at its end, as GitHub tells it. */
  readonly url: string;
  /** What was asked so far. */
  readonly calls: readonly Call[];
  /** `<branch> <key>` of what can be read. */
  entries(): readonly string[];
  /** What the runner tells an action of such a run. */
  environmentOf(
    scopes: Scopes,
  ): Readonly<Record<string, string>> & { readonly ACTIONS_RUNTIME_TOKEN: string };
  /** From now on; undefined: everything works again. */
  fail(fault: Fault | undefined): void;
  /** GitHub removes what was not read for a week, and the oldest when a repository has too much: entry by entry. */
  evict(which: (key: string) => boolean): void;
  /** Azure's own side loses what the service still knows of. */
  lose(which: (key: string) => boolean): void;
  stop(): Promise<void>;
}

interface Entry {
  readonly id: number;
  readonly scope: string;
  readonly key: string;
  readonly version: string;
  readonly blob: string;
  finished: boolean;
}

interface Asked {
  readonly key?: unknown;
  readonly version?: unknown;
  readonly restore_keys?: unknown;
  readonly size_bytes?: unknown;
}

const ROUTE = /^\/twirp\/github\.actions\.results\.api\.v1\.CacheService\/(\w+)$/;
export async function startCacheService(): Promise<CacheService> {
  const blobs = new Blobs();
  const key = randomBytes(32);
  const tokens = new Map<string, Scopes>();
  const calls: Call[] = [];
  let entries: Entry[] = [];
  let fault: Fault | undefined;
  let count = 0;

  const methods: Readonly<Record<Method, (asked: Asked, scopes: Scopes) => object>> = {
    GetCacheEntryDownloadURL: (asked, { own, others = [] }) => {
      const wanted = [word(asked, 'key'), ...list(asked.restore_keys)];
      const version = word(asked, 'version');
      const found = [own, ...others]
        .flatMap((scope) => wanted.map((prefix) => find(entries, { scope, prefix, version })))
        .find((entry) => entry !== undefined);
      if (found === undefined) return { ok: false, signed_download_url: '', matched_key: '' };
      return { ok: true, signed_download_url: blobs.sign(origin, found.blob, 'r'), matched_key: found.key };
    },
    CreateCacheEntry: (asked, { own: scope }) => {
      const [key, version] = [word(asked, 'key'), word(asked, 'version')];
      if (entries.some((entry) => entry.scope === scope && entry.key === key && entry.version === version)) {
        throw twirpError(
          'already_exists',
          'cache entry with the same key, version, and scope already exists',
        );
      }
      const id = ++count;
      const blob = `${randomBytes(6).toString('hex')}-${id}`;
      entries.push({ id, scope, key, version, blob, finished: false });
      return { ok: true, signed_upload_url: blobs.sign(origin, blob, 'cw'), message: '' };
    },
    FinalizeCacheEntryUpload: (asked, { own }) => {
      const [key, version] = [word(asked, 'key'), word(asked, 'version')];
      const entry = entries.find(
        (each) => each.scope === own && each.key === key && each.version === version,
      );
      if (entry === undefined) throw twirpError('not_found', 'cache entry not found');
      if (blobs.size(entry.blob) !== Number(asked.size_bytes)) {
        throw twirpError('invalid_argument', 'the size of the upload does not match size_bytes');
      }
      entry.finished = true;
      return { ok: true, entry_id: String(entry.id), message: '' };
    },
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '', 'http://service').pathname;
    const told = (call: Call): void => {
      calls.push(call);
      const instead = fault?.(call);
      if (instead !== undefined) throw new Refusal(instead.status, instead.body);
    };
    if (path.startsWith(CONTAINER)) return await blobs.serve(request, response, told);
    const body = await text(request);
    const method = ROUTE.exec(path)?.[1] ?? '';
    if (request.method !== 'POST' || !Object.hasOwn(methods, method)) {
      throw twirpError('bad_route', `no handler for path "${path}"`);
    }
    told(method as Method);
    const scopes = tokens.get(/^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '');
    if (scopes === undefined) throw twirpError('unauthenticated', 'invalid token');
    if (request.headers['content-type'] !== 'application/json') {
      throw twirpError('bad_route', `unexpected Content-Type: "${request.headers['content-type']}"`);
    }
    reply(response, 200, JSON.stringify(methods[method as Method](parse(body), scopes)));
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (!(error instanceof Refusal)) return response.destroy();
      return reply(response, error.status, error.message);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const named = (which: (key: string) => boolean): readonly Entry[] =>
    entries.filter(({ key }) => which(key));
  return {
    url: `${origin}/`,
    calls,
    entries: () => entries.filter(({ finished }) => finished).map(({ scope, key }) => `${scope} ${key}`),
    environmentOf: (scopes) => {
      const token = sign(scopes, key);
      tokens.set(token, scopes);
      return {
        ACTIONS_RESULTS_URL: `${origin}/`,
        ACTIONS_RUNTIME_TOKEN: token,
        ACTIONS_CACHE_SERVICE_V2: 'True',
      };
    },
    fail: (next) => {
      fault = next;
    },
    evict: (which) => {
      const gone = named(which);
      entries = entries.filter((entry) => !gone.includes(entry));
    },
    lose: (which) => {
      for (const { blob } of named(which)) blobs.remove(blob);
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The newest that begins so, of those that are whole. */
function find(
  entries: readonly Entry[],
  { scope, prefix, version }: { readonly scope: string; readonly prefix: string; readonly version: string },
): Entry | undefined {
  const like = entries.filter(
    (entry) => entry.finished && entry.scope === scope && entry.version === version,
  );
  return like.find((entry) => entry.key === prefix) ?? like.findLast((entry) => entry.key.startsWith(prefix));
}

function parse(body: string): Asked {
  try {
    return JSON.parse(body) as Asked;
  } catch {
    throw twirpError('malformed', 'the json request could not be decoded');
  }
}

function word(asked: Asked, field: 'key' | 'version'): string {
  const value = asked[field];
  if (typeof value === 'string' && value !== '') return value;
  throw twirpError('invalid_argument', `${field} is required`);
}

function list(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function reply(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}
