/**
 * One HTTP request and its whole answer, or its stream, by undici's dispatch interface: that one says when
 * the request begins to leave, which no higher interface does, and on which "may it have arrived?" rests.
 */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Dispatcher } from 'undici';
import type { Clock } from '../model/clock.ts';
import { wordsOf } from './errors.ts';

export interface Outgoing {
  readonly origin: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With the query. */
  readonly path: string;
  readonly headers: Record<string, string | string[]>;
  readonly body: string | undefined;
  /** Milliseconds for all of it; undefined: none, as for a watch. */
  readonly timeout: number | undefined;
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
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** No whole answer came. */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError';
  /** Bytes of the request may have left. */
  readonly sent: boolean;

  constructor(message: string, sent: boolean, options?: ErrorOptions) {
    super(message, options);
    this.sent = sent;
  }
}

const unzip = promisify(gunzip);

/** Rejects with ExchangeError, or with the signal's reason. */
export async function exchange(dispatcher: Dispatcher, outgoing: Outgoing, clock: Clock): Promise<Answer> {
  const answer = await new Promise<Answer>((resolve, reject) => {
    const handler = new Handler(outgoing, clock, resolve, reject);
    if (handler.settled) return;
    const { origin, method, path, headers, body } = outgoing;
    // Undici's own timers are off: they tell a slow list from a dead one no better, and can not be faked.
    const options = { origin, method, path, headers, headersTimeout: 0, bodyTimeout: 0 };
    dispatcher.dispatch(body === undefined ? options : { ...options, body }, handler);
  });
  if (answer.headers['content-encoding'] !== 'gzip') return answer;
  try {
    return { ...answer, body: await unzip(answer.body, { maxOutputLength: outgoing.limit.bytes }) };
  } catch (error) {
    throw new ExchangeError('the answer is not whole: its compressed body does not unpack', true, {
      cause: error,
    });
  }
}

class Handler implements Dispatcher.DispatchHandler {
  settled = false;
  #sent = false;
  #status = 0;
  #headers: Answer['headers'] = {};
  #chunks: Buffer[] = [];
  #bytes = 0;
  #controller: Dispatcher.DispatchController | undefined;
  readonly #outgoing: Outgoing;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: unknown) => void;
  readonly #cancelTimer: (() => void) | undefined;

  constructor(
    outgoing: Outgoing,
    clock: Clock,
    resolve: (answer: Answer) => void,
    reject: (error: unknown) => void,
  ) {
    this.#outgoing = outgoing;
    this.#resolve = resolve;
    this.#reject = reject;
    const { timeout, signal } = outgoing;
    if (signal?.aborted) {
      this.#fail(signal.reason);
      return;
    }
    signal?.addEventListener('abort', this.#aborted, { once: true });
    if (timeout !== undefined) {
      this.#cancelTimer = clock.timer(timeout, () =>
        this.#fail(new ExchangeError(`no whole answer within ${timeout / 1000} s`, this.#sent)),
      );
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.settled) {
      controller.abort(new Error('no longer wanted'));
      return;
    }
    this.#controller = controller;
    this.#sent = true;
  }

  onResponseStart(_: unknown, status: number, headers: Answer['headers']): void {
    this.#status = status;
    this.#headers = headers;
    if (status === 200) this.#outgoing.stream?.opened();
  }

  onResponseData(_: unknown, chunk: Buffer): void {
    if (this.settled) return;
    const { limit, stream } = this.#outgoing;
    if (this.#status === 200 && stream !== undefined) {
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

  onResponseEnd(): void {
    this.#succeed(Buffer.concat(this.#chunks));
  }

  onResponseError(_: unknown, error: Error): void {
    const words = wordsOf(error);
    const message = this.#status === 0 ? words : `the answer broke off: ${words}`;
    this.#fail(new ExchangeError(message, this.#sent, { cause: error }));
  }

  readonly #aborted = (): void => this.#fail(this.#outgoing.signal?.reason);

  #succeed(body: Buffer): void {
    if (!this.#settle()) return;
    this.#resolve({ status: this.#status, headers: this.#headers, body });
    if (this.#bytes > this.#outgoing.limit.bytes) this.#controller?.abort(new Error('enough was read'));
  }

  #fail(error: unknown): void {
    if (!this.#settle()) return;
    this.#reject(error);
    this.#controller?.abort(error instanceof Error ? error : new Error('aborted'));
  }

  #settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.#cancelTimer?.();
    this.#outgoing.signal?.removeEventListener('abort', this.#aborted);
    return true;
  }
}
