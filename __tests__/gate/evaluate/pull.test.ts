import { describe } from 'vitest';
import { type Row, tell } from './row.ts';
import { but, DIGEST, event, oldPod, pod, podWith, rolling, status, V2, waiting } from './world.ts';

const pulling = (reason: string, message?: string) =>
  rolling([podWith('a', [status(waiting(reason, message))])]);
const failed = (text: string) => pulling('ErrImagePull', text);
const backedOff = (text: string) =>
  pulling('ImagePullBackOff', `Back-off pulling image "${V2}": ErrImagePull: ${text}`);
const bare = pulling('ImagePullBackOff', `Back-off pulling image "${V2}"`);

const resolve = `rpc error: code = NotFound desc = failed to pull and unpack image "${V2}": failed to resolve reference "${V2}": ${V2}: not found`;
const unauthorized = `failed to pull and unpack image "${V2}": failed to resolve reference "${V2}": unexpected status from HEAD request to http://127.0.0.1:5000/v2/app/manifests/${DIGEST}: 401 Unauthorized`;
const timeout = `failed to pull and unpack image "${V2}": failed to do request: Head "https://127.0.0.1:5000/v2/app": dial tcp 127.0.0.1:5000: i/o timeout`;
const hub =
  'failed to resolve reference "docker.io/acme/app:2": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed';
const other = (image: string, message: string) =>
  rolling([
    podWith('a', [status(waiting('ErrImagePull', message))], {
      spec: { containers: [{ name: 'web', image }] },
    }),
  ]);

const atOnce: readonly Row[] = [
  {
    name: 'an image name that is none fails at once',
    steps: [
      [
        1,
        pulling('InvalidImageName', `Failed to apply default image tag "${V2}": couldn't parse image name`),
      ],
    ],
    verdict: `failed image-name: container web: image ${V2} is not a valid image name`,
  },
  {
    name: 'an image that may never be pulled and is not there fails at once',
    steps: [
      [1, pulling('ErrImageNeverPull', `Container image "${V2}" is not present with pull policy of Never`)],
    ],
    verdict: `failed image-missing: container web: image ${V2} is not on the node, and imagePullPolicy is Never`,
  },
  {
    name: 'a refused signature fails at once',
    steps: [
      [
        1,
        pulling(
          'SignatureValidationFailed',
          `image pull failed for ${V2} because the signature validation failed: no key`,
        ),
      ],
    ],
    verdict: `failed image-denied: container web: image ${V2} cannot be pulled: its signature was refused`,
  },
  {
    name: 'a refused signature is known in its back-off too',
    steps: [
      [
        1,
        pulling(
          'ImagePullBackOff',
          `Back-off pulling image "${V2}": SignatureValidationFailed: image pull failed for ${V2} because the signature validation failed`,
        ),
      ],
    ],
    verdict: `failed image-denied: container web: image ${V2} cannot be pulled: its signature was refused`,
  },
  {
    name: 'an image that is not found fails at once, with the registry’s words',
    steps: [[1, failed(resolve)]],
    verdict: `failed image-missing: container web: image ${V2} cannot be pulled: not found`,
    quote: resolve,
    subject: { pod: 'web-a', podUid: 'uid-a', container: 'web' },
  },
  {
    name: 'an image that is not found, first seen in its back-off, fails at once',
    steps: [[1, backedOff(resolve)]],
    verdict: `failed image-missing: container web: image ${V2} cannot be pulled: not found`,
  },
  {
    name: 'manifest unknown fails at once',
    steps: [[1, failed(`manifest for ${V2} not known: manifest unknown`)]],
    verdict: `failed image-missing: container web: image ${V2} cannot be pulled: manifest unknown`,
  },
  {
    name: 'an index without the node’s platform fails at once and says to build for it',
    steps: [
      [1, failed(`failed to pull and unpack image "${V2}": no match for platform in manifest: not found`)],
    ],
    verdict: `failed image-missing: container web: image ${V2} cannot be pulled: no match for platform`,
    advice:
      'Build the image for the platform of the nodes (input platforms), or keep the pods on nodes of its platform.',
  },
  {
    name: 'the pull trouble of an old pod is not ours',
    steps: [
      [
        1,
        rolling([pod('a')], {
          pods: [
            pod('a'),
            oldPod('x', { status: { containerStatuses: [status(waiting('ErrImagePull', resolve))] } }),
          ],
        }),
      ],
    ],
    verdict: 'progressing',
  },
  {
    name: 'patience image-missing: 20s bears a missing image for so long',
    limits: { patience: { 'image-missing': 20_000 } },
    steps: [
      [1, failed(resolve)],
      [11, backedOff(resolve)],
    ],
    verdict: 'progressing',
    recheckIn: 10,
  },
  {
    name: 'a missing sidecar image is told with its name and that it is not the one deployed',
    steps: [
      [
        1,
        rolling([
          podWith('a', [status(waiting('PodInitializing'))], {
            spec: { initContainers: [{ name: 'proxy', image: 'proxy:9', restartPolicy: 'Always' }] },
            status: {
              initContainerStatuses: [
                status(
                  waiting(
                    'ErrImagePull',
                    'failed to resolve reference "docker.io/library/proxy:9": docker.io/library/proxy:9: not found',
                  ),
                  { name: 'proxy' },
                ),
              ],
            },
          }),
        ]),
      ],
    ],
    verdict: 'failed image-missing: sidecar proxy: image proxy:9 cannot be pulled: not found',
    advice:
      'Check that the image was pushed to the registry that the cluster pulls from, and that nothing deleted it there. This is not the image that was deployed.',
  },
  {
    name: 'the image of a volume is named, not the container’s own',
    steps: [
      [
        1,
        failed(
          'failed to pull and unpack image "reg/models:7": failed to resolve reference "reg/models:7": reg/models:7: not found',
        ),
      ],
    ],
    verdict: 'failed image-missing: container web: image reg/models:7 cannot be pulled: not found',
  },
];

