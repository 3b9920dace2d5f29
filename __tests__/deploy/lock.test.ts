import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { identityOf, readLeases } from '../../src/deploy/lock.ts';
import { Cancelled } from '../../src/model/error.ts';
import type { LeaseServer } from './fake-leases.ts';
import { API, holder, MINUTES, NAME, OURS, THEIRS, WEB, watch, world } from './lock-world.ts';

describe('a lock that nobody holds', () => {
  test('is taken by one list and one write, and given back by one more', async () => {
    const { server, clock, take } = world();
    const lock = await take(OURS);
    expect(holder(server)).toBe('acme/shop run 57 [a1]');
    await lock.release();
    expect(holder(server)).toBeUndefined();
    expect(server.requests).toEqual(['LIST shop', `POST ${NAME}`, `PUT ${NAME}`]);
    expect(clock.waiting).toBe(0);
  });

  test('that another run gave back is taken at once', async () => {
    const { server, take } = world();
    await (await take(THEIRS)).release();
    await take(OURS);
    expect(server.the(NAME).spec).toMatchObject({ holderIdentity: OURS.holder, leaseTransitions: 1 });
  });

  test('is held on to by a renewal three times in its duration', async () => {
    const { server, clock, take } = world();
    const lock = await take(OURS);
    await clock.pass(5 * 60);
    expect(server.requests.filter((each) => each.startsWith('PUT'))).toHaveLength(15);
    expect(lock.lost.aborted).toBe(false);
  });

  test('of two who want it at once, exactly one has; the other gets it when it is given back', async () => {
    const { server, clock, take } = world();
    const first = watch(take(OURS));
    const second = watch(take(THEIRS));
    await clock.pass(1);
    expect(holder(server)).toBe(OURS.holder);
    expect([first.value !== undefined, second.value !== undefined]).toEqual([true, false]);
    await first.value?.release();
    await clock.pass(0);
    expect(second.value).toBeDefined();
    expect(holder(server)).toBe(THEIRS.holder);
  });

  test('is taken although the answer was lost, and no second one is made', async () => {
    const { server, clock, take } = world();
    server.fault = 'lose-reply';
    const taken = watch(take(OURS));
    await clock.pass(0);
    server.fault = undefined;
    await clock.pass(3);
    expect(taken.value).toBeDefined();
    expect(server.the(NAME).spec).toMatchObject({ holderIdentity: OURS.holder, leaseTransitions: 0 });
  });

  test.each(['unavailable', 'lose-request'] as const)(
    'is given up when no write gets through (%s), after a bounded time',
    async (fault) => {
      const { server, clock, take } = world();
      server.fault = fault;
      const taken = watch(take(OURS));
      await clock.pass(10);
      expect(taken.error).toBeInstanceOf(Error);
      expect(server.requests.filter((each) => each.startsWith('POST'))).toHaveLength(5);
    },
  );
});

