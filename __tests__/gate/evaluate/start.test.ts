import { describe } from 'vitest';
import { type Row, tell } from './row.ts';
import {
  backOff,
  dead,
  oldPod,
  pod,
  podWith,
  rolling,
  running,
  status,
  terminated,
  waiting,
} from './world.ts';

const is = (reason: string, message?: string, restartCount = 0) =>
  rolling([podWith('a', [status(waiting(reason, message), { restartCount })])]);

const root =
  'container has runAsNonRoot and image will run as root (pod: "web-a_shop(uid-a)", container: web)';
const config: readonly Row[] = [
  {
    name: 'runAsNonRoot lies in the image and fails at once',
    steps: [[1, is('CreateContainerConfigError', root)]],
    verdict:
      'failed config-error: container web cannot be configured: container has runAsNonRoot and image will run as root',
    quote: root,
  },
  {
    name: 'a missing ConfigMap is borne for 60 s',
    steps: [
      [1, is('CreateContainerConfigError', 'configmap "app-config" not found')],
      [60, is('CreateContainerConfigError', 'configmap "app-config" not found')],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'then it fails, and the advice names it',
    steps: [
      [1, is('CreateContainerConfigError', 'configmap "app-config" not found')],
      [61, is('CreateContainerConfigError', 'configmap "app-config" not found')],
    ],
    verdict: 'failed config-error: container web cannot be configured: configmap "app-config" not found',
    advice: 'Create the ConfigMap app-config in namespace shop before this version is deployed.',
    subject: { pod: 'web-a', podUid: 'uid-a', container: 'web' },
  },
  {
    name: 'a missing key is told with what it is missing from',
    limits: { patience: { 'config-error': 5_000 } },
    steps: [
      [1, is('CreateContainerConfigError', "couldn't find key url in Secret shop/db")],
      [6, is('CreateContainerConfigError', "couldn't find key url in Secret shop/db")],
    ],
    verdict:
      "failed config-error: container web cannot be configured: couldn't find key url in Secret shop/db",
    advice: 'Add the key url to the Secret shop/db, or mark the reference optional.',
  },
  {
    name: 'somebody who creates the ConfigMap in time ends the trouble, and later trouble counts anew',
    steps: [
      [1, is('CreateContainerConfigError', 'configmap "app-config" not found')],
      [50, rolling([podWith('a', [running()])])],
      [55, is('CreateContainerConfigError', 'secret "db" not found')],
      [70, is('CreateContainerConfigError', 'secret "db" not found')],
    ],
    verdict: 'progressing',
    recheckIn: 45,
  },
  {
    name: 'the kubelet’s cache that lags behind is ignored',
    steps: [1, 100].map((second) => [
      second,
      is('CreateContainerConfigError', 'failed to sync configmap cache: timed out waiting for the condition'),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'a config error of an old pod is not ours',
    steps: [1, 100].map((second) => [
      second,
      rolling([pod('a')], {
        pods: [
          pod('a'),
          oldPod('x', {
            status: { containerStatuses: [status(waiting('CreateContainerConfigError', root))] },
          }),
        ],
      }),
    ]),
    verdict: 'progressing',
  },
];

const exec = 'exec: "/nope": stat /nope: no such file or directory';
const runc = `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ${exec}: unknown`;
const startError = (nth: number) =>
  rolling([
    podWith('a', [
      status(waiting('RunContainerError', runc), {
        restartCount: nth - 1,
        lastState: terminated(128, 'StartError', runc),
      }),
    ]),
  ]);
const noCommand = (id: string) =>
  is(
    'CreateContainerError',
    `failed to generate container "${id}" spec: failed to generate spec: no command specified`,
  );

const reserved =
  'failed to reserve container name "web_web-a_shop_0": name "web_web-a_shop_0" is reserved for "7f"';

const start: readonly Row[] = [
  {
    name: 'a wrong command fails the second time, a second after the first',
    steps: [
      [1, startError(1)],
      [2, startError(2)],
    ],
    verdict: `failed cannot-start: container web cannot start: ${exec}`,
    quote: runc,
    advice:
      "Check the container's command against the image: the file must exist there, together with its interpreter.",
  },
  {
    name: 'the first time is borne',
    steps: [
      [1, startError(1)],
      [5, startError(1)],
    ],
    verdict: 'progressing',
  },
  {
    name: 'it is known by its text in the back-off too',
    steps: [
      [
        1,
        rolling([
          podWith('a', [backOff(2, 128, 'StartError', { lastState: terminated(128, 'StartError', runc) })]),
        ]),
      ],
    ],
    verdict: `failed cannot-start: container web cannot start: ${exec}`,
  },
  {
    name: 'a command that is not in the path fails the second time',
    steps: [1, 2].map((nth) => [
      nth,
      rolling([
        podWith('a', [
          status(waiting('RunContainerError', 'exec: "serve": executable file not found in $PATH: unknown'), {
            restartCount: nth - 1,
            lastState: terminated(
              127,
              'ContainerCannotRun',
              'exec: "serve": executable file not found in $PATH',
            ),
          }),
        ]),
      ]),
    ]),
    verdict:
      'failed cannot-start: container web cannot start: exec: "serve": executable file not found in $PATH',
  },
  {
    name: 'exit code 128 without such a text is a death like others',
    steps: [
      [1, rolling([podWith('a', [dead(1, 128)])])],
      [2, rolling([podWith('a', [dead(2, 128)])])],
    ],
    verdict: 'progressing',
  },
  {
    name: 'no command at all leaves restartCount at 0: the second text decides',
    steps: [
      [1, noCommand('c1')],
      [2, noCommand('c2')],
    ],
    verdict: 'failed cannot-start: container web cannot start: no command specified',
    advice: 'Give the image an ENTRYPOINT or CMD, or the container a command.',
  },
  {
    name: 'the same text seen again is the same attempt',
    steps: [
      [1, noCommand('c1')],
      [30, noCommand('c1')],
    ],
    verdict: 'progressing',
  },
  {
    name: 'but not for longer than 60 s',
    steps: [
      [1, noCommand('c1')],
      [61, noCommand('c1')],
    ],
    verdict: 'failed cannot-start: container web cannot start: no command specified',
  },
  {
    name: 'another error at creation is borne for 60 s, whatever new texts it brings',
    steps: [
      [1, is('CreateContainerError', 'failed to mount cgroup of c1')],
      [13, is('CreateContainerError', 'failed to mount cgroup of c2')],
      [60, is('CreateContainerError', 'failed to mount cgroup of c3')],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'and then fails',
    steps: [
      [1, is('CreateContainerError', 'failed to mount cgroup of c1')],
      [61, is('CreateContainerError', 'failed to mount cgroup of c1')],
    ],
    verdict: 'failed cannot-start: container web cannot be created: failed to mount cgroup of c1',
  },
  {
    name: 'a creation that still runs on a slow disk is waited for, as its first text and the later ones say',
    steps: [
      [1, is('CreateContainerError', 'context deadline exceeded')],
      [13, is('CreateContainerError', reserved)],
      [75, is('CreateContainerError', reserved)],
      [300, is('CreateContainerError', 'error reserving ctr name k8s_web for id 7f: name is reserved')],
    ],
    verdict: 'progressing',
  },
  {
    name: 'and is named when time is up',
    limits: { timeout: 90_000 },
    steps: [
      [1, is('CreateContainerError', 'context deadline exceeded')],
      [91, is('CreateContainerError', reserved)],
    ],
    verdict: `failed no-progress: container web cannot be created: ${reserved} (no progress for 90 s)`,
    quote: reserved,
  },
  {
    name: 'a container that was created and whose start runs out of time fails after 60 s',
    steps: [
      [1, is('RunContainerError', 'context deadline exceeded')],
      [61, is('RunContainerError', 'context deadline exceeded')],
    ],
    verdict: 'failed cannot-start: container web cannot start: context deadline exceeded',
  },
  {
    name: 'a start error of another kind that leaves dead containers counts as deaths',
    steps: [1, 2, 14].map((second, index) => [
      second,
      rolling([
        podWith('a', [
          backOff(index + 1, 128, 'StartError', {
            lastState: terminated(128, 'StartError', 'failed to mount cgroup'),
          }),
        ]),
      ]),
    ]),
    verdict: 'failed cannot-start: container web cannot start (3 times): failed to mount cgroup',
  },
];

describe('containers that cannot be configured', () => tell(config));
describe('containers that cannot start', () => tell(start));
