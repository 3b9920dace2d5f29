import { describe, expect, test } from 'vitest';
import { explain } from '../../src/cluster/explain.ts';
import { readRecords } from '../../src/deploy/lock.ts';
import type { WorkloadRecord } from '../../src/model/record.ts';
import { API, holder, NAME, OURS, THEIRS, WEB, watch, world } from './lock-world.ts';

const RECORD: WorkloadRecord = {
  stable: undefined,
  open: { uid: 'u', changes: [], annotationsBefore: {}, run: { title: 'run', url: undefined }, time: 't' },
};

describe('a lock that is lost', () => {
  test('to another run is told at the next renewal, and never taken back', async () => {
    const { server, clock, take } = world();
    const lock = await take(OURS);
    const lease = server.the(NAME);
    server.put({ ...lease, spec: { ...lease.spec, holderIdentity: THEIRS.holder } });
    await clock.pass(20);
    expect(lock.lost.reason).toMatchObject({
      name: 'LostLock',
      kind: 'taken',
      message:
        'The lock on deployment/web was taken from this run by acme/shop run 58 (https://github.com/acme/shop/actions/runs/57).',
    });
    const before = server.requests.length;
    await expect(lock.save(WEB, RECORD)).rejects.toMatchObject({ kind: 'taken' });
    await lock.release();
    expect(server.requests).toHaveLength(before);
    expect(holder(server)).toBe(THEIRS.holder);
    expect(clock.waiting).toBe(0);
  });

  test('because it could not be renewed is told when its duration is over, not before', async () => {
    const { server, clock, take } = world();
    const lock = await take(OURS);
    server.fault = 'unavailable';
    await clock.pass(59);
    expect(lock.lost.aborted).toBe(false);
    await clock.pass(1);
    expect(lock.lost.reason).toMatchObject({
      kind: 'unrenewed',
      message: 'The lock on deployment/web could not be renewed for 60 s, so another run may take it.',
    });
  });

  test.each(['forbidden', 'never-answered', 'lose-request'] as const)(
    'is noticed too when writes are %s',
    async (fault) => {
      const { server, clock, take } = world();
      const lock = await take(OURS);
      server.fault = fault;
      await clock.pass(60);
      expect(lock.lost.reason).toMatchObject({ kind: 'unrenewed' });
    },
  );

  test('only in doubt protects again when the cluster is back, and can be written and given back', async () => {
    const { server, clock, take } = world();
    const lock = await take(OURS);
    server.fault = 'unavailable';
    await clock.pass(90);
    server.fault = undefined;
    await clock.pass(3);
    await lock.save(WEB, RECORD);
    expect(lock.record(WEB)).toEqual(RECORD);
    await lock.release();
    expect(holder(server)).toBeUndefined();
  });

  test.each(['unavailable', 'never-answered'] as const)(
    'is not what an outage shorter than the duration is (%s)',
    async (fault) => {
      const { server, clock, take } = world();
      const lock = await take(OURS);
      server.fault = fault;
      await clock.pass(40);
      server.fault = undefined;
      await clock.pass(60);
      expect(lock.lost.aborted).toBe(false);
    },
  );

  test('is not what a label of somebody else is: both stand', async () => {
    const { server, clock, take } = world();
    const lock = await take(OURS);
    const lease = server.the(NAME);
    server.put({
      ...lease,
      metadata: { ...lease.metadata, labels: { ...lease.metadata?.labels, team: 'a' } },
    });
    await lock.save(WEB, RECORD);
    await clock.pass(60);
    expect(lock.lost.aborted).toBe(false);
    expect(server.the(NAME).metadata?.labels).toMatchObject({ team: 'a' });
  });

  test('is not what a deleted Lease is: it is made again, with what it remembered', async () => {
    const { server, clock, take } = world();
    const lock = await take(OURS);
    await lock.save(WEB, RECORD);
    server.remove(NAME);
    await clock.pass(20);
    expect(lock.lost.aborted).toBe(false);
    expect(holder(server)).toBe(OURS.holder);
    expect(Object.keys(server.the(NAME).metadata?.annotations ?? {})).toContain('steadyship.dev/open');
  });
});

