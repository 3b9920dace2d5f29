import type { DaemonSet, Deployment, StatefulSet, Workload } from '../model/kube.ts';
import type { WorkloadKind } from '../model/observation.ts';
import { shortName, type WorkloadId } from '../model/workload.ts';

/** What the deploy stage asks a workload of any kind; a further kind is a further row of answers. */
interface Answers<T extends Workload> {
  /** Whether what runs is whole: only then is it a place worth going back to. */
  isComplete(workload: T): boolean;
  /** A sentence when a new image would never roll out by itself. */
  refusal(workload: T, id: WorkloadId): string | undefined;
  /** A sentence for what is allowed, and probably not meant. */
  caution(workload: T, id: WorkloadId): string | undefined;
}

/**
 * The formulas of `kubectl rollout status` (k8s.io/kubectl pkg/polymorphichelpers/rollout_status.go), of which the
 * Deployment's is that of the controller's DeploymentComplete too. For a StatefulSet kubectl asks for readyReplicas,
 * which leaves minReadySeconds out. A DaemonSet counts nodes that are not Ready among the desired ones: of those the
 * gate knows better, and what it holds to be healthy is whole as well (run/survey.ts).
 */
const KINDS: {
  readonly Deployment: Answers<Deployment>;
  readonly StatefulSet: Answers<StatefulSet>;
  readonly DaemonSet: Answers<DaemonSet>;
} = {
  Deployment: {
    isComplete: (workload) => {
      const { spec, status } = workload;
      const wanted = spec?.replicas ?? 0;
      return (
        isObserved(workload) &&
        (status?.updatedReplicas ?? 0) === wanted &&
        (status?.replicas ?? 0) === wanted &&
        (status?.availableReplicas ?? 0) === wanted
      );
    },
    refusal: ({ spec }, id) =>
      spec?.paused === true
        ? `${placed(id)} is paused, so a new image would never roll out. ` +
          `Resume it first (kubectl rollout resume ${shortName(id)} -n ${id.namespace}).`
        : undefined,
    caution: () => undefined,
  },
  StatefulSet: {
    isComplete: (workload) => {
      const { spec, status } = workload;
      const wanted = spec?.replicas ?? 0;
      return (
        isObserved(workload) &&
        (status?.updatedReplicas ?? 0) >= wanted - partitionOf(workload) &&
        (status?.replicas ?? 0) === wanted &&
        (status?.availableReplicas ?? 0) === wanted
      );
    },
    refusal: refuseOnDelete,
    caution: (workload, id) => {
      const partition = partitionOf(workload);
      const replicas = workload.spec?.replicas ?? 0;
      return partition > 0 && partition >= replicas
        ? `${placed(id)} has a partition of ${partition} and ${replicas === 1 ? '1 replica' : `${replicas} replicas`}: no pod will get the new image, and nothing can be verified. Lower spec.updateStrategy.rollingUpdate.partition to roll it out.`
        : undefined;
    },
  },
  DaemonSet: {
    isComplete: (workload) => {
      const { status } = workload;
      const wanted = status?.desiredNumberScheduled ?? 0;
      return (
        isObserved(workload) &&
        (status?.updatedNumberScheduled ?? 0) === wanted &&
        (status?.numberAvailable ?? 0) === wanted
      );
    },
    refusal: refuseOnDelete,
    caution: () => undefined,
  },
};

/** What workloads of a kind answer; who asks hands in objects of that kind. */
export function answersOf(kind: WorkloadKind): Answers<Workload> {
  return KINDS[kind];
}

function isObserved({ metadata, status }: Workload): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
}

function partitionOf({ spec }: StatefulSet): number {
  return spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
}

function refuseOnDelete({ spec }: StatefulSet | DaemonSet, id: WorkloadId): string | undefined {
  return spec?.updateStrategy?.type === 'OnDelete'
    ? `${placed(id)} has the update strategy OnDelete: its pods keep the old image until somebody deletes them, so there is no rollout to gate. ` +
        'Set spec.updateStrategy.type to RollingUpdate.'
    : undefined;
}

function placed(id: WorkloadId): string {
  return `${shortName(id)} in namespace ${id.namespace}`;
}
