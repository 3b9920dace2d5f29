import type { Cluster } from '../cluster/client.ts';
import { keyOf } from '../deploy/lease.ts';
import { acquire, type Lock, readLeases } from '../deploy/lock.ts';
import type { Inputs } from '../inputs.ts';
import type { OpenChange, OpenRun } from '../state.ts';
import { lockedOf } from './guard.ts';
import { placeOf } from './send-back.ts';
import type { World } from './world.ts';

/** What the post step goes on with. */
export interface TakenOver {
  /** undefined: the main step held none. */
  readonly lock: Lock | undefined;
  /** What nobody has resolved since. */
  readonly ours: readonly OpenChange[];
}

/**
 * Takes the main step's locks, under its own name: held by it still, they are ours at once.
 *
 * A lock that was free meanwhile, given back or expired, may have been another's: of a later step, or of a run that
 * resolved what was open here and went on from there. Its marker is gone then, and what stands there is no longer for
 * this step to judge, though its image may be the same.
 */
export async function takeOver(
  cluster: Cluster,
  inputs: Pick<Inputs, 'lockTimeout'>,
  { holder, open }: Pick<OpenRun, 'holder' | 'open'>,
  world: World,
): Promise<TakenOver> {
  if (holder === undefined) return { lock: undefined, ours: open };
  const workloads = open.map(lockedOf);
  const known = await readLeases(cluster, workloads, world.signal);
  const timeout = inputs.lockTimeout;
  const lock = await acquire({ ...world, cluster, workloads, known, identity: holder, timeout });
  const ours = open.filter((change) => {
    // Where somebody deleted the Lease, nobody can be asked: the workload itself then says what stands there.
    const { open: mark, stable } = lock.record(lockedOf(change));
    const isBlank = mark === undefined && stable === undefined && !known.has(keyOf(change));
    if (isBlank || mark?.holder === holder.holder) return true;
    world.log.info(
      `${placeOf(change)}: a later step or run has resolved what this one left, so nothing is put back`,
    );
    return false;
  });
  return { lock, ours };
}
