/**
 * A real cluster for the tests and the demo: etcd, Kubernetes, containerd, Docker with BuildKit and a registry
 * on this machine, or the one that STEADYSHIP_KUBECONFIG names.
 */
import { join } from 'node:path';
import { binaries } from './binaries.ts';
import { clean, hasTraces } from './clean.ts';
import { machineHasDocker } from './docker.ts';
import { given } from './given.ts';
import { withLock } from './lock.ts';
import { packages } from './packages.ts';
import { makeState, type Place, place } from './place.ts';
import { type Found, running } from './running.ts';
import { startAll } from './start.ts';
import { unavailable } from './unavailable.ts';

export { unavailable };

export interface Cluster {
  /** Path of a kubeconfig with all rights. */
  readonly kubeconfig: string;
  /** `127.0.0.1:20123`: the registry as pods and pushers name it. */
  readonly registry: string;
  /** What to add to an environment so that docker, buildx and kubectl are those of the cluster. */
  readonly env: Readonly<Record<string, string>>;
  /** Path of a kubectl. */
  readonly kubectl: string;
  /** Folder with the logs of all components. */
  readonly logs: string;
  /** False for a cluster that is not ours. */
  readonly embedded: boolean;
}

export type Log = (line: string) => void;

/** A running healthy cluster is used again; anything less is cleaned away and started anew. */
export async function up(log: Log): Promise<Cluster> {
  const theirs = given();
  if (theirs) return theirs;
  const problem = unavailable();
  if (problem) throw new Error(problem);
  return alone(place(), log, async (where) => {
    const before = await running(where);
    if (before.cluster) return before.cluster;
    const [compiled, unpacked, theirDocker] = await Promise.all([
      binaries(log),
      packages(log),
      machineHasDocker(),
    ]);
    const began = Date.now();
    if (hasTraces(where)) log(`cleaning up after an earlier cluster: ${before.reason}`);
    await clean(where);
    log('starting the cluster');
    const cluster = await startAll(where, {
      binaries: compiled,
      packages: unpacked,
      ownDocker: !theirDocker,
    });
    log(`the cluster is ready after ${((Date.now() - began) / 1000).toFixed(1)} s`);
    return cluster;
  });
}

/** Ends the embedded cluster with all it made; logs and the cache stay. A cluster of somebody else's is left alone. */
export async function down(log: Log): Promise<void> {
  if (given()) return log('STEADYSHIP_KUBECONFIG is set: that cluster is left as it is');
  if (process.platform !== 'linux') return;
  await alone(place(), log, async (where) => {
    await clean(where);
    log(`the cluster is down; its logs are in ${where.logs}`);
  });
}

/** The cluster if it is up and healthy, else why it is not. */
export async function status(): Promise<Found> {
  const cluster = given();
  return cluster ? { cluster } : running(place());
}

async function alone<T>(where: Place, log: Log, work: (where: Place) => Promise<T>): Promise<T> {
  makeState(where);
  const waiting = (pid: number): void =>
    log(`process ${pid} is starting or stopping the cluster; waiting for it`);
  return withLock(join(where.state, 'lock'), waiting, () => work(where));
}
