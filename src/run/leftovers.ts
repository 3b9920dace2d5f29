import type { Cluster } from '../cluster/client.ts';
import { workloads } from '../cluster/paths.ts';
import { slotsOf } from '../deploy/containers.ts';
import type { Lock } from '../deploy/lock.ts';
import type { Found } from '../deploy/preflight.ts';
import { judgeMarker } from '../deploy/record.ts';
import { pinReply } from '../deploy/snapshot.ts';
import { openObserver } from '../gate/observe.ts';
import type { Workload } from '../model/kube.ts';
import type { OpenMarker } from '../model/record.ts';
import { shortName, type WorkloadId } from '../model/workload.ts';
import type { OpenChange } from '../state.ts';
import { gate } from './gating.ts';
import { lockedOf } from './guard.ts';
import type { Ship } from './lane.ts';
import { beforeOf } from './pin.ts';

/** What a killed run left is watched for so long without progress, and so long in all, before it is judged. */
const SETTLE = { timeout: 30_000, deadline: 300_000 };

interface Standing {
  readonly each: Found;
  readonly open: OpenMarker;
  readonly healthy: boolean;
}

/**
 * Resolves what killed runs left, before anything of our own: what they set is given the time to prove itself, and
 * is put back where it does not. All workloads of one killed run go together.
 *
 * @param putBack run/finish-revert.ts's own
 */
export async function resolveLeftovers(
  ship: Ship,
  lock: Lock,
  found: readonly Found[],
  rollback: 'auto' | 'never',
  putBack: (cluster: Cluster, change: OpenChange) => Promise<boolean>,
): Promise<void> {
  const standing: Standing[] = [];
  for (const each of found) {
    const workload = lockedOf(each);
    const record = lock.record(workload);
    if (record.open === undefined) continue;
    const now = await ship.cluster.get<Workload>(workloads(each.kind, each.namespace, each.name));
    const name = shortName(workload);
    const fate = judgeMarker(record.open, { name, uid: now.metadata?.uid }, slotsOf(now));
    ship.log.warning(`${fate.message}.`);
    if (fate.kind === 'stands') {
      standing.push({ each, open: record.open, healthy: await provesItself(ship, each, now) });
    } else await lock.save(workload, { ...record, open: undefined });
  }
  for (const { each, open, healthy } of standing.reverse()) {
    const workload = lockedOf(each);
    const siblings = standing.filter((other) => other.open.run.title === open.run.title);
    const stays = healthy && siblings.every((other) => other.healthy);
    if (stays) ship.log.info(`${shortName(workload)}: it is healthy, so it stays`);
    else if (rollback === 'never') {
      ship.log.info(`${shortName(workload)}: it stays, since \`rollback\` is never`);
    } else await putBack(ship.cluster, { ...workload, kind: each.kind, ...open });
    await lock.save(workload, { ...lock.record(workload), open: undefined });
  }
}

async function provesItself(
  ship: Ship,
  { kind, namespace, name }: WorkloadId,
  now: Workload,
): Promise<boolean> {
  const id = { kind, namespace, name };
  const observer = openObserver(ship.cluster, [{ ...id, selector: now.spec?.selector }]);
  try {
    await observer.ready;
    const pins = [pinReply(now, [], beforeOf(observer.observe(id)))];
    const [outcome] = await gate({ ...ship, observer, pins, limits: { ...ship.limits, ...SETTLE } });
    return outcome?.verdict.kind === 'healthy';
  } finally {
    observer.stop();
  }
}