describe('a lock that another run holds', () => {
  test('is waited for, watching, and who holds it is told', async () => {
    const { server, clock, lines, take } = world();
    await take(THEIRS);
    const before = server.requests.length;
    const waiting = watch(take(OURS));
    await clock.pass(130);
    expect(waiting).toEqual({});
    expect(lines).toEqual([
      'deployment/web: acme/shop run 58 (https://github.com/acme/shop/actions/runs/58) is deploying it; waiting up to 10 min for it to end',
      'deployment/web: still waiting for acme/shop run 58 (https://github.com/acme/shop/actions/runs/58) (60 s of 10 min)',
      'deployment/web: still waiting for acme/shop run 58 (https://github.com/acme/shop/actions/runs/58) (2 min of 10 min)',
    ]);
    // The other's renewals apart, the wait costs a list and a watch.
    const ours = server.requests.slice(before).filter((each) => !each.startsWith('PUT'));
    expect(ours).toEqual(['LIST shop', 'WATCH shop']);
  });

  test('ends the wait at lock-timeout with a sentence that names it, and leaves nothing held', async () => {
    const { server, clock, take } = world();
    await take(THEIRS);
    const waiting = watch(take(OURS, { workloads: [API, WEB], timeout: 3 * MINUTES }));
    await clock.pass(179);
    expect(waiting).toEqual({});
    expect(holder(server, 'steadyship-deployment-api')).toBe(OURS.holder);
    await clock.pass(1);
    expect(waiting.error).toMatchObject({
      name: 'UserError',
      message:
        'deployment/web in namespace shop is being deployed by acme/shop run 58 (https://github.com/acme/shop/actions/runs/58), and did not end within 3 min (`lock-timeout`). Run again when it has ended; if it is dead, its lock is taken over by a run that waits 60 s, and by any run 6 min after its last renewal.',
    });
    expect(holder(server, 'steadyship-deployment-api')).toBeUndefined();
    expect(holder(server)).toBe(THEIRS.holder);
    expect(server.listeners.size).toBe(0);
  });

  test('ends a run that does not want to wait at once', async () => {
    const { clock, take } = world();
    await take(THEIRS);
    const waiting = watch(take(OURS, { timeout: 0 }));
    await clock.pass(0);
    expect(waiting.error).toMatchObject({
      message:
        'deployment/web in namespace shop is being deployed by acme/shop run 58 (https://github.com/acme/shop/actions/runs/58). Run again when it has ended; if it is dead, its lock is taken over by a run that waits 60 s, and by any run 6 min after its last renewal.',
    });
  });

  test('is taken over when its holder has been silent for the duration, and not before', async () => {
    const { server, clock, lines, take } = world();
    (await take(THEIRS)).leave();
    await clock.pass(300);
    const waiting = watch(take(OURS));
    await clock.pass(59);
    expect(waiting).toEqual({});
    await clock.pass(1);
    expect(waiting.value).toBeDefined();
    expect(holder(server)).toBe(OURS.holder);
    expect(lines.at(-1)).toBe(
      'deployment/web: acme/shop run 58 (https://github.com/acme/shop/actions/runs/58) has not renewed its lock for 60 s, so it is dead; its lock is taken over',
    );
  });

  test('of two who wait for a dead holder, exactly one takes over', async () => {
    const { clock, take } = world();
    (await take(THEIRS)).leave();
    const third = identityOf({ title: 'acme/shop run 59', url: undefined }, 'c3');
    const waiting = [watch(take(OURS)), watch(take(third))];
    await clock.pass(200);
    expect(waiting.filter(({ value }) => value !== undefined)).toHaveLength(1);
    expect(waiting.filter(({ error }) => error !== undefined)).toHaveLength(0);
  });

  test('is not taken over for silence that is ours: after an outage its holder gets its time again', async () => {
    const { server, clock, take } = world();
    const [mine, other] = [server.client(), server.client()];
    const held = await take(THEIRS, { cluster: other });
    const waiting = watch(take(OURS, { cluster: mine }));
    await clock.pass(30);
    const trouble = { kind: 'unreachable', message: 'no route', since: 0 } as const;
    mine.trouble = other.trouble = trouble;
    await clock.pass(45);
    mine.trouble = undefined;
    // The holder's way is mended ten seconds later than ours: a minute after we saw its last sign of life.
    await clock.pass(10);
    expect(waiting).toEqual({});
    other.trouble = undefined;
    await clock.pass(120);
    expect(waiting).toEqual({});
    expect(holder(server)).toBe(THEIRS.holder);
    expect(held.lost.reason).toMatchObject({ kind: 'unrenewed' });
  });

  test('is left alone by a run that is cancelled while it waits', async () => {
    const { server, clock, take } = world();
    await take(THEIRS);
    const cancel = new AbortController();
    const waiting = watch(take(OURS, { workloads: [API, WEB], signal: cancel.signal }));
    await clock.pass(10);
    cancel.abort(new Cancelled('SIGINT'));
    await clock.pass(0);
    expect(waiting.error).toBe(cancel.signal.reason);
    expect(holder(server, 'steadyship-deployment-api')).toBeUndefined();
    expect(server.requests).toContain('UNWATCH shop');
  });

  test('is taken when somebody deletes its Lease', async () => {
    const { server, clock, take } = world();
    (await take(THEIRS)).leave();
    const waiting = watch(take(OURS));
    await clock.pass(5);
    server.remove(NAME);
    await clock.pass(0);
    expect(waiting.value).toBeDefined();
  });

  test('is ours where the identity is ours: the post step goes on with what its main step left', async () => {
    const { server, take } = world();
    (await take(OURS)).leave();
    await take(OURS);
    expect(server.the(NAME).spec).toMatchObject({ holderIdentity: OURS.holder, leaseTransitions: 0 });
  });
});

