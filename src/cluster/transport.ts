/**
 * Requests to one cluster, each with the credential of the moment: builds the URL and headers, counts, renews
 * the credential once on a 401, and turns what came back into an answer or one of our two errors.
 */
import type { Clock } from '../model/clock.ts';
import { ExchangeError } from '../process/http/error.ts';
import { type Answer, exchange, type Outgoing, type StreamReader } from '../process/http/exchange.ts';
import type { Pool } from '../process/http/pool.ts';
import { collectingGarbage } from '../process/memory.ts';
import type { ClusterAccess } from './access.ts';
import { isUntrusted } from './causes.ts';
import type { Query } from './client.ts';
import type { Credential, Credentials } from './credentials.ts';
import { ApiError, type StatusDetails, UnreachableError } from './errors.ts';
import { type ClientCertificate, createPool } from './pool.ts';
import { whyRefused } from './refused.ts';
import type { Timing } from './timing.ts';
import { Trust } from './trust.ts';

export interface ApiRequest {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';
  readonly path: string;
  readonly query?: Query | undefined;
  readonly body?: unknown;
  readonly accept?: string;
  readonly timeout: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly limit?: Outgoing['limit'];
  readonly stream?: StreamReader;
  /** A short read by the watch protocol is no watch. */
  readonly countsAs?: 'request' | 'watch';
}

const METHODS = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
} as const;

/** More than any list page, log or object; a body beyond it is some other server's. */
const BODY_LIMIT = 256 * 1024 * 1024;

export interface TransportOptions {
  readonly access: ClusterAccess;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timing: Timing;
  readonly userAgent: string;
  /** When the server was heard before this was made (wall time); undefined: never. */
  readonly lastHeard: Date | undefined;
  /** Ends everything when aborted. */
  readonly closed: AbortSignal;
}

/** What a connection is opened with: as whom, and trusting whom. */
interface Identity {
  readonly certificate: ClientCertificate | undefined;
  readonly authority: string | undefined;
}

