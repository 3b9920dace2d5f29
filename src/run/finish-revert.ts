import type { Cluster } from '../cluster/client.ts';
import { keyOf, type LockedWorkload } from '../deploy/lease.ts';
import { acquire, type Lock, type Remembered } from '../deploy/lock.ts';
import type { Inputs } from '../inputs.ts';
import { messageOf } from '../model/error.ts';
import type { OpenChange, OpenRun } from '../state.ts';
import { connectTo, explainCluster, explained } from './cluster.ts';
import { giveBack } from './give-back.ts';
import { lockedOf } from './guard.ts';
import { type Finished, PATIENCE, putBack, tellFate } from './put-back.ts';
import { placeOf } from './send-back.ts';
import type { World } from './world.ts';

/**
 * Finishes what a cancelled step left open: puts back every image that is still ours, waits until what was put back is
 * healthy, and gives back the locks of the whole run.
 *
 * @returns whether all of it is back and healthy
 */
export async function finishRevert(inputs: Inputs, saved: OpenRun, world: World): Promise<boolean> {
  const leaving = whyLeft(saved);
  for (const change of leaving === undefined ? [] : saved.open)
    world.log.warning(
      `${placeOf(change)}: the run ended before the rollout had a verdict; left as it is, since ${leaving}`,
    );
  try {
    return await onCluster(inputs, saved, world);
  } catch (error) {
    if (leaving === undefined && saved.open.length > 0) throw error;
    // Nothing was to be put back: all that could not be done is to give the lock back.
    const judged = saved.open.length === 0 ? '' : ', and then judges what this one left';
    world.log.warning(
      `The lock of this run could not be given back, so the next run waits until it expires${judged}: ${messageOf(error)}`,
    );
    return saved.open.length === 0;
  }
}

/** Which of the inputs wants that what a killed run left stays; undefined: it is to be put back. */
function whyLeft({ rollback, onCancel }: OpenRun): string | undefined {
  if (rollback === 'never') return '`rollback` is never';
  return onCancel === 'leave' ? '`on-cancel` is leave' : undefined;
}

async function onCluster(inputs: Inputs, saved: OpenRun, world: World): Promise<boolean> {
  const cluster = await connectTo(inputs, world, {
    timing: { readPatience: PATIENCE },
    lastHeard: new Date(saved.time),
  });
  try {
    return await finishUnderLock(cluster, inputs, saved, world);
  } catch (error) {
    throw explained(error, cluster);
  } finally {
    await cluster.close();
  }
}

/** The same on a cluster that is at hand. However it ends, the locks are given back: a held one is renewed for ever. */
export async function finishUnderLock(
  cluster: Cluster,
  inputs: Inputs,
  saved: OpenRun,
  world: World,
): Promise<boolean> {
  const open = new Set(saved.open.map(keyOf));
  const unchanged = saved.locked.filter((each) => !open.has(keyOf(each)));
  // These wait for nothing, and nothing waits for them.
  const given = giveBackUnchanged(cluster, saved, unchanged, world);
  try {
    return saved.open.length === 0 || (await finishOpen(cluster, inputs, saved, world));
  } finally {
    await given;
  }
}

async function finishOpen(cluster: Cluster, inputs: Inputs, saved: OpenRun, world: World): Promise<boolean> {
  const lock = await takeOver(cluster, inputs, saved, world);
  let closed: readonly OpenChange[] = [];
  try {
    if (whyLeft(saved) !== undefined) {
      closed = saved.open;
      return false;
    }
    const { clock, log, signal } = world;
    const finished = await putBack(cluster, saved.open, {
      ...{ inputs, clock, log, signal },
      sent: () => undefined,
      tell: (each) => tellFate(log, each),
    });
    closed = finished.filter(isClosed).map(({ change }) => change);
    return finished.every(({ fate }) => fate.kind === 'healthy' || fate.kind === 'gone');
  } finally {
    await lock?.release(closedRecords(closed, lock));
  }
}

/** Whose marker has nothing to say any more. One that is not back and healthy keeps its own: the next run finds it. */
function isClosed({ fate }: Finished): boolean {
  return fate.kind === 'healthy' || fate.kind === 'gone' || fate.kind === 'taken';
}

/** Without their markers. */
function closedRecords(closed: readonly OpenChange[], lock: Lock | undefined): readonly Remembered[] {
  return closed.map((change) => {
    const workload = lockedOf(change);
    return { workload, record: { stable: lock?.record(workload).stable, open: undefined } };
  });
}

/** The main step's locks, under its own name: held by it still, they are ours at once. */
async function takeOver(
  cluster: Cluster,
  inputs: Inputs,
  saved: OpenRun,
  world: World,
): Promise<Lock | undefined> {
  if (saved.holder === undefined) return undefined;
  return await acquire({
    ...world,
    cluster,
    workloads: saved.open.map(lockedOf),
    identity: saved.holder,
    timeout: inputs.lockTimeout,
  });
}

/** Never fails: a lock that is not given back expires. */
async function giveBackUnchanged(
  cluster: Cluster,
  { holder }: OpenRun,
  unchanged: readonly LockedWorkload[],
  world: World,
): Promise<void> {
  if (holder === undefined || unchanged.length === 0) return;
  try {
    await giveBack({ ...world, cluster, identity: holder, workloads: unchanged });
  } catch (error) {
    const why = explainCluster(error, cluster) ?? messageOf(error);
    world.log.warning(
      `The locks of the workloads that this run did not change could not be given back, so the next run waits until they expire: ${why}`,
    );
  }
}
