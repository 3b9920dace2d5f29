import { describe, expect, test } from 'vitest';
import { podPhases, statusLine } from '../../../src/gate/evaluate/workload.ts';
import type { DaemonSet, Pod } from '../../../src/model/kube.ts';
import type { DaemonSetObservation } from '../../../src/model/observation.ts';
import { creating, done, fresh, leaving, node, old, pin, revision, seen, setEvent } from './daemon.ts';
import { type Row, tell } from './row.ts';
import { again, backOff, dead, type Part, running, status, template, V1, V2, waiting } from './world.ts';

const now = { limits: { stableFor: 0 } } as const;
const slow = { limits: { timeout: 60_000, stableFor: 0 } } as const;
const for60 = (one: DaemonSetObservation): Row['steps'] => [
  [0, one],
  [60, one],
];
/** The update is at work on node n3; the status is of that time. */
const rolling = (last: Pod, over?: Part<DaemonSet>, rest?: Partial<DaemonSetObservation>) =>
  seen([old(1), old(2), last], { ...over, status: { updatedNumberScheduled: 1, ...over?.status } }, rest);
const surging = (pods: readonly Pod[], over?: Part<DaemonSet>) =>
  seen(pods, {
    ...over,
    spec: { updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }, ...over?.spec },
  });
const all = [fresh(1), fresh(2), fresh(3)];
const nodes = (third: ReturnType<typeof node>) => ({ nodes: [node(1), node(2), third] });
const lost = node(3, false);
const tied = (to: string): Part<Pod> => ({
  spec: {
    nodeName: undefined,
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [to] }] }],
        },
      },
    },
  },
});

const health: readonly Row[] = [
  {
    name: 'a complete rollout is held for 10 s, and then healthy',
    steps: [
      [0, rolling(fresh(3, creating))],
      [3, rolling(fresh(3))],
      [6, done],
      [16, done],
    ],
    verdict: 'healthy: 3/3 ready, held for 10 s',
    notes: [],
  },
  {
    name: 'a status of an older generation proves nothing',
    ...now,
    steps: for60(seen(all, { status: { observedGeneration: 1 } })),
    verdict: 'progressing',
  },
  {
    name: 'a DaemonSet older than our patch proves nothing',
    ...now,
    steps: for60(seen(all, { metadata: { generation: 1 } })),
    verdict: 'progressing',
  },
  {
    name: 'full counts prove nothing while a pod is not Ready',
    ...now,
    steps: for60(seen([fresh(1), fresh(2), fresh(3, [running()])])),
    verdict: 'progressing',
  },
  {
    name: 'nor while a node has an old pod',
    ...now,
    steps: for60(seen([fresh(1), fresh(2), old(3)])),
    verdict: 'progressing',
  },
  {
    name: 'nor while an old pod stays beside the new one (maxSurge)',
    ...now,
    steps: for60(surging([...all, old(3)])),
    verdict: 'progressing',
  },
  {
    name: 'an old pod that is ending beside it does not hold it up, though the status speaks of it',
    ...now,
    steps: [
      [
        0,
        surging([...all, old(3, undefined, leaving)], {
          status: { updatedNumberScheduled: 2, numberAvailable: 2 },
        }),
      ],
    ],
    verdict: 'healthy: 3/3 ready',
    notes: ['1 old pod is still ending'],
  },
  {
    name: 'a status that lags behind by one more does',
    ...now,
    steps: for60(surging([...all, old(3, undefined, leaving)], { status: { updatedNumberScheduled: 1 } })),
    verdict: 'progressing',
  },
  {
    name: 'nor while a new pod is being deleted',
    ...now,
    steps: for60(seen([fresh(1), fresh(2), fresh(3, undefined, leaving)])),
    verdict: 'progressing',
  },
  {
    name: 'nor while a node that is to run a pod has none',
    ...now,
    steps: for60(seen([fresh(1), fresh(2)], { status: { currentNumberScheduled: 2 } })),
    verdict: 'progressing',
  },
  {
    name: 'not even when the counts of updated and available are full',
    ...now,
    steps: for60(seen(all, { status: { desiredNumberScheduled: 4 } })),
    verdict: 'progressing',
  },
  {
    name: 'pods that are Ready and not yet available (minReadySeconds) are waited for',
    ...now,
    steps: for60(seen(all, { status: { numberAvailable: 2 } })),
    verdict: 'progressing',
  },
  {
    name: 'updatedNumberScheduled must be as many',
    ...now,
    steps: for60(seen(all, { status: { updatedNumberScheduled: 2 } })),
    verdict: 'progressing',
  },
  {
    name: 'the pods of another DaemonSet of that name prove nothing',
    ...now,
    steps: for60(
      seen(
        [1, 2, 3].map((one) =>
          fresh(one, undefined, { metadata: { ownerReferences: [{ uid: 'uid-other', controller: true }] } }),
        ),
      ),
    ),
    verdict: 'progressing',
  },
  {
    name: 'no node that is to run it: nothing to verify, and said so',
    steps: [[0, seen([], { status: { desiredNumberScheduled: 0, currentNumberScheduled: 0 } })]],
    verdict: 'healthy: 0 nodes: nothing verified',
    notes: ['nothing verified: no node is to run a pod of it'],
  },
  {
    name: 'not before that is observed',
    steps: for60(seen([], { status: { desiredNumberScheduled: 0, observedGeneration: 1 } })),
    verdict: 'progressing',
  },
  {
    name: 'nor while a pod is still there',
    steps: for60(
      seen([old(1, undefined, leaving)], {
        status: { desiredNumberScheduled: 0, currentNumberScheduled: 0 },
      }),
    ),
    verdict: 'progressing',
  },
];

