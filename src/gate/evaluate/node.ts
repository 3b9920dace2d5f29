import type { Node, Pod } from '../../model/kube.ts';
import type { DaemonSetObservation, Pin } from '../../model/observation.ts';
import { isLeaving, isOwnedBy, nameOf, placesOf } from './scene.ts';
import { isOfRevision } from './seat.ts';

/** A node on which a DaemonSet has pods, or is to have one: where it stands in the rollout. */
export interface Spot {
  readonly node: string;
  readonly pods: readonly Pod[];
  readonly standing: Standing;
}

/**
 * `counts`: Ready, cordoned or not, for daemon pods run there. `late`: it joined after the patch. `not-ready`: its
 * kubelet does nothing. `fallen`: it was Ready at the patch, our pod has started on it, and it is not Ready now,
 * which the image may have brought about (a network plugin). `gone`: deleted.
 */
type Standing = 'counts' | 'late' | 'not-ready' | 'fallen' | 'gone';

/**
 * The nodes, by name, that the DaemonSet's own pods are on or are meant for. The controller makes a pod on every node
 * that should run one, Ready or not, so selectors, affinity and taints need not be reckoned with again here: nodes
 * without a pod are known from desiredNumberScheduled − currentNumberScheduled.
 *
 * Source: podsShouldBeOnNode and updateDaemonSetStatus, kubernetes
 * pkg/controller/daemon/daemon_controller.go:854-860, 1209-1219 (v1.36.3).
 */
export function spotsOf(pin: Pin, seen: DaemonSetObservation, revision: string | undefined): readonly Spot[] {
  const groups = new Map<string, Pod[]>();
  for (const pod of seen.pods.filter((one) => isOwnedBy(one, pin.uid))) {
    const node = targetOf(pod);
    const group = groups.get(node);
    if (group === undefined) groups.set(node, [pod]);
    else group.push(pod);
  }
  const nodes = new Map((seen.nodes ?? []).map((node) => [node.metadata?.name, node]));
  return [...groups]
    .map(([node, pods]) => {
      const fresh = pods.filter((pod) => isOfRevision(pod, revision) && !isLeaving(pod));
      return {
        node,
        pods,
        standing: seen.nodes === undefined ? 'counts' : standingOf(pin, nodes.get(node), fresh),
      } as const;
    })
    .sort((one, other) => (one.node < other.node ? -1 : 1));
}

function standingOf(pin: Pin, node: Node | undefined, fresh: readonly Pod[]): Standing {
  if (node === undefined) return 'gone';
  const before = pin.nodes?.get(node.metadata?.uid ?? '');
  if (pin.nodes !== undefined && before === undefined) return 'late';
  if (isNodeReady(node)) return 'counts';
  return before !== false && fresh.some(hasStarted) ? 'fallen' : 'not-ready';
}

/** Uid of each node → whether it is Ready: what the pin keeps of them. */
export function readyNodes(nodes: readonly Node[]): ReadonlyMap<string, boolean> {
  return new Map(nodes.map((node) => [node.metadata?.uid ?? '', isNodeReady(node)]));
}

export function isNodeReady(node: Node): boolean {
  return (node.status?.conditions ?? []).some((one) => one.type === 'Ready' && one.status === 'True');
}

function hasStarted(pod: Pod): boolean {
  return placesOf(pod).some(
    ({ status: { state, lastState, restartCount } }) =>
      state?.running !== undefined ||
      state?.terminated !== undefined ||
      lastState?.terminated !== undefined ||
      (restartCount ?? 0) > 0,
  );
}

/**
 * The node that a pod is on; before it is bound, the one that its affinity ties it to.
 *
 * Source: GetTargetNodeName, kubernetes pkg/controller/daemon/util/daemonset_util.go:226 (v1.36.3).
 */
function targetOf(pod: Pod): string {
  const bound = pod.spec?.nodeName ?? '';
  if (bound !== '') return bound;
  const terms =
    pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const field = terms
    .flatMap((term) => term.matchFields ?? [])
    .find((one) => one.key === 'metadata.name' && one.operator === 'In');
  return field?.values?.[0] ?? nameOf(pod);
}
