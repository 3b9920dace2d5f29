import { describe } from 'vitest';
import type { Condition, Probe } from '../../../src/model/kube.ts';
import { type Row, tell } from './row.ts';
import {
  backOff,
  but,
  complete,
  dead,
  deployment,
  event,
  newSet,
  oldPod,
  oldSet,
  pod,
  podWith,
  readyPod,
  rolling,
  running,
  status,
  terminated,
  V2,
  waiting,
} from './world.ts';

const exceeded: Condition = {
  type: 'Progressing',
  status: 'False',
  reason: 'ProgressDeadlineExceeded',
  message: 'ReplicaSet "web-new" has timed out progressing.',
  lastUpdateTime: '2026-01-02T00:10:00Z',
  lastTransitionTime: '2026-01-02T00:10:00Z',
};
const unready = rolling([podWith('a', [running()])]);
const probe = event('a', 'Unhealthy', 'Readiness probe failed: HTTP probe failed with statuscode: 503');
const pde = (over: Parameters<typeof deployment>[0] = {}) =>
  but(unready, {
    workload: deployment({
      ...over,
      status: { conditions: [exceeded], ...over?.status },
      spec: { progressDeadlineSeconds: 60, ...over?.spec },
    }),
    events: [probe],
  });

const deadline: readonly Row[] = [
  {
    name: 'the progress deadline names what is lacking, with the probe’s last answer',
    steps: [
      [1, unready],
      [61, pde()],
    ],
    verdict:
      "failed progress-deadline: container web is not ready (the Deployment's progress deadline of 60 s passed)",
    quote: 'Readiness probe failed: HTTP probe failed with statuscode: 503',
    subject: { pod: 'web-a', podUid: 'uid-a', container: 'web' },
  },
  {
    name: 'the one that stood at the patch is not about us (rollback after the progress deadline)',
    pin: { conditions: [exceeded] },
    steps: [1, 61, 120].map((second) => [second, pde()]),
    verdict: 'progressing',
  },
  {
    name: 'a second one, later than the one at the patch, is',
    pin: { conditions: [{ ...exceeded, lastUpdateTime: '2026-01-01T00:00:00Z' }] },
    steps: [
      [1, unready],
      [61, pde()],
    ],
    verdict:
      "failed progress-deadline: container web is not ready (the Deployment's progress deadline of 60 s passed)",
  },
  {
    name: 'one that is not observed for our generation is not',
    steps: [1, 61].map((second) => [second, pde({ status: { observedGeneration: 1 } })]),
    verdict: 'progressing',
  },
  {
    name: 'one that comes sooner than the deadline after the patch was counted from an older rollout',
    steps: [[5, pde()]],
    verdict: 'progressing',
    recheckIn: 53,
  },
  {
    name: 'a complete rollout with a stale one is healthy',
    limits: { stableFor: 0 },
    steps: [
      [
        100,
        but(complete(), {
          workload: {
            ...complete().workload,
            status: { ...complete().workload?.status, conditions: [exceeded] },
          },
        }),
      ],
    ],
    verdict: 'healthy: 1/1 ready',
  },
];

const slowStart: Probe = { initialDelaySeconds: 30, periodSeconds: 10, failureThreshold: 120 };
const probed = (startupProbe: Probe) => ({
  spec: { containers: [{ name: 'web', image: V2, startupProbe }] },
});
const starting = (startupProbe: Probe, over: Parameters<typeof running>[0] = {}) =>
  rolling([podWith('a', [running({ started: false, ...over })], probed(startupProbe))]);

