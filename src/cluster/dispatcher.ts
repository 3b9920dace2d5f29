/**
 * undici's pool for one cluster and one identity. HTTP/1.1 on purpose, though HTTP/2 would save some ten
 * milliseconds of handshakes at the start: with one silent connection in between (a NAT that forgot it), eight
 * requests in a row timed out on undici 8.12's HTTP/2 session, which does not heed unanswered pings and is not
 * left when a stream is aborted; on HTTP/1.1 the one that timed out took its socket along and the next one was
 * answered. With HTTP/2 the watches and the patch that puts things back would go down together.
 */
import { readFile } from 'node:fs/promises';
import type { Dispatcher } from 'undici';
import Agent from 'undici/lib/dispatcher/agent.js';
import { messageOf, UserError } from '../model/error.ts';
import { type ProxyChoice, proxyFor } from '../process/proxy.ts';
import type { ClusterAccess, Material } from './access.ts';
import type { Timing } from './timing.ts';

export interface ClientCertificate {
  readonly certificate: string | Buffer;
  readonly key: string | Buffer;
}

export interface DispatcherOptions {
  readonly access: ClusterAccess;
  /** PEM of the authorities that vouch for the server; undefined: the machine's own. */
  readonly authority: string | undefined;
  readonly certificate: ClientCertificate | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timing: Timing;
}

export async function createDispatcher(options: DispatcherOptions): Promise<Dispatcher> {
  const { access, environment, timing } = options;
  const server = new URL(access.server);
  const tls = server.protocol === 'https:' ? tlsOptions(options) : {};
  const pool = {
    allowH2: false,
    keepAliveTimeout: timing.keepAlive,
    keepAliveMaxTimeout: timing.keepAlive,
    connections: null,
    pipelining: 1,
  };
  const proxy = chooseProxy(access, environment);
  if (proxy === undefined) {
    return new Agent({
      ...pool,
      connect: { timeout: timing.connect, keepAliveInitialDelay: 10_000, ...tls },
    });
  }
  const [{ default: ProxyAgent }, { default: Pool }, { default: tunnel }] = await Promise.all([
    import('undici/lib/dispatcher/proxy-agent.js'),
    import('undici/lib/dispatcher/pool.js'),
    import('undici/lib/api/api-connect.js'),
  ]);
  try {
    return new ProxyAgent({
      // Only undici's barrel gives dispatchers the method by which the proxy is asked for a tunnel.
      clientFactory: (origin, options) => Object.assign(new Pool(origin, options), { connect: tunnel }),
      ...pool,
      uri: proxy.url,
      connectTimeout: timing.connect,
      requestTls: { allowH2: false, ...tls },
      // For any other scheme its mere presence would make undici speak TLS to a SOCKS server.
      ...(proxy.url.startsWith('https:') ? { proxyTls: { allowH2: false } } : {}),
    });
  } catch (error) {
    // The URL may bear a password: it is not repeated.
    throw new UserError(
      `The proxy given by ${proxy.origin} for ${access.server} is no usable URL; it must look like ` +
        'http://proxy.example.com:3128 (http, https or socks5).',
      { cause: error },
    );
  }
}

/** A kubeconfig's own proxy is meant for this server, whatever NO_PROXY says. */
export function chooseProxy(
  { server, proxyUrl }: Pick<ClusterAccess, 'server' | 'proxyUrl'>,
  environment: DispatcherOptions['environment'],
): ProxyChoice | undefined {
  if (proxyUrl !== undefined) return { url: proxyUrl, origin: 'the kubeconfig (proxy-url)' };
  return proxyFor(new URL(server), environment);
}

function tlsOptions({ access, authority, certificate }: DispatcherOptions) {
  return {
    rejectUnauthorized: !access.insecure,
    ...(authority === undefined ? {} : { ca: authority }),
    ...(certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }),
    ...(access.tlsServerName === undefined ? {} : { servername: access.tlsServerName }),
  };
}

/** Files are read as late as possible: they are rotated while we run. */
export async function readMaterial(material: Material, what: string, access: ClusterAccess): Promise<string> {
  if (material.kind === 'data') return material.data;
  try {
    return await readFile(material.path, 'utf8');
  } catch (error) {
    throw new UserError(
      `Cannot read ${what} ${material.path}, which ${access.origin} names: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}