export class Transport {
  requests = 0;
  watches = 0;
  #lastHeard: Date | undefined;
  #hasTaken = false;
  readonly #wasRead = collectingGarbage();
  readonly #options: TransportOptions;
  readonly #server: URL;
  readonly #prefix: string;
  readonly #trust: Trust;
  #pool: (Identity & { readonly pool: Pool }) | undefined;
  readonly #all: Pool[] = [];

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#lastHeard = options.lastHeard;
    this.#trust = new Trust(options.access);
    this.#server = new URL(options.access.server);
    // Rancher and the like serve clusters below a path.
    this.#prefix = this.#server.pathname.replace(/\/+$/, '');
  }

  /** Whether the server has ever answered, or at least taken a request: its address is no mistake then. */
  get reached(): boolean {
    return this.#hasTaken || this.#lastHeard !== undefined;
  }

  /** Answers of status 2xx; rejects with ApiError, UnreachableError, UserError or the signal's reason. */
  async send(request: ApiRequest): Promise<Answer> {
    const { credentials, closed } = this.#options;
    const signal = request.signal === undefined ? closed : AbortSignal.any([request.signal, closed]);
    const wait = { signal, timeout: request.timeout };
    let credential = await credentials.current(wait);
    let answer = await this.#once({ ...request, signal }, credential);
    if (answer.status === 401 && (await credentials.renew(credential, wait))) {
      credential = await credentials.current(wait);
      answer = await this.#once({ ...request, signal }, credential);
    }
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw this.#refusal(request, answer, credential);
  }

  /** An answer's body: every one of an API server is an object that says its kind. */
  parse<T>(request: ApiRequest, answer: Answer): T {
    const foreign = (words: string, cause?: unknown) =>
      new UnreachableError(request, `the answer is no ${words}: ${firstLine(answer.body)}`, true, { cause });
    let parsed: { kind?: unknown } | null;
    try {
      parsed = JSON.parse(answer.body.toString('utf8')) as { kind?: unknown } | null;
    } catch (error) {
      throw foreign('JSON', error);
    }
    // Of a list nothing else tells a login page's JSON from "there are none".
    if (typeof parsed?.kind !== 'string') throw foreign('Kubernetes object');
    return parsed as T;
  }

  destroy(): void {
    for (const pool of this.#all) pool.destroy();
  }

  /** A server whose certificate does not fit has been sent nothing: with a new authority it is asked again. */
  async #once(request: ApiRequest, credential: Credential): Promise<Answer> {
    const authority = await this.#trust.current();
    try {
      return await this.#attempt(request, credential, authority);
    } catch (error) {
      if (!(error instanceof UnreachableError) || error.mayHaveArrived || !isUntrusted(error)) throw error;
      if (!(await this.#trust.renew(authority))) throw error;
      return await this.#attempt(request, credential, await this.#trust.current());
    }
  }

  async #attempt(
    request: ApiRequest,
    credential: Credential,
    authority: string | undefined,
  ): Promise<Answer> {
    const { clock } = this.#options;
    const pool = this.#poolFor({ certificate: credential.certificate, authority });
    if ((request.countsAs ?? (request.verb === 'watch' ? 'watch' : 'request')) === 'watch') this.watches++;
    else this.requests++;
    try {
      const answer = await exchange(pool, this.#outgoing(request, credential), clock);
      this.#heard();
      this.#wasRead(answer.body.length);
      return answer;
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      this.#hasTaken ||= error.sent;
      throw new UnreachableError(request, error.message, error.sent, {
        cause: error.cause ?? error,
        lastHeard: this.#lastHeard,
        trusting: authority === undefined ? 'machine' : 'kubeconfig',
      });
    }
  }

  #outgoing(request: ApiRequest, credential: Credential): Outgoing {
    const { access, userAgent } = this.#options;
    const headers: Record<string, string | string[]> = {
      'user-agent': userAgent,
      accept: request.accept ?? 'application/json',
    };
    for (const [name, value] of Object.entries(access.headers)) {
      headers[name] = typeof value === 'string' ? value : [...value];
    }
    if (credential.authorization !== undefined) headers['authorization'] = credential.authorization;
    // Only where the body is read whole: the server packs what is longer than 128 kB.
    if (request.verb === 'get' || request.verb === 'list') headers['accept-encoding'] = 'gzip';
    if (request.body !== undefined) {
      headers['content-type'] = request.verb === 'patch' ? 'application/json-patch+json' : 'application/json';
    }
    return {
      server: this.#server,
      method: METHODS[request.verb],
      path: this.#prefix + request.path + queryString(request.query),
      headers,
      body: request.body === undefined ? undefined : JSON.stringify(request.body),
      timeout: request.timeout,
      signal: request.signal,
      limit: request.limit ?? { bytes: BODY_LIMIT, cut: false },
      ...(request.stream === undefined ? {} : { stream: this.#noticing(request.stream) }),
    };
  }

  #noticing(stream: StreamReader): StreamReader {
    return {
      opened: () => {
        this.#heard();
        stream.opened();
      },
      chunk: (data) => {
        this.#heard();
        this.#wasRead(data.length);
        stream.chunk(data);
      },
    };
  }

  #heard(): void {
    this.#lastHeard = this.#options.clock.wall();
  }

  /** A connection belongs to the identity that it was opened with, so another certificate is another pool. */
  #poolFor(identity: Identity): Pool {
    const { certificate, authority } = identity;
    const held = this.#pool;
    if (held === undefined || held.certificate !== certificate || held.authority !== authority) {
      const { access, environment, timing } = this.#options;
      const pool = createPool({ access, authority, certificate, environment, timing });
      this.#pool = { ...identity, pool };
      this.#all.push(pool);
      // What is under way on the old one goes on to its end.
      held?.pool.close();
      return pool;
    }
    return held.pool;
  }

  #refusal(request: ApiRequest, answer: Answer, credential: Credential): ApiError {
    const status = statusOf(answer.body);
    const hint = answer.status === 401 ? whyRefused(credential, this.#options.clock.wall()) : undefined;
    return new ApiError(request, {
      status: answer.status,
      reason: status?.reason,
      message: status?.message ?? firstLine(answer.body),
      details: status?.details,
      retryAfter: answer.headers['retry-after'],
      hint,
    });
  }
}

interface Status {
  readonly reason?: string;
  readonly message?: string;
  readonly details?: StatusDetails;
}

/** undefined: the body is no Status object, so it is not from an API server. */
function statusOf(body: Buffer): Status | undefined {
  try {
    const status = JSON.parse(body.toString('utf8')) as (Status & { kind?: string }) | null;
    return status?.kind === 'Status' ? status : undefined;
  } catch {
    return undefined;
  }
}

/** What a person can use of a body that was not for us: its title, or its first line. */
function firstLine(body: Buffer): string {
  const text = body.subarray(0, 4096).toString('utf8');
  const title = /<title>([^<]*)<\/title>/i.exec(text)?.[1];
  const line = (title ?? text.replace(/<[^>]*>/g, ' ')).split('\n').find((one) => one.trim() !== '');
  return line === undefined ? '(an empty answer)' : line.trim().slice(0, 300);
}

function queryString(query: Query | undefined): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
