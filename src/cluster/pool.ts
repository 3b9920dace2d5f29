/** The connections to one cluster as one identity. */
import { promises } from 'node:fs';
import { messageOf, UserError } from '../model/error.ts';
import type { Environment } from '../process/environment.ts';
import { Pool, type TlsOptions } from '../process/http/pool.ts';
import { parseProxyUrl } from '../process/http/proxy-url.ts';
import { type ProxyChoice, proxyFor } from '../process/proxy.ts';
import type { ClusterAccess, Material } from './access.ts';
import type { Timing } from './timing.ts';

export interface ClientCertificate {
  readonly certificate: string | Buffer;
  readonly key: string | Buffer;
}

export interface PoolWish {
  readonly access: ClusterAccess;
  /** PEM of the authorities that vouch for the server; undefined: the machine's own. */
  readonly authority: string | undefined;
  readonly certificate: ClientCertificate | undefined;
  readonly environment: Environment;
  readonly timing: Timing;
}

/** @throws UserError when the proxy's URL is none */
export function createPool(wish: PoolWish): Pool {
  const { access, environment, timing } = wish;
  const proxy = chooseProxy(access, environment);
  return new Pool({
    tls: access.server.startsWith('https:') ? tlsOptions(wish) : {},
    proxy: proxy && proxyOf(proxy, access),
    connect: timing.connect,
    keepAlive: timing.keepAlive,
  });
}

function proxyOf({ url, origin }: ProxyChoice, access: ClusterAccess): URL {
  try {
    return parseProxyUrl(url);
  } catch (error) {
    // The URL may bear a password: it is not repeated.
    throw new UserError(
      `The proxy given by ${origin} for ${access.server} is no usable URL; it must look like ` +
        'http://proxy.example.com:3128 (http, https or socks5).',
      { cause: error },
    );
  }
}

/** A kubeconfig's own proxy is meant for this server, whatever NO_PROXY says. */
export function chooseProxy(
  { server, proxyUrl }: Pick<ClusterAccess, 'server' | 'proxyUrl'>,
  environment: PoolWish['environment'],
): ProxyChoice | undefined {
  if (proxyUrl !== undefined) return { url: proxyUrl, origin: 'the kubeconfig (proxy-url)' };
  return proxyFor(new URL(server), environment);
}

function tlsOptions({ access, authority, certificate }: PoolWish): TlsOptions {
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
    return await promises.readFile(material.path, 'utf8');
  } catch (error) {
    throw new UserError(
      `Cannot read ${what} ${material.path}, which ${access.origin} names: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}
