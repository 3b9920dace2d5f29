import type { WorkloadReport } from '../model/report.ts';
import { shortName } from '../model/workload.ts';

/** How a workload is called in one report. */
export type Namer = (workload: Pick<WorkloadReport, 'kind' | 'namespace' | 'name'>) => string;

/**
 * `deployment/web`, or `shop/deployment/web` for the ones outside the namespace of the input; without such
 * a namespace, for all of them when they do not share one.
 */
export function namer(workloads: readonly WorkloadReport[], namespace?: string): Namer {
  const shared =
    new Set(workloads.map((one) => one.namespace)).size < 2 ? workloads[0]?.namespace : undefined;
  const home = namespace ?? shared;
  return (one) => (one.namespace === home ? shortName(one) : `${one.namespace}/${shortName(one)}`);
}
