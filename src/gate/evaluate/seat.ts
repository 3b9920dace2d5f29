import type { Pod, StatefulSet } from '../../model/kube.ts';
import { isLeaving } from './scene.ts';

/** The label by which the controllers of StatefulSets and DaemonSets tell their pods apart. */
const REVISION_LABEL = 'controller-revision-hash';

/** One of the places that a StatefulSet keeps filled, with the pod that sits there. */
export interface Seat {
  /** The pod's name, whether it is there or not. */
  readonly name: string;
  /** The update reaches it: its place is not below the partition. */
  readonly due: boolean;
  readonly pod: Pod | undefined;
}

export function isOfRevision(pod: Pod, revision: string | undefined): boolean {
  return revision !== undefined && pod.metadata?.labels?.[REVISION_LABEL] === revision;
}

/**
 * The places in the order of their ordinals. The partition counts from the first of them, whatever its ordinal
 * (spec.ordinals.start): newVersionedStatefulSetPod, kubernetes pkg/controller/statefulset/stateful_set_utils.go:530,
 * and updateStatefulSet, stateful_set_control.go:709-714 (v1.36.3). Pods with other ordinals are being scaled away.
 */
export function seatsOf(workload: StatefulSet | undefined, own: readonly Pod[]): readonly Seat[] {
  const { spec, metadata } = workload ?? {};
  const start = spec?.ordinals?.start ?? 0;
  const partition = spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  const byName = new Map<string | undefined, Pod>();
  for (const pod of own) {
    const name = pod.metadata?.name;
    // Of two under one name (a cache between two watches), the one that stays.
    if (!byName.has(name) || !isLeaving(pod)) byName.set(name, pod);
  }
  // The API server always writes the default; 1 is that default.
  return Array.from({ length: spec?.replicas ?? 1 }, (_, index) => {
    const name = `${metadata?.name}-${start + index}`;
    return { name, due: index >= partition, pod: byName.get(name) };
  });
}
