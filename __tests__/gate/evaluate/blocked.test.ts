import { describe, expect, test } from 'vitest';
import { stuckPods } from '../../../src/gate/evaluate/blocked.ts';
import type { Pod } from '../../../src/model/kube.ts';
import type { StatefulSetObservation } from '../../../src/model/observation.ts';
import { fresh, leaving, old, pin, seen } from './stateful.ts';
import { dead, running } from './world.ts';

/** After a revert: `fresh` is the good revision again, `old` the one that failed. */
const stuck = (one: StatefulSetObservation, bad?: string) =>
  stuckPods({ pin: pin(), seen: one, bad }).map((pod) => pod.metadata?.name);
const sick = [running()];
const parallel = (maxUnavailable: number | string) => ({
  spec: { podManagementPolicy: 'Parallel', updateStrategy: { rollingUpdate: { maxUnavailable } } },
});

describe('to be evicted after a revert', () => {
  test.each<[string, readonly Pod[], Parameters<typeof seen>[1], readonly string[]]>([
    ['is the bad pod that blocks it', [fresh(0), fresh(1), old(2, [dead(5)])], {}, ['db-2']],
    ['are all of them, the highest first', [fresh(0), old(1, sick), old(2, sick)], {}, ['db-2', 'db-1']],
    [
      'is none of the bad revision that is Ready: it is replaced',
      [fresh(0), old(1), old(2, sick)],
      {},
      ['db-2'],
    ],
    ['is none when all is well', [fresh(0), fresh(1), fresh(2)], {}, []],
    ['is none when the bad ones are Ready: nothing is held up', [fresh(0), fresh(1), old(2)], {}, []],
    ['is none of the good revision', [fresh(0, sick), fresh(1), old(2)], {}, []],
    ['is none that is being deleted already', [fresh(0), fresh(1), old(2, sick, leaving)], {}, []],
    [
      'is none that has ended: the controller deletes it',
      [fresh(0), fresh(1), old(2, [dead(1)], { status: { phase: 'Failed' } })],
      {},
      [],
    ],
    [
      'is none before the controller has observed the revert: it would make the bad pod anew',
      [fresh(0), fresh(1), old(2, sick)],
      { status: { observedGeneration: 1 } },
      [],
    ],
    [
      'is none while the cache is older than the revert',
      [fresh(0), fresh(1), old(2, sick)],
      { metadata: { generation: 1 }, status: { observedGeneration: 1 } },
      [],
    ],
    [
      'is none below the partition: it would come again as it is',
      [old(0, sick), old(1), old(2)],
      { spec: { updateStrategy: { rollingUpdate: { partition: 1 } } } },
      [],
    ],
    ['is none beyond the replicas', [fresh(0), fresh(1), fresh(2, sick), old(3, sick)], {}, []],
    [
      'is one with Parallel when maxUnavailable is used up',
      [fresh(0), fresh(1), old(2, sick)],
      parallel(1),
      ['db-2'],
    ],
    ['is none with Parallel while it is not', [fresh(0), fresh(1), old(2, sick)], parallel(2), []],
    ['counts a missing pod among the unavailable', [fresh(0), old(2, sick)], parallel(2), ['db-2']],
    [
      'rounds a percentage down, to 1 at least',
      [fresh(0), fresh(1), old(2, sick)],
      parallel('40%'),
      ['db-2'],
    ],
    [
      'is none with OnDelete',
      [fresh(0), fresh(1), old(2, sick)],
      { spec: { updateStrategy: { type: 'OnDelete' } } },
      [],
    ],
    [
      'is none of another StatefulSet',
      [fresh(0), fresh(1), old(2, sick)],
      { metadata: { uid: 'uid-other' } },
      [],
    ],
  ])('%s', (_what, pods, over, expected) => {
    expect(stuck(seen(pods, over))).toEqual(expected);
  });

  test('is none that another revision than the failed one brought: it was ill before', () => {
    const older = old(1, sick, { metadata: { labels: { 'controller-revision-hash': 'db-older' } } });
    const one = seen([fresh(0), older, old(2, sick)]);
    expect(stuck(one, 'db-old')).toEqual(['db-2']);
    expect(stuck(one)).toEqual(['db-2', 'db-1']);
  });
});
