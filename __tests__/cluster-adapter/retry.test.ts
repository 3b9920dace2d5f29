import { describe, expect, test } from 'vitest';
import { type Advice, backoff, retryAfter, retrying } from '../../src/cluster/retry.ts';
import type { Clock } from '../../src/model/clock.ts';

/** Time that passes only where somebody waits. */
function leapingClock(): Clock & { waits: number[] } {
  let now = 0;
  const waits: number[] = [];
  return {
    waits,
    now: () => now,
    wall: () => new Date('2026-11-21T09:00:00Z'),
    timer: (milliseconds, callback) => {
      waits.push(milliseconds);
      now += milliseconds;
      queueMicrotask(callback);
      return () => {};
    },
  };
}

const settings = { random: () => 1, backoffFirst: 200, backoffMax: 5_000, signal: undefined };

describe('retrying', () => {
  test('waits twice as long each time, up to the most, within its patience', async () => {
    const clock = leapingClock();
    let tries = 0;
    const failed = retrying(
      () => {
        tries++;
        return Promise.reject(new Error(`try ${tries}`));
      },
      () => ({ kind: 'again' }),
      { ...settings, clock, patience: () => 20_000 },
    );
    await expect(failed).rejects.toThrow('try 8');
    expect(clock.waits).toEqual([200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  });

  test('obeys the server where it says when, and gives up where that is too late', async () => {
    const clock = leapingClock();
    const advices: Advice[] = [
      { kind: 'again-after', milliseconds: 3_000 },
      { kind: 'again-after', milliseconds: 30_000 },
    ];
    const failed = retrying(
      () => Promise.reject(new Error('no')),
      () => advices.shift() ?? { kind: 'give-up' },
      { ...settings, clock, patience: () => 20_000 },
    );
    await expect(failed).rejects.toThrow('no');
    expect(clock.waits).toEqual([3_000]);
  });

  test('takes no second try for what it is told to give up', async () => {
    const clock = leapingClock();
    const failed = retrying(
      () => Promise.reject(new Error('no')),
      () => ({ kind: 'give-up' }),
      {
        ...settings,
        clock,
        patience: () => 20_000,
      },
    );
    await expect(failed).rejects.toThrow('no');
    expect(clock.waits).toEqual([]);
  });
});

test('back-off is half certain and half by chance', () => {
  expect(backoff(3, { ...settings, random: () => 0 })).toBe(400);
  expect(backoff(3, { ...settings, random: () => 1 })).toBe(800);
  expect(backoff(10_000, { ...settings, random: () => 1 })).toBe(5_000);
});

test.each<[string | string[] | undefined, number | undefined]>([
  ['7', 7_000],
  [' 0 ', 0],
  [['3', '4'], 3_000],
  ['Sat, 21 Nov 2026 09:00:10 GMT', 10_000],
  ['Sat, 21 Nov 2026 08:00:00 GMT', 0],
  ['soon', undefined],
  ['', undefined],
  [undefined, undefined],
])('Retry-After %j is %j ms', (header, wanted) => {
  expect(retryAfter(header, new Date('2026-11-21T09:00:00Z'))).toBe(wanted);
});
