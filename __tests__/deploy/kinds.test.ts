import { describe, expect, test } from 'vitest';
import { answersOf } from '../../src/deploy/kinds.ts';
import type { DaemonSet, Deployment, StatefulSet, Workload } from '../../src/model/kube.ts';
import type { WorkloadKind } from '../../src/model/observation.ts';

const WEB: Deployment = {
  metadata: { generation: 2 },
  spec: { replicas: 2 },
  status: { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2 },
};

const DB: StatefulSet = {
  metadata: { generation: 2 },
  spec: { replicas: 3, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } } },
  status: { observedGeneration: 2, replicas: 3, updatedReplicas: 3, availableReplicas: 3 },
};

const AGENT: DaemonSet = {
  metadata: { generation: 2 },
  spec: { updateStrategy: { type: 'RollingUpdate' } },
  status: {
    observedGeneration: 2,
    desiredNumberScheduled: 4,
    updatedNumberScheduled: 4,
    numberAvailable: 4,
  },
};

function partitioned(partition: number, replicas = 3): StatefulSet {
  const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition } };
  return { ...DB, spec: { replicas, updateStrategy } };
}

test.each<readonly [string, WorkloadKind, Workload, boolean]>([
  ['a Deployment that is whole', 'Deployment', WEB, true],
  [
    'a Deployment scaled to none',
    'Deployment',
    { metadata: { generation: 1 }, spec: { replicas: 0 }, status: { observedGeneration: 1 } },
    true,
  ],
  ['a Deployment not yet observed', 'Deployment', { ...WEB, metadata: { generation: 3 } }, false],
  [
    'a Deployment with an old pod left',
    'Deployment',
    { ...WEB, status: { ...WEB.status, replicas: 3 } },
    false,
  ],
  [
    'a Deployment with a pod that is not available',
    'Deployment',
    { ...WEB, status: { ...WEB.status, availableReplicas: 1 } },
    false,
  ],
  ['a StatefulSet that is whole', 'StatefulSet', DB, true],
  ['a StatefulSet not yet observed', 'StatefulSet', { ...DB, metadata: { generation: 3 } }, false],
  [
    'a StatefulSet with an old pod left',
    'StatefulSet',
    { ...DB, status: { ...DB.status, updatedReplicas: 2 } },
    false,
  ],
  [
    'a StatefulSet with an old pod that the partition keeps',
    'StatefulSet',
    { ...partitioned(1), status: { ...DB.status, updatedReplicas: 2 } },
    true,
  ],
  [
    'a StatefulSet with a pod that is not available',
    'StatefulSet',
    { ...DB, status: { ...DB.status, availableReplicas: 2 } },
    false,
  ],
  ['a DaemonSet that is whole', 'DaemonSet', AGENT, true],
  ['a DaemonSet not yet observed', 'DaemonSet', { ...AGENT, metadata: { generation: 3 } }, false],
  [
    'a DaemonSet with an old pod left',
    'DaemonSet',
    { ...AGENT, status: { ...AGENT.status, updatedNumberScheduled: 3 } },
    false,
  ],
  [
    'a DaemonSet with a pod that is not available',
    'DaemonSet',
    { ...AGENT, status: { ...AGENT.status, numberAvailable: 3 } },
    false,
  ],
])('%s is complete or not', (_, kind, workload, complete) => {
  expect(answersOf(kind).isComplete(workload)).toBe(complete);
});

describe('what would never roll out', () => {
  const id = { namespace: 'shop', name: 'db' };

  test('a paused Deployment', () => {
    const paused = { ...WEB, spec: { ...WEB.spec, paused: true } };
    expect(answersOf('Deployment').refusal(paused, { ...id, kind: 'Deployment' })).toBe(
      'deployment/db in namespace shop is paused, so a new image would never roll out. Resume it first (kubectl rollout resume deployment/db -n shop).',
    );
  });

  test.each(['StatefulSet', 'DaemonSet'] as const)('a %s that waits for its pods to be deleted', (kind) => {
    const waiting = { spec: { updateStrategy: { type: 'OnDelete' } } };
    expect(answersOf(kind).refusal(waiting, { ...id, kind })).toBe(
      `${kind.toLowerCase()}/db in namespace shop has the update strategy OnDelete: its pods keep the old image until somebody deletes them, so there is no rollout to gate. Set spec.updateStrategy.type to RollingUpdate.`,
    );
  });

  test.each<readonly [WorkloadKind, Workload]>([
    ['Deployment', WEB],
    ['StatefulSet', DB],
    ['DaemonSet', AGENT],
  ])('an ordinary %s is not among it', (kind, workload) => {
    expect(answersOf(kind).refusal(workload, { ...id, kind })).toBeUndefined();
  });

  test('a partition that no replica is beyond is allowed, and told', () => {
    const { caution } = answersOf('StatefulSet');
    const db = { ...id, kind: 'StatefulSet' } as const;
    expect(caution(partitioned(3), db)).toBe(
      'statefulset/db in namespace shop has a partition of 3 and 3 replicas: no pod will get the new image, and nothing can be verified. Lower spec.updateStrategy.rollingUpdate.partition to roll it out.',
    );
    expect(caution(partitioned(2), db)).toBeUndefined();
    expect(caution(partitioned(0, 0), db)).toBeUndefined();
  });
});
