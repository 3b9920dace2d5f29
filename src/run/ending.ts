import { messageOf } from '../model/error.ts';
import type { ResultKind, WorkloadReport } from '../model/report.ts';
import { reportLane } from './outcome.ts';
import type { Lane } from './rollout.ts';

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

/** A newer commit runs already: nothing was touched, and nothing failed. */
export function skipped(lanes: readonly Lane[], message: string): Deployed {
  const workloads = lanes.map((lane) => reportLane(lane, undefined));
  return { result: 'skipped', workloads, culprit: undefined, stopped: { message } };
}

/** The words for a patch that did not go through. */
export function stoppedBy(
  by: 'conflict' | 'refused' | 'prevented',
  name: string,
  message: string,
): NonNullable<Deployed['stopped']> {
  switch (by) {
    case 'conflict':
      return {
        message: `${name}: ${message}`,
        advice: 'Run again if this commit is the one that is to run.',
      };
    case 'refused':
      return {
        message: `${name}: the API server refused the new image: ${message}`,
        advice: 'Change what the policy or webhook objects to; the words above are its own.',
      };
    case 'prevented':
      return { message: `${name} could not be patched. ${message}` };
  }
}
