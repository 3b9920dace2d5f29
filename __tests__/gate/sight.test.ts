import { describe, expect, test } from 'vitest';
import { boundsOf, boundsOfHold } from '../../src/gate/sight.ts';
import type { FailureCode, Verdict } from '../../src/model/verdict.ts';

const HEALTHY: Verdict = { kind: 'healthy', message: '1/1 ready', notes: [] };
const failed = (code: FailureCode): Verdict => ({
  kind: 'failed',
  failure: { code, message: 'it fails', advice: 'Look.' },
});

describe('how lately the caches must have been seen (now: 100 s)', () => {
  test.each<readonly [string, Verdict, number | undefined, object | undefined]>([
    [
      'for green after a hold: the workload and its pods at its end',
      HEALTHY,
      10_000,
      { own: 97_000, others: 80_000 },
    ],
    ['for green without a hold: nobody blind', HEALTHY, 0, { own: 80_000, others: 80_000 }],
    ['for a standstill: all of them now', failed('no-progress'), undefined, { own: 97_000, others: 97_000 }],
    ['for a passed deadline: all of them now', failed('deadline'), 30_000, { own: 97_000, others: 97_000 }],
    ['for a crash that was heard: nobody blind', failed('crash'), undefined, { own: 80_000, others: 80_000 }],
    ["for somebody else's image: never", { kind: 'superseded', message: 'theirs' }, undefined, undefined],
  ])('%s', (_, verdict, held, bounds) => {
    expect(boundsOf(verdict, held, 100_000)).toEqual(bounds);
  });

  test('what is asked before a hold ends is enough at its end', () => {
    expect(boundsOfHold(100_000)).toEqual(boundsOf(HEALTHY, 10_000, 100_000));
  });
});
