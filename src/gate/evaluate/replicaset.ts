import type { ReplicaSet } from '../../model/kube.ts';
import type { DeploymentObservation, Pin } from '../../model/observation.ts';
import { isOwnedBy } from './scene.ts';
import { sameTemplate } from './template.ts';

/** Every ReplicaSet of the Deployment, oldest first, as the controller sorts them (by name on a tie). */
export function ownedReplicaSets(pin: Pin, seen: DeploymentObservation): readonly ReplicaSet[] {
  return seen.replicaSets.filter((set) => isOwnedBy(set, pin.uid)).sort(byCreation);
}

/**
 * The ReplicaSet of the pinned template. It may have existed before the patch, with pods of its own, or come
 * late: with `Recreate` only once the old pods are gone. Never found by name, by our own hash or by revision.
 *
 * Source: FindNewReplicaSet, kubernetes pkg/controller/deployment/util/deployment_util.go:629 (v1.36.3): the
 * oldest wins when a cluster upgrade left two (kubernetes#40415).
 */
export function newReplicaSet(pin: Pin, seen: DeploymentObservation): ReplicaSet | undefined {
  return ownedReplicaSets(pin, seen).find((set) => sameTemplate(set.spec?.template, pin.template));
}

function byCreation(one: ReplicaSet, other: ReplicaSet): number {
  const times = [one, other].map((set) => Date.parse(set.metadata?.creationTimestamp ?? '') || 0);
  const names = [one, other].map((set) => set.metadata?.name ?? '');
  return (times[0] ?? 0) - (times[1] ?? 0) || (names[0] ?? '').localeCompare(names[1] ?? '');
}
