import type { WorkloadReport } from '../model/report.ts';
import type { FailureCode } from '../model/verdict.ts';
import { formatDuration, joinList, shortVersion } from './live.ts';
import type { Namer } from './name.ts';

/** What the cluster does when we leave (krane words its timeouts so: lib/krane/kubernetes_resource.rb). */
const GOES_ON: Readonly<Record<FailureCode, string>> = {
  'image-name': 'the new pods stay as they are, since no such image name can be pulled',
  'image-missing': 'the cluster goes on trying to pull the image',
  'image-denied': 'the cluster goes on trying to pull the image',
  'config-error': 'the cluster goes on waiting for the missing configuration',
  'cannot-start': 'the cluster goes on trying to start the container',
  crash: 'the cluster goes on restarting the container, with up to 5 minutes between two attempts',
  'out-of-memory': 'the cluster goes on restarting the container, with up to 5 minutes between two attempts',
  'probe-killed': 'the cluster goes on restarting the container, with up to 5 minutes between two attempts',
  exits: 'the cluster goes on restarting the container, with up to 5 minutes between two attempts',
  'late-crash': 'the cluster goes on restarting the container whenever it dies',
  'pod-failed': 'the cluster goes on making new pods',
  unschedulable: 'the cluster goes on looking for a node with room',
  'create-denied': 'the cluster goes on trying to create the pods',
  volume: 'the cluster goes on trying to mount the volume',
  'progress-deadline': 'the cluster goes on waiting for the new pods to become ready',
  'no-progress': 'the cluster goes on waiting for the new pods to become ready',
  deadline: 'the cluster goes on waiting for the new pods to become ready',
  blocked: 'the cluster goes on waiting for the stuck pods',
  gone: 'there is nothing left that the cluster could go on with',
};

/** What became of the change to the workload that failed, as a sentence without its full stop. */
export function fateOf(workload: WorkloadReport): string {
  const { rollback, failure } = workload;
  const goesOn = failure === undefined ? '' : `: ${GOES_ON[failure.code]}`;
  const because = reasonIn(rollback?.message);
  if (rollback === undefined) return workload.outcome === 'untouched' ? '' : `Left as it is${goesOn}`;
  switch (rollback.outcome) {
    case 'restored': {
      const took = rollback.seconds === undefined ? '' : ` in ${formatDuration(rollback.seconds * 1_000)}`;
      return `Rolled back${target(workload)}${took}`;
    }
    case 'unnecessary':
      return sameImage(workload)
        ? `Nothing was rolled back, since it ran the same image before${goesOn}`
        : 'There was nothing to roll back';
    case 'declined':
      return `Left as it is, since ${rollback.message.replaceAll('`', '')}${goesOn}`;
    case 'impossible':
      return `Not rolled back${because === '' ? ', since there is nothing to go back to' : because}${stop(goesOn)}`;
    case 'superseded':
      return `Not rolled back, since somebody else changed it meanwhile${because}`;
    case 'failed':
      return `The rollback${target(workload)} failed${because}`;
    case 'unknown':
      return `Whether the rollback${target(workload)} worked is unknown${because}`;
    default:
      return rollback.outcome satisfies never;
  }
}

/** What became of the other workloads, grouped so that three lines do not say the same. */
export function othersOf(
  workloads: readonly WorkloadReport[],
  culprit: WorkloadReport | undefined,
  name: Namer,
): string[] {
  const others = workloads.filter((one) => one !== culprit);
  const too = culprit?.rollback?.outcome === 'restored' ? ' too' : '';
  const said: string[] = [];
  for (const one of others) {
    const trouble = one.rollback?.outcome;
    if (
      trouble === 'failed' ||
      trouble === 'unknown' ||
      trouble === 'impossible' ||
      trouble === 'superseded'
    ) {
      said.push(`${name(one)}: ${lowered(fateOf(one))}`);
    }
  }
  const group = (members: readonly WorkloadReport[], one: string, many: string): void => {
    if (members.length === 0) return;
    const all = members.length === others.length && members.length > 1 && culprit !== undefined;
    const who = all ? `The other ${members.length}` : joinList(members.map(name), 5);
    said.push(`${who} ${members.length === 1 ? one : many}`);
  };
  const by = (test: (one: WorkloadReport) => boolean): WorkloadReport[] => others.filter(test);
  const left = (one: WorkloadReport): boolean =>
    one.rollback === undefined || one.rollback.outcome === 'declined';
  group(
    by((one) => one.rollback?.outcome === 'restored'),
    `was put back${too}`,
    `were put back${too}`,
  );
  group(
    by((one) => one.outcome === 'failed' && left(one)),
    culprit === undefined ? 'failed and is left as it is' : 'failed too and is left as it is',
    culprit === undefined ? 'failed and are left as they are' : 'failed too and are left as they are',
  );
  group(
    by((one) => one.outcome === 'healthy' && left(one)),
    'is healthy on the new image',
    'are healthy on the new image',
  );
  group(
    by((one) => one.patched === 'unknown' && left(one)),
    'is left as it is: whether it has the new image is unknown',
    'are left as they are: whether they have the new image is unknown',
  );
  group(
    by((one) => one.outcome === 'unknown' && one.patched !== 'unknown' && left(one)),
    'has the new image and is left as it is: whether it is healthy is unknown',
    'have the new image and are left as they are: whether they are healthy is unknown',
  );
  group(
    by((one) => one.outcome === 'superseded' && left(one)),
    'was changed by somebody else',
    'were changed by somebody else',
  );
  group(
    by((one) => one.outcome === 'unchanged'),
    'already ran the image',
    'already ran the image',
  );
  group(
    by((one) => one.outcome === 'untouched'),
    'was not touched',
    'were not touched',
  );
  return said;
}

/** ` to sha256:1a2b3c4d…`; of several containers only where they came from. */
function target({ containers }: WorkloadReport): string {
  const isOnRecord = containers.some(({ back }) => back !== undefined);
  const images = new Set(containers.map(({ before, back }) => back ?? before));
  const [only] = images;
  if (only === undefined) return '';
  const last = 'the last healthy state on record';
  if (images.size > 1) return ` to ${isOnRecord ? last : 'the images from before'}`;
  return ` to ${shortVersion(only)}${isOnRecord ? `, ${last},` : ''}`;
}

function sameImage(workload: WorkloadReport): boolean {
  return workload.containers.every((container) => container.before === container.after);
}

function reasonIn(message: string | undefined): string {
  const text = (message ?? '').trim().replace(/\.$/, '');
  return text === '' ? '' : `: ${text}`;
}

function stop(clause: string): string {
  return clause === '' ? '' : `. Meanwhile${clause.slice(1)}`;
}

function lowered(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}
