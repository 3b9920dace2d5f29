import type {
  Condition,
  ControllerRevision,
  DaemonSet,
  Deployment,
  Event,
  Node,
  Pod,
  PodTemplate,
  ReplicaSet,
  StatefulSet,
} from './kube.ts';

/** The kinds of workload that can be rolled out and gated. */
export type WorkloadKind = 'Deployment' | 'StatefulSet' | 'DaemonSet';

/** An image that we put into a container of the template. */
export interface PinnedImage {
  readonly container: string;
  /** As the API server answered it: a webhook may have rewritten what was sent. */
  readonly image: string;
}

/**
 * What was true at patch time. "After the patch" always means "differs from the pin", never two clocks
 * compared.
 */
export interface Pin {
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** metadata.generation of the PATCH's reply. */
  readonly generation: number;
  /** spec.template of the PATCH's reply. */
  readonly template: PodTemplate;
  /** The containers that we set, in the reply's words. */
  readonly images: readonly PinnedImage[];
  /** status.conditions of the PATCH's reply: an old ProgressDeadlineExceeded must not count again. */
  readonly conditions: readonly Condition[];
  /** `<pod uid>/<container>` → restartCount of the pods that lived before the patch. */
  readonly restarts: ReadonlyMap<string, number>;
  /** The digests that we saw in the registry ourselves: "not found" may then be a replica that lags. */
  readonly digestsSeen: ReadonlySet<string>;
  /**
   * What a StatefulSet's controller calls our template, once it has observed the patch; the evaluator fills it in.
   * It outlives a moment in which the status is of an older generation again (somebody scaled the StatefulSet).
   */
  readonly revision?: string | undefined;
  /**
   * For a DaemonSet: uid of every node that was there at patch time → whether it was Ready. Undefined: nodes cannot
   * be seen, and every one of them counts.
   */
  readonly nodes?: ReadonlyMap<string, boolean> | undefined;
}

/** What the caches hold now. Filtering by owner is the evaluator's work. */
export type Observation = DeploymentObservation | StatefulSetObservation | DaemonSetObservation;

interface Seen {
  readonly pods: readonly Pod[];
  /** Events about these objects, as far as they are known; hints only. */
  readonly events: readonly Event[];
}

export interface DeploymentObservation extends Seen {
  readonly kind: 'Deployment';
  /** undefined: deleted. */
  readonly workload: Deployment | undefined;
  readonly replicaSets: readonly ReplicaSet[];
}

/** Its status names the revision of the template, so ControllerRevisions need not be watched. */
export interface StatefulSetObservation extends Seen {
  readonly kind: 'StatefulSet';
  readonly workload: StatefulSet | undefined;
}

export interface DaemonSetObservation extends Seen {
  readonly kind: 'DaemonSet';
  readonly workload: DaemonSet | undefined;
  /** Its status names no revision: whose pods are new is known from these alone. */
  readonly revisions: readonly ControllerRevision[];
  /** undefined: they may not be listed (they lie outside of any namespace). */
  readonly nodes: readonly Node[] | undefined;
}