describe('a lock that nobody has renewed for longer than clocks can explain', () => {
  test.each([0, 30_000])('is taken over at once by a run with a lock-timeout of %i ms', async (timeout) => {
    const { server, clock, lines, take } = world();
    (await take(THEIRS)).leave();
    await clock.pass(361);
    const before = server.requests.length;
    await take(OURS, { timeout });
    expect(server.requests.slice(before)).toEqual(['LIST shop', `PUT ${NAME}`]);
    expect(server.the(NAME).spec).toMatchObject({ holderIdentity: OURS.holder, leaseTransitions: 1 });
    expect(lines).toEqual([
      'deployment/web: acme/shop run 58 (https://github.com/acme/shop/actions/runs/58) has not renewed its lock for more than 6 min, so it is dead; its lock is taken over',
    ]);
  });

  test.each(['lose-request', 'lose-reply', 'unavailable'] as const)(
    'is taken over although the first write meets: %s',
    async (fault) => {
      const { server, clock, take } = world();
      (await take(THEIRS)).leave();
      await clock.pass(361);
      server.fault = fault;
      const ours = watch(take(OURS, { timeout: 0 }));
      await clock.pass(0);
      server.fault = undefined;
      await clock.pass(3);
      expect(ours.value).toBeDefined();
      expect(server.the(NAME).spec).toMatchObject({ holderIdentity: OURS.holder, leaseTransitions: 1 });
    },
  );

  test('is had by one of two who come at once', async () => {
    const { server, clock, take } = world();
    (await take(THEIRS)).leave();
    await clock.pass(361);
    const third = identityOf({ title: 'acme/shop run 59', url: undefined }, 'c3');
    const both = [watch(take(OURS, { timeout: 0 })), watch(take(third, { timeout: 0 }))];
    await clock.pass(0);
    expect(both.map(({ value }) => value !== undefined)).toEqual([true, false]);
    expect(both[1]?.error).toMatchObject({
      message: expect.stringContaining('is being deployed by acme/shop run 57'),
    });
    expect(holder(server)).toBe(OURS.holder);
  });

  test('is left to a holder that renews it while the run comes', async () => {
    const { server, clock, take } = world();
    (await take(THEIRS)).leave();
    await clock.pass(361);
    const known = await readLeases(server.client(), [WEB], new AbortController().signal);
    // The post step of that run comes late, and goes on under its name.
    await take(THEIRS);
    const ours = watch(take(OURS, { known, timeout: 0 }));
    await clock.pass(0);
    expect(ours.error).toMatchObject({
      message: expect.stringContaining('is being deployed by acme/shop run 58'),
    });
    expect(holder(server)).toBe(THEIRS.holder);
  });

  test.each([0, 30_000])('is none that was renewed just inside that time (%i ms)', async (timeout) => {
    const { server, clock, take } = world();
    (await take(THEIRS)).leave();
    await clock.pass(360);
    const ours = watch(take(OURS, { timeout }));
    await clock.pass(timeout / 1_000);
    expect(ours.error).toMatchObject({
      message: expect.stringContaining('and by any run 6 min after its last renewal.'),
    });
    expect(holder(server)).toBe(THEIRS.holder);
  });

  test('is none that a run which lives has held for hours', async () => {
    const { server, clock, take } = world();
    const theirs = await take(THEIRS);
    for (let hour = 0; hour < 3; hour += 1) {
      await clock.pass(3_600);
      await expect(take(OURS, { timeout: 0 })).rejects.toThrow('is being deployed by acme/shop run 58');
    }
    expect([holder(server), theirs.lost.aborted]).toEqual([THEIRS.holder, false]);
  });

  test('is none whose holder had a clock that was ahead, but that is watched as any other', async () => {
    const { server, clock, take } = world();
    (await take(THEIRS)).leave();
    const lease = server.the(NAME);
    server.put({ ...lease, spec: { ...lease.spec, renewTime: '2027-01-01T00:00:00.000000Z' } });
    await clock.pass(3_600);
    await expect(take(OURS, { timeout: 0 })).rejects.toThrow('is being deployed by acme/shop run 58');
    const ours = watch(take(OURS));
    await clock.pass(60);
    expect(ours.value).toBeDefined();
  });

  test('is waited for all the same by a run that saw it being renewed by a clock that is behind', async () => {
    const { server, clock, take } = world();
    (await take(THEIRS)).leave();
    const ours = watch(take(OURS));
    await clock.pass(30);
    const lease = server.the(NAME);
    server.put({ ...lease, spec: { ...lease.spec, renewTime: '2026-11-21T09:00:00.000000Z' } });
    await clock.pass(59);
    expect(ours).toEqual({});
    await clock.pass(1);
    expect(ours.value).toBeDefined();
  });

  test('is found behind a label that somebody took away', async () => {
    const { server, clock, take } = world();
    (await take(THEIRS)).leave();
    await clock.pass(361);
    await take(OURS, { known: new Map(), timeout: 0 });
    expect(holder(server)).toBe(OURS.holder);
  });
});

