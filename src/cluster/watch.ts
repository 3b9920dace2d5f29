/**
 * The watch protocol: one JSON object a line, on a response that does not end.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
import type { KubeObject } from '../model/kube.ts';
import type { Query } from './client.ts';
import { ApiError, type StatusDetails, UnreachableError } from './errors.ts';
import type { Transport } from './transport.ts';

/** What answered is no watch of an API server: a page of whatever stands in its place. */
export class ForeignAnswer extends UnreachableError {
  constructor(path: string, message: string, options?: ErrorOptions) {
    super({ verb: 'watch', path }, message, true, options);
  }
}

/** Whether a stream ended by the network's doing, and not by what it brought. */
export function isReset(error: unknown): boolean {
  return error instanceof UnreachableError && !(error instanceof ForeignAnswer);
}

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

/** An object is at most 1.5 MB in etcd; JSON escapes and several managers do not make it this. */
const LONGEST_LINE = 64 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Cuts a stream of bytes into lines. A line is decoded whole, so no character is split; 0x0a is in none. */
export class LineReader {
  #parts: Buffer[] = [];
  #length = 0;

  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end));
      const line = this.#take();
      if (line.trim() !== '') lines.push(line);
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
    return lines;
  }

  /** What came after the last whole line. */
  rest(): string {
    return Buffer.concat(this.#parts).toString('utf8').trim();
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#length += part.length;
    if (this.#length > LONGEST_LINE) throw new Error(`a line of more than ${LONGEST_LINE} bytes`);
    this.#parts.push(part);
  }

  #take(): string {
    const [only, ...more] = this.#parts;
    const line =
      only === undefined ? '' : (more.length === 0 ? only : Buffer.concat(this.#parts)).toString('utf8');
    this.#parts = [];
    this.#length = 0;
    return line;
  }
}

interface StatusObject {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: StatusDetails;
}

/** One line as an event. An ERROR event is thrown, as the answer that it is: 410 says "list again". */
export function parseEvent<T extends KubeObject>(path: string, line: string): WatchEvent<T> {
  const request = { verb: 'watch', path };
  let event: { type?: string; object?: unknown };
  try {
    event = JSON.parse(line) as { type?: string; object?: unknown };
  } catch (error) {
    throw new ForeignAnswer(path, `the watch sent what is no JSON: ${line.slice(0, 200)}`, { cause: error });
  }
  switch (event?.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      return { type: event.type, object: event.object as T };
    case 'ERROR': {
      const status = (event.object ?? {}) as StatusObject;
      throw new ApiError(request, {
        status: status.code ?? 500,
        reason: status.reason,
        message: status.message ?? 'the watch ended with an error that says nothing',
        details: status.details,
      });
    }
    default:
      throw new ForeignAnswer(path, `the watch sent an event of an unknown kind: ${line.slice(0, 200)}`);
  }
}

export interface StreamOptions<T> {
  readonly path: string;
  readonly query: Query;
  /** What the server is asked to end it after; whole seconds, at least one. */
  readonly seconds: number;
  /** Given only for a short one that stands for a read; it is then counted as such. */
  readonly timeout?: number;
  readonly signal: AbortSignal;
  readonly opened: () => void;
  /** All events of one chunk. */
  readonly events: (events: WatchEvent<T>[]) => void;
}

/**
 * Resolves when the watch was ended, with whether that was between two events: one that was cut at the end is dropped.
 * Rejects with ForeignAnswer as soon as something comes that is no event.
 */
export async function streamEvents<T extends KubeObject>(
  transport: Transport,
  options: StreamOptions<T>,
): Promise<boolean> {
  const { path, query, seconds, timeout, signal, opened, events } = options;
  const lines = new LineReader();
  const { status } = await transport.send({
    verb: 'watch',
    path,
    query: {
      ...query,
      watch: true,
      allowWatchBookmarks: true,
      timeoutSeconds: Math.max(1, Math.round(seconds)),
    },
    timeout,
    signal,
    countsAs: timeout === undefined ? 'watch' : 'request',
    stream: {
      opened,
      chunk: (data) => {
        const parsed: WatchEvent<T>[] = [];
        try {
          for (const line of lines.push(data)) parsed.push(parseEvent<T>(path, line));
        } finally {
          // What came before a broken line or an ERROR is true all the same.
          if (parsed.length > 0) events(parsed);
        }
      },
    },
  });
  if (status !== 200) throw new ForeignAnswer(path, `the watch was answered by an empty ${status}`);
  const rest = lines.rest();
  if (rest !== '' && !isCutEvent(rest)) parseEvent<T>(path, rest);
  return rest === '';
}

/** Whole JSON without its newline is no event that was cut, and neither is what does not begin as one. */
function isCutEvent(text: string): boolean {
  if (!text.startsWith('{')) return false;
  try {
    JSON.parse(text);
    return false;
  } catch {
    return true;
  }
}
