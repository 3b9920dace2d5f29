/**
 * Connections that are kept for the next request, by node:http and node:https: they are built into Node, and any
 * client of our own to load would cost more time before the first request than a whole TLS handshake takes.
 *
 * A request is given a connection only once that is open, TLS and proxy included. So a request that has none yet
 * was certainly not sent, and one that has one may have been: on that "may it have arrived?" rests.
 *
 * HTTP/1.1 on purpose, though HTTP/2 would save some handshakes at the start: with one silent connection in between
 * (a NAT that forgot it) all streams of an HTTP/2 session go down together, the watches and the patch that puts
 * things back; on HTTP/1.1 the request that timed out takes its connection along and the next one is answered.
 */
import { type AgentOptions, type ClientRequest, Agent as PlainAgent, request } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { turn } from '../turn.ts';
import { hostOf, opened } from './connection.ts';
import { networkError, ProxyError } from './error.ts';

export interface TlsOptions {
  /** undefined: what Node trusts, with NODE_EXTRA_CA_CERTS. */
  readonly ca?: string;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** The name that the certificate must bear, if it is not the host's. */
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export interface PoolOptions {
  readonly tls: TlsOptions;
  /** Of parseProxyUrl(); undefined: straight. */
  readonly proxy: URL | undefined;
  /** Milliseconds for a connection, from the look-up of the name to the end of the TLS handshake. */
  readonly connect: number;
  /** Milliseconds after which an idle connection is closed; less, if the server says that it closes sooner. */
  readonly keepAlive: number;
}

export interface PoolRequest {
  /** Scheme, host and port. */
  readonly server: URL;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** Milliseconds without a byte after which the request emits `timeout`. */
  readonly idle: number | undefined;
}

/** Registries send long tokens and proxies long cookies; Node's own 16 KiB are for servers that fear strangers. */
const HEADERS = 64 * 1024;

type Created = (error: Error | null, socket: Duplex) => void;
interface Target {
  readonly host?: string | null | undefined;
  readonly port?: number | string | null | undefined;
}

/** All requests share one identity: what one of them opened, any other to the same server may use. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #agents = new Map<string, PlainAgent>();
  readonly #ended = new AbortController();
  #closed = false;
  #context: SecureContext | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Not yet ended, so nothing is sent. Its event `socket` says that bytes may leave from now on. */
  request({ server, method, path, headers, idle }: PoolRequest): ClientRequest {
    return request({
      agent: this.#agentFor(server.protocol),
      protocol: server.protocol,
      host: hostOf(server),
      port: server.port,
      path,
      method,
      headers,
      maxHeaderSize: HEADERS,
      ...(idle === undefined ? {} : { timeout: idle }),
    });
  }

  /**
   * Hears the farewells that idle connections were sent meanwhile, so that none of those gets the next request:
   * a write on it would be lost, and nobody could say that it was.
   */
  async refresh(): Promise<void> {
    if (this.#idle().length === 0) return;
    // The first may come before the network is looked at, the second comes after.
    await turn();
    await turn();
    for (const socket of this.#idle()) {
      if (socket.destroyed || !socket.writable || socket.readableEnded) drop(socket);
    }
  }

  /** What is under way goes on to its end. */
  close(): void {
    this.#closed = true;
    for (const socket of this.#idle()) drop(socket);
  }

  /** Nothing goes on, and no connection stays open. */
  destroy(): void {
    this.#closed = true;
    this.#ended.abort(networkError('ECONNRESET', 'the connections were closed'));
    for (const agent of this.#agents.values()) agent.destroy();
  }

  #idle(): Socket[] {
    return [...this.#agents.values()].flatMap((agent) =>
      Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []),
    );
  }

  #agentFor(protocol: string): PlainAgent {
    let agent = this.#agents.get(protocol);
    if (agent === undefined) {
      const options = { keepAlive: true, timeout: this.#options.keepAlive, scheduling: 'lifo' } as const;
      const hooks = { open: this.#open, keeps: () => !this.#closed };
      agent = protocol === 'https:' ? new Secure(options, hooks) : new Plain(options, hooks);
      this.#agents.set(protocol, agent);
    }
    return agent;
  }

  /** Opens a connection and hands it over when it is ready. */
  readonly #open = (target: Target, start: Start, done: Created): void => {
    const { connect } = this.#options;
    const limit = AbortSignal.timeout(connect);
    this.#connection(target, start, limit).then(
      (socket) => done(null, socket),
      (error) => {
        const through = this.#options.proxy === undefined ? '' : ` through ${this.#options.proxy.host}`;
        const where = `${target.host}:${target.port}${through}`;
        const late = networkError('ETIMEDOUT', `no connection to ${where} within ${connect / 1000} s`);
        // The socket is none where there is an error; the type of Node's callback does not say so.
        done(isOver(limit, error) ? late : error, undefined as unknown as Duplex);
      },
    );
  };

