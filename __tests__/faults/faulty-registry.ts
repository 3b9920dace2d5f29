import { createServer, type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { onTestFinished } from 'vitest';
import type { ImageName } from '../harness/images.ts';
import type { Stage } from '../harness/stage.ts';
import type { Passing } from './fault.ts';
import { Rules } from './rules.ts';

/** What stands between everybody (the action, BuildKit, the kubelet) and the real registry. */
export class FaultyRegistry extends Rules {
  host = '';
  readonly #stage: Stage;

  static async before(stage: Stage, finished: typeof onTestFinished): Promise<FaultyRegistry> {
    const registry = new FaultyRegistry(stage);
    const server = createServer((request, response) => void registry.#serve(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    registry.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    stage.know('faulty', registry.host);
    finished(async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    });
    return registry;
  }

  private constructor(stage: Stage) {
    super();
    this.#stage = stage;
  }

  /** An image of the tests by its name at this address. */
  image(name: ImageName): string {
    return this.#stage.images[name].replace(this.#stage.setup.cluster.registry, this.host);
  }

  #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    return this.serve(
      incoming,
      response,
      (request) => this.#forward(incoming, request),
      (_, answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.on('error', () => response.destroy()).pipe(response);
      },
    );
  }

  /** With the host that was asked for, since the registry writes it into the addresses of its uploads. */
  #forward(incoming: IncomingMessage, { body }: Passing): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const [hostname, port] = this.#stage.setup.cluster.registry.split(':');
      const { method, headers, url } = incoming;
      const { 'transfer-encoding': _, ...others } = headers;
      const length = body.length === 0 ? {} : { 'content-length': String(body.length) };
      const outgoing = sendRequest({ hostname, port, method, path: url, headers: { ...others, ...length } });
      outgoing.once('error', reject).once('response', resolve);
      outgoing.end(body);
    });
  }
}
