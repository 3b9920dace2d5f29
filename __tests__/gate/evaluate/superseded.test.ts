import { describe } from 'vitest';
import type { ManagedField, PodTemplate } from '../../../src/model/kube.ts';
import { type Row, tell } from './row.ts';
import {
  but,
  complete,
  dead,
  deployment,
  newSet,
  pod,
  podWith,
  readyPod,
  rolling,
  template,
  V1,
  V2,
} from './world.ts';

const imageField = {
  'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"web"}': { 'f:image': {} } } } } },
};
const written = (
  manager: string,
  time: string,
  fieldsV1: unknown = imageField,
  over: ManagedField = {},
): ManagedField => ({
  manager,
  time,
  fieldsV1,
  operation: 'Update',
  ...over,
});
const changed = (other: PodTemplate, managedFields: readonly ManagedField[] = []) =>
  but(rolling([pod('a')]), {
    workload: deployment({ metadata: { generation: 3, managedFields }, spec: { template: other } }),
  });
const v3 = template({}, 'reg/app:3');
const restarted = template({
  metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': '2026-01-02T00:00:05Z' } },
});
/** After a restart: a new ReplicaSet of the restarted template; ours from before is an old one now. */
const restart = (...names: readonly string[]) => {
  const seen = complete(
    names.map((name) =>
      readyPod(name, { metadata: { ownerReferences: [{ uid: 'web-restarted', controller: true }] } }),
    ),
  );
  const [ours, ...old] = seen.replicaSets;
  return but(seen, {
    workload: {
      ...seen.workload,
      metadata: { ...seen.workload?.metadata, generation: 3 },
      spec: { ...seen.workload?.spec, template: restarted },
      status: { ...seen.workload?.status, observedGeneration: 3 },
    },
    replicaSets: [
      ...old,
      newSet({
        metadata: { uid: 'web-restarted', name: 'web-restarted' },
        spec: { ...ours?.spec, template: restarted },
        status: ours?.status,
      }),
      newSet({ spec: { replicas: 0 }, status: { replicas: 0 } }),
    ],
  });
};

const lost: readonly Row[] = [
  {
    name: 'another image is somebody else’s rollout, and who did it is named',
    steps: [
      [0, rolling([pod('a')])],
      [
        3,
        changed(v3, [
          written('steadyship', '2026-01-02T00:00:00Z', {}),
          written('argocd-controller', '2026-01-02T00:00:03Z'),
          written('kube-controller-manager', '2026-01-02T00:00:09Z', imageField, { subresource: 'status' }),
        ]),
      ],
    ],
    verdict: 'superseded: the image of container web was changed to reg/app:3 by argocd-controller',
  },
  {
    name: 'of several writers the last is named',
    steps: [
      [
        3,
        changed(v3, [
          written('kubectl-set', '2026-01-02T00:00:05Z'),
          written('helm', '2026-01-02T00:00:03Z'),
        ]),
      ],
    ],
    verdict: 'superseded: the image of container web was changed to reg/app:3 by kubectl-set',
  },
  {
    name: 'without field ownership nobody is named',
    steps: [[3, changed(template({}, V1))]],
    verdict: `superseded: the image of container web was changed to ${V1}`,
  },
  {
    name: 'a container that is taken out is our image gone',
    steps: [
      [
        3,
        changed(template({ spec: { containers: [{ name: 'app', image: V2 }] } }), [
          written('kubectl-edit', '2026-01-02T00:00:05Z'),
        ]),
      ],
    ],
    verdict: 'superseded: container web was taken out of it by kubectl-edit',
  },
  {
    name: 'an image of another container that changes leaves ours in place: pinned anew',
    steps: [
      [
        3,
        changed(
          template({
            spec: {
              containers: [
                { name: 'web', image: V2 },
                { name: 'log', image: 'log:2' },
              ],
            },
          }),
        ),
      ],
    ],
    verdict: 'progressing',
    notes: ['pinned anew: the pod template was changed, our image is still in it'],
  },
  {
    name: 'an init container that is ours is looked for among the init containers',
    pin: { images: [{ container: 'migrate', image: 'm:2' }] },
    steps: [[3, changed(template({ spec: { initContainers: [{ name: 'migrate', image: 'm:1' }] } }))]],
    verdict: 'superseded: the image of container migrate was changed to m:1',
  },
  {
    name: 'a Deployment that is paused mid-gate is left alone',
    steps: [
      [0, rolling([pod('a')])],
      [
        3,
        but(rolling([pod('a')]), {
          workload: deployment({ metadata: { generation: 3 }, spec: { paused: true } }),
        }),
      ],
    ],
    verdict: 'superseded: it was paused while it was rolled out',
  },
  {
    name: 'a Deployment that is deleted is somebody’s wish',
    steps: [[3, but(rolling([pod('a')]), { workload: undefined })]],
    verdict: 'superseded: it was deleted while it was rolled out',
  },
  {
    name: 'so is one that is being deleted',
    steps: [
      [
        3,
        but(rolling([pod('a')]), {
          workload: deployment({ metadata: { deletionTimestamp: '2026-01-02T00:00:00Z' } }),
        }),
      ],
    ],
    verdict: 'superseded: it was deleted while it was rolled out',
  },
  {
    name: 'another Deployment under the same name is not ours, though all looks well',
    steps: [
      [
        3,
        but(complete(), {
          workload: {
            ...complete().workload,
            metadata: { ...complete().workload?.metadata, uid: 'uid-other' },
          },
        }),
      ],
    ],
    verdict: 'superseded: it was deleted and created anew while it was rolled out',
  },
  {
    name: 'a crash of our image does not count when the image is gone',
    steps: [[30, but(changed(v3), { pods: [podWith('a', [dead(9)])] })]],
    verdict: 'superseded: the image of container web was changed to reg/app:3',
  },
];

