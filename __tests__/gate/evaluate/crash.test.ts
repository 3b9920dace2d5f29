import { describe } from 'vitest';
import { type Row, tell } from './row.ts';
import {
  again,
  backOff,
  but,
  complete,
  dead,
  event,
  merge,
  oldPod,
  pod,
  podWith,
  readyPod,
  rolling,
  running,
  status,
  template,
  terminated,
  V2,
  waiting,
} from './world.ts';

const crash = (nth: number, code = 1, reason?: string) => rolling([podWith('a', [dead(nth, code, reason)])]);
const three = (statuses: readonly (readonly [string, ReturnType<typeof dead>])[]) =>
  rolling(
    statuses.map(([name, one]) => podWith(name, [one])),
    { replicas: 3 },
  );

const deaths: readonly Row[] = [
  {
    name: 'the third crash of the only pod fails, 12 s after the first',
    steps: [
      [1, crash(1)],
      [2, rolling([podWith('a', [again(1)])])],
      [3, crash(2)],
      [4, rolling([podWith('a', [backOff(2)])])],
      [13, crash(3)],
    ],
    verdict: 'failed crash: container web exits 1 (3 crashes)',
    advice: "Look at the container's last log lines: the program ended by itself.",
    subject: { pod: 'web-a', podUid: 'uid-a', container: 'web' },
  },
  {
    name: 'two crashes are borne while the container is in its back-off',
    steps: [
      [1, crash(1)],
      [2, crash(2)],
      [20, rolling([podWith('a', [backOff(2)])])],
    ],
    verdict: 'progressing',
  },
  {
    name: 'CrashLoopBackOff is not waited for: the third death is seen as it lies dead',
    steps: [
      [1, crash(1)],
      [2, crash(2)],
      [14, crash(3)],
    ],
    verdict: 'failed crash: container web exits 1 (3 crashes)',
  },
  {
    name: 'three crashes that are only seen in back-off count as three, and the dead instance is the previous one',
    steps: [
      [1, rolling([podWith('a', [backOff(1)])])],
      [15, rolling([podWith('a', [backOff(3)])])],
    ],
    verdict: 'failed crash: container web exits 1 (3 crashes)',
    subject: { pod: 'web-a', podUid: 'uid-a', container: 'web', previous: true },
  },
  {
    name: 'one crash and then Ready is a success, and the note tells of it',
    steps: [
      [1, crash(1)],
      [3, complete([podWith('a', [again(1, 1, { ready: true })])])],
      [13, complete([podWith('a', [again(1, 1, { ready: true })])])],
    ],
    verdict: 'healthy: 1/1 ready, held for 10 s',
    notes: ['container web of pod web-a ended once before it was well'],
  },
  {
    name: 'on a node that backs off 1 s the third crash waits for 10 s since the first',
    steps: [
      [1, crash(1)],
      [2, crash(2)],
      [3, crash(3)],
    ],
    verdict: 'progressing',
    recheckIn: 8,
  },
  {
    name: 'and fails when they are over and the container still lies dead',
    steps: [
      [1, crash(1)],
      [2, crash(2)],
      [3, crash(3)],
      [11, crash(3)],
    ],
    verdict: 'failed crash: container web exits 1 (3 crashes)',
  },
  {
    name: 'but not if the container became Ready in the meantime',
    steps: [
      [1, crash(1)],
      [2, crash(2)],
      [3, crash(3)],
      [5, rolling([podWith('a', [again(3, 1, { ready: true })])])],
      [11, rolling([podWith('a', [again(3, 1, { ready: true })])])],
    ],
    verdict: 'progressing',
  },
  {
    name: 'three crashes on every one of three pods are told as each',
    steps: [
      [
        1,
        three([
          ['a', dead(1)],
          ['b', dead(1)],
          ['c', dead(1)],
        ]),
      ],
      [
        13,
        three([
          ['a', dead(3)],
          ['b', dead(3)],
          ['c', dead(2)],
        ]),
      ],
      [
        14,
        three([
          ['a', dead(3)],
          ['b', backOff(3)],
          ['c', dead(3)],
        ]),
      ],
    ],
    verdict: 'failed crash: container web exits 1 on every new pod (3 crashes each)',
  },
  {
    name: 'one new pod of three replicas is every new pod',
    steps: [
      [1, three([['a', dead(1)]])],
      [13, three([['a', dead(3)]])],
    ],
    verdict: 'failed crash: container web exits 1 on every new pod (3 crashes)',
  },
  {
    name: 'a pod that still pulls keeps the third crash of another from being everybody’s',
    steps: [
      [1, rolling([podWith('a', [dead(1)]), pod('b')], { replicas: 2 })],
      [13, rolling([podWith('a', [dead(3)]), pod('b')], { replicas: 2 })],
    ],
    verdict: 'progressing',
  },
  {
    name: 'the fifth crash in one pod fails whatever the others do',
    steps: [
      [1, rolling([podWith('a', [dead(1)]), pod('b')], { replicas: 2 })],
      [90, rolling([podWith('a', [dead(5)]), pod('b')], { replicas: 2 })],
    ],
    verdict: 'failed crash: container web exits 1 on 1 of 2 new pods (5 crashes)',
  },
  {
    name: 'a pod that is Ready for 10 s without a death does not speak for one that crashes',
    steps: [
      [1, rolling([podWith('a', [dead(1)]), readyPod('b')], { replicas: 2 })],
      [13, rolling([podWith('a', [dead(3)]), readyPod('b')], { replicas: 2 })],
    ],
    verdict: 'failed crash: container web exits 1 on 1 of 2 new pods (3 crashes)',
  },
  {
    name: 'a pod that is Ready for less is waited for, and the timer tells how long',
    steps: [
      [1, rolling([podWith('a', [dead(1)]), pod('b')], { replicas: 2 })],
      [13, rolling([podWith('a', [dead(3)]), readyPod('b')], { replicas: 2 })],
    ],
    verdict: 'progressing',
    recheckIn: 10,
  },
  {
    name: 'and when it has been Ready for 10 s the verdict falls without an event',
    steps: [
      [1, rolling([podWith('a', [dead(1)]), pod('b')], { replicas: 2 })],
      [13, rolling([podWith('a', [dead(3)]), readyPod('b')], { replicas: 2 })],
      [23, rolling([podWith('a', [dead(3)]), readyPod('b')], { replicas: 2 })],
    ],
    verdict: 'failed crash: container web exits 1 on 1 of 2 new pods (3 crashes)',
  },
  {
    name: 'the fifth in one pod does not wait for another to be forgiven',
    steps: [
      [1, rolling([podWith('a', [dead(1)]), pod('b')], { replicas: 2 })],
      [85, rolling([podWith('a', [dead(4)]), pod('b')], { replicas: 2 })],
      [90, rolling([podWith('a', [dead(5)]), readyPod('b')], { replicas: 2 })],
    ],
    verdict: 'failed crash: container web exits 1 on 1 of 2 new pods (5 crashes)',
  },
  {
    name: 'crashing pods of the old ReplicaSet are never blamed',
    steps: [
      [
        1,
        rolling([pod('a')], { pods: [pod('a'), oldPod('x', { status: { containerStatuses: [dead(7)] } })] }),
      ],
      [
        60,
        rolling([pod('a')], { pods: [pod('a'), oldPod('x', { status: { containerStatuses: [dead(12)] } })] }),
      ],
    ],
    verdict: 'progressing',
  },
  {
    name: 'a pod that is being deleted is not blamed',
    steps: [
      [1, rolling([podWith('a', [dead(1)], { metadata: { deletionTimestamp: '2026-01-02T00:00:00Z' } })])],
      [60, rolling([podWith('a', [dead(9)], { metadata: { deletionTimestamp: '2026-01-02T00:00:00Z' } })])],
    ],
    verdict: 'progressing',
  },
  {
    name: 'a pod with our labels but another owner is not blamed',
    steps: [
      [
        1,
        rolling([
          podWith('a', [dead(1)], { metadata: { ownerReferences: [{ uid: 'uid-job', controller: true }] } }),
        ]),
      ],
      [
        60,
        rolling([
          podWith('a', [dead(9)], { metadata: { ownerReferences: [{ uid: 'uid-job', controller: true }] } }),
        ]),
      ],
    ],
    verdict: 'progressing',
  },
  {
    name: 'restarts that stood before the patch, in a ReplicaSet that was there already, do not count',
    pin: { restarts: new Map([['uid-a/web', 7]]) },
    steps: [
      [0, rolling([podWith('a', [backOff(8)])])],
      [60, rolling([podWith('a', [backOff(8)])])],
      [90, rolling([podWith('a', [dead(10)])])],
      [120, rolling([podWith('a', [backOff(10)])])],
    ],
    verdict: 'progressing',
  },
  {
    name: 'its third death since the patch does',
    pin: { restarts: new Map([['uid-a/web', 7]]) },
    steps: [
      [0, rolling([podWith('a', [backOff(8, 9)])])],
      [60, rolling([podWith('a', [dead(9)])])],
      [90, rolling([podWith('a', [dead(10)])])],
      [120, rolling([podWith('a', [dead(11)])])],
    ],
    verdict: 'failed crash: container web exits 1 (3 crashes)',
  },
  {
    name: 'a pod that died three times and has been well for 10 s is not blamed along with another',
    steps: [
      [1, rolling([podWith('a', [dead(1)]), pod('b')], { replicas: 2 })],
      [13, rolling([podWith('a', [dead(3)]), pod('b')], { replicas: 2 })],
      [20, rolling([podWith('a', [again(3, 1, { ready: true })]), podWith('b', [dead(1)])], { replicas: 2 })],
      [32, rolling([podWith('a', [again(3, 1, { ready: true })]), podWith('b', [dead(3)])], { replicas: 2 })],
    ],
    verdict: 'failed crash: container web exits 1 on 1 of 2 new pods (3 crashes)',
    subject: { pod: 'web-b', podUid: 'uid-b', container: 'web' },
  },
  {
    name: 'max-restarts: 0 fails at the first crash, once it is 10 s old',
    limits: { maxRestarts: 0 },
    steps: [
      [1, crash(1)],
      [11, rolling([podWith('a', [backOff(1)])])],
    ],
    verdict: 'failed crash: container web exits 1 (1 crash)',
  },
  {
    name: 'different exit codes are all named',
    steps: [
      [1, crash(1, 1)],
      [2, crash(2, 2)],
      [14, crash(3, 139)],
    ],
    verdict: 'failed crash: container web exits 1, 2 and 139 (3 crashes)',
    advice:
      "Look at the container's last log lines; exit code 139 is SIGSEGV: it touched memory that is not its own.",
  },
  {
    name: 'exit 127 fails at the second death, for no restart brings the command',
    steps: [
      [1, crash(1, 127)],
      [2, crash(2, 127)],
    ],
    verdict: 'failed crash: container web exits 127 (2 crashes)',
    advice: 'Check the command and its path: exit code 127 says that it was not found in the image.',
  },
  {
    name: 'one death by 127 is borne',
    steps: [[1, crash(1, 127)]],
    verdict: 'progressing',
  },
  {
    name: 'exit 0 counts as a death: a server must not end',
    steps: [
      [1, crash(1, 0)],
      [2, crash(2, 0)],
      [14, crash(3, 0)],
    ],
    verdict: 'failed exits: container web exits 0 (3 times)',
    advice:
      'Keep the program in the foreground: a workload of this kind restarts whatever ends, even if it ended well.',
  },
  {
    name: 'want of memory is named, with the limit to raise',
    steps: [1, 2, 14].map((second, index) => [
      second,
      rolling([
        podWith('a', [dead(index + 1, 137, 'OOMKilled')], {
          spec: { containers: [{ name: 'web', image: V2, resources: { limits: { memory: '64Mi' } } }] },
        }),
      ]),
    ]),
    verdict: 'failed out-of-memory: container web is killed for want of memory (OOMKilled, 3 times)',
    advice: "Raise the container's memory limit (it is 64Mi), or make the program use less.",
  },
  {
    name: 'once for want of memory, and then by crashes: those are what is told',
    steps: [
      [1, rolling([podWith('a', [dead(1, 137, 'OOMKilled')])])],
      [2, crash(2, 1)],
      [14, crash(3, 1)],
    ],
    verdict: 'failed crash: container web exits 137 and 1 (3 crashes)',
  },
  {
    name: 'exit 137 alone is not want of memory',
    steps: [
      [1, crash(1, 137)],
      [2, crash(2, 137)],
      [14, crash(3, 137)],
    ],
    verdict: 'failed crash: container web exits 137 (3 crashes)',
  },
  {
    name: 'a postStart hook that fails is named',
    steps: [1, 2, 14].map((second, index) => [
      second,
      rolling([
        podWith('a', [
          status(waiting('PostStartHookError'), { restartCount: index, lastState: terminated(137) }),
        ]),
      ]),
    ]),
    verdict: 'failed crash: container web is killed because its postStart hook fails (3 times)',
  },
];

