/** What a client asks of the API server: bytes as they pass by, requests as the server itself logs them. */
import { readFile, stat } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Passes connections on untouched and counts their bytes, in both directions. */
export interface Meter {
  readonly port: number;
  bytes(): number;
  close(): void;
}

export async function openMeter(target: URL): Promise<Meter> {
  let bytes = 0;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (data) => {
        bytes += data.length;
      });
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    bytes: () => bytes,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** One request, as the API server logged it when it ended. */
export interface Request {
  readonly verb: string;
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly uri: string;
  /** Milliseconds since 1970: when it was received, and when it had ended. */
  readonly began: number;
  readonly ended: number;
}

interface AuditEvent {
  readonly verb: string;
  readonly userAgent?: string;
  readonly requestURI: string;
  readonly objectRef?: { readonly resource?: string; readonly namespace?: string };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

/** The requests that a client made between two moments; the second is when `read` is called. */
export async function followRequests(
  audit: string,
  client: string,
): Promise<{ read(): Promise<readonly Request[]> }> {
  const start = (await stat(audit)).size;
  return {
    read: async () => {
      const text = (await readFile(audit)).subarray(start).toString('utf8');
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as AuditEvent)
        .filter(({ userAgent }) => userAgent?.startsWith(client) === true)
        .map(({ verb, requestURI, objectRef, requestReceivedTimestamp, stageTimestamp }) => ({
          verb,
          resource: objectRef?.resource ?? '',
          namespace: objectRef?.namespace,
          uri: requestURI,
          began: Date.parse(requestReceivedTimestamp),
          ended: Date.parse(stageTimestamp),
        }));
    },
  };
}
