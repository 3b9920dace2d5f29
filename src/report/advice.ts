import type { WorkloadReport } from '../model/report.ts';
import { shortName } from '../model/workload.ts';
import type { ReasonParts } from './parts.ts';

/**
 * One thing to do next, or none. A workload that hangs between two images comes first whatever else
 * happened: people are served by it now, the cause can wait.
 */
export function adviceFor(parts: ReasonParts, culprit: WorkloadReport | undefined): string | undefined {
  const stuck = parts.workloads.find(
    ({ rollback }) => rollback?.outcome === 'failed' || rollback?.outcome === 'unknown',
  );
  if (stuck !== undefined)
    return stuck.rollback?.advice ?? `Put ${shortName(stuck)} back by hand: ${setImage(stuck)}`;
  if (parts.stopped !== undefined) return parts.stopped.advice;
  switch (parts.result) {
    case 'succeeded':
    case 'unchanged':
    case 'skipped':
      return undefined;
    case 'superseded': {
      const one = parts.workloads.find((each) => each.outcome === 'superseded') ?? parts.workloads[0];
      const look =
        one === undefined ? '' : ` (${kubectl(one)} get ${shortName(one)} --show-managed-fields -o yaml)`;
      return `See who changed it${look}, and run this again if this version is to win.`;
    }
    case 'rolled-back':
    case 'rollback-failed':
    case 'failed':
      return culprit?.failure?.advice;
    case 'unknown': {
      const one = culprit ?? parts.workloads[0];
      if (one === undefined) return 'Run this again.';
      return (
        culprit?.failure?.advice ??
        `See how it is (${kubectl(one)} rollout status ${shortName(one)}), then run this again.`
      );
    }
    default:
      return parts.result satisfies never;
  }
}

function setImage(workload: WorkloadReport): string {
  const images = workload.containers.map(({ name, before, back }) => shellWord(`${name}=${back ?? before}`));
  return `${kubectl(workload)} set image ${shellWord(shortName(workload))} ${images.join(' ')}`;
}

function kubectl(workload: WorkloadReport): string {
  return `kubectl -n ${shellWord(workload.namespace)}`;
}

/** Somebody will paste this into a terminal, and an image's name comes from the cluster. */
function shellWord(text: string): string {
  return /^[\w./:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
