import fc from 'fast-check';
import { expect, test } from 'vitest';
import { begin, type Evaluation, evaluate } from '../../../src/gate/evaluate/workload.ts';
import type { ContainerStatus, Pod } from '../../../src/model/kube.ts';
import { DEFAULT_LIMITS, type Limits } from '../../../src/model/limits.ts';
import type { DeploymentObservation } from '../../../src/model/observation.ts';
import {
  again,
  backOff,
  complete,
  dead,
  oldPod,
  pin,
  pod,
  podWith,
  readyPod,
  rolling,
  running,
  status,
  V2,
  waiting,
} from './world.ts';

const counts = fc.integer({ min: 1, max: 6 });
const codes = fc.constantFrom(0, 1, 126, 127, 128, 137, 143);
const trouble: fc.Arbitrary<ContainerStatus> = fc.oneof(
  fc.tuple(counts, codes).map(([nth, code]) => dead(nth, code)),
  fc.tuple(counts, codes).map(([nth, code]) => backOff(nth, code)),
  fc.tuple(counts, codes).map(([nth, code]) => again(nth, code)),
  fc
    .constantFrom(
      'ErrImagePull',
      'ImagePullBackOff',
      'CreateContainerConfigError',
      'CreateContainerError',
      'ContainerCreating',
      'Unheard',
    )
    .map((reason) => status(waiting(reason, `reading "${V2}": not found`))),
  fc.constant(running()),
);
const unwell: fc.Arbitrary<Pod> = trouble.map((one) => podWith('a', [one]));

/** Tells the story at these seconds, the last observation for ever. */
function tell(
  seen: readonly DeploymentObservation[],
  seconds: readonly number[],
  limits: Limits = DEFAULT_LIMITS,
): readonly Evaluation[] {
  let memory = begin(pin(), 0);
  let pinned = pin();
  return seconds.map((second, index) => {
    const now = second * 1000;
    const told = evaluate({
      pin: pinned,
      memory,
      seen: seen[Math.min(index, seen.length - 1)] as DeploymentObservation,
      limits,
      now,
    });
    ({ memory, pin: pinned } = told);
    return told;
  });
}
const kinds = (told: readonly Evaluation[]): readonly string[] => told.map(({ verdict }) => verdict.kind);
const minutes = [0, 1, 5, 11, 31, 61, 90, 120, 301, 500];

test('never healthy while a new pod is not Ready, whatever the counts say', () => {
  fc.assert(
    fc.property(fc.array(unwell, { minLength: 1, maxLength: 6 }), (pods) => {
      const seen = pods.map((one) => ({ ...complete(), pods: [one] }));
      expect(kinds(tell(seen, minutes, { ...DEFAULT_LIMITS, stableFor: 0 }))).not.toContain('healthy');
    }),
  );
});

test('never blames an old pod, whatever befalls it', () => {
  fc.assert(
    fc.property(fc.array(trouble, { minLength: 1, maxLength: 6 }), (statuses) => {
      const seen = statuses.map((one) => {
        const old = oldPod('x', { status: { containerStatuses: [one], phase: 'Failed' } });
        const leaving = podWith('b', [one], { metadata: { deletionTimestamp: '2026-01-02T00:00:00Z' } });
        return rolling([], { pods: [pod('a'), old, leaving] });
      });
      expect(kinds(tell(seen, minutes))).toEqual(minutes.map(() => 'progressing'));
    }),
  );
});

test('a failure stays a failure while nothing changes', () => {
  fc.assert(
    fc.property(fc.array(unwell, { minLength: 1, maxLength: 6 }), (pods) => {
      const told = kinds(
        tell(
          pods.map((one) => rolling([one])),
          [...minutes, 600, 700, 4000],
        ),
      );
      const settled = told.slice(pods.length - 1);
      const first = settled.indexOf('failed');
      if (first >= 0) expect(new Set(settled.slice(first))).toEqual(new Set(['failed']));
    }),
  );
});

test('nothing goes on for ever: at the deadline there is a verdict', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(unwell, fc.constant(readyPod('a'))), { maxLength: 6 }), (pods) => {
      const told = tell(pods.length === 0 ? [rolling([])] : pods.map((one) => rolling([one])), [
        ...minutes,
        3600,
        3700,
      ]);
      expect(told.at(-1)?.verdict.kind).toBe('failed');
    }),
  );
});

test('a verdict does not depend on looks in between: timers alone decide', () => {
  fc.assert(
    fc.property(unwell, fc.array(fc.integer({ min: 1, max: 399 }), { maxLength: 8 }), (one, looks) => {
      const seen = [rolling([one])];
      const often = tell(seen, [0, ...[...looks].sort((a, b) => a - b), 400]).at(-1)?.verdict;
      expect(often).toEqual(tell(seen, [0, 400]).at(-1)?.verdict);
    }),
  );
});