const two = {
  containers: [
    { name: 'web', image: V2 },
    { name: 'log', image: 'log:1' },
  ],
};
const one = (what: ReturnType<typeof dead>, ...rest: readonly ReturnType<typeof dead>[]) =>
  rolling([podWith('a', [what, ...rest], rest.length === 0 ? {} : { spec: two })]);
const wellAt5: Row['steps'] = [
  [1, crash(1)],
  [2, crash(2)],
  [3, crash(3)],
  [5, one(again(3, 1, { ready: true }))],
];

const forgiven: readonly Row[] = [
  {
    name: 'a pod that was Ready for 10 s and is not any more, without a new death, does not fail for the old ones',
    steps: [...wellAt5, [15, one(again(3))], [100, one(again(3))]],
    verdict: 'progressing',
  },
  {
    name: 'and when time is up, its old deaths are not what is named',
    limits: { timeout: 60_000 },
    steps: [...wellAt5, [15, one(again(3))], [65, one(again(3))]],
    verdict: 'failed no-progress: container web is not ready (no progress for 60 s)',
  },
  {
    name: 'a pod that was Ready for less is failed for them',
    steps: [...wellAt5, [14, one(again(3))]],
    verdict: 'failed crash: container web exits 1 (3 crashes)',
  },
  {
    name: 'with the next death the old ones count again: a slow loop is a loop',
    steps: [...wellAt5, [15, one(again(3))], [40, one(dead(4))]],
    verdict: 'failed crash: container web exits 1 (4 crashes)',
  },
  {
    name: 'five deaths in one pod that was well since are forgiven as well',
    steps: [1, 5, 30, 31].map((second, index) => {
      const b = podWith('b', [running()]);
      const a = again(4 + Math.min(index, 1), 1, { ready: index === 1 || index === 2 });
      return [second, rolling([podWith('a', [index === 0 ? dead(5) : a]), b], { replicas: 2 })];
    }),
    verdict: 'progressing',
  },
  {
    name: 'a pod that was well does not join those that crash by losing Ready',
    steps: [
      [1, rolling([podWith('a', [dead(3)]), pod('b')], { replicas: 2 })],
      [5, rolling([podWith('a', [again(3, 1, { ready: true })]), pod('b')], { replicas: 2 })],
      [20, rolling([podWith('a', [again(3)]), podWith('b', [dead(1)])], { replicas: 2 })],
      [40, rolling([podWith('a', [again(3)]), podWith('b', [dead(3)])], { replicas: 2 })],
    ],
    verdict: 'progressing',
  },
  {
    name: 'a forgiven container does not stand before another of its pod that crashes',
    steps: [
      [1, one(dead(3), running({ name: 'log', ready: true }))],
      [5, one(again(3, 1, { ready: true }), running({ name: 'log', ready: true }))],
      [16, one(again(3, 1, { ready: true }), dead(1, 2, 'Error', { name: 'log' }))],
      [40, one(again(3, 1, { ready: true }), dead(3, 2, 'Error', { name: 'log' }))],
    ],
    verdict: 'failed crash: container log exits 2 (3 crashes)',
  },
];

