/** Ports and pod network of this checkout's cluster: chosen once, kept while they are free. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Place } from './place.ts';

const names = ['etcd', 'etcdPeer', 'api', 'controllers', 'scheduler', 'registry'] as const;

export interface Addresses {
  readonly ports: Readonly<Record<(typeof names)[number], number>>;
  /** First two octets and a half: pods live in a /22 of 10.128.0.0/10. */
  readonly network: number;
}

// Below the range that outgoing connections take their ports from, and below NodePorts.
const firstPort = 20_000;
const portCount = 10_000;
const networkCount = 4096;

/** Asks for the remembered addresses, or undefined when there never were any. */
export function remembered({ state }: Place): Addresses | undefined {
  try {
    return JSON.parse(readFileSync(join(state, 'addresses.json'), 'utf8')) as Addresses;
  } catch {
    return undefined;
  }
}

/** Chooses addresses that are free now, the remembered ones first. The old cluster must be gone. */
export async function chooseAddresses(place: Place): Promise<Addresses> {
  const before = remembered(place);
  const seed = Number.parseInt(place.key, 16);
  const used = new Set<number>();
  const ports: Record<string, number> = {};
  let next = seed % portCount;
  for (const name of names) {
    let port = before?.ports[name] ?? firstPort + (next++ % portCount);
    while (used.has(port) || !(await isFree(port))) port = firstPort + (next++ % portCount);
    used.add(port);
    ports[name] = port;
  }
  const taken = routes();
  let network = before?.network ?? seed % networkCount;
  while (taken.some((route) => overlaps(route, network))) network = (network + 1) % networkCount;
  const addresses = { ports, network } as Addresses;
  writeFileSync(join(place.state, 'addresses.json'), JSON.stringify(addresses));
  return addresses;
}

/** A free port of the loopback, from a range that nothing else draws from. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = firstPort + Math.floor(Math.random() * portCount);
    if (await isFree(port)) return port;
  }
}

/** The address `host` of the pod network: 0.1 is the node, pods and build containers have ranges. */
export function podAddress({ network }: Addresses, third: number, fourth: number): string {
  return `10.${128 + (network >> 6)}.${((network & 63) << 2) + third}.${fourth}`;
}

/** The address of the node: the bridge's. A node may not be at a loopback address. */
export function nodeAddress(addresses: Addresses): string {
  return podAddress(addresses, 0, 1);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

interface Route {
  readonly start: number;
  readonly mask: number;
}

function routes(): Route[] {
  const lines = readFileSync('/proc/net/route', 'utf8').trim().split('\n').slice(1);
  return lines
    .map((line) => line.split('\t'))
    .map((field) => ({ start: fromKernel(field[1]), mask: fromKernel(field[7]) }))
    .filter(({ mask }) => mask !== 0);
}

/** The kernel prints addresses as little-endian words. */
function fromKernel(hex = '0'): number {
  const bytes = hex.padStart(8, '0').match(/../g) ?? [];
  return Number.parseInt(bytes.reverse().join(''), 16) >>> 0;
}

function overlaps({ start, mask }: Route, network: number): boolean {
  const ours = ((10 << 24) | ((128 + (network >> 6)) << 16) | ((network & 63) << 10)) >>> 0;
  const wider = (mask & 0xff_ff_fc_00) >>> 0;
  return (start & wider) >>> 0 === (ours & wider) >>> 0;
}