const kept: readonly Row[] = [
  {
    name: 'an annotation moves the generation and changes nothing',
    limits: { stableFor: 0 },
    steps: [
      [0, rolling([pod('a')])],
      [
        3,
        but(complete(), {
          workload: {
            ...complete().workload,
            metadata: { ...complete().workload?.metadata, generation: 7 },
            status: { ...complete().workload?.status, observedGeneration: 7 },
          },
        }),
      ],
    ],
    verdict: 'healthy: 1/1 ready',
    notes: [],
  },
  {
    name: 'scaling mid-rollout is said, and the new number is waited for',
    steps: [
      [0, rolling([pod('a')])],
      [3, but(complete(), { workload: deployment({ metadata: { generation: 3 }, spec: { replicas: 2 } }) })],
    ],
    verdict: 'progressing',
    notes: ['scaled from 1 to 2 replicas during the rollout'],
  },
  {
    name: 'scaled down to the pods that are there it is healthy',
    limits: { stableFor: 0 },
    steps: [
      [0, rolling([pod('a')], { replicas: 3 })],
      [9, complete()],
    ],
    verdict: 'healthy: 1/1 ready',
  },
  {
    name: 'kubectl rollout restart is pinned anew and said',
    steps: [
      [0, rolling([pod('a')])],
      [
        3,
        changed(restarted, [
          written('kubectl-rollout', '2026-01-02T00:00:05Z', {
            'f:spec': { 'f:template': { 'f:metadata': {} } },
          }),
        ]),
      ],
    ],
    verdict: 'progressing',
    notes: [
      'pinned anew: the pod template was changed by kubectl-rollout (annotation kubectl.kubernetes.io/restartedAt), our image is still in it',
    ],
  },
  {
    name: 'after a restart the pods of the restarted template are waited for',
    steps: [
      [0, complete()],
      [5, restart('r')],
      [15, restart('r')],
    ],
    verdict: 'healthy: 1/1 ready, held for 10 s',
  },
  {
    name: 'the pods from before a restart are old ones: their crashes are not counted any more',
    steps: [
      [0, rolling([podWith('a', [dead(1)])])],
      [5, but(restart('r'), { pods: [podWith('a', [dead(2)]), ...restart('r').pods] })],
      [14, but(restart('r'), { pods: [podWith('a', [dead(9)]), ...restart('r').pods] })],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
  {
    name: 'a restart does not put off the deadline',
    limits: { deadline: 60_000 },
    steps: [
      [0, rolling([pod('a')])],
      [50, changed(restarted)],
      [60, changed(restarted)],
    ],
    verdict:
      'failed deadline: the new ReplicaSet does not exist yet (old pods that have not ended: 2) (the deadline of 60 s passed)',
  },
  {
    name: 'but it begins the time without progress anew',
    limits: { timeout: 60_000 },
    steps: [
      [0, rolling([pod('a')])],
      [50, changed(restarted)],
      [109, changed(restarted)],
    ],
    verdict: 'progressing',
    recheckIn: 1,
  },
];

describe('superseded', () => tell(lost));
describe('still ours', () => tell(kept));