const revisions: readonly Row[] = [
  {
    name: 'the newest revision is not ours while it is not of our template: it has not come yet',
    ...now,
    steps: for60(seen([old(1), old(2), old(3)], {}, { revisions: [revision('old', 1, template({}, V1))] })),
    verdict: 'progressing',
  },
  {
    name: 'after a revert it is an old one that comes again, whatever its number yet is',
    ...now,
    steps: [[0, seen(all, {}, { revisions: [revision('new', 1), revision('bad', 2, template({}, V1))] })]],
    verdict: 'healthy: 3/3 ready',
  },
  {
    name: 'of two that say the same the one of the greater number is ours',
    ...now,
    steps: for60(seen(all, {}, { revisions: [revision('new', 2), revision('newer', 3)] })),
    verdict: 'progressing',
  },
  {
    name: 'the same in the other order of the cache',
    ...now,
    steps: [[0, seen(all, {}, { revisions: [revision('older', 1), revision('new', 3)] })]],
    verdict: 'healthy: 3/3 ready',
  },
  {
    name: 'the revision of another DaemonSet is not ours',
    ...now,
    steps: for60(
      seen(
        all,
        {},
        {
          revisions: [
            revision('new', 2, template(), {
              metadata: { ownerReferences: [{ uid: 'uid-other', controller: true }] },
            }),
          ],
        },
      ),
    ),
    verdict: 'progressing',
  },
];