const validation = (nth: number, code = 126, name = 'istio-validation') =>
  rolling([
    podWith('a', [status(waiting('PodInitializing'))], {
      spec: { initContainers: [{ name, image: 'istio/proxyv2:1' }] },
      status: { phase: 'Pending', initContainerStatuses: [dead(nth, code, 'Error', { name })] },
    }),
  ]);

const notOurs: readonly Row[] = [
  {
    name: 'exit 126 of a container that was not deployed may mean anything, and its second death is borne',
    steps: [
      [1, validation(1)],
      [2, validation(2)],
      [20, validation(2)],
    ],
    verdict: 'progressing',
  },
  {
    name: 'its third is a crash as any other, and so is the advice',
    steps: [
      [1, validation(1)],
      [2, validation(2)],
      [14, validation(3)],
    ],
    verdict: 'failed crash: init container istio-validation exits 126 (3 crashes)',
    advice: "Look at the container's last log lines: the program ended by itself.",
  },
  {
    name: 'nor does its exit 127 hasten anything',
    steps: [
      [1, validation(1, 127)],
      [2, validation(2, 127)],
      [3, validation(3, 127)],
    ],
    verdict: 'progressing',
    recheckIn: 8,
  },
  {
    name: 'an init container whose image was deployed fails at the second death by 126',
    pin: { images: [{ container: 'migrate', image: V2 }] },
    steps: [
      [1, validation(1, 126, 'migrate')],
      [2, validation(2, 126, 'migrate')],
    ],
    verdict: 'failed crash: init container migrate exits 126 (2 crashes)',
    advice: 'Make the command executable and built for this platform: exit code 126 says that it is not.',
  },
];

