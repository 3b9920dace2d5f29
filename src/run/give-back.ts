import { holderOf, keyOf } from '../deploy/lease.ts';
import { type AcquireArguments, acquire, readLeases } from '../deploy/lock.ts';

/**
 * Gives back those of the Leases that are held under this name still; what they remember stays. Another's are left
 * alone, and not waited for.
 */
export async function giveBack(args: Omit<AcquireArguments, 'known' | 'timeout'>): Promise<void> {
  const { cluster, identity, signal } = args;
  const known = await readLeases(cluster, args.workloads, signal);
  const workloads = args.workloads.filter((each) => {
    const lease = known.get(keyOf(each));
    return lease !== undefined && holderOf(lease)?.holder === identity.holder;
  });
  if (workloads.length === 0) return;
  const lock = await acquire({ ...args, workloads, known, timeout: 0 });
  await lock.release();
}
