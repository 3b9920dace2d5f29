import { shortName } from '../model/workload.ts';
import { holderOf, type Lease, type LockedWorkload } from './lease.ts';

/** The lock is no longer ours for sure. What was patched is still guarded by the patch's own tests. */
export class LostLock extends Error {
  override readonly name = 'LostLock';
  /** `taken`: somebody else holds it. `unrenewed`: it was not renewed in time, so that somebody else may. */
  readonly kind: 'taken' | 'unrenewed';

  constructor(kind: LostLock['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Whether somebody else has it: then nothing of it is ours to write any more. */
export function isTaken(lost: AbortSignal): boolean {
  return lost.aborted && lost.reason instanceof LostLock && lost.reason.kind === 'taken';
}

export function takenBy(workload: LockedWorkload, now: Lease): LostLock {
  const holder = holderOf(now);
  const by =
    holder === undefined
      ? 'and given back already'
      : `by ${holder.title}${holder.url === undefined ? '' : ` (${holder.url})`}`;
  return new LostLock('taken', `The lock on ${shortName(workload)} was taken from this run ${by}.`);
}

export function unrenewed(workload: LockedWorkload, seconds: number): LostLock {
  return new LostLock(
    'unrenewed',
    `The lock on ${shortName(workload)} could not be renewed for ${seconds} s, so another run may take it.`,
  );
}
