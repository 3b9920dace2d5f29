/** Registries under their real names on this machine: a proxy that leads every name to one TLS server. */
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Server } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { issue, makeAuthority } from '../cluster/certificate.ts';

export interface FrontDoor {
  /** For HTTPS_PROXY. */
  readonly proxy: string;
  close(): Promise<void>;
}

/** Opens it for these hosts; this process trusts its certificate until it is closed. */
export async function openFrontDoor(hosts: readonly string[], serve: RequestListener): Promise<FrontDoor> {
  const authority = makeAuthority('the test');
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, authority.certificate]);
  const { certificate: cert, key } = issue(authority, { name: 'registries', hosts });
  const front = createTlsServer({ cert, key }, serve);
  const port = await listen(front);
  const tunnel = createServer();
  tunnel.on('connect', (_, socket) => {
    const to = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(to).pipe(socket);
    });
    to.on('error', () => socket.destroy());
    socket.on('error', () => to.destroy());
  });
  const proxy = `http://127.0.0.1:${await listen(tunnel)}`;
  return {
    proxy,
    close: async () => {
      setDefaultCACertificates(before);
      front.closeAllConnections();
      await Promise.all([front, tunnel].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
