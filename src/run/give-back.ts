import { holderOf, keyOf } from '../deploy/lease.ts';
import { type AcquireArguments, acquire, readLeases } from '../deploy/lock.ts';
import { parseRecord } from '../deploy/record.ts';

/** Which are given back: those that bear no marker of this step, or all, with their markers or without. */
export type Giving = 'unmarked' | 'as they are' | 'cleared';

/**
 * Gives back those of the Leases that are held under this name still; what else they remember stays. Another's are left
 * alone, and not waited for.
 */
export async function giveBack(
  args: Omit<AcquireArguments, 'known' | 'timeout'>,
  giving: Giving,
): Promise<void> {
  const { cluster, identity, signal } = args;
  const known = await readLeases(cluster, args.workloads, signal);
  const workloads = args.workloads.filter((each) => {
    const lease = known.get(keyOf(each));
    if (lease === undefined || holderOf(lease)?.holder !== identity.holder) return false;
    const { open } = parseRecord(lease.metadata?.annotations).record;
    return giving !== 'unmarked' || open?.holder !== identity.holder;
  });
  if (workloads.length === 0) return;
  const lock = await acquire({ ...args, workloads, known, timeout: 0 });
  const records = workloads.map((workload) => ({ workload, record: lock.record(workload) }));
  const own = records.filter(({ record }) => record.open?.holder === identity.holder);
  await lock.release(
    giving === 'cleared'
      ? own.map(({ workload, record }) => ({ workload, record: { ...record, open: undefined } }))
      : [],
  );
}
