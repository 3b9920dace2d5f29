import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import {
  type AddressInfo,
  connect as connectSocket,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
import { onTestFinished } from 'vitest';
import { type Answer, exchange, type Outgoing } from '../../../src/process/http/exchange.ts';
import { Pool, type PoolOptions } from '../../../src/process/http/pool.ts';
import { realClock } from '../fakes.ts';

export interface Wire {
  readonly port: number;
  readonly url: URL;
  /** Every connection that was ever made. */
  readonly sockets: readonly Socket[];
  open(): number;
  stop(): Promise<void>;
}

/** A server on this machine; ends with the test. */
export async function listening(server: Server, scheme = 'http'): Promise<Wire> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    // What is not read is not known to be closed.
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  onTestFinished(stop);
  const url = new URL(`${scheme}://127.0.0.1:${port}`);
  return { port, url, sockets, open: () => sockets.filter((socket) => !socket.destroyed).length, stop };
}

export const serve = (listener: RequestListener): Promise<Wire> => listening(createServer(listener));

export const serveTls = (options: ServerOptions, listener: RequestListener): Promise<Wire> =>
  listening(createSecureServer(options, listener), 'https');

/** TCP that is answered by hand. */
export const serveRaw = (join: (socket: Socket) => void): Promise<Wire> => listening(createTcpServer(join));

export function poolOf(more: Partial<PoolOptions> = {}): Pool {
  const pool = new Pool({ tls: {}, proxy: undefined, connect: 5_000, keepAlive: 4_000, ...more });
  onTestFinished(() => pool.destroy());
  return pool;
}

export function ask(pool: Pool, server: URL, more: Partial<Outgoing> = {}): Promise<Answer> {
  const outgoing: Outgoing = {
    server,
    path: '/',
    method: 'GET',
    headers: {},
    body: undefined,
    timeout: undefined,
    signal: undefined,
    limit: { bytes: 10_000_000, cut: false },
    ...more,
  };
  return exchange(pool, outgoing, realClock);
}

/** A proxy that tunnels to this machine, whatever the name, or answers with the status given. */
export function tunnelling(server: Server, asked: string[], status = 200): Server {
  server.on('connect', (request, client: Socket, head: Buffer) => {
    asked.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
    if (status !== 200) {
      client.end(`HTTP/1.1 ${status} No\r\ncontent-length: 2\r\n\r\nno`);
      return;
    }
    const target = connectSocket(Number(request.url?.split(':').at(-1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      target.write(head);
      target.pipe(client).pipe(target);
    });
    target.on('error', () => client.destroy());
    client.on('error', () => target.destroy()).on('close', () => target.destroy());
  });
  return server;
}
