import type { WorkloadKind } from './observation.ts';

/** Which workload: its kind, where it is, what it is called. */
export interface WorkloadId {
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
}

/** A container that is to get an image, as the person named both. */
export interface Wanted {
  /** Named after the colon; undefined: the one that fits by itself. */
  readonly container: string | undefined;
  /** The target of the bake file whose image it gets; undefined: the run has one image. */
  readonly target?: string | undefined;
}

/** A workload as the person named it: `deployment/web`, `shop/deployment/web:app`, `deployment/web=target`. */
export interface WorkloadRef extends WorkloadId, Wanted {}

/** `deployment/web`: how a workload is called wherever a person reads it. */
export function shortName(workload: { readonly kind: string; readonly name: string }): string {
  return `${workload.kind.toLowerCase()}/${workload.name}`;
}

/** A Deployment and a StatefulSet may well bear one name. */
export function isSameWorkload(one: WorkloadId, other: WorkloadId): boolean {
  return one.kind === other.kind && one.namespace === other.namespace && one.name === other.name;
}
