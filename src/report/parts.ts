import type { Report, WorkloadReport } from '../model/report.ts';
import type { WorkloadId } from '../model/workload.ts';

/** What is known of a run before it is put into words. */
export interface ReasonParts extends Pick<Report, 'result' | 'command' | 'image' | 'images'> {
  /** In the order of the input. */
  readonly workloads: readonly WorkloadReport[];
  /**
   * The namespace of the input: workloads elsewhere are called `namespace/kind/name`. When it is absent, all
   * of them are, provided that their namespaces differ.
   */
  readonly namespace?: string;
  /** The index in `workloads` of the one that failed first; by default the first that failed. */
  readonly culprit?: number;
  /** What a killed run had left and this one put back before its own work; `whole`: it was seen healthy. */
  readonly tidied?: readonly (WorkloadId & { readonly whole: boolean })[];
  /**
   * What ended the run apart from any workload's verdict: a failed build, a refused login, an API out of
   * reach, a cancellation, a reason to skip. Whole sentences; lines are joined.
   */
  readonly stopped?: {
    readonly message: string;
    readonly advice?: string;
    /** Further lines, to be shown below it where there is room. */
    readonly details?: readonly string[];
  };
}
