import { expect, type onTestFinished } from 'vitest';
import type { Pod } from '../../src/model/kube.ts';
import { green, red } from '../harness/expected.ts';
import { startKind } from '../harness/kinds.ts';
import { type FurtherNodes, furtherNodes } from '../harness/nodes.ts';
import { scenario } from '../harness/scenario.ts';
import type { Stage } from '../harness/stage.ts';

/** A DaemonSet on a cluster of which not every node is well: which of them count, and which are not to blame for. */

const INPUTS = { workloads: 'daemonset/agent' };

/** A DaemonSet that is healthy on the cluster's own node, and a user that may see nodes. */
async function start(
  stage: Stage,
  finished: typeof onTestFinished,
  rollingUpdate: Readonly<Record<string, unknown>>,
): Promise<FurtherNodes> {
  const { kube, namespace } = stage;
  const group = '/apis/rbac.authorization.k8s.io/v1';
  const metadata = { name: namespace };
  finished(async () => {
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
  const nodes = await furtherNodes(stage, finished);
  const spec = { updateStrategy: { rollingUpdate } };
  await startKind(stage, 'DaemonSet', { name: 'agent', pod: nodes.pod, spec });
  return nodes;
}

/** The image of the pod that is ready on each node. One that was to go, on a node without a kubelet, never has gone. */
async function onNodes(stage: Stage): Promise<Readonly<Record<string, string>>> {
  const { items } = await stage.kube.list<Pod>(stage.path('pods'));
  return Object.fromEntries(
    items
      .filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
      .filter(({ status }) =>
        status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True'),
      )
      .map(({ spec }) => [
        spec?.nodeName ?? '',
        stage.plain(spec?.containers?.[0]?.image ?? '').replaceAll(/[<>]/g, ''),
      ]),
  );
}

const TWO = { maxUnavailable: 2 };

scenario(
  '17: a node that is not Ready neither holds up a good version nor hides it',
  async ({ stage, onTestFinished }) => {
    const nodes = await start(stage, onTestFinished, TWO);
    const down = await nodes.add('down');
    await nodes.occupied('down');
    await nodes.fall('down');
    const step = await stage.deploy('v2', { inputs: INPUTS });
    expect(stage.ending(step)).toEqual(green('succeeded', 'daemonset/agent runs <v2> and is healthy.'));
    expect(step.report?.workloads[0]?.notes).toEqual([`not verified: node ${down} is not Ready`]);
    expect(await onNodes(stage)).toEqual({ steadyship: 'v2' });
  },
);

scenario(
  'a node that is not Ready is not blamed for a bad version, which is put back',
  async ({ stage, onTestFinished }) => {
    const nodes = await start(stage, onTestFinished, TWO);
    await nodes.add('down');
    await nodes.occupied('down');
    await nodes.fall('down');
    const step = await stage.deploy('crash', { inputs: INPUTS });
    expect(stage.ending(step)).toEqual(
      red(
        'rolled-back',
        'daemonset/agent: container agent exits 1 (3 crashes): "cannot connect to database at db:5432". Rolled back to <v1> in <time>.',
      ),
    );
    expect(await onNodes(stage)).toEqual({ steadyship: 'v1' });
  },
);

scenario('17: a node that joins during the hold is not waited for', async ({ stage, onTestFinished }) => {
  const nodes = await start(stage, onTestFinished, TWO);
  let late: Promise<string> | undefined;
  const step = await stage.deploy('v2', {
    inputs: { ...INPUTS, 'stable-for': '10s' },
    onLine: (line) => {
      if (line.includes('holding for')) late ??= nodes.add('late');
    },
  });
  const name = await late;
  expect(stage.ending(step)).toEqual(green('succeeded', 'daemonset/agent runs <v2> and is healthy.'));
  expect(step.report?.workloads[0]?.notes).toEqual([`not verified: node ${name} is newer than the patch`]);
  expect(await onNodes(stage)).toEqual({ steadyship: 'v2' });
});

scenario(
  'a cordoned node counts: daemon pods run there, and one that does not start is waited for',
  async ({ stage, onTestFinished }) => {
    const nodes = await start(stage, onTestFinished, TWO);
    await nodes.add('cordoned', { cordoned: true });
    await nodes.occupied('cordoned');
    // Long enough for the other node's pod, however busy the machine is.
    const step = await stage.deploy('v2', { inputs: { ...INPUTS, timeout: '30s' } });
    expect(stage.ending(step)).toEqual(
      red(
        'failed',
        expect.stringMatching(
          /^daemonset\/agent: 1 of 2 nodes have a new pod that is ready.* \(no progress for 30 s\)\. Not rolled back: what ran before was not healthy either/,
        ),
      ),
    );
    expect(await onNodes(stage)).toEqual({ steadyship: 'v2' });
  },
);

scenario(
  '17: nodes that are not Ready and use up maxUnavailable are named when time is up',
  async ({ stage, onTestFinished }) => {
    const nodes = await start(stage, onTestFinished, { maxUnavailable: 1 });
    const down = await nodes.add('down');
    await nodes.occupied('down');
    await nodes.fall('down');
    const step = await stage.deploy('v2', { inputs: { ...INPUTS, timeout: '10s' } });
    const { result, reason } = stage.ending(step);
    expect({ result, reason }).toEqual({
      result: 'rolled-back',
      reason: `daemonset/agent: node ${down.replace(stage.namespace, '<namespace>')} is not Ready, which uses up maxUnavailable (1): the controller replaces no other pod (no progress for 10 s). Rolled back to <v1> in <time>.`,
    });
    expect(await onNodes(stage)).toMatchObject({ steadyship: 'v1' });
  },
);
