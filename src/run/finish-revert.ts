import type { Cluster } from '../cluster/client.ts';
import { keyOf, type LockedWorkload } from '../deploy/lease.ts';
import type { Lock, Remembered } from '../deploy/lock.ts';
import type { Inputs } from '../inputs.ts';
import { messageOf } from '../model/error.ts';
import type { Log } from '../model/log.ts';
import { hasWayBack, type OpenChange, type OpenRun } from '../state.ts';
import { connectTo, explainCluster, explained } from './cluster.ts';
import { type Giving, giveBack } from './give-back.ts';
import { lockedOf } from './guard.ts';
import { whyLeft } from './left.ts';
import { type Finished, PATIENCE, putBack, tellFate } from './put-back.ts';
import { imagesOf, lookAt, placeOf } from './send-back.ts';
import { takeOver } from './take-over.ts';
import type { World } from './world.ts';

/**
 * Finishes what a cancelled step left open: puts back every image that is still ours, waits until what was put back is
 * healthy, and gives back the locks of the whole run.
 *
 * @returns whether all of it is back and healthy
 */
export async function finishRevert(inputs: Inputs, saved: OpenRun, world: World): Promise<boolean> {
  const leaving = whyLeft(saved);
  tellLeft(saved, world.log);
  try {
    return await onCluster(inputs, saved, world);
  } catch (error) {
    const marked = saved.open.filter(hasWayBack);
    if (leaving === undefined && marked.length > 0) throw error;
    // Nothing was to be put back: all that could not be done is to give the lock back.
    const judged = marked.length === 0 ? '' : ', and then judges what this one left';
    world.log.warning(
      `The lock of this run could not be given back, so the next run waits until it expires${judged}: ${messageOf(error)}`,
    );
    return saved.open.length === 0;
  }
}

/** Names what nobody puts back. Nothing is asked of the cluster for that: it may be away. */
export function tellLeft(saved: OpenRun, log: Log): void {
  const leaving = whyLeft(saved);
  for (const change of saved.open) {
    const why = leaving ?? change.stays;
    if (why === undefined) continue;
    log.warning(
      `${placeOf(change)}: the run ended before the rollout of ${imagesOf(change.changes)} had a verdict; left as it is, since ${why}. ${lookAt(change)}`,
    );
  }
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
  const open = saved.open.filter(hasWayBack);
  const marked = new Set(open.map(keyOf));
  const workloads = saved.locked.filter((each) => !marked.has(keyOf(each)));
  const others = { cluster, saved, workloads, world };
  if (open.length === 0) {
    await giveBackOthers(others, 'cleared');
    return saved.open.length === 0;
  }
  // Those without a marker wait for nothing. The others were not touched, which the next run has to know until all is back.
  const given = giveBackOthers(others, 'unmarked');
  let isResolved = false;
  try {
    const { whole, resolved } = await finishOpen(cluster, inputs, { ...saved, open }, world);
    isResolved = resolved;
    return whole && open.length === saved.open.length;
  } finally {
    await given;
    await giveBackOthers(others, isResolved ? 'cleared' : 'as they are');
  }
}

/** Whether all is back and healthy, and whether nothing is left for the next run. */
interface Ended {
  readonly whole: boolean;
  readonly resolved: boolean;
}

async function finishOpen(cluster: Cluster, inputs: Inputs, saved: OpenRun, world: World): Promise<Ended> {
  const { lock, ours } = await takeOver(cluster, inputs, saved, world);
  let last: readonly Remembered[] = [];
  try {
    if (whyLeft(saved) !== undefined) {
      last = ours.map((change) => closed(change, lock));
      return { whole: ours.length === 0, resolved: true };
    }
    const { clock, log, signal } = world;
    const finished = await putBack(cluster, ours, {
      ...{ inputs, clock, log, signal },
      sent: () => undefined,
      tell: (each) => tellFate(log, each),
    });
    last = finished.map((each) => (isClosed(each) ? closed(each.change, lock) : goesBack(each.change, lock)));
    return {
      whole: finished.every(({ fate }) => fate.kind === 'healthy' || fate.kind === 'gone'),
      resolved: finished.every(isClosed),
    };
  } finally {
    await lock?.release(last);
  }
}

/** Whose marker has nothing to say any more. One that is not back and healthy keeps its own: the next run finds it. */
function isClosed({ fate }: Finished): boolean {
  return fate.kind === 'healthy' || fate.kind === 'gone' || fate.kind === 'taken';
}

/** With its marker, and what was decided: the others of its run are back, so it may not stay because it is healthy by then. */
function goesBack(change: OpenChange, lock: Lock | undefined): Remembered {
  const workload = lockedOf(change);
  const { stable, open } = lock?.record(workload) ?? { stable: undefined, open: undefined };
  return { workload, record: { stable, open: open && { ...open, goesBack: true } } };
}

/** Without its marker. */
function closed(change: OpenChange, lock: Lock | undefined): Remembered {
  const workload = lockedOf(change);
  return { workload, record: { stable: lock?.record(workload).stable, open: undefined } };
}

interface Others {
  readonly cluster: Cluster;
  readonly saved: OpenRun;
  readonly workloads: readonly LockedWorkload[];
  readonly world: World;
}

/** Never fails: a lock that is not given back expires. */
async function giveBackOthers(
  { cluster, saved: { holder }, workloads, world }: Others,
  giving: Giving,
): Promise<void> {
  if (holder === undefined || workloads.length === 0) return;
  try {
    await giveBack({ ...world, cluster, identity: holder, workloads }, giving);
  } catch (error) {
    const why = explainCluster(error, cluster) ?? messageOf(error);
    world.log.warning(
      `The locks of the workloads of this run in which there is nothing to put back could not be given back, so the next run waits until they expire: ${why}`,
    );
  }
}
