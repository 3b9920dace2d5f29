/** When the facts of one rollout were in the API: times are of performance.now(). */
import type { KubeObject, Watcher } from './watch.ts';

export interface Facts {
  /** The Deployment bears the wanted image. */
  patched?: number;
  /** It is rolled out, by the formula of `kubectl rollout status`. */
  complete?: number;
  /** The first, second, … death of the pod that died most often. */
  deaths: number[];
  /** The Deployment bears the image from before again. */
  putBack?: number;
  /** And is rolled out. */
  restored?: number;
}

export interface Deployment extends KubeObject {
  readonly spec: { readonly replicas?: number; readonly template: { readonly spec: PodSpec } };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
  };
}

interface PodSpec {
  readonly containers: readonly { readonly image: string }[];
}

interface Pod extends KubeObject {
  readonly spec: PodSpec;
  readonly status?: { readonly containerStatuses?: readonly ContainerStatus[] };
}

interface ContainerStatus {
  readonly restartCount: number;
  readonly state?: { readonly running?: unknown; readonly terminated?: unknown };
  readonly lastState?: { readonly terminated?: unknown };
}

/** Writes down the facts from now on, until it is stopped. */
export function record(
  watcher: Watcher,
  wanted: string,
  before: string,
): { readonly facts: Facts; stop(): void } {
  const facts: Facts = { deaths: [] };
  const stop = watcher.subscribe((kind, object, at) => {
    if (kind === 'pods') {
      const pod = object as Pod;
      if (imageOf(pod.spec) !== wanted) return;
      for (let count = deaths(pod); facts.deaths.length < count; ) facts.deaths.push(at);
      return;
    }
    const deployment = object as Deployment;
    const image = imageOf(deployment.spec.template.spec);
    if (image === wanted) {
      facts.patched ??= at;
      if (isComplete(deployment)) facts.complete ??= at;
    } else if (image === before && facts.patched !== undefined) {
      facts.putBack ??= at;
      if (isComplete(deployment)) facts.restored ??= at;
    }
  });
  return { facts, stop };
}

/** Whether the namespace is at rest with an image: rolled out, and all old pods are gone. */
export function isAtRest(watcher: Watcher, image: string): boolean {
  const deployments = watcher.objects('deployments') as readonly Deployment[];
  const pods = watcher.objects('pods') as readonly Pod[];
  return (
    deployments.every((each) => isComplete(each) && imageOf(each.spec.template.spec) === image) &&
    pods.every((pod) => imageOf(pod.spec) === image && pod.metadata.deletionTimestamp === undefined)
  );
}

/** @see https://github.com/kubernetes/kubernetes/blob/v1.36.3/staging/src/k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go */
export function isComplete({ metadata, spec, status = {} }: Deployment): boolean {
  const wanted = spec.replicas ?? 1;
  const { updatedReplicas = 0, replicas = 0, availableReplicas = 0 } = status;
  return (
    (status.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
    updatedReplicas >= wanted &&
    replicas <= updatedReplicas &&
    availableReplicas >= updatedReplicas
  );
}

function deaths({ status }: Pod): number {
  const counts = (status?.containerStatuses ?? []).map(({ restartCount, state, lastState }) => {
    const dead = state?.running === undefined && (state?.terminated ?? lastState?.terminated) !== undefined;
    return restartCount + (dead ? 1 : 0);
  });
  return Math.max(0, ...counts);
}

export function imageOf(spec: PodSpec): string {
  return spec.containers[0]?.image ?? '';
}
