import { messageOf } from '../model/error.ts';
import type { ResultKind, WorkloadReport } from '../model/report.ts';

/** How the cluster's part of the story ended. */
export interface Deployed {
  readonly result: ResultKind;
  readonly workloads: readonly WorkloadReport[];
  /** Index of the workload that failed first. */
  readonly culprit: number | undefined;
  /** What ended the rollout apart from a verdict. */
  readonly stopped: { readonly message: string; readonly advice?: string } | undefined;
}

/** Something broke off the rollout after it began: what it had touched is told with the cause. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly workloads: readonly WorkloadReport[];

  constructor(workloads: readonly WorkloadReport[], cause: unknown) {
    super(messageOf(cause), { cause });
    this.workloads = workloads;
  }
}
