/**
 * Which proxy a server is reached through, by the rules of Go's golang.org/x/net/http/httpproxy, which kubectl,
 * docker and BuildKit follow: what they reach, we reach in the same way. Node's own reading of NO_PROXY knows no
 * CIDR blocks, and those are what people write for clusters and the registries in them.
 */
import { BlockList, isIP } from 'node:net';
import type { Environment } from './environment.ts';

export interface ProxyChoice {
  readonly url: string;
  /** Where it was read: "the kubeconfig (proxy-url)", "HTTPS_PROXY". */
  readonly origin: string;
}

/** How this server is reached, as the environment says; undefined: straight. */
export function proxyFor(server: URL, environment: Environment): ProxyChoice | undefined {
  const [, exceptions] = variable(environment, 'NO_PROXY');
  return isExempt(server, exceptions ?? '') ? undefined : configuredProxy(server.protocol, environment);
}

/** The proxy that is named for this scheme (`https:`), whatever NO_PROXY excepts. */
export function configuredProxy(protocol: string, environment: Environment): ProxyChoice | undefined {
  const [origin, value] = variable(environment, protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY');
  if (value === undefined) return undefined;
  return { url: value.includes('://') ? value : `http://${value}`, origin };
}

/** Both spellings are in use; curl and Go prefer opposite ones, a runner sets both alike. */
function variable(environment: Environment, name: string): [string, string | undefined] {
  for (const spelling of [name, name.toLowerCase()]) {
    const value = environment[spelling]?.trim();
    if (value) return [spelling, value];
  }
  return [name, undefined];
}

export function isExempt(server: URL, exceptions: string): boolean {
  const host = bare(server.hostname);
  if (isLoopback(host)) return true;
  const port = server.port || (server.protocol === 'https:' ? '443' : '80');
  return exceptions
    .split(/[,\s]+/)
    .filter((entry) => entry !== '')
    .some((entry) => matches(entry.toLowerCase(), host, port));
}

/** localhost, its subdomains (RFC 6761), 127.0.0.0/8 and ::1. */
export function isLoopback(host: string): boolean {
  const name = bare(host);
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  return isIP(name) !== 0 && (inBlock(name, '127.0.0.0', 8) || name === '::1');
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const [address = '', bits] = entry.split('/');
  if (bits !== undefined) return isIP(host) !== 0 && inBlock(host, address, Number(bits));
  const withPort = /^(\[.+\]|[^:]+):(\d+)$/.exec(entry);
  if (withPort !== null && withPort[2] !== port) return false;
  const wanted = bare(withPort?.[1] ?? entry);
  if (isIP(wanted) !== 0) return wanted === host;
  if (wanted.startsWith('*.')) return host.endsWith(wanted.slice(1));
  // Go: ".example.com" is subdomains only, "example.com" the domain and its subdomains.
  if (wanted.startsWith('.')) return host.endsWith(wanted);
  return host === wanted || host.endsWith(`.${wanted}`);
}

function inBlock(address: string, network: string, bits: number): boolean {
  const family = isIP(network);
  const width = family === 4 ? 32 : 128;
  if (family === 0 || family !== isIP(address) || !Number.isInteger(bits) || bits < 0 || bits > width)
    return false;
  const block = new BlockList();
  block.addSubnet(network, bits, family === 4 ? 'ipv4' : 'ipv6');
  return block.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** Without brackets and the root's dot. */
function bare(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.+)\]$/, '$1')
    .replace(/(.)\.$/, '$1');
}
