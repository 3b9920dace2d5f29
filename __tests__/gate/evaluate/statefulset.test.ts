import { describe, expect, test } from 'vitest';
import { evaluate, podPhases, statusLine } from '../../../src/gate/evaluate/workload.ts';
import type { Pod, StatefulSet } from '../../../src/model/kube.ts';
import { type Row, tell } from './row.ts';
import { creating, done, fresh, leaving, old, pin, seen, setEvent } from './stateful.ts';
import {
  again,
  backOff,
  complete,
  dead,
  event,
  type Part,
  running,
  status,
  template,
  unprobed,
  V1,
  V2,
  waiting,
} from './world.ts';

const now = { limits: { stableFor: 0 } } as const;
const slow = { limits: { timeout: 60_000 } } as const;
/** The update is at work on the last of three. */
const rolling = (last: Pod, over?: Part<StatefulSet>) => seen([old(0), old(1), last], over);
const partition = (count: number): Part<StatefulSet> => ({
  spec: { updateStrategy: { rollingUpdate: { partition: count } } },
});
const parallel = (maxUnavailable?: number | string): Part<StatefulSet> => ({
  spec: {
    podManagementPolicy: 'Parallel',
    updateStrategy: { rollingUpdate: maxUnavailable === undefined ? {} : { maxUnavailable } },
  },
});
const for60 = (one: ReturnType<typeof seen>): Row['steps'] => [
  [0, one],
  [60, one],
];