const afterHook: readonly Row[] = [
  {
    name: 'a postStart hook that failed is remembered in the back-off',
    steps: [
      [
        1,
        rolling([
          podWith('a', [
            status(waiting('PostStartHookError'), { restartCount: 1, lastState: terminated(137) }),
          ]),
        ]),
      ],
      [14, rolling([podWith('a', [backOff(3, 137)])])],
    ],
    verdict: 'failed crash: container web is killed because its postStart hook fails (3 times)',
  },
  {
    name: 'a start error that is over does not explain the crashes after it',
    steps: [
      [1, rolling([podWith('a', [dead(1, 128, 'StartError')])])],
      [2, crash(2)],
      [14, crash(3)],
    ],
    verdict: 'failed crash: container web exits 128 and 1 (3 crashes)',
  },
];

const killed = event('a', 'Killing', 'Container web failed liveness probe, will be restarted', { count: 3 });
const unhealthy = event('a', 'Unhealthy', 'Liveness probe failed: HTTP probe failed with statuscode: 500');

const stop = event('a', 'Killing', 'Stopping container web');

const kills: readonly Row[] = [
  {
    name: 'three kills by the liveness probe, from running to running and Ready all the while',
    pin: { template: template({ spec: { containers: [{ name: 'web', image: V2 }] } }) },
    steps: [0, 1, 2, 3].map((times) => [
      30 * times,
      rolling([podWith('a', [times === 0 ? running({ ready: true }) : again(times, 137, { ready: true })])], {
        events: times === 0 ? [] : [killed, unhealthy],
        replicaSets: rolling([pod('a')]).replicaSets.map((set) =>
          set.metadata?.name === 'web-new'
            ? {
                ...set,
                spec: {
                  replicas: 1,
                  template: template({ spec: { containers: [{ name: 'web', image: V2 }] } }),
                },
              }
            : set,
        ),
      }),
    ]),
    verdict: 'failed probe-killed: container web is killed by its liveness probe (3 times)',
    quote: 'Liveness probe failed: HTTP probe failed with statuscode: 500',
  },
  {
    name: 'kills by the startup probe are told apart, even where the program ends well',
    steps: [1, 2, 14].map((second, index) => [
      second,
      but(rolling([podWith('a', [again(index + 1, 0, { started: false })])]), {
        events: [
          event('a', 'Killing', 'Container web failed startup probe, will be restarted', { count: 3 }),
        ],
      }),
    ]),
    verdict: 'failed probe-killed: container web is killed by its startup probe (3 times)',
  },
  {
    name: 'a single kill by a probe does not explain three crashes',
    steps: [1, 2, 14].map((second, index) => [
      second,
      but(crash(index + 1), {
        events: [event('a', 'Killing', 'Container web failed liveness probe, will be restarted')],
      }),
    ]),
    verdict: 'failed crash: container web exits 1 (3 crashes)',
  },
  {
    name: 'resizes before the patch excuse no death after it',
    pin: { restarts: new Map([['uid-a/web', 2]]) },
    steps: [2, 3, 4, 5].map((restarts, index) => [
      20 * index,
      but(rolling([podWith('a', [restarts === 2 ? running({ restartCount: 2 }) : dead(restarts)])]), {
        events: [event('a', 'Killing', 'Container web resize requires restart', { count: 2 })],
      }),
    ]),
    verdict: 'failed crash: container web exits 1 (3 crashes)',
  },
  {
    name: 'Killing events of another pod explain nothing',
    steps: [1, 2, 14].map((second, index) => [
      second,
      but(crash(index + 1, 137), {
        events: [
          event('b', 'Killing', 'Container web failed liveness probe, will be restarted', { count: 3 }),
        ],
      }),
    ]),
    verdict: 'failed crash: container web exits 137 (3 crashes)',
  },
  {
    name: 'restarts for a resize are no deaths',
    steps: [0, 1, 2, 3].map((times) => [
      20 * times,
      but(rolling([podWith('a', [times === 0 ? running() : again(times, 137)])]), {
        events:
          times === 0
            ? []
            : [event('a', 'Killing', 'Container web resize requires restart', { count: times })],
      }),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'deaths beside restarts for a resize are',
    steps: [
      [0, rolling([podWith('a', [running()])])],
      [5, but(crash(2, 1), { events: [event('a', 'Killing', 'Container web resize requires restart')] })],
      [20, but(crash(4, 1), { events: [event('a', 'Killing', 'Container web resize requires restart')] })],
    ],
    verdict: 'failed crash: container web exits 1 (3 crashes)',
  },
  {
    name: 'a stop of the whole pod excuses its own end, and none of a crash loop after it',
    steps: [
      [0, rolling([podWith('a', [running()])])],
      [5, but(rolling([podWith('a', [dead(1, 143)])]), { events: [stop] })],
      [10, but(crash(2), { events: [stop] })],
      [11, but(crash(3), { events: [stop] })],
      [25, but(crash(4), { events: [stop] })],
    ],
    verdict: 'failed crash: container web exits 143 and 1 (3 crashes)',
  },
  {
    name: 'sandboxes that change over and over are no deaths of the container',
    steps: [0, 1, 2, 3].map((times) => [
      20 * times,
      but(rolling([podWith('a', [times === 0 ? running() : again(times, 143)])]), {
        events: times === 0 ? [] : [merge(stop, { count: times })],
      }),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'a restart because the pod’s image was changed is no death',
    steps: [0, 1, 2, 3].map((times) => [
      20 * times,
      but(rolling([podWith('a', [times === 0 ? running() : again(times, 143)])]), {
        events:
          times === 0
            ? []
            : [
                event('a', 'Killing', 'Container web definition changed, will be restarted', {
                  count: times,
                }),
              ],
      }),
    ]),
    verdict: 'progressing',
  },
];

const never = {
  containers: [
    { name: 'web', image: V2, restartPolicy: 'Never' },
    { name: 'log', image: 'log:1' },
  ],
};
const init = (one: ReturnType<typeof status>) =>
  podWith('a', [running()], {
    spec: { initContainers: [{ name: 'migrate', image: 'm:1' }] },
    status: { initContainerStatuses: [one] },
  });
const gone = 'RestartingAllContainers';
/** RestartAllContainers as seen on 1.36: the culprit's code once, then both wait, counted up, then both run. */
const gang = (round: number) =>
  [
    podWith('a', [dead(round, 3), running({ name: 'log', ready: true, restartCount: round - 1 })], {
      spec: two,
    }),
    podWith(
      'a',
      ['web', 'log'].map((name) =>
        status(waiting(gone), { name, restartCount: round, lastState: terminated(137, gone) }),
      ),
      { spec: two },
    ),
    podWith(
      'a',
      ['web', 'log'].map((name) => running({ name, restartCount: round, lastState: terminated(137, gone) })),
      { spec: two },
    ),
  ] as const;

const bystander = (what: ReturnType<typeof dead>) =>
  podWith('a', [what, running({ name: 'log', ready: true })], {
    spec: {
      containers: [
        { name: 'web', image: V2 },
        { name: 'log', image: 'log:1', restartPolicyRules: [{ action: 'RestartAllContainers' }] },
      ],
    },
  });
const stops = [event('a', 'Killing', 'Stopping container web', { count: 2 })];

const roles: readonly Row[] = [
  {
    name: 'of containers that are restarted together only the one that exited is blamed',
    steps: [
      ...[1, 2].flatMap((round) =>
        gang(round).map((one, index) => [round * 5 + index, rolling([one])] as const),
      ),
      [15, rolling([gang(3)[0]])],
    ],
    verdict: 'failed crash: container web exits 3 (3 crashes)',
  },
  {
    name: 'bystanders alone, restarted over and over, are not blamed',
    steps: [1, 2, 3, 4].map((round) => [
      round * 5,
      rolling([podWith('a', [running({ restartCount: round, lastState: terminated(137, gone) })])]),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'a bystander is excused once, by its status, also where an event says that it was stopped',
    steps: [
      [1, rolling([bystander(running({ restartCount: 2, lastState: terminated(137, gone) }))])],
      [5, rolling([bystander(dead(3))], { events: stops })],
      [6, rolling([bystander(dead(4))], { events: stops })],
      [20, rolling([bystander(dead(5))], { events: stops })],
    ],
    verdict: 'failed crash: container web exits 1 (3 crashes)',
  },
  {
    name: 'containers that the kubelet lost sight of did not die',
    steps: [1, 2, 3, 4].map((round) => [
      round * 5,
      rolling([
        podWith('a', [
          running({ restartCount: round, lastState: terminated(137, 'ContainerStatusUnknown') }),
        ]),
      ]),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'nor did those that containerd lost, for it or the node was started anew',
    steps: [1, 2, 3, 4].map((round) => [
      round * 5,
      rolling([podWith('a', [running({ restartCount: round, lastState: terminated(255, 'Unknown') })])]),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'exit 255 of the program itself is a crash as any other',
    steps: [
      [1, crash(1, 255)],
      [2, crash(2, 255)],
      [14, crash(3, 255)],
    ],
    verdict: 'failed crash: container web exits 255 (3 crashes)',
  },
  {
    name: 'an init container that fails is named as one',
    steps: [1, 2, 14].map((second, index) => [
      second,
      rolling([
        podWith('a', [status(waiting('PodInitializing'))], {
          spec: { initContainers: [{ name: 'migrate', image: 'm:1' }] },
          status: {
            phase: 'Pending',
            initContainerStatuses: [dead(index + 1, 1, 'Error', { name: 'migrate' })],
          },
        }),
      ]),
    ]),
    verdict: 'failed crash: init container migrate exits 1 (3 crashes)',
  },
  {
    name: 'an init container that ends well has not died, even when it is run again and again',
    steps: [1, 2, 3, 4].map((round) => [
      round * 10,
      rolling([
        podWith('a', [running()], {
          spec: { initContainers: [{ name: 'migrate', image: 'm:1' }] },
          status: {
            initContainerStatuses: [
              status(terminated(0), { name: 'migrate', restartCount: round, lastState: terminated(0) }),
            ],
          },
        }),
      ]),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'an init container that fails once and then ends well is borne',
    steps: [
      [1, rolling([init(dead(1, 1, 'Error', { name: 'migrate' }))])],
      [
        5,
        rolling([
          init(status(terminated(0), { name: 'migrate', restartCount: 1, lastState: terminated(1) })),
        ]),
      ],
      [
        60,
        rolling([
          init(status(terminated(0), { name: 'migrate', restartCount: 1, lastState: terminated(1) })),
        ]),
      ],
    ],
    verdict: 'progressing',
  },
  {
    name: 'a native sidecar that ends has died, though it ended well',
    steps: [1, 2, 14].map((second, index) => [
      second,
      rolling([
        podWith('a', [running()], {
          spec: { initContainers: [{ name: 'proxy', image: 'p:1', restartPolicy: 'Always' }] },
          status: { initContainerStatuses: [dead(index + 1, 0, 'Completed', { name: 'proxy' })] },
        }),
      ]),
    ]),
    verdict: 'failed exits: sidecar proxy exits 0 (3 times)',
  },
  {
    name: 'of two containers the one that crashes is named',
    steps: [1, 2, 14].map((second, index) => [
      second,
      rolling([
        podWith('a', [running({ ready: true }), dead(index + 1, 2, 'Error', { name: 'log' })], { spec: two }),
      ]),
    ]),
    verdict: 'failed crash: container log exits 2 (3 crashes)',
  },
  {
    name: 'a container that is never started again holds up its pod for good',
    steps: [
      [1, rolling([podWith('a', [dead(1), running({ name: 'log', ready: true })], { spec: never })])],
      [11, rolling([podWith('a', [dead(1), running({ name: 'log', ready: true })], { spec: never })])],
    ],
    verdict: 'failed crash: container web exits 1 and is not started again (restartPolicy Never)',
  },
  {
    name: 'but where it was the only one, the pod has ended and only was not yet said to have',
    steps: [1, 11, 60].map((second) => [
      second,
      rolling([podWith('a', [dead(1)], { spec: { containers: never.containers.slice(0, 1) } })]),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'unless a rule may start it again',
    steps: [1, 11, 60].map((second) => [
      second,
      rolling([
        podWith('a', [dead(1), running({ name: 'log', ready: true })], {
          spec: {
            containers: [
              { ...never.containers[0], restartPolicyRules: [{ action: 'Restart' }] },
              { name: 'log' },
            ],
          },
        }),
      ]),
    ]),
    verdict: 'progressing',
  },
];

describe('deaths of a container', () => tell([...deaths, ...afterHook]));
describe('exit codes of containers that were not deployed', () => tell(notOurs));
describe('deaths that are forgiven', () => tell(forgiven));
describe('kills by the kubelet', () => tell(kills));
describe('who died', () => tell(roles));