const standing: readonly Row[] = [
  {
    name: 'a node that was not Ready before is not waited for, whatever its old pod does, and is named',
    ...now,
    pin: {
      nodes: new Map([
        ['uid-n1', true],
        ['uid-n2', true],
        ['uid-n3', false],
      ]),
    },
    steps: [
      [
        0,
        seen(
          [fresh(1), fresh(2), old(3, [backOff(9)])],
          { status: { updatedNumberScheduled: 2, numberAvailable: 2 } },
          nodes(lost),
        ),
      ],
    ],
    verdict: 'healthy: 2/2 ready',
    notes: ['not verified: node n3 is not Ready'],
  },
  {
    name: 'nor is it in the way when the controller does not count it',
    ...now,
    steps: [
      [
        0,
        seen(
          [fresh(1), fresh(2), old(3, undefined, leaving)],
          {
            status: {
              desiredNumberScheduled: 2,
              currentNumberScheduled: 2,
              updatedNumberScheduled: 2,
              numberAvailable: 2,
            },
          },
          nodes(lost),
        ),
      ],
    ],
    verdict: 'healthy: 2/2 ready',
    notes: ['not verified: node n3 is not Ready'],
  },
  {
    name: 'its new pod is not blamed either',
    ...now,
    pin: {
      nodes: new Map([
        ['uid-n1', true],
        ['uid-n2', true],
        ['uid-n3', false],
      ]),
    },
    steps: [
      [0, seen([fresh(1), fresh(2), fresh(3, [dead(9)])], { status: { numberAvailable: 2 } }, nodes(lost))],
    ],
    verdict: 'healthy: 2/2 ready',
    notes: ['not verified: node n3 is not Ready'],
  },
  {
    name: 'once it is Ready it counts again',
    ...now,
    pin: {
      nodes: new Map([
        ['uid-n1', true],
        ['uid-n2', true],
        ['uid-n3', false],
      ]),
    },
    steps: for60(seen([fresh(1), fresh(2), old(3)])),
    verdict: 'progressing',
  },
  {
    name: 'one that was Ready and is not before our pod came is not waited for',
    ...now,
    steps: [
      [
        0,
        seen(
          [fresh(1), fresh(2), old(3, undefined, leaving)],
          { status: { updatedNumberScheduled: 2, numberAvailable: 2 } },
          nodes(lost),
        ),
      ],
    ],
    verdict: 'healthy: 2/2 ready',
  },
  {
    name: 'nor one on which our pod has not started',
    ...now,
    steps: [
      [0, seen([fresh(1), fresh(2), fresh(3, creating)], { status: { numberAvailable: 2 } }, nodes(lost))],
    ],
    verdict: 'healthy: 2/2 ready',
  },
  {
    name: 'one that fell after our pod had started on it may be our doing: it is waited for',
    ...now,
    steps: for60(
      seen(
        [fresh(1), fresh(2), fresh(3, [running({ ready: true })], { status: { conditions: [] } })],
        {},
        nodes(lost),
      ),
    ),
    verdict: 'progressing',
  },
  {
    name: 'even while its pod is still called Ready',
    ...now,
    steps: for60(seen(all, {}, nodes(lost))),
    verdict: 'progressing',
  },
  {
    name: 'and named when time is up',
    ...slow,
    steps: for60(
      seen(
        [fresh(1), fresh(2), fresh(3, [running({ ready: true })], { status: { conditions: [] } })],
        {},
        nodes(lost),
      ),
    ),
    verdict:
      'failed no-progress: node n3 was Ready until the new pod had started on it, and is not any more (no progress for 60 s)',
    advice:
      'Look at the node (kubectl describe node n3): if the DaemonSet serves the node itself (network, storage), the new image may be the cause.',
    subject: { pod: 'agent-new3', podUid: 'uid-new-3' },
  },
  {
    name: 'one of 21 that falls is borne, and told',
    ...now,
    pin: { nodes: undefined },
    steps: [[0, many(21, [7])]],
    verdict: 'healthy: 20/20 ready',
    notes: ['not verified: node n7 is not Ready any more'],
  },
  {
    name: 'one of 20 is not',
    ...now,
    pin: { nodes: undefined },
    steps: for60(many(20, [7])),
    verdict: 'progressing',
  },
  {
    name: 'two of 21 are not either',
    ...now,
    pin: { nodes: undefined },
    steps: for60(many(21, [7, 8])),
    verdict: 'progressing',
  },
  {
    name: 'when no node counts nothing is verified, and that is not healthy',
    ...slow,
    pin: { nodes: new Map([1, 2, 3].map((one) => [`uid-n${one}`, false])) },
    steps: for60(seen(all, {}, { nodes: [node(1, false), node(2, false), node(3, false)] })),
    verdict:
      'failed no-progress: none of the 3 nodes that are to run a pod of it counts (no progress for 60 s)',
    advice: "Look at the DaemonSet's events: kubectl -n shop describe daemonset agent.",
  },
  {
    name: 'a node that joined after the patch is not waited for',
    ...now,
    steps: [
      [
        0,
        seen(
          [...all, fresh(4, [dead(9)])],
          { status: { desiredNumberScheduled: 4, currentNumberScheduled: 4, updatedNumberScheduled: 4 } },
          { nodes: [node(1), node(2), node(3), node(4)] },
        ),
      ],
    ],
    verdict: 'healthy: 3/3 ready',
    notes: ['not verified: node n4 is newer than the patch'],
  },
  {
    name: 'one of the same name as before is another node',
    ...now,
    steps: [
      [
        0,
        seen(
          [fresh(1), fresh(2), fresh(3, [running()])],
          { status: { numberAvailable: 2 } },
          nodes(node(3, true, { metadata: { uid: 'uid-again' } })),
        ),
      ],
    ],
    verdict: 'healthy: 2/2 ready',
    notes: ['not verified: node n3 is newer than the patch'],
  },
  {
    name: 'a cordoned node counts: daemon pods run there',
    ...now,
    steps: for60(
      seen([fresh(1), fresh(2), old(3)], {}, nodes(node(3, true, { spec: { unschedulable: true } }))),
    ),
    verdict: 'progressing',
  },
  {
    name: 'a node that is gone takes its pods with it',
    ...now,
    steps: [
      [
        0,
        seen(
          all,
          {
            status: {
              desiredNumberScheduled: 2,
              currentNumberScheduled: 2,
              updatedNumberScheduled: 2,
              numberAvailable: 2,
            },
          },
          { nodes: [node(1), node(2)] },
        ),
      ],
    ],
    verdict: 'healthy: 2/2 ready',
    notes: ['not verified: node n3 is gone'],
  },
  {
    name: 'where nodes may not be listed every one counts',
    ...now,
    pin: { nodes: undefined },
    steps: for60(
      seen([fresh(1), fresh(2), old(3)], { status: { updatedNumberScheduled: 2 } }, { nodes: undefined }),
    ),
    verdict: 'progressing',
  },
  {
    name: 'and all of them are enough',
    ...now,
    pin: { nodes: undefined },
    steps: [[0, seen(all, {}, { nodes: undefined })]],
    verdict: 'healthy: 3/3 ready',
    notes: [],
  },
  {
    name: 'a pod that is not bound yet belongs to the node that it is tied to',
    ...now,
    steps: [
      [
        0,
        seen(
          [fresh(1), fresh(2), fresh(3, creating, tied('n3'))],
          { status: { numberAvailable: 2 } },
          nodes(lost),
        ),
      ],
    ],
    verdict: 'healthy: 2/2 ready',
    notes: ['not verified: node n3 is not Ready'],
  },
  {
    name: 'such a pod on a node that counts is waited for',
    ...now,
    steps: for60(seen([fresh(1), fresh(2), fresh(3, creating, tied('n3'))])),
    verdict: 'progressing',
  },
];

