import { type Clock, sleep } from '../model/clock.ts';
import { UserError } from '../model/error.ts';
import type { Environment } from '../process/environment.ts';
import { ExchangeError, ProxyError } from '../process/http/error.ts';
import { exchange } from '../process/http/exchange.ts';
import { Pool } from '../process/http/pool.ts';
import { parseProxyUrl } from '../process/http/proxy-url.ts';
import { configuredProxy, proxyFor } from '../process/proxy.ts';
import { RegistryError } from './error.ts';
import { quote, wordsOf } from './words.ts';

export interface Question {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Of somebody who is mostly not there at all: asked once, and for so many milliseconds. */
  readonly once?: number;
  /** Further answers that are to be asked for again. */
  readonly isPassing?: (reply: Reply) => boolean;
}

export interface Reply {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
  readonly url: URL;
}

export interface HttpArguments {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** Between 0 and 1, for the jitter of retries. */
  readonly random?: () => number;
}

const TRIES = 4;
const FIRST_DELAY = 500;
/** ghcr.io and Google ask for a minute; who asks for more gets none of it: the job's minutes cost money. */
const LONGEST_DELAY = 60_000;
/** The OCI specification lets registries refuse manifests above 4 MiB; configs are smaller. */
const MAX_BODY = 8 * 1024 * 1024;
const REDIRECTS = 5;
const CONNECT_TIMEOUT = 10_000;
/** Without a byte. */
const ANSWER_TIMEOUT = 20_000;
/** Shorter than what load balancers forget an idle connection after. */
const KEEP_ALIVE = 4_000;
/** Trying again makes no certificate valid and no name known. */
const FINAL =
  /^(?:ENOTFOUND|EPROTO|ERR_SSL_.*|ERR_TLS_.*|CERT_.*|.*_CERT(?:_.*)?|UNABLE_TO_.*|DEPTH_ZERO.*|HOSTNAME_MISMATCH)$/;

/**
 * HTTP as registries want it: bounded retries with jitter, Retry-After obeyed, redirects to a blob store
 * without the registry's authorization, proxies from the environment that was handed down.
 */
export class Http {
  readonly #args: HttpArguments;
  readonly #straight: Pool;
  readonly #proxy: Pool | undefined;

  constructor(args: HttpArguments) {
    this.#args = args;
    const proxy = proxyOf(args.environment);
    this.#straight = poolThrough(undefined);
    this.#proxy = proxy && poolThrough(proxy);
  }

  async send(question: Question): Promise<Reply> {
    const { clock, signal, random = Math.random } = this.#args;
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#follow(question);
      if (outcome.kind === 'reply') {
        const { reply } = outcome;
        if (!isPassing(reply.status) && question.isPassing?.(reply) !== true) return reply;
      }
      const asked = outcome.kind === 'reply' ? retryAfter(outcome.reply, clock) : undefined;
      const final = outcome.kind === 'error' && FINAL.test(codeOf(outcome.error));
      if (
        attempt === TRIES ||
        final ||
        question.once !== undefined ||
        (asked !== undefined && asked > LONGEST_DELAY)
      ) {
        throw unreachable(question.url, outcome, attempt, asked);
      }
      // "Full jitter" around the doubled delay: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
      await sleep(clock, asked ?? FIRST_DELAY * 2 ** (attempt - 1) * (0.5 + random()), signal);
    }
  }

  async close(): Promise<void> {
    this.#straight.destroy();
    this.#proxy?.destroy();
  }

  async #follow(question: Question): Promise<Outcome> {
    let { url } = question;
    let { headers } = question;
    try {
      for (let hop = 0; ; hop++) {
        const reply = await this.#once({ ...question, url, headers });
        const location = reply.header('location');
        const redirects = [301, 302, 303, 307, 308].includes(reply.status) && location !== undefined;
        if (!redirects || question.method === 'POST' || hop === REDIRECTS) return { kind: 'reply', reply };
        const next = new URL(location, url);
        if (next.origin !== url.origin) {
          const { authorization: _, ...others } = headers;
          headers = others;
        }
        url = next;
      }
    } catch (error) {
      const { signal } = this.#args;
      if (signal?.aborted) throw signal.reason;
      return { kind: 'error', error };
    }
  }

  /** Plain HTTP is spoken on this machine and its link only, where no proxy is. */
  #poolFor(url: URL): Pool {
    const proxied = url.protocol === 'https:' && proxyFor(url, this.#args.environment) !== undefined;
    return (proxied ? this.#proxy : undefined) ?? this.#straight;
  }

  async #once(question: Question): Promise<Reply> {
    const { url, once } = question;
    const signals = [this.#args.signal, once === undefined ? undefined : AbortSignal.timeout(once)];
    const heard = signals.filter((signal) => signal !== undefined);
    const answer = await exchange(
      this.#poolFor(url),
      {
        server: url,
        path: `${url.pathname}${url.search}`,
        method: question.method,
        headers: { 'user-agent': 'steadyship', ...question.headers },
        body: question.body,
        timeout: undefined,
        idle: ANSWER_TIMEOUT,
        signal: heard.length === 0 ? undefined : AbortSignal.any(heard),
        limit: { bytes: MAX_BODY, cut: false },
      },
      this.#args.clock,
    );
    const header = (name: string): string | undefined => {
      const value = answer.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    };
    return { status: answer.status, header, body: answer.body, url };
  }
}

