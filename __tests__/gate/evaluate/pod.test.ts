import { describe } from 'vitest';
import type { Condition } from '../../../src/model/kube.ts';
import { type Row, tell } from './row.ts';
import {
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
} from './world.ts';

const failedPod = (name: string, over: Parameters<typeof podWith>[2] = {}) =>
  podWith(name, [status(terminated(1))], { status: { phase: 'Failed' }, ...over });

const ended: readonly Row[] = [
  {
    name: 'three pods that end with their container fail, although none restarts',
    steps: [
      [0, rolling([pod('a')])],
      [2, rolling([pod('b'), failedPod('a')])],
      [4, rolling([pod('c'), failedPod('a'), failedPod('b')])],
      [12, rolling([pod('d'), failedPod('a'), failedPod('b'), failedPod('c')])],
    ],
    verdict: 'failed pod-failed: container web exits 1 and ends its pod (3 pods)',
    subject: { pod: 'web-c', podUid: 'uid-c', container: 'web' },
  },
  {
    name: 'but not once the pod that came after them is Ready',
    steps: [
      [0, rolling([pod('a')])],
      [4, rolling([pod('d'), failedPod('a'), failedPod('b'), failedPod('c')])],
      [9, rolling([readyPod('d'), failedPod('a'), failedPod('b'), failedPod('c')])],
      [60, rolling([readyPod('d'), failedPod('a'), failedPod('b'), failedPod('c')])],
    ],
    verdict: 'progressing',
  },
  {
    name: 'two are borne',
    steps: [
      [0, rolling([pod('a')])],
      [2, rolling([pod('b'), failedPod('a')])],
      [40, rolling([pod('c'), failedPod('a'), failedPod('b')])],
    ],
    verdict: 'progressing',
  },
  {
    name: 'of three places each may lose its pod twice',
    steps: [
      [0, rolling([pod('a'), pod('b'), pod('c')], { replicas: 3 })],
      [
        2,
        rolling([pod('d'), pod('e'), pod('f'), failedPod('a'), failedPod('b'), failedPod('c')], {
          replicas: 3,
        }),
      ],
      [
        30,
        rolling([pod('d'), pod('e'), pod('f'), failedPod('a'), failedPod('b'), failedPod('c')], {
          replicas: 3,
        }),
      ],
    ],
    verdict: 'progressing',
  },
  {
    name: 'pods that the node evicts are not the app’s doing',
    steps: [
      [0, rolling([pod('a')])],
      [
        20,
        rolling([
          pod('d'),
          ...['a', 'b', 'c'].map((name) =>
            failedPod(name, { status: { phase: 'Failed', reason: 'Evicted' } }),
          ),
        ]),
      ],
      [
        60,
        rolling([
          pod('d'),
          ...['a', 'b', 'c'].map((name) =>
            failedPod(name, { status: { phase: 'Failed', reason: 'Evicted' } }),
          ),
        ]),
      ],
    ],
    verdict: 'progressing',
  },
  {
    name: 'nor are pods that a disruption ends',
    steps: [0, 20, 60].map((second) => [
      second,
      rolling([
        pod('d'),
        ...(second === 0 ? [] : ['a', 'b', 'c']).map((name) =>
          failedPod(name, {
            status: { phase: 'Failed', conditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          }),
        ),
      ]),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'pods that had ended when the gate began do not count',
    steps: [0, 20, 60].map((second) => [
      second,
      rolling([pod('d'), failedPod('a'), failedPod('b'), failedPod('c')]),
    ]),
    verdict: 'progressing',
  },
];

const gates = (condition: Partial<Condition>) => ({
  status: { conditions: [{ type: 'PodScheduled', status: 'False', ...condition }], containerStatuses: [] },
});
const text =
  '0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available: 3 No preemption victims found.';
const stuck = (over: Parameters<typeof pod>[1] = {}) =>
  rolling([
    pod('a', {
      ...gates({ reason: 'Unschedulable', message: text }),
      spec: { nodeName: undefined },
      ...over,
    }),
  ]);

const leaving = { metadata: { deletionTimestamp: '2026-01-02T00:00:00Z' } };
const beside = (old: ReturnType<typeof oldPod>) => ({
  ...stuck(),
  pods: [...stuck().pods.slice(0, 1), old],
});

const scheduling: readonly Row[] = [
  {
    name: 'a pod that fits on no node is borne for 5 min',
    steps: [
      [1, stuck()],
      [300, stuck()],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'then it fails, and the advice names what is short',
    steps: [
      [1, stuck()],
      [301, stuck()],
    ],
    verdict:
      'failed unschedulable: pod web-a fits on no node: 0/3 nodes are available: 3 Insufficient memory',
    quote: text,
    advice: "Lower the pod's request for memory, or add nodes that have it.",
    subject: { pod: 'web-a', podUid: 'uid-a' },
  },
  {
    name: 'it is borne longer while an autoscaler adds a node',
    steps: [1, 301, 500].map((second) => [
      second,
      { ...stuck(), events: [event('a', 'TriggeredScaleUp', 'pod triggered scale-up')] },
    ]),
    verdict: 'progressing',
  },
  {
    name: 'but not when the autoscaler has given up since',
    steps: [1, 301].map((second) => [
      second,
      {
        ...stuck(),
        events: [
          event('a', 'TriggeredScaleUp', 'pod triggered scale-up', { lastTimestamp: '2026-01-01T00:00:00Z' }),
          event('a', 'NotTriggerScaleUp', "pod didn't trigger scale-up", {
            lastTimestamp: '2026-01-01T00:01:00Z',
          }),
        ],
      },
    ]),
    verdict:
      'failed unschedulable: pod web-a fits on no node: 0/3 nodes are available: 3 Insufficient memory',
  },
  {
    name: 'an autoscaler’s event about another pod is no excuse',
    steps: [1, 301].map((second) => [
      second,
      { ...stuck(), events: [event('b', 'TriggeredScaleUp', 'pod triggered scale-up')] },
    ]),
    verdict:
      'failed unschedulable: pod web-a fits on no node: 0/3 nodes are available: 3 Insufficient memory',
  },
  {
    name: 'a pod for which room is made by preemption is borne longer',
    steps: [1, 301].map((second) => [
      second,
      rolling([
        pod('a', {
          spec: { nodeName: undefined },
          status: {
            ...gates({ reason: 'Unschedulable', message: text }).status,
            nominatedNodeName: 'node-2',
          },
        }),
      ]),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'an old pod that is ending may hold the GPU or the port that the new one wants, and is waited for',
    steps: [1, 301, 500].map((second) => [second, beside(oldPod('x', leaving))]),
    verdict: 'progressing',
  },
  {
    name: 'the patience counts from the first sighting, so that it is over when the old pod is gone and no room came',
    steps: [
      [1, beside(oldPod('x', leaving))],
      [301, beside(oldPod('x', leaving))],
      [302, { ...stuck(), pods: stuck().pods.slice(0, 1) }],
    ],
    verdict:
      'failed unschedulable: pod web-a fits on no node: 0/3 nodes are available: 3 Insufficient memory',
  },
  {
    name: 'an old pod that stays makes no room',
    steps: [1, 301].map((second) => [second, beside(oldPod('x'))]),
    verdict:
      'failed unschedulable: pod web-a fits on no node: 0/3 nodes are available: 3 Insufficient memory',
  },
  {
    name: 'a pod that is scheduled after 4 min 50 s was only late',
    steps: [
      [1, stuck()],
      [290, rolling([pod('a')])],
      [301, rolling([pod('a')])],
    ],
    verdict: 'progressing',
  },
  {
    name: 'scheduling gates are waited for',
    steps: [1, 301].map((second) => [
      second,
      rolling([pod('a', { ...gates({ reason: 'SchedulingGated' }), spec: { nodeName: undefined } })]),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'and named when time is up',
    limits: { timeout: 20_000 },
    steps: [1, 21].map((second) => [
      second,
      rolling([
        pod('a', {
          ...gates({ reason: 'SchedulingGated' }),
          spec: { nodeName: undefined, schedulingGates: [{ name: 'acme/quota' }] },
        }),
      ]),
    ]),
    verdict:
      'failed no-progress: pod web-a waits for its scheduling gates (acme/quota) (no progress for 20 s)',
  },
];

const refused = (message: string) =>
  rolling([], {
    replicaSets: [
      newSet({
        status: {
          replicas: 0,
          conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }],
        },
      }),
      oldSet(),
    ],
  });
const quota =
  'pods "web-new-x2k" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=5, limited: pods=5';
const psa =
  'pods "web-new-x2k" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false';
const hook =
  'Internal error occurred: failed calling webhook "policy.acme.io": Post "https://policy.acme.svc:443": dial tcp: connect: connection refused';
const setError = (over: Partial<Condition> = {}): Condition => ({
  type: 'Progressing',
  status: 'False',
  reason: 'ReplicaSetCreateError',
  message:
    'Failed to create new replica set "web-6d": admission webhook "policy.acme.io" denied the request: no owner label',
  lastUpdateTime: '2026-01-02T00:00:00Z',
  ...over,
});
const noSet = (condition: Condition) =>
  rolling([], {
    workload: deployment({ status: { observedGeneration: 1, conditions: [condition] } }),
    replicaSets: [oldSet()],
  });

const creating: readonly Row[] = [
  {
    name: 'a pod that the API server refuses is borne for 60 s by our own timer',
    steps: [
      [1, refused(psa)],
      [60, refused(psa)],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'then it fails, without the generated name',
    steps: [
      [1, refused(psa)],
      [61, refused(psa)],
    ],
    verdict:
      'failed create-denied: a new pod cannot be created: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
    quote: psa,
    advice: "Meet the namespace's Pod Security level in the pod's securityContext, or change the level.",
  },
  {
    name: 'a refusal that is gone in time was passing trouble',
    steps: [
      [1, refused(psa)],
      [50, rolling([pod('a')])],
      [70, rolling([pod('a')])],
    ],
    verdict: 'progressing',
  },
  {
    name: 'a quota is waited for, as old pods may free it',
    steps: [1, 61, 300].map((second) => [second, refused(quota)]),
    verdict: 'progressing',
  },
  {
    name: 'and named when time is up',
    limits: { timeout: 30_000 },
    steps: [
      [0, refused(quota)],
      [30, refused(quota)],
    ],
    verdict:
      'failed no-progress: a new pod cannot be created: exceeded quota: compute, requested: pods=1, used: pods=5, limited: pods=5 (no progress for 30 s)',
    advice:
      'Raise the ResourceQuota compute, ask for less in the pod template, or use a strategy that needs no extra pod (maxSurge: 0).',
  },
  {
    name: 'a webhook that cannot be reached is waited for',
    steps: [1, 61, 300].map((second) => [second, refused(hook)]),
    verdict: 'progressing',
  },
  {
    name: 'a refusal that the Deployment copies from an old ReplicaSet is not ours',
    steps: [1, 100].map((second) => [
      second,
      rolling([pod('a')], {
        workload: deployment({
          status: {
            conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: psa }],
          },
        }),
        replicaSets: [
          newSet(),
          oldSet({
            status: {
              conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: psa }],
            },
          }),
        ],
      }),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'a ReplicaSet that cannot be created fails after 60 s, though the generation is never observed',
    steps: [
      [1, noSet(setError())],
      [61, noSet(setError())],
    ],
    verdict:
      'failed create-denied: the new ReplicaSet cannot be created: admission webhook "policy.acme.io" denied the request: no owner label',
    advice: 'Change the pod template so that the admission webhook policy.acme.io admits it.',
  },
  {
    name: 'a ReplicaSet error that stood at the patch is not about us',
    pin: { conditions: [setError()] },
    steps: [1, 100].map((second) => [second, noSet(setError())]),
    verdict: 'progressing',
  },
];

const creatingPod = pod('a');
const mount = (message: string, reason = 'FailedMount') =>
  rolling([creatingPod], { events: [event('a', reason, message)] });
const absent = 'MountVolume.SetUp failed for volume "cfg" : configmap "app-files" not found';

const volumes: readonly Row[] = [
  {
    name: 'a ConfigMap that is missing as a volume shows in events only, and fails after 60 s',
    steps: [
      [1, mount(absent)],
      [61, mount(absent)],
    ],
    verdict: 'failed volume: pod web-a cannot be set up: volume cfg: configmap "app-files" not found',
    quote: absent,
    advice: 'Create the ConfigMap app-files in namespace shop before this version is deployed.',
  },
  {
    name: 'not sooner',
    steps: [
      [1, mount(absent)],
      [60, mount(absent)],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'the event stays when the trouble is over: a pod that pulls is past its volumes',
    steps: [1, 61].map((second) => [
      second,
      rolling([creatingPod], {
        events: [event('a', 'FailedMount', absent), event('a', 'Pulling', `Pulling image "${V2}"`)],
      }),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'so is one whose sandbox stands',
    steps: [1, 61].map((second) => [
      second,
      rolling(
        [
          pod('a', {
            status: {
              conditions: [
                { type: 'PodScheduled', status: 'True' },
                { type: 'PodReadyToStartContainers', status: 'True' },
              ],
            },
          }),
        ],
        { events: [event('a', 'FailedMount', absent)] },
      ),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'a container that runs is past them too',
    steps: [1, 61].map((second) => [
      second,
      rolling([podWith('a', [running()])], { events: [event('a', 'FailedMount', absent)] }),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'an event of another pod’s uid under the same name is not about this pod',
    steps: [1, 61].map((second) => [
      second,
      rolling([creatingPod], {
        events: [event('a', 'FailedMount', absent, { involvedObject: { uid: 'uid-of-before' } })],
      }),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'a volume that cannot be attached now is waited for',
    steps: [1, 300].map((second) => [
      second,
      mount(
        'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) web-old0',
        'FailedAttachVolume',
      ),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'and named when time is up',
    limits: { timeout: 60_000 },
    steps: [
      [
        0,
        mount(
          'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) web-old0',
          'FailedAttachVolume',
        ),
      ],
      [
        60,
        mount(
          'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) web-old0',
          'FailedAttachVolume',
        ),
      ],
    ],
    verdict:
      'failed no-progress: pod web-a cannot be set up: Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) web-old0 (no progress for 60 s)',
  },
  {
    name: 'the kubelet’s cache that lags behind is ignored here too',
    steps: [1, 100].map((second) => [
      second,
      mount(
        'MountVolume.SetUp failed for volume "cfg" : failed to sync configmap cache: timed out waiting for the condition',
      ),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'and is not named when time is up',
    limits: { timeout: 60_000 },
    steps: [0, 60].map((second) => [
      second,
      mount('MountVolume.SetUp failed for volume "cfg" : failed to sync configmap cache: timed out'),
    ]),
    verdict: 'failed no-progress: 0 of 1 new pods are ready, web-a: creating (no progress for 60 s)',
  },
  {
    name: 'a driver that is not found on a fresh node comes by itself',
    steps: [1, 100].map((second) => [
      second,
      mount(
        'MountVolume.SetUp failed for volume "keys" : kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name secrets-store.csi.k8s.io not found in the list of registered CSI drivers',
      ),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'a ConfigMap that was missing, and now its volume fails for another reason, is missing no more',
    steps: [1, 61].map((second) => [
      second,
      rolling([creatingPod], {
        events: [
          event('a', 'FailedMount', absent, { lastTimestamp: '2026-01-01T00:00:00Z' }),
          event('a', 'FailedMount', 'MountVolume.SetUp failed for volume "cfg" : no space left on device', {
            lastTimestamp: '2026-01-01T00:00:20Z',
          }),
        ],
      }),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'it is still missing when another volume fails, too, and later',
    steps: [1, 61].map((second) => [
      second,
      rolling([creatingPod], {
        events: [
          event('a', 'FailedMount', absent, { lastTimestamp: '2026-01-01T00:00:00Z' }),
          event('a', 'FailedMount', 'MountVolume.SetUp failed for volume "data" : no space left on device', {
            lastTimestamp: '2026-01-01T00:00:20Z',
          }),
          event('a', 'FailedMount', 'Unable to attach or mount volumes: unmounted volumes=[cfg data]', {
            lastTimestamp: '2026-01-01T00:00:40Z',
          }),
        ],
      }),
    ]),
    verdict: 'failed volume: pod web-a cannot be set up: volume cfg: configmap "app-files" not found',
  },
  {
    name: 'a sandbox whose runtime is not found fails after 60 s',
    steps: [
      [
        1,
        mount('failed to get sandbox runtime: RuntimeHandler "gvisor" not found', 'FailedCreatePodSandBox'),
      ],
      [
        61,
        mount('failed to get sandbox runtime: RuntimeHandler "gvisor" not found', 'FailedCreatePodSandBox'),
      ],
    ],
    verdict:
      'failed volume: pod web-a cannot be set up: failed to get sandbox runtime: RuntimeHandler "gvisor" not found',
  },
];

describe('pods that end as a whole', () => tell(ended));
describe('pods that are not scheduled', () => tell(scheduling));
describe('pods that are not created', () => tell(creating));
describe('pods that cannot be set up', () => tell(volumes));
