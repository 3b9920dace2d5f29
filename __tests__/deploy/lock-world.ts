import type { Identity, LockedWorkload } from '../../src/deploy/lease.ts';
import { type AcquireArguments, acquire, identityOf, type Lock } from '../../src/deploy/lock.ts';
import type { Log } from '../../src/model/log.ts';
import { LeaseServer } from './fake-leases.ts';
import { HandClock } from './hand-clock.ts';

export const WEB = { kind: 'Deployment', namespace: 'shop', name: 'web' };
export const API = { kind: 'Deployment', namespace: 'shop', name: 'api' };
export const NAME = 'steadyship-deployment-web';
export const MINUTES = 60_000;

const runs = 'https://github.com/acme/shop/actions/runs';
export const OURS = identityOf({ title: 'acme/shop run 57', url: `${runs}/57` }, 'a1');
export const THEIRS = identityOf({ title: 'acme/shop run 58', url: `${runs}/58` }, 'b2');

interface World {
  readonly server: LeaseServer;
  readonly clock: HandClock;
  readonly log: Log;
  /** What was told, debugging apart. */
  readonly lines: readonly string[];
  /** A run with a client of its own that wants `deployment/web`, and waits ten minutes for it. */
  take(identity: Identity, options?: Partial<AcquireArguments>): Promise<Lock>;
}

/** One cluster, one clock, any number of runs. */
export function world(): World {
  const server = new LeaseServer();
  const clock = new HandClock();
  const lines: string[] = [];
  const tell = (line: string): void => void lines.push(line);
  const log: Log = {
    info: tell,
    notice: tell,
    warning: tell,
    debug: () => undefined,
    group: (_, body) => body(),
    secret: () => undefined,
  };
  const workloads: readonly LockedWorkload[] = [WEB];
  const { signal } = new AbortController();
  const take: World['take'] = (identity, options = {}) => {
    const common = { cluster: server.client(), workloads, timeout: 10 * MINUTES, clock, log, signal };
    return acquire({ ...common, identity, ...options });
  };
  return { server, clock, log, lines, take };
}

/** What became of a promise by now; empty: it is still open. */
export function watch<T>(promise: Promise<T>): { readonly value?: T; readonly error?: unknown } {
  const seen: { value?: T; error?: unknown } = {};
  promise.then(
    (value) => {
      seen.value = value;
    },
    (error) => {
      seen.error = error;
    },
  );
  return seen;
}

export function holder(server: LeaseServer, name = NAME): string | undefined {
  return server.the(name).spec?.holderIdentity;
}
