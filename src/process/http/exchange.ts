/** One HTTP request and its whole answer, or its stream. */
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import type { Clock } from '../../model/clock.ts';
import { ExchangeError, networkError, wordsOf } from './error.ts';
import type { Pool } from './pool.ts';

export interface Outgoing {
  /** Scheme, host and port of it. */
  readonly server: URL;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string | Buffer | undefined;
  /** Milliseconds for all of it; undefined: none, as for a watch. */
  readonly timeout: number | undefined;
  /** Milliseconds without a byte once the connection is open; undefined: as long as it takes. */
  readonly idle?: number;
  readonly signal: AbortSignal | undefined;
  /** A longer body is cut there (`cut`) or is an error. */
  readonly limit: { readonly bytes: number; readonly cut: boolean };
  /** Takes the body of a 200 as it comes; the answer's body is then empty. */
  readonly stream?: StreamReader;
}

export interface StreamReader {
  opened(): void;
  /** What it throws ends the exchange with that. */
  chunk(data: Buffer): void;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<IncomingHttpHeaders>;
  readonly body: Buffer;
}

/** Rejects with ExchangeError, or with the signal's reason. */
export async function exchange(pool: Pool, outgoing: Outgoing, clock: Clock): Promise<Answer> {
  await pool.refresh();
  const answer = await new Promise<Answer>((resolve, reject) => {
    new Exchange(outgoing, resolve, reject).start(pool, clock);
  });
  if (answer.headers['content-encoding'] !== 'gzip') return answer;
  try {
    // Loaded with the first packed answer: small ones are not.
    const unzip = promisify(process.getBuiltinModule('node:zlib').gunzip);
    return { ...answer, body: await unzip(answer.body, { maxOutputLength: outgoing.limit.bytes }) };
  } catch (error) {
    throw new ExchangeError('the answer is not whole: its compressed body does not unpack', true, {
      cause: error,
    });
  }
}

class Exchange {
  #settled = false;
  #sent = false;
  #response: IncomingMessage | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #request: ClientRequest | undefined;
  #cancelTimer: (() => void) | undefined;
  readonly #outgoing: Outgoing;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: unknown) => void;

  constructor(outgoing: Outgoing, resolve: (answer: Answer) => void, reject: (error: unknown) => void) {
    this.#outgoing = outgoing;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(pool: Pool, clock: Clock): void {
    const { server, method, path, headers, body, timeout, idle, signal } = this.#outgoing;
    if (signal?.aborted) {
      this.#fail(signal.reason);
      return;
    }
    // Node would send a DELETE's body without its length.
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    try {
      this.#request = pool.request({ server, method, path, headers: { ...headers, ...length }, idle });
    } catch (error) {
      // A header that is none. Node names it and does not repeat its value.
      this.#broke(error as Error);
      return;
    }
    signal?.addEventListener('abort', this.#aborted, { once: true });
    if (timeout !== undefined) {
      this.#cancelTimer = clock.timer(timeout, () =>
        this.#fail(new ExchangeError(`no whole answer within ${timeout / 1000} s`, this.#sent)),
      );
    }
    this.#request
      .once('socket', (socket) => this.#assigned(socket))
      .once('response', (response) => this.#answered(response))
      .on('timeout', () => this.#silent())
      .on('error', (error) => this.#broke(error))
      // After the answer began, that one's end counts: it may still be on its way through Node.
      .once('close', () => this.#response ?? this.#closed())
      .end(body);
  }

  /** The pool gives out what is open, so bytes leave as soon as this returns. */
  #assigned(socket: Socket): void {
    if (socket.destroyed || !socket.writable) this.#closed();
    else this.#sent = true;
  }

  #answered(response: IncomingMessage): void {
    this.#response = response;
    response
      .on('error', (error) => this.#broke(error))
      .on('data', (chunk: Buffer) => this.#took(chunk))
      .once('end', () => {
        if (response.complete) this.#succeed(Buffer.concat(this.#chunks));
      })
      .once('close', () => this.#closed());
    if (response.statusCode === 200 && !this.#settled) this.#outgoing.stream?.opened();
  }

  #took(chunk: Buffer): void {
    if (this.#settled) return;
    const { limit, stream } = this.#outgoing;
    if (this.#response?.statusCode === 200 && stream !== undefined) {
      try {
        stream.chunk(chunk);
      } catch (error) {
        this.#fail(error);
      }
      return;
    }
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes <= limit.bytes) return;
    if (limit.cut) this.#succeed(Buffer.concat(this.#chunks).subarray(0, limit.bytes));
    else this.#fail(new ExchangeError(`the answer is longer than ${limit.bytes} bytes`, this.#sent));
  }

  #silent(): void {
    const { idle } = this.#outgoing;
    // The pool's own limit for idle connections is heard here, too.
    if (idle !== undefined) this.#broke(networkError('ETIMEDOUT', `not a byte within ${idle / 1000} s`));
  }

  #closed(): void {
    if (!this.#settled) this.#broke(networkError('ECONNRESET', 'the other side closed the connection'));
  }

  #broke(error: Error): void {
    const words = wordsOf(error);
    const message = this.#response === undefined ? words : `the answer broke off: ${words}`;
    this.#fail(new ExchangeError(message, this.#sent, { cause: error }));
  }

  readonly #aborted = (): void => this.#fail(this.#outgoing.signal?.reason);

  #succeed(body: Buffer): void {
    if (!this.#settle()) return;
    this.#resolve({ status: this.#response?.statusCode ?? 0, headers: this.#response?.headers ?? {}, body });
    if (this.#bytes > this.#outgoing.limit.bytes) this.#request?.destroy();
  }

  #fail(error: unknown): void {
    if (!this.#settle()) return;
    this.#reject(error);
    this.#request?.destroy();
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#cancelTimer?.();
    this.#outgoing.signal?.removeEventListener('abort', this.#aborted);
    return true;
  }
}
