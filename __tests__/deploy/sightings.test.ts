import { describe, expect, test } from 'vitest';
import { renderNew } from '../../src/deploy/lease.ts';
import { Sightings } from '../../src/deploy/sightings.ts';
import { HandClock } from './hand-clock.ts';
import { API, OURS, THEIRS, WEB } from './lock-world.ts';

function sightings() {
  const clock = new HandClock();
  const lease = renderNew(WEB, { identity: THEIRS, seconds: 60, now: clock.wall() });
  return { clock, lease, seen: new Sightings(OURS, clock) };
}

describe('the time for which a Lease was seen unchanged', () => {
  test('counts from the first look, and not from when it is waited for', async () => {
    const { clock, lease, seen } = sightings();
    seen.see(WEB, lease);
    for (const seconds of [15, 15, 15, 14]) {
      await clock.pass(seconds);
      seen.see(WEB, lease);
    }
    expect([seen.freeAt(WEB), seen.isFree(WEB)]).toEqual([60_000, false]);
    await clock.pass(1);
    // Another look proves it, not the time alone.
    expect(seen.isFree(WEB)).toBe(false);
    seen.see(WEB, lease);
    expect(seen.isFree(WEB)).toBe(true);
  });

  test('begins anew when nobody looked for a while: the cluster may have been away for its holder too', async () => {
    const { clock, lease, seen } = sightings();
    seen.see(WEB, lease);
    await clock.pass(16);
    seen.see(WEB, lease);
    expect(seen.freeAt(WEB)).toBe(76_000);
  });
});

test('a Lease that is not there, that nobody holds, or that is ours is free at once', () => {
  const { clock, seen } = sightings();
  const write = { seconds: 60, now: clock.wall() };
  seen.see(WEB, renderNew(WEB, { ...write, identity: OURS }));
  expect([seen.isFree(API), seen.isFree(WEB)]).toEqual([true, true]);
  expect([seen.held(API), seen.held(WEB)]).toEqual([undefined, undefined]);
  seen.see(WEB, renderNew(WEB, { ...write, identity: THEIRS }));
  expect(seen.isFree(WEB)).toBe(false);
  seen.see(WEB, undefined);
  expect(seen.isFree(WEB)).toBe(true);
  expect(seen.lease(WEB)).toBeUndefined();
});
