/**
 * Nodes beside the one that the cluster has: real Node objects that no kubelet stands behind, so that what is bound to
 * them never starts. They are the test's own: a taint keeps everybody else's pods away, a label leads its own there.
 */
import type { KubeObject, Pod } from '../../src/model/kube.ts';
import { nodeName } from '../cluster/credentials.ts';
import type { Stage } from './stage.ts';

const NODES = '/api/v1/nodes';
const BEAT = 5_000;

export interface FurtherNodes {
  /** The pod's fields that lead it to the cluster's own node and to these, and to no other. */
  readonly pod: Readonly<Record<string, unknown>>;
  /** Makes a node that is reported to be Ready until the test ends, as by a kubelet that only reports. */
  add(name: string, state?: { readonly cordoned?: boolean }): Promise<string>;
  /** Reports that it is not Ready, and nothing after that. What is bound to it stays so. */
  fall(name: string): Promise<void>;
  /** Waits until the DaemonSet controller has put a pod on the node. */
  occupied(name: string): Promise<void>;
}

export async function furtherNodes(
  stage: Stage,
  finished: (cleanUp: () => Promise<void>) => void,
): Promise<FurtherNodes> {
  const { kube, namespace } = stage;
  const label = `e2e/${namespace}`;
  const made = new Set<string>();
  const beats = new Map<string, NodeJS.Timeout>();
  const said = new Map<string, Promise<void>>();
  const fullName = (name: string): string => `${namespace}-${name}`;
  const report = async (name: string, ready: boolean): Promise<void> => {
    const time = new Date().toISOString();
    const condition = { type: 'Ready', status: ready ? 'True' : 'False', reason: 'Told', message: 'told' };
    const conditions = [{ ...condition, lastHeartbeatTime: time, lastTransitionTime: time }];
    const status = { conditions, allocatable: { pods: '110' }, capacity: { pods: '110' } };
    await stage.kubectl('patch', 'node', name, '--subresource=status', '-p', JSON.stringify({ status }));
  };
  const remove = async (name: string): Promise<void> => {
    clearInterval(beats.get(name));
    if (made.delete(name)) await kube.delete(`${NODES}/${name}`);
  };
  finished(async () => {
    await Promise.all([...made].map(remove));
    await stage.kubectl('label', 'node', nodeName, `${label}-`);
  });
  await stage.kubectl('label', 'node', nodeName, `${label}=yes`);
  return {
    pod: { nodeSelector: { [label]: 'yes' }, tolerations: [{ key: label, operator: 'Exists' }] },
    add: async (short, { cordoned = false } = {}) => {
      const name = fullName(short);
      await kube.create(NODES, {
        metadata: { name, labels: { [label]: 'yes', e2e: namespace, 'kubernetes.io/hostname': name } },
        spec: { unschedulable: cordoned, taints: [{ key: label, value: 'yes', effect: 'NoSchedule' }] },
      });
      made.add(name);
      await report(name, true);
      beats.set(
        name,
        // A node that is just being removed has nothing to report.
        setInterval(
          () =>
            said.set(
              name,
              report(name, true).catch(() => undefined),
            ),
          BEAT,
        ),
      );
      return name;
    },
    fall: async (short) => {
      clearInterval(beats.get(fullName(short)));
      // Or the last word that it is Ready would come after the one that it is not.
      await said.get(fullName(short));
      await report(fullName(short), false);
    },
    occupied: async (short) => {
      await kube.until<KubeObject & Pod>(stage.path('pods'), (pods) =>
        pods.some(({ spec }) => spec?.nodeName === fullName(short)),
      );
    },
  };
}
