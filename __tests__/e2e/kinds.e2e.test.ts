import { expect } from 'vitest';
import { green, red } from '../harness/expected.ts';
import type { ImageName } from '../harness/images.ts';
import { look, manifest, settledKind, startKind } from '../harness/kinds.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';

const CRASH = 'exits 1 on every new pod (3 crashes): "cannot connect to database at db:5432"';

async function deploy(
  stage: Stage,
  workloads: string,
  image: ImageName,
  inputs: Readonly<Record<string, string>> = {},
) {
  return await stage.deploy(image, { inputs: { workloads, ...inputs } });
}

scenario('a StatefulSet gets a good version, the highest ordinal first', async ({ stage }) => {
  await startKind(stage, 'StatefulSet', { name: 'db' });
  const step = await deploy(stage, 'sts/db', 'v2');
  expect(stage.ending(step)).toEqual(green('succeeded', 'statefulset/db runs <v2> and is healthy.'));
  expect(await look(stage, 'StatefulSet', 'db')).toEqual({
    image: 'v2',
    generation: 2,
    pods: { 'db-0': 'v2', 'db-1': 'v2' },
  });
});

scenario(
  'a StatefulSet whose new version crashes is put back, its stuck pod evicted, as wished',
  async ({ stage }) => {
    await startKind(stage, 'StatefulSet', { name: 'db' }, true);
    const step = await deploy(stage, 'statefulset/db', 'crash', { 'evict-stuck': 'true' });
    expect(stage.ending(step)).toEqual(
      red('rolled-back', `statefulset/db: container db ${CRASH}. Rolled back to <v1> in <time>.`),
    );
    expect(step.log).toContain(
      'statefulset/db: pod db-1 of the failed image evicted: it blocked the way back',
    );
    expect(await look(stage, 'StatefulSet', 'db')).toEqual({
      image: 'v1',
      generation: 3,
      pods: { 'db-0': 'v1', 'db-1': 'v1' },
    });
  },
);

scenario(
  'a stuck pod that a disruption budget does not let go is deleted all the same',
  async ({ stage }) => {
    await startKind(stage, 'StatefulSet', { name: 'db' }, true);
    await stage.apply('poddisruptionbudgets', {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'db' },
      spec: { maxUnavailable: 0, selector: { matchLabels: { app: 'db' } } },
    });
    const step = await deploy(stage, 'statefulset/db', 'crash', { 'evict-stuck': 'true' });
    expect(stage.ending(step)).toEqual(
      red('rolled-back', `statefulset/db: container db ${CRASH}. Rolled back to <v1> in <time>.`),
    );
    expect(step.log).toContain(
      'pod db-1 of the failed image deleted: it blocked the way back, and a disruption budget forbids its eviction',
    );
    expect(await look(stage, 'StatefulSet', 'db')).toMatchObject({ pods: { 'db-0': 'v1', 'db-1': 'v1' } });
  },
);

scenario(
  'a StatefulSet whose new version crashes names the stuck pod and what to do, where eviction is not wished',
  async ({ stage }) => {
    await startKind(stage, 'StatefulSet', { name: 'db' });
    const step = await deploy(stage, 'statefulset/db', 'crash');
    expect(stage.ending(step)).toEqual(
      red(
        'rollback-failed',
        `statefulset/db: container db ${CRASH}. The rollback to <v1> failed: the image from before is set again, but pod db-1 of the failed image is not ready, and the controller replaces no pod while that is so (kubernetes#67250).`,
      ),
    );
    expect(step.log).toContain(
      `Delete it: kubectl -n ${stage.namespace} delete pod db-1 (or set \`evict-stuck: true\` to have that done). The controller then makes it anew with the image from before.`,
    );
    expect(await look(stage, 'StatefulSet', 'db')).toEqual({
      image: 'v1',
      generation: 3,
      pods: { 'db-0': 'v1', 'db-1': 'crash!' },
    });
    // What it said to do is enough.
    await stage.kubectl('delete', 'pod', 'db-1');
    await settledKind(stage, 'StatefulSet', 'db');
  },
);