const seen = { digestsSeen: new Set([DIGEST]) };
const lagging: readonly Row[] = [
  {
    name: 'a digest that we saw in the registry is given a second pull',
    pin: seen,
    steps: [
      [1, failed(resolve)],
      [2, backedOff(resolve)],
    ],
    verdict: 'progressing',
    recheckIn: 14,
  },
  {
    name: 'which decides when it is seen',
    pin: seen,
    steps: [
      [1, failed(resolve)],
      [2, backedOff(resolve)],
      [12, failed(resolve)],
    ],
    verdict: `failed image-missing: container web: image ${V2} cannot be pulled: not found`,
  },
  {
    name: 'or after 15 s when it went by unseen',
    pin: seen,
    steps: [
      [1, failed(resolve)],
      [2, backedOff(resolve)],
      [16, backedOff(resolve)],
    ],
    verdict: `failed image-missing: container web: image ${V2} cannot be pulled: not found`,
  },
  {
    name: 'and which may succeed',
    pin: seen,
    steps: [
      [1, failed(resolve)],
      [2, backedOff(resolve)],
      [12, rolling([podWith('a', [status(waiting('ContainerCreating'))])])],
      [60, rolling([podWith('a', [status(waiting('ContainerCreating'))])])],
    ],
    verdict: 'progressing',
  },
  {
    name: 'a digest of another repository that we saw does not help an image by tag',
    pin: seen,
    steps: [[1, other('reg/app:2', 'failed to resolve reference "reg/app:2": reg/app:2: not found')]],
    verdict: 'failed image-missing: container web: image reg/app:2 cannot be pulled: not found',
  },
];

