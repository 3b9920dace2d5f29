import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { openRegistry, type Registry, type RegistryArguments } from '../../src/registry/registry.ts';
import { hastyClock, type RecordingLog, recordingLog } from '../process/fakes.ts';

/** One answer of the registry on the wire; `reset` cuts the connection instead. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | object;
  readonly reset?: boolean;
}

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly accept: string | undefined;
  readonly body: string;
}

/** A registry on loopback that answers as the case says, and the client that talks to it. */
export async function wire(
  answer: (asked: Asked, count: number, host: string) => Answer,
  args: Partial<RegistryArguments> = {},
): Promise<{ registry: Registry; host: string; asked: Asked[]; log: RecordingLog; waits: number[] }> {
  const asked: Asked[] = [];
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const piece of request) body += String(piece);
    const { authorization, accept } = request.headers;
    const one = { method: request.method ?? '', url: request.url ?? '', authorization, accept, body };
    asked.push(one);
    const reply = answer(one, asked.length, host);
    if (reply.reset) {
      request.socket.destroy();
      return;
    }
    response.writeHead(reply.status ?? 200, reply.headers);
    response.end(typeof reply.body === 'object' ? JSON.stringify(reply.body) : reply.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const log = recordingLog();
  const clock = hastyClock();
  const registry = openRegistry({ logins: [], environment: {}, log, clock, random: () => 0.5, ...args });
  onTestFinished(async () => {
    await registry.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { registry, host, asked, log, waits: clock.waits };
}