scenario('a StatefulSet with a partition is verified as far as that goes', async ({ stage }) => {
  const updateStrategy = { rollingUpdate: { partition: 1 } };
  await startKind(stage, 'StatefulSet', { name: 'db', spec: { updateStrategy } });
  const step = await deploy(stage, 'statefulset/db', 'v2');
  expect(stage.ending(step)).toEqual(green('succeeded', 'statefulset/db runs <v2> and is healthy.'));
  expect(await look(stage, 'StatefulSet', 'db')).toEqual({
    image: 'v2',
    generation: 2,
    pods: { 'db-0': 'v1', 'db-1': 'v2' },
  });
});

scenario('a partition that reaches no pod is told, and health is not claimed', async ({ stage }) => {
  const updateStrategy = { rollingUpdate: { partition: 2 } };
  await startKind(stage, 'StatefulSet', { name: 'db', spec: { updateStrategy } });
  const step = await deploy(stage, 'statefulset/db', 'v2');
  expect(stage.ending(step)).toEqual(
    green(
      'succeeded',
      'statefulset/db is set to <v2> and its health was not seen (nothing verified: the partition is not below the 2 replicas, so no pod gets the new image).',
    ),
  );
  expect(step.log).toContain(
    `statefulset/db in namespace ${stage.namespace} has a partition of 2 and 2 replicas: no pod will get the new image`,
  );
  expect(await look(stage, 'StatefulSet', 'db')).toMatchObject({ pods: { 'db-0': 'v1', 'db-1': 'v1' } });
});

for (const [kind, workload] of [
  ['StatefulSet', 'statefulset/db'],
  ['DaemonSet', 'daemonset/db'],
] as const) {
  scenario(`a ${kind} that waits for its pods to be deleted is refused`, async ({ stage }) => {
    await startKind(stage, kind, { name: 'db', replicas: 1, spec: { updateStrategy: { type: 'OnDelete' } } });
    const step = await deploy(stage, workload, 'v2');
    expect(stage.ending(step)).toEqual(
      red(
        'failed',
        `${workload} in namespace <namespace> has the update strategy OnDelete: its pods keep the old image until somebody deletes them, so there is no rollout to gate. Set spec.updateStrategy.type to RollingUpdate. Nothing was changed in the cluster.`,
      ),
    );
    expect(await look(stage, kind, 'db')).toMatchObject({ image: 'v1', generation: 1 });
  });
}

scenario('an older pod that is not well and blocks a good version is named', async ({ stage }) => {
  await startKind(stage, 'StatefulSet', { name: 'db' });
  await stage.apply(
    'statefulsets',
    manifest('StatefulSet', { name: 'db', image: stage.images['not-ready'] }),
  );
  await stage.untilPods('not-ready', ([pod]) => pod?.status?.phase === 'Running');
  const step = await deploy(stage, 'statefulset/db', 'v2', { timeout: '15s' });
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      expect.stringMatching(
        /^statefulset\/db: pod db-1 of an older revision is not ready and holds up the update \(podManagementPolicy OrderedReady\): /,
      ),
    ),
  );
  expect(await look(stage, 'StatefulSet', 'db')).toEqual({
    image: 'v2',
    generation: 3,
    pods: { 'db-0': 'v1', 'db-1': 'not-ready!' },
  });
});

scenario('a DaemonSet gets a good version, without the right to see nodes', async ({ stage }) => {
  await startKind(stage, 'DaemonSet', { name: 'agent' });
  const step = await deploy(stage, 'ds/agent', 'v2');
  expect(stage.ending(step)).toEqual(green('succeeded', 'daemonset/agent runs <v2> and is healthy.'));
  expect(step.log).toContain('daemonset/agent: nodes may not be listed, so every node counts');
  expect(await look(stage, 'DaemonSet', 'agent')).toEqual({
    image: 'v2',
    generation: 2,
    pods: { agent: 'v2' },
  });
});