test('two runs that want the same two in another order both come to their end', async () => {
  const { clock, take } = world();
  const first = watch(take(OURS, { workloads: [WEB, API] }));
  const second = watch(take(THEIRS, { workloads: [API, WEB] }));
  await clock.pass(5);
  expect([first.value, second.value].filter((lock) => lock !== undefined)).toHaveLength(1);
  await (first.value ?? second.value)?.release();
  await clock.pass(5);
  expect([first.value, second.value].filter((lock) => lock !== undefined)).toHaveLength(2);
});

describe('several at once', () => {
  const many = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ kind: 'Deployment', namespace: 'shop', name }));
  const named = (name: string): string => `steadyship-deployment-${name}`;

  test('that are free are written together, after one list', async () => {
    const { server, take } = world();
    await take(OURS, { workloads: many });
    expect(server.requests).toEqual(['LIST shop', ...many.map(({ name }) => `POST ${named(name)}`)]);
  });

  test('are waited for at the first that another holds, and none after it is held meanwhile', async () => {
    const { server, clock, take } = world();
    const theirs = await take(THEIRS, { workloads: [{ ...WEB, name: 'c' }] });
    const ours = watch(take(OURS, { workloads: many }));
    await clock.pass(5);
    expect(ours.value).toBeUndefined();
    expect(['a', 'b', 'c'].map((name) => holder(server, named(name)))).toEqual([
      OURS.holder,
      OURS.holder,
      THEIRS.holder,
    ]);
    expect([server.leases.has(named('d')), server.leases.has(named('e'))]).toEqual([false, false]);
    await theirs.release();
    await clock.pass(5);
    expect(many.map(({ name }) => holder(server, named(name)))).toEqual(many.map(() => OURS.holder));
    expect(ours.value).toBeDefined();
  });

  test('of which another was faster at one, those after it are given back before it is waited for', async () => {
    const { server, clock, take } = world();
    const known = await readLeases(server.client(), many, new AbortController().signal);
    const theirs = await take(THEIRS, { workloads: [{ ...WEB, name: 'b' }] });
    const ours = watch(take(OURS, { workloads: many, known }));
    await clock.pass(5);
    expect(ours.value).toBeUndefined();
    expect(['a', 'b', 'c', 'd', 'e'].map((name) => holder(server, named(name)))).toEqual([
      OURS.holder,
      THEIRS.holder,
      undefined,
      undefined,
      undefined,
    ]);
    await theirs.release();
    await clock.pass(5);
    expect(ours.value).toBeDefined();
  });

  describe('that dead runs hold', () => {
    const forty = Array.from({ length: 40 }, (_, index) => ({ ...WEB, name: `w${10 + index}` }));
    const third = identityOf({ title: 'acme/shop run 59', url: undefined }, 'c3');
    const holders = (server: LeaseServer) => forty.map(({ name }) => holder(server, named(name)));

    test('come to their end together, after one duration, with one list and one watch', async () => {
      const { server, clock, lines, take } = world();
      (await take(THEIRS, { workloads: forty })).leave();
      await clock.pass(5);
      const before = server.requests.length;
      const ours = watch(take(OURS, { workloads: forty }));
      await clock.pass(59);
      expect(ours).toEqual({});
      expect(server.requests.slice(before)).toEqual(['LIST shop', 'WATCH shop']);
      await clock.pass(1);
      expect(ours.value).toBeDefined();
      expect(holders(server)).toEqual(forty.map(() => OURS.holder));
      expect(server.requests.slice(before).filter((each) => !each.startsWith('PUT'))).toEqual([
        'LIST shop',
        'WATCH shop',
        'UNWATCH shop',
      ]);
      expect(lines.filter((line) => line.includes('is dead; its lock is taken over'))).toHaveLength(40);
    });

    test('come to their end together in all namespaces', async () => {
      const { server, clock, take } = world();
      const workloads = [API, { ...WEB, namespace: 'till' }];
      (await take(THEIRS, { workloads })).leave();
      const ours = watch(take(OURS, { workloads }));
      await clock.pass(60);
      expect(ours.value).toBeDefined();
      expect([holder(server, 'steadyship-deployment-api'), holder(server)]).toEqual([
        OURS.holder,
        OURS.holder,
      ]);
    });

    test('are taken up to the one of a run that lives, and those after it when that has ended', async () => {
      const { server, clock, take } = world();
      const live = await take(third, { workloads: forty.slice(20, 21) });
      const dead = [...forty.slice(0, 20), ...forty.slice(21)];
      (await take(THEIRS, { workloads: dead })).leave();
      const ours = watch(take(OURS, { workloads: forty }));
      await clock.pass(300);
      expect(ours).toEqual({});
      expect(holders(server)).toEqual([
        ...Array(20).fill(OURS.holder),
        third.holder,
        ...Array(19).fill(THEIRS.holder),
      ]);
      await live.release();
      await clock.pass(0);
      expect(ours.value).toBeDefined();
      expect(holders(server)).toEqual(forty.map(() => OURS.holder));
    });

    test('are waited for anew where one is renewed meanwhile', async () => {
      const { server, clock, take } = world();
      (await take(THEIRS, { workloads: forty })).leave();
      const ours = watch(take(OURS, { workloads: forty }));
      await clock.pass(30);
      (await take(THEIRS, { workloads: forty.slice(20, 21) })).leave();
      await clock.pass(59);
      expect(ours).toEqual({});
      expect(holder(server, named('w30'))).toBe(THEIRS.holder);
      expect(holder(server, named('w29'))).toBe(OURS.holder);
      await clock.pass(1);
      expect(ours.value).toBeDefined();
    });
  });

  test('wanted by any runs in any order are had by all of them in the end, and never by two', async () => {
    const wishes = fc.array(fc.subarray(many, { minLength: 1 }), { minLength: 2, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(wishes, async (runs) => {
        const { server, clock, take } = world();
        const states = runs.map((workloads, index) => {
          const identity = { ...OURS, holder: `run ${index} [x]`, title: `run ${index}` };
          return { workloads, identity, seen: watch(take(identity, { workloads })), ended: false };
        });
        for (let round = 0; round < runs.length * 3; round += 1) {
          await clock.pass(5);
          const holding = states.filter(({ seen, ended }) => seen.value !== undefined && !ended);
          const names = holding.flatMap(({ workloads }) => workloads.map(({ name }) => name));
          expect(new Set(names).size).toBe(names.length);
          for (const { workloads, identity } of holding)
            for (const { name } of workloads) expect(holder(server, named(name))).toBe(identity.holder);
          for (const state of holding) {
            await state.seen.value?.release();
            state.ended = true;
          }
        }
        expect(states.map(({ ended, seen }) => ended || seen.error)).toEqual(states.map(() => true));
      }),
      { numRuns: 60 },
    );
  });
});