/** So many nodes, all with a new pod that runs; on these it is not Ready, nor is the node. */
function many(count: number, fallen: readonly number[]): DaemonSetObservation {
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const sick: Part<Pod> = { status: { conditions: [] } };
  const status = {
    desiredNumberScheduled: count,
    currentNumberScheduled: count,
    updatedNumberScheduled: count,
    numberAvailable: count - fallen.length,
  };
  const pods = numbers.map((one) => fresh(one, undefined, fallen.includes(one) ? sick : {}));
  return seen(pods, { status }, { nodes: numbers.map((one) => node(one, !fallen.includes(one))) });
}

const blame: readonly Row[] = [
  {
    name: 'the third death on every node that is not well yet fails',
    steps: [
      [0, rolling(fresh(3, [dead(1)]))],
      [3, rolling(fresh(3, [dead(2)]))],
      [13, rolling(fresh(3, [dead(3)]))],
    ],
    verdict: 'failed crash: container web exits 1 on every new pod (3 crashes)',
    subject: { pod: 'agent-new3', podUid: 'uid-new-3', container: 'web' },
  },
  {
    name: 'two and then Ready is a success',
    ...now,
    steps: [
      [0, rolling(fresh(3, [dead(1)]))],
      [3, rolling(fresh(3, [backOff(2)]))],
      [20, seen([fresh(1), fresh(2), fresh(3, [again(2, 1, { ready: true })])])],
    ],
    verdict: 'healthy: 3/3 ready',
  },
  {
    name: 'nodes that are well already do not keep a crash elsewhere from failing',
    steps: [
      [0, seen([fresh(1), fresh(2), fresh(3, [dead(1)])])],
      [13, seen([fresh(1), fresh(2), fresh(3, [dead(3)])])],
    ],
    verdict: 'failed crash: container web exits 1 on 1 of 3 new pods (3 crashes)',
  },
  {
    name: 'a node that is not decided yet does',
    steps: [
      [0, seen([fresh(1), fresh(2, [running()]), fresh(3, [dead(1)])])],
      [13, seen([fresh(1), fresh(2, [running()]), fresh(3, [dead(3)])])],
    ],
    verdict: 'progressing',
  },
  {
    name: 'an old pod may crash as often as it likes',
    steps: for60(seen([old(1, [dead(9)]), old(2), fresh(3, [running()])])),
    verdict: 'progressing',
  },
  {
    name: 'so may a new one that is being deleted',
    steps: for60(rolling(fresh(3, [dead(9)], leaving))),
    verdict: 'progressing',
  },
  {
    name: 'a missing image fails at once',
    steps: [
      [
        0,
        rolling(
          fresh(3, [status(waiting('ErrImagePull', `reading "${V2}": no match for platform in manifest`))]),
        ),
      ],
    ],
    verdict: `failed image-missing: container web: image ${V2} cannot be pulled: no match for platform`,
  },
  {
    name: 'the same of an old pod does not',
    steps: for60(
      seen([
        old(1, [status(waiting('ErrImagePull', `reading "${V1}": manifest unknown`))]),
        old(2),
        fresh(3, [running()]),
      ]),
    ),
    verdict: 'progressing',
  },
  {
    name: 'a pod that fits not on its node is borne for five minutes',
    steps: [0, 300].map((second) => [
      second,
      rolling(
        fresh(3, creating, {
          ...tied('n3'),
          status: {
            conditions: [
              {
                type: 'PodScheduled',
                status: 'False',
                reason: 'Unschedulable',
                message: '0/3 nodes are available: 1 Insufficient cpu.',
              },
            ],
          },
        }),
      ),
    ]),
    verdict:
      'failed unschedulable: pod agent-new3 fits on no node: 0/3 nodes are available: 1 Insufficient cpu',
  },
  {
    name: 'a crash after it was ready fails at once',
    steps: [
      [0, done],
      [5, seen([fresh(1), fresh(2), fresh(3, [dead(1)])])],
    ],
    verdict: 'failed late-crash: container web exits 1 after it had become ready (on 1 of 3 pods)',
  },
];

