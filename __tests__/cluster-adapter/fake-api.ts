import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import {
  createServer as createSecureServer,
  type Server as SecureServer,
  type ServerOptions,
} from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { KubeObject } from '../../src/model/kube.ts';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly watch: boolean;
}

type Tls = ServerOptions;

export type Scripted = (response: ServerResponse, request: Seen) => void;

interface Watcher {
  readonly response: ServerResponse;
  readonly seconds: number;
  readonly path: string;
  /** What a proxy in between has not let through yet; undefined: there is none. */
  held: string | undefined;
}

/** A server at the wire that speaks as much of the API as lists and watches need, and misbehaves as told. */
export class FakeApi {
  readonly seen: Seen[] = [];
  url = '';
  port = 0;
  version = 100;
  /** Older versions than this are gone. */
  compacted = 0;
  /** Watches say nothing until they end, as behind a proxy that buffers. */
  holdsBack = false;
  /** … but that they are open is told at once. */
  passesHeaders = false;
  /** Watches that are open do not hear of changes any more, though they stay open. */
  readonly deaf = new Set<ServerResponse>();
  /** What the next requests get instead of an answer; each is used once. */
  readonly script: Scripted[] = [];
  /** What every request gets as long as it is set. */
  always: Scripted | undefined;
  readonly #speed: number;
  readonly #objects = new Map<string, KubeObject>();
  readonly #history: { type: string; object: KubeObject; version: number }[] = [];
  readonly #watchers = new Set<Watcher>();
  readonly #server: Server;

  /** The speed is that of the client's clock: a watch's timeoutSeconds are shortened by it. */
  private constructor(tls: Tls | undefined, speed: number) {
    const listener: RequestListener = (request, response) => void this.#serve(request, response);
    this.#server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener);
    this.#speed = speed;
  }

  static async start(tls?: Tls, speed = 20): Promise<FakeApi> {
    const api = new FakeApi(tls, speed);
    await api.listen(0);
    api.url = `http${tls === undefined ? '' : 's'}://127.0.0.1:${api.port}`;
    onTestFinished(() => api.stop());
    return api;
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    this.port = (this.#server.address() as AddressInfo).port;
  }

  /** From now on with another certificate; open connections are cut. */
  present(tls: Tls): void {
    (this.#server as SecureServer).setSecureContext(tls);
    this.#server.closeAllConnections();
  }

  /** Nothing listens any more; open connections are cut. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    this.#watchers.clear();
    await closed;
  }

  set(name: string, fields: object = {}): void {
    const known = this.#objects.has(name);
    this.version++;
    const object: KubeObject = {
      metadata: { name, namespace: 'shop', resourceVersion: String(this.version) },
      ...fields,
    };
    this.#objects.set(name, object);
    this.#tell(known ? 'MODIFIED' : 'ADDED', object);
  }

  remove(name: string): void {
    const object = this.#objects.get(name);
    this.#objects.delete(name);
    this.version++;
    this.#tell('DELETED', {
      ...object,
      metadata: { ...object?.metadata, resourceVersion: String(this.version) },
    });
  }

  /** Time passes elsewhere in the cluster. */
  bookmark(): void {
    this.version += 10;
    this.#send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(this.version) } } });
  }

  /** The line of an event, for a script; of a change that is new, unless a version is given. */
  eventOf(name: string, version = ++this.version): string {
    const object = { metadata: { name, namespace: 'shop', resourceVersion: String(version) } };
    return `${JSON.stringify({ type: 'MODIFIED', object })}\n`;
  }

  /** Raw bytes on all open watches. */
  write(bytes: string | Buffer): void {
    for (const { response } of this.#watchers) response.write(bytes);
  }

  resetWatches(): void {
    for (const { response } of this.#watchers) response.destroy();
    this.#watchers.clear();
  }

  /** But not the short ones that only check. */
  resetLongWatches(): void {
    for (const { response, seconds } of this.#watchers) if (seconds > 5) response.destroy();
  }

  deafenWatches(): void {
    for (const { response } of this.#watchers) this.deaf.add(response);
  }

  watching(): number {
    return this.#watchers.size;
  }

  requests(kind: 'list' | 'watch' | 'check'): Seen[] {
    const long = (request: Seen) => Number(request.query.get('timeoutSeconds')) > 5;
    return this.seen.filter((one) =>
      kind === 'list' ? !one.watch : one.watch && long(one) === (kind === 'watch'),
    );
  }

  #tell(type: string, object: KubeObject): void {
    this.#history.push({ type, object, version: this.version });
    this.#send({ type, object });
  }

  #send(event: object): void {
    const line = `${JSON.stringify(event)}\n`;
    for (const watcher of this.#watchers) {
      if (this.deaf.has(watcher.response)) continue;
      if (watcher.held === undefined) watcher.response.write(line);
      else watcher.held += line;
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const seen: Seen = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
      watch: url.searchParams.get('watch') === 'true',
    };
    this.seen.push(seen);
    const scripted = this.script.shift() ?? this.always;
    if (scripted !== undefined) scripted(response, seen);
    else if (seen.watch) this.#watch(seen, response);
    else this.#list(seen, response);
  }

  #list(request: Seen, response: ServerResponse): void {
    const all = [...this.#objects.values()];
    const limit = Number(request.query.get('limit') ?? all.length);
    const start = Number(request.query.get('continue') ?? 0);
    const more = start + limit < all.length ? { continue: String(start + limit) } : {};
    json(response, 200, {
      kind: 'List',
      metadata: { resourceVersion: String(this.version), ...more },
      items: all.slice(start, start + limit),
    });
  }

  #watch(request: Seen, response: ServerResponse): void {
    const from = Number(request.query.get('resourceVersion'));
    if (from < this.compacted) {
      status(response, 410, 'Expired', `too old resource version: ${from} (${this.compacted})`);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    const missed = this.#history.filter(({ version }) => version > from);
    const lines = missed.map(({ type, object }) => `${JSON.stringify({ type, object })}\n`).join('');
    const seconds = Number(request.query.get('timeoutSeconds'));
    const held = this.holdsBack ? lines : undefined;
    const watcher: Watcher = { response, seconds, path: request.path, held };
    if (held !== undefined && this.passesHeaders) response.flushHeaders();
    if (watcher.held === undefined) {
      response.flushHeaders();
      if (lines !== '') response.write(lines);
    }
    this.#watchers.add(watcher);
    const timer = setTimeout(() => response.end(watcher.held), (seconds * 1000) / this.#speed);
    response.on('close', () => {
      clearTimeout(timer);
      this.#watchers.delete(watcher);
    });
  }
}

export function json(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

export function status(
  response: ServerResponse,
  code: number,
  reason: string,
  message: string,
  details?: object,
): void {
  json(response, code, {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code,
    reason,
    message,
    details,
  });
}

/** An answer with this status, for the script. */
export function refusing(
  code: number,
  reason: string,
  message: string,
  headers: Record<string, string> = {},
): Scripted {
  return (response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    status(response, code, reason, message);
  };
}
