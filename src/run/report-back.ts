import type { WorkloadReport } from '../model/report.ts';
import { isSameWorkload } from '../model/workload.ts';
import type { Lane, Shipped } from './lane.ts';
import { reportLane } from './outcome.ts';
import type { Restored } from './restore.ts';

/** What became of putting back the workloads of a run. */
export interface PutBack {
  readonly restored: readonly Restored[];
  /** Which of the inputs wanted that nothing is put back; undefined: none. */
  readonly declined: string | undefined;
}

/** What the report says of the way back of a workload that was ours to put back. */
export function rollbackOf(each: Shipped, { restored, declined }: PutBack): WorkloadReport['rollback'] {
  const done = restored.find(({ shipped }) => shipped === each);
  if (done !== undefined) return done.rollback;
  if (each.unchanged) return { outcome: 'unnecessary', message: 'it ran this image before' };
  if (declined !== undefined) return { outcome: 'declined', message: declined };
  if (each.target.kind === 'none') return { outcome: 'impossible', message: each.target.why };
  return undefined;
}

/** All workloads of a run that stopped before the gate: those that were patched, and those that never were. */
export function reportShipped(
  lanes: readonly Lane[],
  shipped: readonly Shipped[],
  back: PutBack,
): readonly WorkloadReport[] {
  return lanes.map((lane): WorkloadReport => {
    const each = shipped.find((other) => isSameWorkload(other, lane));
    if (each === undefined) return reportLane(lane, undefined);
    return reportLane(each, undefined, { touched: true, rollback: rollbackOf(each, back) });
  });
}