  async #connection(target: Target, start: Start, limit: AbortSignal): Promise<Socket> {
    const signal = AbortSignal.any([limit, this.#ended.signal]);
    signal.throwIfAborted();
    const { proxy, tls } = this.#options;
    let through: Socket | undefined;
    if (proxy !== undefined) {
      const { openTunnel } = await import('./tunnel.ts');
      const destination = { host: target.host ?? '', port: Number(target.port) };
      through = await openTunnel(proxy, destination, signal).catch((error: unknown) => {
        throw isOver(limit, error) ? ProxyError.silent(proxy.host, this.#options.connect / 1000) : error;
      });
    }
    try {
      if (start.kind === 'plain') return through ?? (await opened(start.connect(), 'connect', signal));
      // Made once, not for each connection: it parses the certificates.
      this.#context ??= createSecureContext({ ca: tls.ca, cert: tls.cert, key: tls.key });
      const socket = start.secure({
        secureContext: this.#context,
        rejectUnauthorized: tls.rejectUnauthorized ?? true,
        ALPNProtocols: ['http/1.1'],
        ...(tls.servername === undefined ? {} : { servername: tls.servername }),
        ...(through === undefined ? {} : { socket: through }),
      });
      return await opened(socket, 'secureConnect', signal);
    } catch (error) {
      through?.destroy();
      throw error;
    }
  }
}

function isOver(limit: AbortSignal, error: unknown): boolean {
  return limit.aborted && error === limit.reason;
}

interface Hooks {
  readonly open: (target: Target, start: Start, done: Created) => void;
  readonly keeps: () => boolean;
}

type Start =
  | { readonly kind: 'plain'; readonly connect: () => Socket }
  | { readonly kind: 'secure'; readonly secure: (options: object) => TLSSocket };

class Plain extends PlainAgent {
  readonly #hooks: Hooks;

  constructor(options: AgentOptions, hooks: Hooks) {
    super(options);
    this.#hooks = hooks;
  }

  override createConnection(options: Target, done: Created): undefined {
    const connect = () => super.createConnection(options) as Socket;
    this.#hooks.open(options, { kind: 'plain', connect }, done);
  }

  override keepSocketAlive(socket: Duplex): boolean {
    return this.#hooks.keeps() && (super.keepSocketAlive(socket) as unknown as boolean);
  }
}

/** Offers the session of an earlier connection again, which spares half of a handshake. */
class Secure extends SecureAgent {
  readonly #hooks: Hooks;

  constructor(options: AgentOptions, hooks: Hooks) {
    super(options);
    this.#hooks = hooks;
  }

  override createConnection(options: Target, done: Created): undefined {
    const secure = (more: object) => super.createConnection({ ...options, ...more }) as TLSSocket;
    this.#hooks.open(options, { kind: 'secure', secure }, done);
  }

  override keepSocketAlive(socket: Duplex): boolean {
    return this.#hooks.keeps() && (super.keepSocketAlive(socket) as unknown as boolean);
  }
}

/** Out of its agent's lists at once: the agent would hand it out until its end is heard. */
function drop(socket: Socket): void {
  socket.destroy();
  socket.emit('agentRemove');
}