const webhook = 'Error creating: admission webhook "policy.example" denied the request: no hostPath';
const stuck: readonly Row[] = [
  {
    name: 'a pod that the API server refuses is known from an event, and borne a minute',
    steps: for60(
      seen(
        [fresh(1), fresh(2)],
        { status: { currentNumberScheduled: 2 } },
        { events: [setEvent('FailedCreate', webhook)] },
      ),
    ),
    verdict:
      'failed create-denied: a new pod cannot be created: admission webhook "policy.example" denied the request: no hostPath',
    advice: 'Change the pod template so that the admission webhook policy.example admits it.',
  },
  {
    name: 'what the recorder merged is told without its words and the name of one pod',
    steps: for60(
      seen(
        [fresh(1), fresh(2)],
        { status: { currentNumberScheduled: 2 } },
        {
          events: [
            setEvent(
              'FailedCreate',
              '(combined from similar events): Error creating: pods "agent-x7k2p" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
            ),
          ],
        },
      ),
    ),
    verdict:
      'failed create-denied: a new pod cannot be created: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
  },
  {
    name: 'the event is of the past when no pod is lacking',
    steps: for60(rolling(fresh(3, [running()]), {}, { events: [setEvent('FailedCreate', webhook)] })),
    verdict: 'progressing',
  },
  {
    name: 'or when one was created since',
    steps: for60(
      seen(
        [fresh(1), fresh(2)],
        { status: { currentNumberScheduled: 2 } },
        {
          events: [setEvent('FailedCreate', webhook), setEvent('SuccessfulCreate', 'Created pod: agent-x')],
        },
      ),
    ),
    verdict: 'progressing',
  },
  {
    name: 'nodes that are not Ready use up maxUnavailable, and are named when time is up',
    ...slow,
    steps: for60(
      seen(
        [old(1), old(2), old(3, undefined, leaving)],
        { status: { updatedNumberScheduled: 0 } },
        nodes(lost),
      ),
    ),
    verdict:
      'failed no-progress: node n3 is not Ready, which uses up maxUnavailable (1): the controller replaces no other pod (no progress for 60 s)',
    advice: 'Bring the nodes back or remove them from the cluster, or raise maxUnavailable.',
  },
  {
    name: 'fewer of them are not the cause',
    ...slow,
    steps: for60(
      seen(
        [old(1), old(2), old(3, undefined, leaving)],
        { spec: { updateStrategy: { rollingUpdate: { maxUnavailable: '34%' } } } },
        nodes(lost),
      ),
    ),
    verdict: 'failed no-progress: 0 of 2 nodes have a new pod that is ready (no progress for 60 s)',
  },
  {
    name: 'nor are they when the rollout surges',
    ...slow,
    steps: for60({
      ...surging([old(1), old(2), old(3, undefined, leaving)]),
      nodes: [node(1), node(2), lost],
    }),
    verdict: 'failed no-progress: 0 of 2 nodes have a new pod that is ready (no progress for 60 s)',
  },
  {
    name: 'what is never Ready is named with its container',
    ...slow,
    steps: for60(rolling(fresh(3, [running()]))),
    verdict: 'failed no-progress: container web is not ready on any new pod (no progress for 60 s)',
  },
  {
    name: 'each node that is done is progress',
    ...slow,
    steps: [
      [0, rolling(old(3, undefined, leaving))],
      [50, rolling(fresh(3, creating))],
      [100, rolling(fresh(3))],
      [150, seen([old(1), fresh(2), fresh(3)])],
      [209, seen([old(1), fresh(2), fresh(3)])],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'OnDelete cannot be gated: neither healthy nor failed',
    steps: [[0, seen(all, { spec: { updateStrategy: { type: 'OnDelete' } } })]],
    verdict:
      'unknown: its update strategy is OnDelete: no pod gets the new image until somebody deletes it, so it cannot be gated',
  },
  {
    name: 'another image is somebody else’s rollout',
    steps: [[3, seen(all, { metadata: { generation: 3 }, spec: { template: template({}, 'reg/agent:3') } })]],
    verdict: 'superseded: the image of container web was changed to reg/agent:3',
  },
  {
    name: 'a DaemonSet that is deleted is somebody’s wish',
    steps: [[3, { ...done, workload: undefined }]],
    verdict: 'superseded: it was deleted while it was rolled out',
  },
];

describe('a DaemonSet is healthy when', () => tell(health, pin));
describe('the revision of a DaemonSet', () => tell(revisions, pin));
describe('the nodes that count', () => tell(standing, pin));
describe('blamed are new pods on nodes that count', () => tell(blame, pin));
describe('a DaemonSet that goes no further', () => tell(stuck, pin));

test('the line of the live log counts nodes', () => {
  expect(statusLine(pin(), rolling(fresh(3, creating)))).toBe('0/3 ready · agent-new3: creating');
  expect(statusLine(pin(), rolling(old(3, undefined, leaving)))).toBe('0/3 ready · waiting for new pods');
  expect(statusLine(pin(), done)).toBe('3/3 ready · waiting for the controller');
  expect(podPhases(pin(), rolling(fresh(3))).map((one) => [one.pod, one.phase])).toEqual([
    ['agent-new3', 'ready'],
  ]);
});
