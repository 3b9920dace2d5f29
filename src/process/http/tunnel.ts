/**
 * A way through a proxy to a server, before any TLS with that server. CONNECT is spoken here and not by
 * https-proxy-agent, because that one hands a proxy's refusal on as if the server had answered so, and its sockets
 * can not be given up while they connect. https://www.rfc-editor.org/rfc/rfc9110#name-connect
 */
import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { hostOf, openTcp } from './connection.ts';
import { ProxyError } from './error.ts';

export interface Destination {
  /** Looked up by the proxy: it may know names that this machine does not. */
  readonly host: string;
  readonly port: number;
}

/** @throws ProxyError, or the signal's reason */
export function openTunnel(proxy: URL, destination: Destination, signal: AbortSignal): Promise<Socket> {
  return proxy.protocol.startsWith('socks')
    ? socks(proxy, destination, signal)
    : connect(proxy, destination, signal);
}

function connect(proxy: URL, { host, port }: Destination, signal: AbortSignal): Promise<Socket> {
  const secure = proxy.protocol === 'https:';
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const login = credentials(proxy);
  const basic = login && `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`;
  return new Promise((resolve, reject) => {
    const options = {
      method: 'CONNECT',
      host: hostOf(proxy),
      // Node would check the proxy's certificate against the header Host.
      servername: isIP(hostOf(proxy)) === 0 ? hostOf(proxy) : '',
      port: proxy.port === '' ? (secure ? 443 : 80) : Number(proxy.port),
      path: authority,
      headers: { host: authority, ...(basic === undefined ? {} : { 'proxy-authorization': basic }) },
      agent: false as const,
      signal,
    };
    const request = secure ? secureRequest(options) : plainRequest(options);
    request.once('connect', ({ statusCode = 0 }, socket: Socket, head) => {
      // For as long as nobody else listens; an error without a listener ends the process.
      socket.on('error', () => {});
      if (statusCode < 200 || statusCode > 299) {
        socket.destroy();
        reject(ProxyError.refused(statusCode));
        return;
      }
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.on('error', (error) =>
      reject(signal.aborted ? signal.reason : ProxyError.unreachable(proxy.host, error)),
    );
    request.end();
  });
}

async function socks(proxy: URL, destination: Destination, signal: AbortSignal): Promise<Socket> {
  const { SocksClient } = await import('socks');
  const address = { host: hostOf(proxy), port: proxy.port === '' ? 1080 : Number(proxy.port) };
  const connection = await openTcp(address.host, address.port, signal).catch((error: Error) => {
    throw signal.aborted ? signal.reason : ProxyError.unreachable(proxy.host, error);
  });
  const abort = (): void => void connection.destroy();
  signal.addEventListener('abort', abort, { once: true });
  const login = credentials(proxy);
  try {
    const { socket } = await SocksClient.createConnection({
      command: 'connect',
      destination,
      existing_socket: connection,
      proxy: {
        ...address,
        type: 5,
        ...(login === undefined ? {} : { userId: login.user, password: login.password }),
      },
    });
    return socket;
  } catch (error) {
    connection.destroy();
    if (signal.aborted) throw signal.reason;
    throw ProxyError.socks(error instanceof Error ? error.message : String(error));
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function credentials(proxy: URL): { readonly user: string; readonly password: string } | undefined {
  if (proxy.username === '' && proxy.password === '') return undefined;
  return { user: decodeURIComponent(proxy.username), password: decodeURIComponent(proxy.password) };
}
