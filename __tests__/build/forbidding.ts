import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A registry as the one behind it, but for tags that begin with "cache-": those can not be written. */
export async function forbidCaches(
  behind: string,
): Promise<{ readonly host: string; stop(): Promise<void> }> {
  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming;
    if (method === 'PUT' && url.includes('/manifests/cache-')) {
      const errors = [{ code: 'DENIED', message: 'no caches here' }];
      outgoing.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ errors }));
      return;
    }
    const [hostname, port] = behind.split(':');
    const passed = request({ hostname, port, path: url, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on('error', () => outgoing.destroy());
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { host: `127.0.0.1:${port}`, stop };
}
