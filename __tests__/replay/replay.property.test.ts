import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Pod } from '../../src/model/kube.ts';
import { DEFAULT_LIMITS } from '../../src/model/limits.ts';
import type { FailureCode, Verdict } from '../../src/model/verdict.ts';
import { difference, merge, type Recording, read, render, STORIES, type Story } from './recording.ts';
import { replay, type Way } from './stage.ts';

/**
 * What a real cluster said (recordings/, made by scripts/record.ts), told again as a network may tell it: each watch
 * in its own order, as the API promises, but late, broken off, resumed and listed anew at any point; the watches among
 * one another in any order. The verdict must be the same each time.
 */

const HOLD = 2_000;
const LIMITS = { ...DEFAULT_LIMITS, stableFor: HOLD, timeout: 30_000 };

const EXPECTED: Readonly<Record<Story, Verdict['kind'] | FailureCode>> = {
  'deployment-good': 'healthy',
  'deployment-crash': 'crash',
  'deployment-never-ready': 'no-progress',
  'deployment-superseded': 'superseded',
  'statefulset-good': 'healthy',
  'statefulset-crash': 'crash',
  'daemonset-good': 'healthy',
  'daemonset-crash': 'crash',
};

const ways: fc.Arbitrary<readonly Way[]> = fc.array(
  fc.record({
    late: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 6_000 })), {
      minLength: 1,
      maxLength: 8,
    }),
    breaks: fc.array(
      fc.record({
        after: fc.nat(60),
        kind: fc.constantFrom('again' as const, 'relist' as const),
        events: fc.integer({ min: 1, max: 80 }),
      }),
      { maxLength: 6 },
    ),
  }),
  { minLength: 4, maxLength: 4 },
);

const isPod = ({ path }: { readonly path: string }): boolean => path.endsWith('/pods');

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
}

/** The pods that there were before the patch. */
function oldPods({ streams }: Recording): ReadonlySet<string | undefined> {
  return new Set(streams.filter(isPod).flatMap(({ items }) => items.map((item) => item.metadata?.uid)));
}

/** When the last of the new pods was Ready: nobody can know of it sooner. */
function factsAt(recording: Recording): number {
  const old = oldPods(recording);
  const replicas = new Set<string | undefined>();
  const ready = new Map<string | undefined, number>();
  for (const { object, at } of recording.streams.filter(isPod).flatMap(({ happenings }) => happenings)) {
    const uid = object.metadata?.uid;
    if (old.has(uid)) continue;
    replicas.add(uid);
    if (isReady(object as Pod) && !ready.has(uid)) ready.set(uid, at);
  }
  return ready.size === replicas.size ? Math.max(...ready.values()) : Infinity;
}

describe.each(STORIES)('%s', (story) => {
  const recording = read(story);
  const old = oldPods(recording);
  const facts = factsAt(recording);

  test('comes to the same verdict in any order, however often it is told', async () => {
    await fc.assert(
      fc.asyncProperty(ways, async (each) => {
        const given = await replay(recording, each, LIMITS);
        const [first] = given;
        const { verdict, at = 0 } = first ?? {};
        expect(verdict?.kind === 'failed' ? verdict.failure.code : verdict?.kind).toBe(EXPECTED[story]);
        // Whatever comes after it, the gate would say no other word.
        expect(new Set(given.map((one) => one.verdict.kind))).toEqual(new Set([verdict?.kind]));
        if (verdict?.kind === 'healthy') expect(at).toBeGreaterThanOrEqual(facts + HOLD);
        if (verdict?.kind === 'failed') {
          expect(verdict.failure.subject?.podUid).toEqual(expect.any(String));
          expect(old.has(verdict.failure.subject?.podUid)).toBe(false);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('is kept as it was recorded', () => {
    const lines = render(recording).split('\n').length;
    const events = recording.streams.reduce((sum, { happenings }) => sum + happenings.length, 0);
    expect(lines).toBe(1 + recording.streams.length + events + 1);
    const strange = JSON.stringify(recording).match(
      /e2e-[0-9a-f]{10}|(?<![\d.])(?!192\.0\.2\.1\b)\d+(\.\d+){3}\b/g,
    );
    expect(strange).toBeNull();
  });
});

test('a difference makes one object of another', () => {
  const object = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.jsonValue().filter(withoutNull));
  fc.assert(
    fc.property(object, object, (before, after) => {
      expect(merge(before, difference(before, after))).toEqual(after);
    }),
  );
});

/** Kubernetes leaves out what is absent, and a merge patch could not say it. */
function withoutNull(value: unknown): boolean {
  return !JSON.stringify(value).includes('null') && !JSON.stringify(value).includes('__proto__');
}
