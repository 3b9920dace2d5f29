import { ApiError, UnreachableError } from '../cluster/client.ts';
import type { WorkloadRecord } from '../model/record.ts';
import { eachTogether } from '../model/together.ts';
import type { HeldLease } from './held-lease.ts';
import { durationFor, holderOf, keyOf, type LockedWorkload } from './lease.ts';
import { type AcquireArguments, Held, type KnownLeases, type Lock, TOGETHER, writeLease } from './lock.ts';
import { parseRecord, renderRecord } from './record.ts';

/**
 * Whether the Leases may be claimed as they were read: nobody holds one, and what each remembers is whole and
 * names nothing that a killed run left open.
 */
export function mayClaim(workloads: readonly LockedWorkload[], known: KnownLeases): boolean {
  return workloads.every((workload) => {
    const lease = known.get(keyOf(workload));
    if (lease === undefined) return true;
    const { record, problems } = parseRecord(lease.metadata?.annotations);
    return holderOf(lease) === undefined && record.open === undefined && problems.length === 0;
  });
}

/**
 * Takes the Leases as they were read, each with a record: lock and marker in one write. A write bears the version
 * that was read, so that it goes through only where no other run held the lock since. What was read of the
 * workloads after their Leases is then still true.
 *
 * @param records by what stands for the workload: what it remembers from now on
 * @returns undefined: one of them can not be had like this, mostly because another run was faster; none is held then
 */
export async function claim(
  args: Omit<AcquireArguments, 'timeout' | 'known'> & { readonly known: KnownLeases },
  records: ReadonlyMap<string, WorkloadRecord>,
): Promise<Lock | undefined> {
  const { cluster, workloads, known, identity, clock, log, signal } = args;
  const seconds = durationFor(workloads.length);
  const held: HeldLease[] = [];
  const errors: unknown[] = [];
  await eachTogether(workloads, TOGETHER, async (workload) => {
    if (errors.length > 0) return;
    const holding = { cluster, workload, identity, seconds, clock, log, signal };
    const record = records.get(keyOf(workload));
    try {
      const annotations = record === undefined ? {} : renderRecord(record);
      held.push(await writeLease(holding, known.get(keyOf(workload)), signal, annotations));
    } catch (error) {
      errors.push(error);
    }
  });
  if (errors.length === 0) return new Held(held, log);
  // What is given back must not look like what a killed run left.
  await Promise.all(
    held.map((each) => {
      const { record } = parseRecord(each.annotations);
      return each.release(renderRecord({ ...record, open: undefined }));
    }),
  );
  const ours = errors.find((error) => !(error instanceof ApiError || error instanceof UnreachableError));
  if (ours !== undefined) throw ours;
  return undefined;
}
