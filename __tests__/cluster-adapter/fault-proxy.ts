import { connect, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { freePort } from '../cluster/addresses.ts';

/** A TCP proxy that can go silent, cut, refuse, and crumble what passes. */
export class FaultProxy {
  port = 0;
  /** Connections so far. */
  connections = 0;
  /** Splits what the server says into pieces of so many bytes. */
  crumbs: number | undefined;
  /** What the client says next is passed on, and then the connection is cut. */
  cutsAfterRequest = false;
  /** New connections are taken, and nothing comes of them. */
  blackHole = false;
  readonly #target: number;
  readonly #silent = new Set<Socket>();
  readonly #pairs = new Map<Socket, Socket>();
  /** Also the server's ends of silent connections, which never hear that the client has gone. */
  readonly #open = new Set<Socket>();
  readonly #server: Server;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => this.#join(client));
  }

  /** @param finished the test's own, where tests run at the same time */
  static async to(port: number, finished = onTestFinished): Promise<FaultProxy> {
    const proxy = new FaultProxy(port);
    // Not one that others draw while this proxy is stopped for a time.
    await proxy.listen(await freePort());
    finished(() => proxy.stop());
    return proxy;
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    this.port = port;
  }

  /** Connections that exist say nothing any more in either direction, and do not close. */
  silence(): void {
    for (const client of this.#pairs.keys()) this.#silent.add(client);
  }

  reset(): void {
    for (const client of this.#pairs.keys()) client.resetAndDestroy();
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#open) socket.destroy();
    await closed;
  }

  #join(client: Socket): void {
    this.connections++;
    const server = connect(this.#target, '127.0.0.1');
    this.#pairs.set(client, server);
    if (this.blackHole) this.#silent.add(client);
    client.on('data', (data) => {
      if (this.#silent.has(client)) return;
      server.write(data);
      if (this.cutsAfterRequest) setTimeout(() => client.resetAndDestroy(), 30);
    });
    server.on('data', (data) => {
      if (this.#silent.has(client) || this.cutsAfterRequest) return;
      const size = this.crumbs ?? data.length;
      for (let start = 0; start < data.length; start += size)
        client.write(data.subarray(start, start + size));
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#open.add(one);
      one.setNoDelay(true);
      one.on('error', () => {});
      one.on('close', () => {
        if (!this.#silent.has(client)) other.destroy();
        this.#pairs.delete(client);
        this.#open.delete(one);
      });
    }
  }
}