function poolThrough(proxy: URL | undefined): Pool {
  return new Pool({ tls: {}, proxy, connect: CONNECT_TIMEOUT, keepAlive: KEEP_ALIVE });
}

function proxyOf(environment: Environment): URL | undefined {
  const proxy = configuredProxy('https:', environment);
  if (proxy === undefined) return undefined;
  try {
    return parseProxyUrl(proxy.url);
  } catch (error) {
    // The address may bear a password: it is not repeated.
    throw new UserError(
      `The proxy given by ${proxy.origin} is no usable address; it must look like http://proxy.example.com:3128.`,
      { cause: error },
    );
  }
}

type Outcome =
  | { readonly kind: 'reply'; readonly reply: Reply }
  | { readonly kind: 'error'; readonly error: unknown };

function isPassing(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** Seconds or a date; a date is held against our wall clock, the only use that we make of it. */
function retryAfter(reply: Reply, clock: Clock): number | undefined {
  const text = reply.header('retry-after');
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - clock.wall().getTime());
}

function unreachable(url: URL, outcome: Outcome, tries: number, asked: number | undefined): RegistryError {
  const host = url.host;
  const times = tries === 1 ? '' : ` (${tries} tries)`;
  if (outcome.kind === 'reply') {
    const { status, body } = outcome.reply;
    const wait = asked === undefined ? '' : `, and asks to wait ${Math.ceil(asked / 1000)} s`;
    const what = status === 429 ? 'has had too many requests (429)' : `answers with the error ${status}`;
    const words = quote(wordsOf(body));
    return new RegistryError(
      'unreachable',
      `The registry ${host} ${what}${wait}${times}${words}. Run the job again later${status === 429 ? ', or log in: most registries allow more to those they know' : ''}.`,
    );
  }
  const { error } = outcome;
  const proxy = proxyErrorOf(error);
  const why = proxy?.message ?? inWords(codeOf(error), error);
  const what =
    proxy === undefined ? 'its name and the network between this runner and it' : 'HTTPS_PROXY and NO_PROXY';
  return new RegistryError(
    'unreachable',
    `The registry ${host} can not be reached${times}: ${why}. Check ${what}.`,
    { cause: error },
  );
}

function proxyErrorOf(error: unknown): ProxyError | undefined {
  const cause = error instanceof ExchangeError ? error.cause : undefined;
  return cause instanceof ProxyError ? cause : undefined;
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  // Connecting to several addresses at once ends in one error that holds one for each.
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return 'cause' in error ? codeOf(error.cause) : '';
}

function inWords(code: string, error: unknown): string {
  if (code === 'ENOTFOUND') return 'no host has that name';
  if (code === 'EAI_AGAIN') return 'the name could not be looked up';
  if (code === 'ECONNREFUSED') return 'the connection was refused';
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'the connection was cut';
  if (code === 'ETIMEDOUT') return 'it did not answer in time';
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return 'it does not speak TLS (plain HTTP is spoken with registries on loopback only)';
  }
  const message = error instanceof Error ? error.message : String(error);
  if (FINAL.test(code)) return `its certificate is not trusted (${message})`;
  return message === '' ? code || 'the connection failed' : message;
}
