import type { WorkloadKind } from './observation.ts';

/** Which workload: its kind, where it is, what it is called. */
export interface WorkloadId {
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
}

/** A workload as the person named it: `deployment/web`, `shop/deployment/web:app`. */
export interface WorkloadRef extends WorkloadId {
  /** The container named after the colon; undefined: the one that fits by itself. */
  readonly container: string | undefined;
}

/** `deployment/web`: how a workload is called wherever a person reads it. */
export function shortName(workload: { readonly kind: string; readonly name: string }): string {
  return `${workload.kind.toLowerCase()}/${workload.name}`;
}

/** A Deployment and a StatefulSet may well bear one name. */
export function isSameWorkload(one: WorkloadId, other: WorkloadId): boolean {
  return one.kind === other.kind && one.namespace === other.namespace && one.name === other.name;
}