scenario(
  'a DaemonSet is judged by its nodes, where they may be listed',
  async ({ stage, onTestFinished }) => {
    const { kube, namespace } = stage;
    const group = '/apis/rbac.authorization.k8s.io/v1';
    const metadata = { name: namespace };
    onTestFinished(async () => {
      await kube.delete(`${group}/clusterrolebindings/${namespace}`);
      await kube.delete(`${group}/clusterroles/${namespace}`);
    });
    await kube.create(`${group}/clusterroles`, {
      metadata,
      rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['list', 'watch'] }],
    });
    await kube.create(`${group}/clusterrolebindings`, {
      metadata,
      subjects: [{ kind: 'ServiceAccount', name: 'steadyship', namespace }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: namespace },
    });
    await startKind(stage, 'DaemonSet', { name: 'agent' });
    const step = await deploy(stage, 'daemonset/agent', 'v2');
    expect(stage.ending(step)).toEqual(green('succeeded', 'daemonset/agent runs <v2> and is healthy.'));
    expect(step.log).not.toContain('nodes may not be listed');
  },
);

scenario('a DaemonSet whose new version crashes is put back', async ({ stage }) => {
  await startKind(stage, 'DaemonSet', { name: 'agent' });
  const step = await deploy(stage, 'daemonset/agent', 'crash');
  expect(stage.ending(step)).toEqual(
    red(
      'rolled-back',
      `daemonset/agent: container agent exits 1 (3 crashes): "cannot connect to database at db:5432". Rolled back to <v1> in <time>.`,
    ),
  );
  expect(await look(stage, 'DaemonSet', 'agent')).toEqual({
    image: 'v1',
    generation: 3,
    pods: { agent: 'v1' },
  });
});

scenario('a workload that is not there is told with those of its kind that are', async ({ stage }) => {
  await startKind(stage, 'StatefulSet', { name: 'db', replicas: 1 });
  const step = await deploy(stage, 'statefulset/bd, daemonset/agent', 'v2');
  expect(stage.ending(step)).toEqual(
    red(
      'failed',
      'statefulset/bd is not in namespace "<namespace>". There: statefulset/db. daemonset/agent is not in namespace "<namespace>", and no other daemonset is. Check `namespace` and the kubeconfig\'s context; SteadyShip changes images, it does not create workloads. Nothing was changed in the cluster.',
    ),
  );
});

scenario(
  'a Deployment, a StatefulSet and a DaemonSet, of which the last fails: all are put back, the last first',
  async ({ stage }) => {
    const fine = { container: { args: ['-version', 'any'] } };
    await startKind(stage, 'Deployment', { name: 'web', replicas: 1, ...fine });
    await startKind(stage, 'StatefulSet', { name: 'db', replicas: 1, ...fine });
    await startKind(stage, 'DaemonSet', { name: 'agent' });
    const step = await deploy(stage, 'deployment/web, statefulset/db, daemonset/agent', 'crash');
    expect(stage.ending(step)).toEqual(
      red(
        'rolled-back',
        `daemonset/agent: container agent exits 1 (3 crashes): "cannot connect to database at db:5432". Rolled back to <v1> in <time>. The other 2 were put back too.`,
      ),
    );
    expect(step.log.match(/^\w+\/\w+: put back/gm)).toEqual([
      'daemonset/agent: put back',
      'statefulset/db: put back',
      'deployment/web: put back',
    ]);
    for (const [kind, name] of [
      ['Deployment', 'web'],
      ['StatefulSet', 'db'],
      ['DaemonSet', 'agent'],
    ] as const) {
      expect(await look(stage, kind, name)).toMatchObject({ image: 'v1', generation: 3 });
    }
  },
);
