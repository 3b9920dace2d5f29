import type { Cluster } from '../cluster/client.ts';
import { ApiError } from '../cluster/client.ts';
import { workloads } from '../cluster/paths.ts';
import { applyImages } from '../deploy/apply.ts';
import { acquire, type Lock, type Remembered } from '../deploy/lock.ts';
import { pinReply } from '../deploy/snapshot.ts';
import { openObserver } from '../gate/observe.ts';
import type { Inputs } from '../inputs.ts';
import { messageOf } from '../model/error.ts';
import type { Workload } from '../model/kube.ts';
import { shortName } from '../model/workload.ts';
import type { OpenChange, OpenRun } from '../state.ts';
import { connectTo, explainCluster, explained } from './cluster.ts';
import { lockedOf } from './guard.ts';
import { persist } from './persist.ts';
import { beforeOf } from './pin.ts';
import { gateRevert } from './stuck.ts';
import type { World } from './world.ts';

/** The post step has no more than this to see the workloads healthy again, in milliseconds. */
const VERIFY = { timeout: 60_000, deadline: 120_000, stableFor: 0 };

/** The cluster answered the main step: one that does not answer now is waited for, in milliseconds. */
const PATIENCE = 60_000;

/**
 * Finishes what a cancelled step left open: puts back every image that is still ours and waits until what
 * was put back is healthy.
 *
 * @returns whether all of it is back and healthy
 */
export async function finishRevert(inputs: Inputs, saved: OpenRun, world: World): Promise<boolean> {
  const leaving = whyLeft(saved);
  for (const change of leaving === undefined ? [] : saved.open)
    world.log.warning(
      `${nameOf(change)}: the run ended before the rollout had a verdict; left as it is, since ${leaving}`,
    );
  const cluster = await connectTo(inputs, world, {
    timing: { readPatience: PATIENCE },
    lastHeard: new Date(saved.time),
  });
  try {
    return await finishUnderLock(cluster, inputs, saved, world);
  } catch (error) {
    if (leaving === undefined) throw explained(error, cluster);
    // Nothing was to be put back: all that could not be done is to give the lock back.
    world.log.warning(
      `The lock of this run could not be given back, so the next run waits until it expires, and then judges what this one left: ${explainCluster(error, cluster) ?? messageOf(error)}`,
    );
    return false;
  } finally {
    await cluster.close();
  }
}

/** Which of the inputs wants that what a killed run left stays; undefined: it is to be put back. */
function whyLeft({ rollback, onCancel }: OpenRun): string | undefined {
  if (rollback === 'never') return '`rollback` is never';
  return onCancel === 'leave' ? '`on-cancel` is leave' : undefined;
}

/** The same on a cluster that is at hand. However it ends, the locks are given back: a held one is renewed for ever. */
export async function finishUnderLock(
  cluster: Cluster,
  inputs: Inputs,
  saved: OpenRun,
  world: World,
): Promise<boolean> {
  const lock = await takeOver(cluster, inputs, saved, world);
  let closed = false;
  try {
    const leaving = whyLeft(saved) !== undefined;
    const whole = !leaving && (await finishAll(cluster, inputs, saved.open, world));
    closed = whole || leaving;
    return whole;
  } finally {
    await lock?.release(closed ? closedRecords(saved.open, lock) : []);
  }
}

async function finishAll(
  cluster: Cluster,
  inputs: Inputs,
  open: readonly OpenChange[],
  world: World,
): Promise<boolean> {
  const results: boolean[] = [];
  for (const change of [...open].reverse()) results.push(await finishOne(cluster, inputs, change, world));
  return results.every(Boolean);
}

/** Without their markers. A workload that is not back keeps its own: the next run finds it. */
function closedRecords(open: readonly OpenChange[], lock: Lock): readonly Remembered[] {
  return open.map((change) => {
    const workload = lockedOf(change);
    return { workload, record: { stable: lock.record(workload).stable, open: undefined } };
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

/** Puts one workload back where it still runs what was set, and waits until it is healthy. */
export async function finishOne(
  cluster: Cluster,
  inputs: Inputs,
  change: OpenChange,
  world: World,
): Promise<boolean> {
  const { log } = world;
  const before = await readWorkload(cluster, change);
  if (before === undefined) {
    log.warning(`${nameOf(change)} was deleted by somebody else, so there is nothing to put back`);
    return true;
  }
  const changes = change.changes.map((each) => ({ ...each, image: each.to, to: each.image }));
  const annotations = Object.fromEntries(
    Object.entries(change.annotationsBefore).map(([key, value]) => [key, value ?? undefined]),
  );
  const applied = await persist({ ...world, patience: PATIENCE }, () =>
    applyImages(cluster, { id: change, workload: before, changes, annotations }),
  );
  const current = applied.kind === 'applied' ? applied.reply : await readWorkload(cluster, change);
  if (current === undefined) return true;
  const back = changes.every(({ list, name, to }) =>
    current.spec?.template?.spec?.[list]?.some(
      (container) => container.name === name && container.image === to,
    ),
  );
  if (!back) {
    log.warning(
      `${nameOf(change)}: ${applied.kind === 'applied' ? 'it is not as it was put back' : applied.message}; it was left as it is`,
    );
    return false;
  }
  const { kind, namespace, name } = change;
  const observer = openObserver(cluster, [{ kind, namespace, name, selector: current.spec?.selector }]);
  try {
    await observer.ready;
    const pin = pinReply(current, changes, beforeOf(observer.observe(change)));
    const [outcome] = await gateRevert({
      cluster,
      observer,
      pins: [pin],
      limits: { ...inputs.limits, ...VERIFY },
      clock: world.clock,
      log,
      evict: inputs.evictStuck,
    });
    if (outcome?.verdict.kind === 'healthy') {
      log.info(`${nameOf(change)}: put back to ${changes.map((each) => each.to).join(', ')} and healthy`);
      return true;
    }
    const failure = outcome?.verdict.kind === 'failed' ? outcome.verdict.failure : undefined;
    const why = failure === undefined ? '' : `: ${failure.message.replace(/\.$/, '')}. ${failure.advice}`;
    log.warning(
      `${nameOf(change)}: put back to ${changes.map((each) => each.to).join(', ')}, but not yet seen healthy${why}`,
    );
    return false;
  } finally {
    observer.stop();
  }
}

async function readWorkload(cluster: Cluster, change: OpenChange): Promise<Workload | undefined> {
  try {
    return await cluster.get<Workload>(workloads(change.kind, change.namespace, change.name));
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

function nameOf(change: OpenChange): string {
  return `${shortName(change)} in namespace ${change.namespace}`;
}
