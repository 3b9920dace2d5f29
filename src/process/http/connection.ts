/** One connection, open as far as its first byte may be written. */
import { connect, type Socket } from 'node:net';
import { networkError } from './error.ts';

/** Below what NATs and load balancers forget an idle connection after; the probes cost nothing. */
const PROBE_AFTER = 10_000;

/**
 * Waits until bytes can be written: for `connect` of TCP, for `secureConnect` of TLS, which comes only after the
 * certificate was found good.
 *
 * @throws the socket's error, or the signal's reason; the socket is then gone
 */
export function opened<S extends Socket>(
  socket: S,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
): Promise<S> {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, PROBE_AFTER);
  // Between two owners a socket has no other listener, and an error without one ends the process.
  socket.on('error', () => {});
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort);
      socket.off(event, onOpen).off('error', onError).off('close', onClose);
    };
    const onOpen = (): void => {
      settle();
      resolve(socket);
    };
    const onError = (error: unknown): void => {
      settle();
      socket.destroy();
      reject(error);
    };
    const onClose = (): void => onError(networkError('ECONNRESET', 'the other side closed the connection'));
    const onAbort = (): void => onError(signal.reason);
    socket.once(event, onOpen).once('error', onError).once('close', onClose);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** TCP to a host, which is a name or an address without brackets. */
export function openTcp(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return opened(connect({ host, port }), 'connect', signal);
}

/** `[::1]` of a URL as sockets want it. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.+)\]$/, '$1');
}