const slow = { timeout: 60_000 };
const standstill: readonly Row[] = [
  {
    name: 'never Ready is borne until time is up',
    limits: slow,
    steps: [
      [1, unready],
      [60, unready],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'then it is named, with the probe’s last answer',
    limits: slow,
    steps: [
      [1, unready],
      [
        61,
        but(unready, {
          events: [
            event('a', 'Unhealthy', 'Readiness probe failed: connection refused'),
            probe,
            event('b', 'Unhealthy', 'Readiness probe failed: other pod'),
          ],
        }),
      ],
    ],
    verdict: 'failed no-progress: container web is not ready (no progress for 60 s)',
    quote: 'Readiness probe failed: connection refused',
  },
  {
    name: 'every step of a pod is progress: scheduled, pulled, started, ready',
    limits: slow,
    steps: [
      [0, rolling([])],
      [50, rolling([pod('a', { spec: { nodeName: undefined }, status: { conditions: [] } })])],
      [100, rolling([pod('a')])],
      [150, rolling([podWith('a', [status(waiting('ContainerCreating'), { imageID: 'sha256:id' })])])],
      [200, unready],
      [259, unready],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'old pods that go are progress',
    limits: slow,
    steps: [
      [0, but(unready, { pods: [podWith('a', [running()]), oldPod('x'), oldPod('y')] })],
      [50, but(unready, { pods: [podWith('a', [running()]), oldPod('x')] })],
      [109, but(unready, { pods: [podWith('a', [running()]), oldPod('x')] })],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'the churn of a crash loop is none',
    limits: { ...slow, maxRestarts: 100, maxDeathsOnePod: 100 },
    steps: [
      [0, rolling([podWith('a', [running()])])],
      [10, rolling([podWith('a', [dead(1)])])],
      [20, rolling([podWith('a', [running({ restartCount: 1, lastState: terminated(1) })])])],
      [40, rolling([podWith('a', [backOff(2)])])],
      [55, rolling([podWith('a', [running({ restartCount: 2, lastState: terminated(1) })])])],
      [71, rolling([podWith('a', [backOff(3)])])],
    ],
    verdict: 'failed no-progress: container web exits 1 (3 crashes) (no progress for 60 s)',
  },
  {
    name: 'pods that replace each other are none',
    limits: slow,
    steps: [
      [0, rolling([pod('a')])],
      [20, rolling([pod('b')])],
      [40, rolling([pod('c')])],
      [60, rolling([pod('d')])],
    ],
    verdict: 'failed no-progress: 0 of 1 new pods are ready, web-d: creating (no progress for 60 s)',
  },
  {
    name: 'readiness that comes and goes is none',
    limits: { ...slow, stableFor: 30_000 },
    steps: [
      [0, rolling([readyPod('a')])],
      [30, unready],
      [45, rolling([readyPod('a')])],
      [60, unready],
    ],
    verdict: 'failed no-progress: container web is not ready (no progress for 60 s)',
  },
  {
    name: 'the hold is no standstill, however long',
    limits: { ...slow, stableFor: 300_000 },
    steps: [
      [0, complete()],
      [200, complete()],
    ],
    verdict: 'progressing',
    recheckIn: 100,
  },
  {
    name: 'and when it breaks, the time without progress goes on where it stopped',
    limits: { ...slow, stableFor: 300_000 },
    steps: [
      [0, unready],
      [20, complete()],
      [200, but(complete(), { pods: [podWith('a', [running()])] })],
      [259, but(complete(), { pods: [podWith('a', [running()])] })],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'Ready pods that only grow old (minReadySeconds) do not stand still',
    limits: slow,
    steps: [0, 60, 89].map((second) => [
      second,
      but(complete(), {
        workload: deployment({
          spec: { minReadySeconds: 30 },
          status: { replicas: 1, availableReplicas: 0 },
        }),
        replicaSets: [
          newSet({ status: { readyReplicas: 1 } }),
          oldSet({ spec: { replicas: 0 }, status: { replicas: 0 } }),
        ],
      }),
    ]),
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'one of three new pods that is not ready is counted',
    limits: slow,
    steps: [0, 60].map((second) => [
      second,
      rolling([readyPod('a'), readyPod('b'), podWith('c', [running()])], { replicas: 3 }),
    ]),
    verdict: 'failed no-progress: container web is not ready on 1 of 3 new pods (no progress for 60 s)',
  },
  {
    name: 'where none of three is ready, no number is told',
    limits: slow,
    steps: [0, 60].map((second) => [
      second,
      rolling(
        ['a', 'b', 'c'].map((name) => podWith(name, [running()])),
        { replicas: 3 },
      ),
    ]),
    verdict: 'failed no-progress: container web is not ready on any new pod (no progress for 60 s)',
  },
  {
    name: 'a startup probe that has not passed is told apart',
    limits: slow,
    steps: [0, 60].map((second) => [
      second,
      rolling(
        [
          podWith('a', [running({ started: false })], {
            spec: { containers: [{ name: 'web', image: V2, startupProbe: {} }] },
          }),
        ],
        {
          events: [event('a', 'Unhealthy', 'Startup probe failed: connection refused')],
        },
      ),
    ]),
    verdict: 'failed no-progress: container web has not passed its startup probe (no progress for 60 s)',
    quote: 'Startup probe failed: connection refused',
  },
  {
    name: 'a startup probe that may take longer than the timeout is given its window',
    steps: [0, 600, 1229].map((second) => [second, starting(slowStart)]),
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'and no more',
    steps: [0, 600, 1230].map((second) => [second, starting(slowStart)]),
    verdict: 'failed no-progress: container web has not passed its startup probe (no progress for 1230 s)',
  },
  {
    name: 'the kill at its end is what is named then',
    steps: [
      [0, starting(slowStart)],
      [1228, starting(slowStart)],
      [1231, starting(slowStart, { restartCount: 1, lastState: terminated(137) })],
    ],
    verdict: 'failed no-progress: container web exits 137 (1 crash) (no progress for 1230 s)',
  },
  {
    name: 'the defaults of a probe count: 10 s for each of 70 times are longer than the timeout',
    steps: [0, 699].map((second) => [second, starting({ failureThreshold: 70 })]),
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'a timeout that is longer than the window stays what it is',
    limits: { timeout: 1_300_000 },
    steps: [0, 1299].map((second) => [second, starting(slowStart)]),
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'a timeout that was made shorter is meant so',
    limits: { timeout: 599_000 },
    steps: [0, 599].map((second) => [second, starting(slowStart)]),
    verdict: 'failed no-progress: container web has not passed its startup probe (no progress for 599 s)',
  },
  {
    name: 'a startup probe that has passed gives no time to the readiness probe',
    steps: [0, 600].map((second) => [second, starting(slowStart, { started: true })]),
    verdict: 'failed no-progress: container web is not ready (no progress for 10 min)',
  },
  {
    name: 'a container that does not run yet is in no startup window',
    steps: [0, 600].map((second) => [
      second,
      rolling([podWith('a', [status(waiting('ContainerCreating'), { started: false })], probed(slowStart))]),
    ]),
    verdict: 'failed no-progress: 0 of 1 new pods are ready, web-a: creating (no progress for 10 min)',
  },
  {
    name: 'an init container that never ends is named',
    limits: slow,
    steps: [0, 60].map((second) => [
      second,
      rolling([
        podWith('a', [status(waiting('PodInitializing'))], {
          spec: { initContainers: [{ name: 'migrate' }] },
          status: { initContainerStatuses: [running({ name: 'migrate' })] },
        }),
      ]),
    ]),
    verdict: 'failed no-progress: init container migrate is still running (no progress for 60 s)',
  },
  {
    name: 'a readiness gate is named, with its message',
    limits: slow,
    steps: [0, 60].map((second) => [
      second,
      rolling([
        podWith('a', [running({ ready: true })], {
          spec: { readinessGates: [{ conditionType: 'target-health.acme.io/web' }] },
          status: {
            conditions: [
              { type: 'PodScheduled', status: 'True' },
              { type: 'ContainersReady', status: 'True' },
              { type: 'Ready', status: 'False' },
              {
                type: 'target-health.acme.io/web',
                status: 'False',
                message: 'Target registration is in progress',
              },
            ],
          },
        }),
      ]),
    ]),
    verdict:
      'failed no-progress: pod web-a waits for its readiness gate target-health.acme.io/web (no progress for 60 s)',
    quote: 'Target registration is in progress',
  },
  {
    name: 'a reason to wait that no rule knows is quoted',
    limits: slow,
    steps: [0, 60].map((second) => [
      second,
      rolling([
        podWith('a', [status(waiting('ImageInspectError', 'Failed to inspect image: deadline exceeded'))]),
      ]),
    ]),
    verdict: 'failed no-progress: container web waits: ImageInspectError (no progress for 60 s)',
    quote: 'Failed to inspect image: deadline exceeded',
  },
  {
    name: 'a pull that does not end is named',
    limits: slow,
    steps: [0, 60].map((second) => [
      second,
      rolling([pod('a')], { events: [event('a', 'Pulling', `Pulling image "${V2}"`)] }),
    ]),
    verdict: 'failed no-progress: 0 of 1 new pods are ready, web-a: pulling (no progress for 60 s)',
    subject: { pod: 'web-a', podUid: 'uid-a' },
  },
  {
    name: 'Recreate: the new ReplicaSet comes late, once the old pods are gone, and is waited for',
    limits: slow,
    steps: [
      [0, but(rolling([]), { replicaSets: [oldSet({ spec: { replicas: 0 } })] })],
      [
        50,
        but(rolling([]), {
          replicaSets: [oldSet({ spec: { replicas: 0 }, status: { replicas: 0 } })],
          pods: [],
        }),
      ],
      [100, complete()],
      [110, complete()],
    ],
    verdict: 'healthy: 1/1 ready, held for 10 s',
  },
  {
    name: 'Recreate: old pods that do not end are named',
    limits: slow,
    steps: [0, 60].map((second) => [
      second,
      but(rolling([]), { replicaSets: [oldSet({ spec: { replicas: 0 } })] }),
    ]),
    verdict:
      'failed no-progress: the new ReplicaSet does not exist yet (old pods that have not ended: 1) (no progress for 60 s)',
    advice: "Look at the Deployment's conditions and events: kubectl -n shop describe deployment web.",
  },
  {
    name: 'the deadline is the end of all, however much progress there was',
    limits: { deadline: 100_000, timeout: 60_000 },
    steps: [
      [0, rolling([])],
      [50, rolling([pod('a')])],
      [99, unready],
      [100, unready],
    ],
    verdict: 'failed deadline: container web is not ready (the deadline of 100 s passed)',
  },
  {
    name: 'a hold that began before the deadline may end after it',
    limits: { deadline: 100_000 },
    steps: [
      [0, rolling([])],
      [95, complete()],
      [105, complete()],
    ],
    verdict: 'healthy: 1/1 ready, held for 10 s',
  },
  {
    name: 'a patch that the caches never show is unknown, not failed',
    limits: slow,
    steps: [0, 60].map((second) => [
      second,
      but(rolling([]), { workload: deployment({ metadata: { generation: 1 } }) }),
    ]),
    verdict: 'unknown: waiting for the cluster to show the patch: it never did',
  },
];

describe('the progress deadline of the Deployment', () => tell(deadline));
describe('our own timers', () => tell(standstill));
