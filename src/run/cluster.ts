import { ApiError, type Cluster, UnreachableError } from '../cluster/client.ts';
import { explain } from '../cluster/explain.ts';
import type { Timing } from '../cluster/timing.ts';
import { readLeases } from '../deploy/lock.ts';
import { type Found, preflight } from '../deploy/preflight.ts';
import type { Observer } from '../gate/observe.ts';
import type { Inputs } from '../inputs.ts';
import { UserError } from '../model/error.ts';
import { shortName, type WorkloadRef } from '../model/workload.ts';
import { duplicateWorkloads } from '../plan/workloads.ts';
import { Guard, lockedOf } from './guard.ts';
import { observe } from './observe.ts';
import { saveBegun } from './save.ts';
import type { Story } from './story.ts';
import type { World } from './world.ts';

/** A cluster that answered, and the workloads that were found in it. */
export interface OpenedCluster {
  readonly cluster: Cluster;
  readonly found: readonly Found[];
  readonly guard: Guard;
  /** Opened already where the patch follows at once; undefined: to be opened when it does. */
  readonly observer: Observer | undefined;
}

/**
 * Reads the kubeconfig, connects, asks all that can be asked before anything is changed, and takes the lock.
 *
 * @param onFound told the workloads while the lock is still to be had
 */
export async function openCluster(
  inputs: Inputs,
  world: World,
  story: Story,
  signal: AbortSignal,
  onFound: (found: readonly Found[]) => void,
): Promise<OpenedCluster> {
  const { log } = world;
  const cluster = await connectTo(inputs, world);
  try {
    const workloads = placeWorkloads(inputs, cluster.namespace);
    // Asked in the same breath; what it says counts only when the preflight has found nothing missing.
    const leases = settled(readLeases(cluster, workloads.map(lockedOf), signal));
    const found = await story.part('preflight', 'permissions and workloads', () =>
      preflight(cluster, workloads, { logs: showsLogs(inputs, world), evict: inputs.evictStuck }),
    );
    onFound(found);
    const known = await leases();
    const locking = { ...world, cluster, workloads: found, known, timeout: inputs.lockTimeout, signal };
    // Where the patch follows at once, the lock is taken with it; what is read from here on is newer than the Leases.
    const plan = inputs.build === undefined ? Guard.plan(locking) : undefined;
    const observer = plan && observe(cluster, found);
    log.info(
      `Found ${found.map((each) => `${shortName(each)} in namespace ${each.namespace}`).join(', ')} on ${cluster.server}; every right that is needed is there`,
    );
    if (plan !== undefined) return { cluster, found, guard: plan, observer };
    const guard = await story.part('preflight', 'lock', () => Guard.take(locking));
    // A run that is killed before its patch, in a long build, leaves its locks to the post step.
    try {
      saveBegun({ world, inputs, guard }, []);
    } catch (error) {
      // Nobody else knows the guard yet, and its locks renew themselves.
      await guard.release();
      throw error;
    }
    return { cluster, found, guard, observer: undefined };
  } catch (error) {
    await cluster.close();
    throw explained(error, cluster);
  }
}

/** Lets a promise run to its end without being waited for: what it came to is had by the call. */
function settled<T>(promise: Promise<T>): () => Promise<T> {
  promise.catch(() => undefined);
  return () => promise;
}

/**
 * Connects to the cluster of the inputs; its client is loaded only now.
 *
 * @param lastHeard when an earlier step of this run heard of it
 */
export async function connectTo(
  inputs: Inputs,
  world: Pick<World, 'clock' | 'log' | 'environment' | 'workspace' | 'facts'>,
  { timing, lastHeard }: { readonly timing?: Partial<Timing>; readonly lastHeard?: Date } = {},
): Promise<Cluster> {
  const [{ readKubeconfig }, { connect }, { DEFAULT_TIMING }] = await Promise.all([
    import('../cluster/kubeconfig.ts'),
    import('../cluster/connect.ts'),
    import('../cluster/timing.ts'),
  ]);
  const { clock, log, environment, workspace, facts } = world;
  const { kubeconfig, context, execAllow } = inputs.cluster;
  if (kubeconfig === undefined && facts.pullRequest?.fromFork === true && facts.event === 'pull_request') {
    throw new UserError(
      "The kubeconfig is empty: a pull request from a fork is run without the repository's secrets, so that nobody can read them by opening one. Deploy after the merge, or from a branch of this repository.",
    );
  }
  const access = await readKubeconfig({
    input: kubeconfig ?? '',
    context: context ?? '',
    execAllow,
    workspace,
    environment,
    secret: (value) => log.secret(value),
  });
  return connect(access, {
    clock,
    log,
    environment,
    userAgent: 'steadyship',
    timing: { ...DEFAULT_TIMING, ...timing },
    ...(lastHeard === undefined ? {} : { lastHeard }),
  });
}

/** Pod logs may be private: they are shown unless that was forbidden, and never where anybody may read them. */
export function showsLogs(inputs: Inputs, world: Pick<World, 'facts'>): boolean {
  return inputs.logs === 'auto' && !world.facts.isPublic;
}

function placeWorkloads(inputs: Inputs, contextNamespace: string | undefined): readonly WorkloadRef[] {
  const fallback = inputs.namespace ?? contextNamespace;
  const placed = inputs.workloads.map((each) => ({ ...each, namespace: each.namespace ?? fallback }));
  if (placed.some((each) => each.namespace === undefined)) {
    throw new UserError(
      "namespace: it is missing, and the kubeconfig's context names none either. Set `namespace`, or write namespace/kind/name in `workloads`.",
    );
  }
  const workloads = placed.map((each) => ({ ...each, namespace: each.namespace ?? '' }));
  const duplicates = duplicateWorkloads(workloads);
  if (duplicates.length > 0) throw new UserError(duplicates);
  return workloads;
}

/** Before anything was touched, a cluster that does not answer or answers no is a plain failure with its cause. */
export function explained(error: unknown, cluster: Cluster): unknown {
  return error instanceof ApiError || error instanceof UnreachableError
    ? new UserError(explain(error, cluster), { cause: error })
    : error;
}

/** The sentence for an error of the cluster; undefined for any other. */
export function explainCluster(error: unknown, cluster: Cluster | undefined): string | undefined {
  return (error instanceof ApiError || error instanceof UnreachableError) && cluster !== undefined
    ? explain(error, cluster)
    : undefined;
}