describe('how a run ended', () => {
  const last = [{ workload: WEB, record: { stable: undefined, open: undefined } }];
  const isOpen = (server: ReturnType<typeof world>['server']): boolean =>
    'steadyship.dev/open' in (server.the(NAME).metadata?.annotations ?? {});

  test('is written down though the cluster is away for 20 s', async () => {
    const { server, clock, lines, take } = world();
    const lock = await take(OURS);
    await lock.save(WEB, RECORD);
    server.fault = 'unavailable';
    const released = watch(lock.release(last));
    await clock.pass(20);
    server.fault = undefined;
    await clock.pass(2);
    expect('value' in released).toBe(true);
    expect({ isOpen: isOpen(server), holder: holder(server), lines }).toEqual({
      isOpen: false,
      holder: undefined,
      lines: [],
    });
  });

  test('is warned of where it can not be written: the next run will find the marker', async () => {
    const { server, clock, lines, take } = world();
    const lock = await take(OURS);
    await lock.save(WEB, RECORD);
    server.fault = 'unavailable';
    const released = watch(lock.release(last));
    await clock.pass(30);
    expect('value' in released).toBe(true);
    expect(isOpen(server)).toBe(true);
    expect(lines).toEqual([
      'deployment/web: how this run ended could not be written to the Lease steadyship-deployment-web in namespace shop: The cluster at https://fake:6443 answered 503 to "PUT /apis/coordination.k8s.io/v1/namespaces/shop/leases/steadyship-deployment-web": ServiceUnavailable. Look at the health of the API server, and run it again. The lock ends by itself after 60 s. The next run goes by what the Lease says now: a rollout that is still marked there as open is judged anew, and put back if it is not healthy.',
    ]);
  });

  test('is warned of in a cancelled run too, and soon: it is killed in a moment', async () => {
    const { server, clock, lines, take } = world();
    const controller = new AbortController();
    const lock = await take(OURS, { signal: controller.signal });
    await lock.save(WEB, RECORD);
    server.fault = 'unavailable';
    const released = watch(lock.release(last));
    await clock.pass(1);
    controller.abort();
    await clock.pass(5);
    expect('value' in released).toBe(true);
    expect(lines).toHaveLength(1);
  });

  test.each<[string, WorkloadRecord]>([
    ['nothing', { stable: undefined, open: undefined }],
    ['a marker', { stable: undefined, open: { ...RECORD.open, goesBack: true } as WorkloadRecord['open'] }],
  ])('is written though the answer to that was lost, and nobody is warned (%s)', async (_, record) => {
    const { server, clock, lines, take } = world();
    const lock = await take(OURS);
    await lock.save(WEB, RECORD);
    server.fault = 'lose-reply';
    const released = watch(lock.release([{ workload: WEB, record }]));
    await clock.pass(1);
    server.fault = undefined;
    await clock.pass(4);
    expect('value' in released).toBe(true);
    expect({ holder: holder(server), lines }).toEqual({ holder: undefined, lines: [] });
    expect(server.requests.slice(-3)).toEqual([`PUT ${NAME}`, `PUT ${NAME}`, `GET ${NAME}`]);
  });

  test('is warned of where another run took the lock and gave it back, and other words stand there', async () => {
    const { server, lines, take } = world();
    const lock = await take(OURS);
    await lock.save(WEB, RECORD);
    const { spec, ...lease } = server.the(NAME);
    server.put({ ...lease, spec: { ...spec, holderIdentity: '' } });
    await lock.release(last);
    expect(lines).toEqual([
      'deployment/web: how this run ended could not be written to the Lease steadyship-deployment-web in namespace shop: The lock on deployment/web was taken from this run and given back already. The lock ends by itself after 60 s. The next run goes by what the Lease says now: a rollout that is still marked there as open is judged anew, and put back if it is not healthy.',
    ]);
  });

  test('is no matter where nothing is to be written: the lock ends by itself, and nobody is told', async () => {
    const { server, clock, lines, take } = world();
    const lock = await take(OURS);
    server.fault = 'unavailable';
    const released = watch(lock.release(last));
    await clock.pass(5);
    expect('value' in released).toBe(true);
    expect(lines).toEqual([]);
  });
});

