import { describe, expect, test } from 'vitest';
import { claim, mayClaim } from '../../src/deploy/claim.ts';
import { keyOf, type LockedWorkload } from '../../src/deploy/lease.ts';
import { type KnownLeases, type Lock, readLeases } from '../../src/deploy/lock.ts';
import { parseRecord } from '../../src/deploy/record.ts';
import type { OpenMarker, WorkloadRecord } from '../../src/model/record.ts';
import { API, holder, NAME, OURS, THEIRS, WEB, world } from './lock-world.ts';

const OPEN: OpenMarker = {
  uid: 'u1',
  changes: [{ list: 'containers', index: 0, name: 'web', image: 'a', to: 'b' }],
  annotationsBefore: { 'steadyship.dev/run': null },
  run: { title: OURS.title, url: OURS.url },
  time: '2026-01-01T00:00:00.000Z',
};
const { signal } = new AbortController();

async function known(
  from: ReturnType<typeof world>,
  workloads: readonly LockedWorkload[],
): Promise<KnownLeases> {
  return await readLeases(from.server.client(), workloads, signal);
}

function claiming(
  { server, clock, log }: ReturnType<typeof world>,
  workloads: readonly LockedWorkload[],
  leases: KnownLeases,
): Promise<Lock | undefined> {
  const record: WorkloadRecord = { stable: undefined, open: OPEN };
  const records = new Map(workloads.map((each) => [keyOf(each), record]));
  return claim(
    { cluster: server.client(), workloads, known: leases, identity: OURS, clock, log, signal },
    records,
  );
}

function openOn({ server }: ReturnType<typeof world>, name = NAME): OpenMarker | undefined {
  return parseRecord(server.the(name).metadata?.annotations).record.open;
}

describe('a claim', () => {
  test('is lock and marker in one write', async () => {
    const at = world();
    const lock = await claiming(at, [WEB], await known(at, [WEB]));
    expect(at.server.requests).toEqual(['LIST shop', `POST ${NAME}`]);
    expect(holder(at.server)).toBe(OURS.holder);
    expect(openOn(at)).toEqual(OPEN);
    expect(lock?.record(WEB).open).toEqual(OPEN);
  });

  test('of a Lease that was there and free is one write, too', async () => {
    const at = world();
    await (await at.take(THEIRS)).release();
    const leases = await known(at, [WEB]);
    at.server.requests.length = 0;
    await claiming(at, [WEB], leases);
    expect(at.server.requests).toEqual([`PUT ${NAME}`]);
    expect(holder(at.server)).toBe(OURS.holder);
  });

  test('of what another had and gave back since is not had, for the workload may be another', async () => {
    const at = world();
    const leases = await known(at, [WEB]);
    await (await at.take(THEIRS)).release();
    expect(await claiming(at, [WEB], leases)).toBeUndefined();
    expect(holder(at.server)).toBeUndefined();
    expect(openOn(at)).toBeUndefined();
  });

  test('of several is had for all or for none, and what is given back bears no marker', async () => {
    const at = world();
    const leases = await known(at, [API, WEB]);
    await at.take(THEIRS);
    expect(await claiming(at, [API, WEB], leases)).toBeUndefined();
    expect(holder(at.server)).toBe(THEIRS.holder);
    expect(holder(at.server, 'steadyship-deployment-api')).toBeUndefined();
    expect(openOn(at, 'steadyship-deployment-api')).toBeUndefined();
  });

  test.each(['lose-request', 'lose-reply', 'unavailable', 'forbidden'] as const)(
    'is not had when its write meets: %s',
    async (fault) => {
      const at = world();
      const leases = await known(at, [WEB]);
      at.server.fault = fault;
      expect(await claiming(at, [WEB], leases)).toBeUndefined();
    },
  );
});

describe('Leases may be claimed', () => {
  test('when there are none, and when they are free', async () => {
    const at = world();
    expect(mayClaim([WEB], await known(at, [WEB]))).toBe(true);
    await (await at.take(THEIRS)).release();
    expect(mayClaim([WEB], await known(at, [WEB]))).toBe(true);
  });

  test('not when one of them is held', async () => {
    const at = world();
    await at.take(THEIRS);
    expect(mayClaim([API], await known(at, [API, WEB]))).toBe(true);
    expect(mayClaim([API, WEB], await known(at, [API, WEB]))).toBe(false);
  });

  test('not when a dead run holds one: what that left is to be looked at first', async () => {
    const at = world();
    (await at.take(THEIRS)).leave();
    await at.clock.pass(3_600);
    expect(mayClaim([WEB], await known(at, [WEB]))).toBe(false);
  });

  test('not when a killed run left something open, or what is remembered can not be read', async () => {
    const at = world();
    const lock = await at.take(THEIRS);
    await lock.save(WEB, { stable: undefined, open: OPEN });
    await lock.release();
    expect(mayClaim([WEB], await known(at, [WEB]))).toBe(false);
    const lease = at.server.the(NAME);
    at.server.put({
      ...lease,
      metadata: { ...lease.metadata, annotations: { 'steadyship.dev/last-stable': '?' } },
    });
    expect(mayClaim([WEB], await known(at, [WEB]))).toBe(false);
  });
});
