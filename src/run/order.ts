import { slotsOf } from '../deploy/containers.ts';
import { isStillStable } from '../deploy/record.ts';
import { compareCommits } from '../github/compare.ts';
import type { Inputs } from '../inputs.ts';
import { shortName } from '../model/workload.ts';
import {
  type Ancestry,
  commitsToCompare,
  type Deployed,
  judgeOrder,
  type Order,
  type Ours,
} from '../plan/order.ts';
import { type Guard, orderOf } from './guard.ts';
import type { Lane } from './lane.ts';
import type { World } from './world.ts';

/**
 * Whether this run came too late: a newer commit was deployed while it waited. GitHub is asked only where two
 * commits differ and a token is there; where it does not say, the run numbers decide.
 *
 * @param commit undefined: an image that exists was named, and nobody says of which commit it is
 */
export async function checkOrder(
  inputs: Inputs,
  world: World,
  guard: Guard,
  lanes: readonly Lane[],
  commit: string | undefined,
): Promise<Order> {
  const { facts, log } = world;
  const ours: Ours = {
    commit,
    order: orderOf(facts),
    attempt: Number(facts.runAttempt),
    event: facts.event,
    allowOlder: inputs.allowOlder,
  };
  const deployed = deployedOf(guard, lanes);
  const known = new Map<string, Ancestry>();
  const { githubToken: token } = inputs;
  if (token !== undefined && facts.repository !== undefined && commit !== undefined) {
    const { apiUrl, repository } = facts;
    await Promise.all(
      commitsToCompare(ours, deployed).map(async (base) => {
        const found = await compareCommits({ token, apiUrl, repository, base, head: commit, ...world });
        if (found.kind === 'unavailable') {
          log.warning(
            `GitHub did not say whether commit ${commit.slice(0, 7)} is older than the deployed ${base.slice(0, 7)} (${found.why}), so the run numbers decide.`,
          );
        }
        known.set(base, found.kind === 'unavailable' || found.kind === 'unrelated' ? 'unknown' : found.kind);
      }),
    );
  }
  return judgeOrder(ours, deployed, (base) => known.get(base) ?? 'unknown');
}

/** What is remembered of workloads that still run it: what each runs, and which run brought it there. */
function deployedOf(guard: Guard, lanes: readonly Lane[]): readonly Deployed[] {
  return lanes.flatMap((lane) => {
    const { workload } = lane.snapshot;
    const { stable } = guard.record(lane);
    if (!isStillStable(stable, workload.metadata?.uid, slotsOf(workload))) return [];
    const { commit, run, order } = stable;
    return [{ workload: shortName(lane), commit, run, order }];
  });
}