const borne: readonly Row[] = [
  {
    name: 'unauthorized is borne for 30 s, for a pull secret may be on its way',
    steps: [
      [1, failed(unauthorized)],
      [12, backedOff(unauthorized)],
    ],
    verdict: 'progressing',
    recheckIn: 19,
  },
  {
    name: 'and fails when it is still so',
    steps: [
      [1, failed(unauthorized)],
      [12, backedOff(unauthorized)],
      [31, backedOff(unauthorized)],
    ],
    verdict: `failed image-denied: container web: image ${V2} cannot be pulled: unauthorized`,
  },
  {
    name: 'Docker Hub’s “does not exist or may require authorization” is a denial, not a missing image',
    steps: [
      [1, other('acme/app:2', hub)],
      [2, other('acme/app:2', hub)],
    ],
    verdict: 'progressing',
  },
  {
    name: 'and fails after 30 s',
    steps: [
      [1, other('acme/app:2', hub)],
      [31, other('acme/app:2', hub)],
    ],
    verdict: 'failed image-denied: container web: image acme/app:2 cannot be pulled: access denied',
  },
  {
    name: 'a repository called denied is not denied',
    steps: [1, 40].map((second) => [
      second,
      other(
        'reg/denied/401:2',
        'failed to do request: Head "https://reg/v2/denied/401/manifests/2": dial tcp: i/o timeout',
      ),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'nor is one whose address says so while its server is broken',
    steps: [1, 40].map((second) => [
      second,
      other(
        'reg/app:2',
        'unexpected status from GET request to https://reg/denied/403/manifests/2: 503 Service Unavailable',
      ),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'nor is a mirror of such a name that does not answer',
    steps: [1, 40].map((second) => [
      second,
      other(
        'reg/app:2',
        'failed to resolve reference "reg/app:2": mirror "mirror.acme/access denied": i/o timeout',
      ),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'a registry that does not answer is waited for',
    steps: [
      [1, failed(timeout)],
      [300, backedOff(timeout)],
    ],
    verdict: 'progressing',
  },
  {
    name: 'and named when time is up, with the last text although the back-off is bare',
    limits: { timeout: 60_000 },
    steps: [
      [1, failed(timeout)],
      [12, bare],
      [61, bare],
    ],
    verdict: `failed no-progress: container web: image ${V2} cannot be pulled (no progress for 60 s)`,
    quote: timeout,
  },
  {
    name: 'a bare back-off alone proves nothing',
    steps: [
      [1, bare],
      [300, bare],
    ],
    verdict: 'progressing',
  },
  {
    name: 'a name server without the registry (no such host) is other trouble',
    steps: [1, 100].map((second) => [
      second,
      failed(
        `failed to do request: Head "https://reg/v2": dial tcp: lookup reg on 10.0.0.10:53: no such host`,
      ),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'a registry that is unavailable is waited for',
    steps: [1, 100].map((second) => [
      second,
      pulling('RegistryUnavailable', `image pull failed for ${V2} because the registry is unavailable`),
    ]),
    verdict: 'progressing',
  },
  {
    name: 'an event that says “not found” proves nothing while the status does not',
    steps: [1, 100].map((second) => [
      second,
      rolling([pod('a')], { events: [event('a', 'Failed', `Failed to pull image "${V2}": not found`)] }),
    ]),
    verdict: 'progressing',
  },
];

const said = (reason: string, second: number, container = 'web') =>
  event('a', reason, reason, {
    involvedObject: { fieldPath: `spec.containers{${container}}` },
    lastTimestamp: `2026-01-01T00:01:${String(second).padStart(2, '0')}Z`,
  });
const saying = (seen: ReturnType<typeof failed>, ...events: readonly ReturnType<typeof said>[]) =>
  but(seen, { events });
const first = [said('Pulling', 1), said('Failed', 2), said('BackOff', 3)];

const again: readonly Row[] = [
  {
    name: 'while the second pull downloads, the status still tells of the first, and nothing fails for it',
    pin: { digestsSeen: new Set([DIGEST]) },
    steps: [
      [1, saying(failed(resolve), ...first)],
      [2, saying(backedOff(resolve), ...first)],
      [14, saying(backedOff(resolve), ...first, said('Pulling', 14))],
      [90, saying(backedOff(resolve), ...first, said('Pulling', 14))],
    ],
    verdict: 'progressing',
  },
  {
    name: 'when it fails too, that is the end',
    pin: { digestsSeen: new Set([DIGEST]) },
    steps: [
      [1, saying(failed(resolve), ...first)],
      [14, saying(backedOff(resolve), ...first, said('Pulling', 14))],
      [40, saying(backedOff(resolve), ...first, said('Pulling', 14))],
      [41, saying(backedOff(resolve), ...first, said('Pulling', 14), said('Failed', 41))],
    ],
    verdict: `failed image-missing: container web: image ${V2} cannot be pulled: not found`,
  },
  {
    name: 'a failure of the same second as the pull is the later of the two',
    pin: { digestsSeen: new Set([DIGEST]) },
    steps: [
      [1, saying(failed(resolve), ...first)],
      [16, saying(backedOff(resolve), ...first, said('Failed', 14), said('Pulling', 14))],
    ],
    verdict: `failed image-missing: container web: image ${V2} cannot be pulled: not found`,
  },
  {
    name: 'a pull whose failure is in no event yet is the first, which the status tells of',
    steps: [[1, saying(failed(resolve), said('Pulling', 1))]],
    verdict: `failed image-missing: container web: image ${V2} cannot be pulled: not found`,
  },
  {
    name: 'a denied image that is pulled again is waited for likewise, for the pull secret may have come',
    steps: [
      [1, saying(failed(unauthorized), ...first)],
      [29, saying(backedOff(unauthorized), ...first, said('Pulling', 29))],
      [90, saying(backedOff(unauthorized), ...first, said('Pulling', 29))],
    ],
    verdict: 'progressing',
  },
  {
    name: 'which fails at once when the status says that it is denied again, though no event does',
    steps: [
      [1, saying(failed(unauthorized), ...first)],
      [29, saying(backedOff(unauthorized), ...first, said('Pulling', 29))],
      [33, saying(failed(unauthorized), ...first, said('Pulling', 29))],
    ],
    verdict: `failed image-denied: container web: image ${V2} cannot be pulled: unauthorized`,
  },
  {
    name: 'the pull of another container is no second pull of this one',
    steps: [
      [1, saying(failed(unauthorized), ...first)],
      [31, saying(backedOff(unauthorized), ...first, said('Pulling', 29, 'log'))],
    ],
    verdict: `failed image-denied: container web: image ${V2} cannot be pulled: unauthorized`,
  },
];

const own = {
  'a layer': `failed to pull and unpack image "${V2}": failed to prepare extraction snapshot "extract-1-x sha256:ab": parent snapshot sha256:${'a'.repeat(64)} does not exist: not found`,
  'a blob': `failed to pull and unpack image "${V2}": failed to get reader from content store: content digest sha256:${'a'.repeat(64)}: not found`,
  'a page of a proxy': `failed to pull and unpack image "${V2}": failed to resolve image: unexpected media type text/html for sha256:${'a'.repeat(64)}: not found`,
};
const local: readonly Row[] = Object.entries(own).flatMap(([what, text]): readonly Row[] => [
  {
    name: `${what} that containerd cannot find says nothing about the registry`,
    steps: [
      [1, failed(text)],
      [300, backedOff(text)],
    ],
    verdict: 'progressing',
  },
  {
    name: `${what} that it cannot find is named when time is up`,
    limits: { timeout: 60_000 },
    steps: [
      [1, failed(text)],
      [61, backedOff(text)],
    ],
    verdict: `failed no-progress: container web: image ${V2} cannot be pulled (no progress for 60 s)`,
    quote: text,
  },
]);
const snapshotTag: Row = {
  name: 'a tag that is called a snapshot is missing as any other',
  steps: [
    [
      1,
      other(
        'reg/app:1.0-SNAPSHOT',
        'failed to resolve reference "reg/app:1.0-SNAPSHOT": reg/app:1.0-SNAPSHOT: not found',
      ),
    ],
  ],
  verdict: 'failed image-missing: container web: image reg/app:1.0-SNAPSHOT cannot be pulled: not found',
};

describe('a pull that is tried again', () => tell(again));
describe('what the container runtime itself lacks', () => tell([...local, snapshotTag]));
describe('images that fail at once', () => tell(atOnce));
describe('images that a registry’s replica may lack for a moment', () => tell(lagging));
describe('pull trouble that is borne', () => tell(borne));
