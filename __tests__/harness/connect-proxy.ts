/** An HTTP proxy as companies have them: the only way from the runner to the cluster, whose name it alone knows. */
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export class ConnectProxy {
  /** The servers that it was asked for, in order. */
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #tunnels = new Set<Socket>();
  #port = 0;

  /** Leads every name to one port of this machine. */
  static async to(port: number, finished: (cleanUp: () => Promise<void>) => void): Promise<ConnectProxy> {
    const proxy = new ConnectProxy(port);
    await proxy.back();
    finished(() => proxy.away());
    return proxy;
  }

  private constructor(port: number) {
    this.#server = createServer();
    this.#server.on('connect', ({ url = '' }, client: Socket) => {
      this.asked.push(url);
      const server = connect(port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        client.pipe(server).pipe(client);
      });
      this.#tunnels.add(client);
      server.on('error', () => client.destroy());
      client.on('error', () => server.destroy());
      client.once('close', () => this.#tunnels.delete(client));
    });
  }

  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** It and all that passes through it ends. */
  async away(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.reset();
    this.#server.closeAllConnections();
    await closed;
  }

  async back(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  reset(): void {
    for (const client of this.#tunnels) client.resetAndDestroy();
  }
}