const health: readonly Row[] = [
  {
    name: 'a complete rollout is held for 10 s, and then healthy',
    steps: [
      [0, rolling(fresh(2, creating))],
      [3, seen([old(0), old(1), fresh(2)])],
      [6, done],
      [16, done],
    ],
    verdict: 'healthy: 3/3 ready, held for 10 s',
    notes: [],
  },
  {
    name: 'without a readiness probe the note says how weak that is',
    ...now,
    pin: { template: unprobed() },
    steps: [[0, seen([fresh(0), fresh(1), fresh(2)], { spec: { template: unprobed() } })]],
    verdict: 'healthy: 3/3 ready',
    notes: ['container web has no readiness probe: ready only means that it was started'],
  },
  {
    name: 'a status of an older generation proves nothing, though revisions and counts are right',
    ...now,
    steps: for60({
      ...done,
      workload: { ...done.workload, status: { ...done.workload?.status, observedGeneration: 1 } },
    }),
    verdict: 'progressing',
  },
  {
    name: 'nor does it when the revision is known from before that generation',
    ...now,
    pin: { revision: 'db-new' },
    steps: for60(seen([fresh(0), fresh(1), fresh(2)], { status: { observedGeneration: 1 } })),
    verdict: 'progressing',
  },
  {
    name: 'the revision that an unobserved status names is an older one: its pods are not blamed',
    steps: [
      [
        0,
        seen(
          [old(0), old(1), old(2, [status(waiting('ErrImagePull', `reading "${V1}": manifest unknown`))])],
          {
            status: { observedGeneration: 1, updateRevision: 'db-old' },
          },
        ),
      ],
    ],
    verdict: 'progressing',
  },
  {
    name: 'a StatefulSet older than our patch proves nothing: the cache is behind',
    ...now,
    steps: for60(seen([fresh(0), fresh(1), fresh(2)], { metadata: { generation: 1 } })),
    verdict: 'progressing',
  },
  {
    name: 'equal revisions prove nothing after a revert: the pods of the bad one are still there',
    ...now,
    steps: for60(
      seen([fresh(0), fresh(1), old(2)], { status: { currentRevision: 'db-new', updatedReplicas: 3 } }),
    ),
    verdict: 'progressing',
  },
  {
    name: 'once the last of them is replaced it is healthy',
    ...now,
    steps: [
      [0, seen([fresh(0), fresh(1), old(2)], { status: { currentRevision: 'db-new' } })],
      [9, done],
    ],
    verdict: 'healthy: 3/3 ready',
  },
  {
    name: 'revisions that stay apart for ever (a partition was used) prove nothing against it',
    ...now,
    steps: [[0, seen([fresh(0), fresh(1), fresh(2)])]],
    verdict: 'healthy: 3/3 ready',
  },
  {
    name: 'full counts prove nothing while a pod is not Ready',
    ...now,
    steps: for60(seen([fresh(0), fresh(1, [running()]), fresh(2)])),
    verdict: 'progressing',
  },
  {
    name: 'nor while a pod is not in the cache',
    ...now,
    steps: for60(seen([fresh(0), fresh(2)], { status: { updatedReplicas: 3 } })),
    verdict: 'progressing',
  },
  {
    name: 'nor while a new pod is being deleted',
    ...now,
    steps: for60(seen([fresh(0), fresh(1), fresh(2, undefined, leaving)])),
    verdict: 'progressing',
  },
  {
    name: 'nor while a pod bears no revision',
    ...now,
    steps: for60(
      seen([
        fresh(0),
        fresh(1),
        fresh(2, undefined, { metadata: { labels: { 'controller-revision-hash': undefined } } }),
      ]),
    ),
    verdict: 'progressing',
  },
  {
    name: 'nor with the pods of another StatefulSet of that name',
    ...now,
    steps: for60(
      seen(
        [0, 1, 2].map((one) =>
          fresh(one, undefined, { metadata: { ownerReferences: [{ uid: 'uid-other', controller: true }] } }),
        ),
      ),
    ),
    verdict: 'progressing',
  },
  {
    name: 'nor with pods beyond the replicas in the place of those that lack',
    ...now,
    steps: for60(seen([fresh(0), fresh(1), fresh(3)], { status: { updatedReplicas: 3 } })),
    verdict: 'progressing',
  },
  {
    name: 'pods that are being scaled away do not hold it up',
    ...now,
    steps: [
      [
        0,
        seen([fresh(0), fresh(1), fresh(2), old(3, undefined, leaving)], {
          status: { availableReplicas: 4 },
        }),
      ],
    ],
    verdict: 'healthy: 3/3 ready',
    notes: ['1 old pod is still ending'],
  },
  {
    name: 'but they do not count as available in the place of others',
    ...now,
    steps: for60(
      seen([fresh(0), fresh(1), fresh(2), old(3)], {
        status: { availableReplicas: 3 },
        spec: { minReadySeconds: 30 },
      }),
    ),
    verdict: 'progressing',
  },
  {
    name: 'pods that are Ready and not yet available (minReadySeconds) are waited for',
    ...now,
    steps: for60(seen([fresh(0), fresh(1), fresh(2)], { status: { availableReplicas: 2 } })),
    verdict: 'progressing',
  },
  {
    name: 'updatedReplicas must be as many as are due',
    ...now,
    steps: for60(seen([fresh(0), fresh(1), fresh(2)], { status: { updatedReplicas: 2 } })),
    verdict: 'progressing',
  },
  {
    name: 'ordinals need not begin at 0',
    ...now,
    steps: [[0, seen([fresh(5), fresh(6), fresh(7)], { spec: { ordinals: { start: 5 } } })]],
    verdict: 'healthy: 3/3 ready',
  },
  {
    name: 'then those from 0 on are others',
    ...now,
    steps: for60(seen([fresh(0), fresh(1), fresh(2)], { spec: { ordinals: { start: 5 } } })),
    verdict: 'progressing',
  },
  {
    name: '0 replicas: nothing to verify, at once, and said so',
    steps: [[0, seen([], { spec: { replicas: 0 }, status: { availableReplicas: 0 } })]],
    verdict: 'healthy: 0 replicas: nothing verified',
    notes: ['nothing verified: the StatefulSet has 0 replicas'],
  },
  {
    name: '0 replicas that the controller has not observed are not yet 0',
    steps: for60(seen([], { spec: { replicas: 0 }, status: { observedGeneration: 1 } })),
    verdict: 'progressing',
  },
  {
    name: 'scaling mid-rollout is said, and the pods of before are not forgotten while the status lags',
    steps: [
      [0, rolling(fresh(2, [dead(1)]))],
      [1, rolling(fresh(2, [dead(2)]))],
      [2, rolling(fresh(2, [dead(3)]), { metadata: { generation: 3 }, spec: { replicas: 2 } })],
    ],
    verdict: 'progressing',
    notes: ['scaled from 3 to 2 replicas during the rollout'],
  },
  {
    name: 'an annotation that makes the status lag does not forgive a crash',
    steps: [
      [0, rolling(fresh(2, [dead(1)]))],
      [1, rolling(fresh(2, [dead(2)]))],
      [2, rolling(fresh(2, [dead(2)]), { metadata: { generation: 3 } })],
      [11, rolling(fresh(2, [dead(3)]), { metadata: { generation: 3 }, status: { observedGeneration: 3 } })],
    ],
    verdict: 'failed crash: container web exits 1 on every new pod (3 crashes)',
  },
  {
    name: 'a readiness that is lost in the hold begins it anew',
    steps: [
      [0, done],
      [5, seen([fresh(0), fresh(1, [running()]), fresh(2)])],
      [6, done],
      [15, done],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'a crash after it was ready fails at once',
    steps: [
      [0, done],
      [5, seen([fresh(0), fresh(1, [dead(1)]), fresh(2)])],
    ],
    verdict: 'failed late-crash: container web exits 1 after it had become ready (on 1 of 3 pods)',
    subject: { pod: 'db-1', podUid: 'uid-new-1', container: 'web' },
  },
];

const partitioned: readonly Row[] = [
  {
    name: 'a partition: those from it on are enough, and the note says how far that goes',
    ...now,
    steps: [[0, seen([old(0), old(1), fresh(2)], partition(2))]],
    verdict: 'healthy: 1/1 ready',
    notes: ['2 pods are kept at an older revision by the partition: 1 of 3 verified'],
  },
  {
    name: 'those from it on must be new: the partition is not beyond them',
    ...now,
    steps: for60(seen([old(0), old(1), fresh(2)], partition(1))),
    verdict: 'progressing',
  },
  {
    name: 'it counts from the first ordinal, wherever that begins',
    ...now,
    steps: [
      [
        0,
        seen([old(5), fresh(6), fresh(7)], {
          spec: { ordinals: { start: 5 }, updateStrategy: { rollingUpdate: { partition: 1 } } },
        }),
      ],
    ],
    verdict: 'healthy: 2/2 ready',
    notes: ['1 pod is kept at an older revision by the partition: 2 of 3 verified'],
  },
  {
    name: 'a new pod below the partition (it was raised) is one of ours and must be well',
    ...now,
    steps: for60(seen([old(0), fresh(1, [running()]), fresh(2)], partition(2))),
    verdict: 'progressing',
  },
  {
    name: 'a pod below the partition that is not Ready keeps it from being available',
    ...now,
    ...slow,
    limits: { ...slow.limits, stableFor: 0 },
    steps: for60(seen([old(0), old(1, [running()]), fresh(2)], partition(2))),
    verdict:
      'failed no-progress: pod db-1, which the partition keeps at an older revision, is not ready: running (not ready) (no progress for 60 s)',
    advice: 'Mend pod db-1: the StatefulSet is whole only with it.',
    subject: { pod: 'db-1', podUid: 'uid-old-1' },
  },
  {
    name: 'a partition that is as large as the replicas verifies nothing, and says so',
    steps: [[0, seen([old(0), old(1), old(2)], partition(3))]],
    verdict: 'healthy: the partition keeps every pod as it is: nothing verified',
    notes: ['nothing verified: the partition is not below the 3 replicas, so no pod gets the new image'],
  },
  {
    name: 'but not before it is observed',
    steps: for60(seen([old(0), old(1), old(2)], { ...partition(3), status: { observedGeneration: 1 } })),
    verdict: 'progressing',
  },
  {
    name: 'nor while a change of it is not',
    ...now,
    pin: { revision: 'db-new' },
    steps: for60(seen([old(0), old(1), old(2)], { ...partition(3), status: { observedGeneration: 1 } })),
    verdict: 'progressing',
  },
  {
    name: 'nor where the pods are all of our revision already: they are held as ever',
    steps: [[0, seen([fresh(0), fresh(1), fresh(2)], partition(9))]],
    verdict: 'progressing',
    recheckIn: 10,
  },
];

const blame: readonly Row[] = [
  {
    name: 'one lost pod fails at its third death, whatever the others do: the rollout cannot pass it',
    steps: [
      [0, seen([old(0), fresh(1, [running()]), fresh(2, [dead(1)])], parallel(2))],
      [3, seen([old(0), fresh(1, [running()]), fresh(2, [dead(2)])], parallel(2))],
      [10, seen([old(0), fresh(1, [running()]), fresh(2, [dead(3)])], parallel(2))],
    ],
    verdict: 'failed crash: container web exits 1 on 1 of 2 new pods (3 crashes)',
    subject: { pod: 'db-2', podUid: 'uid-new-2', container: 'web' },
  },
  {
    name: 'one that died as often and is Ready since is not named with it',
    steps: [
      [0, seen([old(0), fresh(1, [dead(1)]), fresh(2, [dead(1)])], parallel(2))],
      [3, seen([old(0), fresh(1, [dead(3)]), fresh(2, [dead(3)])], parallel(2))],
      [8, seen([old(0), fresh(1, [again(3, 1, { ready: true })]), fresh(2, [dead(3)])], parallel(2))],
      [10, seen([old(0), fresh(1, [again(3, 1, { ready: true })]), fresh(2, [dead(3)])], parallel(2))],
    ],
    verdict: 'failed crash: container web exits 1 on 1 of 2 new pods (3 crashes)',
  },
  {
    name: 'two deaths and then Ready is a success',
    ...now,
    steps: [
      [0, rolling(fresh(2, [dead(1)]))],
      [3, rolling(fresh(2, [backOff(2)]))],
      [20, seen([fresh(0), fresh(1), fresh(2, [again(2, 1, { ready: true })])])],
    ],
    verdict: 'healthy: 3/3 ready',
    notes: ['container web of pod db-2 ended 2 times before it was well'],
  },
  {
    name: 'three deaths and then Ready before the verdict is one too',
    ...now,
    steps: [
      [0, rolling(fresh(2, [dead(1)]))],
      [3, rolling(fresh(2, [dead(3)]))],
      [5, rolling(fresh(2, [again(3, 1, { ready: true })]))],
      [30, rolling(fresh(2, [again(3, 1, { ready: true })]))],
    ],
    verdict: 'progressing',
  },
  {
    name: 'an old pod may crash as often as it likes',
    steps: [
      [0, seen([old(0, [dead(3)]), old(1), fresh(2)])],
      [30, seen([old(0, [backOff(7)]), old(1), fresh(2)])],
    ],
    verdict: 'progressing',
  },
  {
    name: 'so may a new one that is being deleted',
    steps: for60(seen([old(0), old(1), fresh(2, [dead(9)], leaving)])),
    verdict: 'progressing',
  },
  {
    name: 'and one beyond the replicas',
    steps: for60(seen([fresh(0), fresh(1), fresh(2, [running()]), fresh(3, [dead(9)])])),
    verdict: 'progressing',
  },
  {
    name: 'a missing image fails at once',
    steps: [[0, rolling(fresh(2, [status(waiting('ErrImagePull', `reading "${V2}": manifest unknown`))]))]],
    verdict: `failed image-missing: container web: image ${V2} cannot be pulled: manifest unknown`,
  },
  {
    name: 'the same of an old pod does not',
    steps: for60(
      seen([
        old(0, [status(waiting('ErrImagePull', `reading "${V1}": manifest unknown`))]),
        old(1),
        fresh(2, [running()]),
      ]),
    ),
    verdict: 'progressing',
  },
  {
    name: 'pods that end whole come again under their name: the third end of one fails',
    steps: [
      [0, rolling(fresh(2, creating))],
      [2, rolling(fresh(2, [dead(1)], { metadata: { uid: 'a' }, status: { phase: 'Failed' } }))],
      [5, rolling(fresh(2, [dead(1)], { metadata: { uid: 'b' }, status: { phase: 'Failed' } }))],
      [12, rolling(fresh(2, [dead(1)], { metadata: { uid: 'c' }, status: { phase: 'Failed' } }))],
    ],
    verdict: 'failed pod-failed: container web exits 1 and ends its pod (3 pods)',
  },
  {
    name: 'three ends of three names are each one’s first',
    steps: [
      [0, seen([fresh(0, creating), fresh(1, creating), fresh(2, creating)], parallel())],
      [
        2,
        seen(
          [fresh(0, creating), fresh(1, creating), fresh(2, [dead(1)], { status: { phase: 'Failed' } })],
          parallel(),
        ),
      ],
      [
        5,
        seen(
          [fresh(0, creating), fresh(1, [dead(1)], { status: { phase: 'Failed' } }), fresh(2, creating)],
          parallel(),
        ),
      ],
      [
        12,
        seen(
          [fresh(0, [dead(1)], { status: { phase: 'Failed' } }), fresh(1, creating), fresh(2, creating)],
          parallel(),
        ),
      ],
      [30, seen([fresh(0, creating), fresh(1, creating), fresh(2, creating)], parallel())],
    ],
    verdict: 'progressing',
  },
  {
    name: 'restarts of before the patch are not ours, where the pod is of our revision already',
    pin: { restarts: new Map([['uid-new-2/web', 7]]) },
    steps: for60(
      rolling(fresh(2, [running({ restartCount: 7, lastState: { terminated: { exitCode: 1 } } })])),
    ),
    verdict: 'progressing',
  },
];

const forbidden = 'pods "db-2" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true';
const refused = setEvent('FailedCreate', `Create Pod db-2 in StatefulSet db failed error: ${forbidden}`);
const blocked: readonly Row[] = [
  {
    name: 'an unready pod of an older revision that holds up the update is named when time is up',
    ...slow,
    steps: for60(seen([old(0, [backOff(4)]), old(1), old(2)])),
    verdict:
      'failed no-progress: pod db-0 of an older revision is not ready and holds up the update (podManagementPolicy OrderedReady): back-off (exit 1) (no progress for 60 s)',
    advice:
      'Mend or delete pod db-0: while it is not ready, the controller replaces no other pod, and not this one either.',
    subject: { pod: 'db-0', podUid: 'uid-old-0' },
  },
  {
    name: 'not before',
    ...slow,
    steps: [
      [0, seen([old(0, [backOff(4)]), old(1), old(2)])],
      [59, seen([old(0, [backOff(9)]), old(1), old(2)])],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'after a revert it is the bad pod, of what is now an older revision',
    ...slow,
    steps: for60(seen([fresh(0), fresh(1), old(2, [dead(5)])], { status: { currentRevision: 'db-new' } })),
    verdict:
      'failed no-progress: pod db-2 of an older revision is not ready and holds up the update (podManagementPolicy OrderedReady): crashed (exit 1) (no progress for 60 s)',
  },
  {
    name: 'where the new pod itself is not ready, that is what is said',
    ...slow,
    steps: for60(seen([old(0, [running()]), old(1), fresh(2, [running()])])),
    verdict: 'failed no-progress: container web is not ready on any new pod (no progress for 60 s)',
    subject: { pod: 'db-2', podUid: 'uid-new-2', container: 'web' },
  },
  {
    name: 'with Parallel, maxUnavailable is what stops it',
    ...slow,
    steps: for60(seen([old(0, [running()]), old(1), old(2)], parallel(1))),
    verdict:
      'failed no-progress: pod db-0 of an older revision is not ready and holds up the update (maxUnavailable 1): running (not ready) (no progress for 60 s)',
  },
  {
    name: 'below it, the pod is not what holds it up',
    ...slow,
    steps: for60(seen([old(0, [running()]), old(1), old(2)], parallel('70%'))),
    verdict: 'failed no-progress: 0 of 3 new pods exist (no progress for 60 s)',
    advice: "Look at the StatefulSet's events: kubectl -n shop describe statefulset db.",
  },
  {
    name: 'an old pod that has ended is deleted by the controller itself',
    ...slow,
    steps: for60(seen([old(0, [dead(1)], { status: { phase: 'Failed' } }), old(1), old(2)])),
    verdict: 'failed no-progress: 0 of 3 new pods exist (no progress for 60 s)',
  },
  {
    name: 'an old pod that does not end is named',
    ...slow,
    steps: for60(seen([old(0), old(1), old(2, undefined, leaving)])),
    verdict: 'failed no-progress: pod db-2 is being deleted and does not end (no progress for 60 s)',
  },
  {
    name: 'each pod that is replaced is progress',
    ...slow,
    steps: [
      [0, seen([old(0), old(1), old(2, undefined, leaving)])],
      [50, rolling(fresh(2, creating))],
      [100, seen([old(0), old(1), fresh(2)])],
      [150, seen([old(0), fresh(1), fresh(2)])],
      [209, seen([old(0), fresh(1), fresh(2)])],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'a crash loop of an old pod is none',
    ...slow,
    steps: [
      [0, seen([old(0, [dead(1)]), old(1), old(2)])],
      [50, seen([old(0, [again(1)]), old(1), old(2)])],
      [60, seen([old(0, [dead(2)]), old(1), old(2)])],
    ],
    verdict:
      'failed no-progress: pod db-0 of an older revision is not ready and holds up the update (podManagementPolicy OrderedReady): crashed (exit 1) (no progress for 60 s)',
  },
  {
    name: 'a pod that the API server refuses is known from an event, and borne a minute',
    steps: for60(seen([old(0), old(1)], {}, [refused])),
    verdict:
      'failed create-denied: pod db-2 cannot be created: violates PodSecurity "restricted:latest": runAsNonRoot != true',
    quote: forbidden,
    advice: "Meet the namespace's Pod Security level in the pod's securityContext, or change the level.",
  },
  {
    name: 'a later creation makes the event a thing of the past',
    steps: for60(
      seen([old(0), old(1)], {}, [
        refused,
        setEvent('SuccessfulCreate', 'Create Pod db-2 in StatefulSet db successful'),
      ]),
    ),
    verdict: 'progressing',
  },
  {
    name: 'so does the pod itself',
    steps: for60(seen([old(0), old(1), fresh(2, [running()])], {}, [refused])),
    verdict: 'progressing',
  },
  {
    name: 'and an event about another StatefulSet is not about us',
    steps: for60(seen([old(0), old(1)], {}, [{ ...refused, involvedObject: { uid: 'uid-other' } }])),
    verdict: 'progressing',
  },
  {
    name: 'a quota may become free: it is waited for',
    steps: for60(
      seen([old(0), old(1)], {}, [
        setEvent(
          'FailedCreate',
          'Create Pod db-2 in StatefulSet db failed error: pods "db-2" is forbidden: exceeded quota: small',
        ),
      ]),
    ),
    verdict: 'progressing',
  },
  {
    name: 'a claim that is refused is named with its pod',
    steps: for60(
      seen([old(0), old(1)], {}, [
        setEvent(
          'FailedCreate',
          'Create Claim data-db-2 for Pod db-2 in StatefulSet db failed error: persistentvolumeclaims "data-db-2" is forbidden: no storage',
        ),
      ]),
    ),
    verdict: 'failed create-denied: pod db-2 cannot be created: no storage',
  },
];

const others: readonly Row[] = [
  {
    name: 'OnDelete cannot be gated: neither healthy nor failed',
    steps: [[0, seen([fresh(0), fresh(1), fresh(2)], { spec: { updateStrategy: { type: 'OnDelete' } } })]],
    verdict:
      'unknown: its update strategy is OnDelete: no pod gets the new image until somebody deletes it, so it cannot be gated',
  },
  {
    name: 'another image is somebody else’s rollout, OnDelete or not',
    steps: [
      [
        3,
        seen([old(0), old(1), old(2)], {
          metadata: { generation: 3 },
          spec: { template: template({}, 'reg/db:3'), updateStrategy: { type: 'OnDelete' } },
        }),
      ],
    ],
    verdict: 'superseded: the image of container web was changed to reg/db:3',
  },
  {
    name: 'a StatefulSet that is deleted is somebody’s wish',
    steps: [[3, { ...done, workload: undefined }]],
    verdict: 'superseded: it was deleted while it was rolled out',
  },
  {
    name: 'after a restart the pods of before are old ones, until the controller names the next revision',
    pin: { revision: 'db-new' },
    steps: [
      [
        5,
        seen(
          [
            fresh(0),
            fresh(1),
            fresh(2, [status(waiting('ErrImagePull', `reading "${V2}": manifest unknown`))]),
          ],
          {
            metadata: { generation: 3 },
            spec: { template: template({ metadata: { annotations: { restartedAt: 'x' } } }) },
          },
        ),
      ],
    ],
    verdict: 'progressing',
    notes: ['pinned anew: the pod template was changed (annotation restartedAt), our image is still in it'],
  },
];

describe('a StatefulSet is healthy when', () => tell(health, pin));
describe('a StatefulSet with a partition', () => tell(partitioned, pin));
describe('blamed are new pods only', () => tell(blame, pin));
describe('a StatefulSet that goes no further', () => tell(blocked, pin));
describe('a StatefulSet that is not ours to judge', () => tell(others, pin));

test('another kind than the pinned one is a mistake of ours, said aloud', () => {
  const memory = {} as never;
  expect(() => evaluate({ pin: pin(), memory, seen: complete(), limits: {} as never, now: 0 })).toThrow(
    'a StatefulSet was pinned, and a Deployment is observed',
  );
});

test('the line of the live log names what is waited for', () => {
  expect(statusLine(pin(), rolling(fresh(2, [running()])))).toBe('0/3 ready · db-2: running (not ready)');
  expect(statusLine(pin(), seen([old(0, [dead(1)]), old(1), old(2)]))).toBe(
    '0/3 ready · waiting for db-0 (older revision): crashed (exit 1)',
  );
  expect(statusLine(pin(), done, 10_000)).toBe('3/3 ready · holding for 10 s');
  expect(statusLine(pin(), done)).toBe('3/3 ready · waiting for the controller');
});

test('the phases are those of new pods', () => {
  expect(podPhases(pin(), rolling(fresh(2, creating), {})).map((one) => one.pod)).toEqual(['db-2']);
  const events = [event('x', 'Pulling', 'x', { involvedObject: { uid: 'uid-new-2' } })];
  expect(podPhases(pin(), { ...rolling(fresh(2, creating)), events })[0]?.phase).toBe('pulling');
});