describe('a write of a lock', () => {
  test('that is never answered is told as a cluster that can not be reached', async () => {
    const { server, clock, take } = world();
    const lock = await take(OURS);
    server.fault = 'never-answered';
    const saving = watch(lock.save(WEB, RECORD));
    await clock.pass(50);
    expect(saving.error).toMatchObject({ name: 'UnreachableError', mayHaveArrived: true });
    expect(explain(saving.error, server.client())).toMatch(
      /^The cluster at https:\/\/fake:6443 answered until \d\d:\d\d:\d\d UTC, but can no longer be reached: .* \(no answer within 10 s\)\. /,
    );
  });

  test('counts a refusal as an answer', async () => {
    const { server, clock, take } = world();
    const lock = await take(OURS);
    server.fault = 'unavailable';
    const saving = watch(lock.save(WEB, RECORD));
    await clock.pass(1);
    const second = clock.wall();
    await clock.pass(2);
    server.fault = 'never-answered';
    await clock.pass(50);
    const { lastHeard } = saving.error as { lastHeard: Date };
    expect(lastHeard.getTime()).toBeGreaterThan(second.getTime());
  });

  test('that is refused is told in the words of the answer', async () => {
    const { server, take } = world();
    const lock = await take(OURS);
    server.fault = 'forbidden';
    await expect(lock.save(WEB, RECORD)).rejects.toMatchObject({ name: 'ApiError', status: 403 });
  });
});

describe('what a lock remembers', () => {
  test('is found by the next run, also by one that takes over from a dead one', async () => {
    const { server, clock, take } = world();
    const lock = await take(THEIRS);
    await lock.save(WEB, RECORD);
    lock.leave();
    const waiting = watch(take(OURS));
    await clock.pass(61);
    expect(waiting.value?.record(WEB)).toEqual(RECORD);
    const signal = new AbortController().signal;
    expect(await readRecords(server.client(), [WEB, API], signal)).toEqual([
      { workload: WEB, record: RECORD },
      { workload: API, record: { stable: undefined, open: undefined } },
    ]);
  });

  test('can be written with the release, in one request', async () => {
    const { server, take } = world();
    const lock = await take(OURS);
    await lock.save(WEB, RECORD);
    const before = server.requests.length;
    await lock.release([{ workload: WEB, record: { stable: undefined, open: undefined } }]);
    expect(server.requests.slice(before)).toEqual([`PUT ${NAME}`]);
    expect(server.the(NAME).metadata?.annotations).toEqual({});
  });

  test('is written for sure or said not to be', async () => {
    const { server, clock, take } = world();
    const lock = await take(OURS);
    server.fault = 'forbidden';
    await expect(lock.save(WEB, RECORD)).rejects.toMatchObject({ status: 403 });
    expect(lock.record(WEB).open).toBeUndefined();
    server.fault = 'unavailable';
    const saving = watch(lock.save(WEB, RECORD));
    await clock.pass(4);
    server.fault = undefined;
    await clock.pass(2);
    expect('value' in saving).toBe(true);
    expect(lock.record(WEB)).toEqual(RECORD);
  });

  test('is warned of when it can not be read', async () => {
    const { server, lines, take } = world();
    await (await take(THEIRS)).release();
    const lease = server.the(NAME);
    server.put({
      ...lease,
      metadata: { ...lease.metadata, annotations: { 'steadyship.dev/open': '{"version":2}' } },
    });
    const lock = await take(OURS);
    expect(lock.record(WEB).open).toBeUndefined();
    expect(lines).toEqual([
      'deployment/web: The annotation steadyship.dev/open can not be read (it is of version 2), so it counts as absent; this version reads version 1.',
    ]);
  });
});
