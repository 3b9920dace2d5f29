import type { Outcome } from '../gate/lane.ts';
import type { Evidence, ResultKind, WorkloadReport } from '../model/report.ts';
import { shortName } from '../model/workload.ts';
import { imageBack } from '../rollback/target.ts';
import type { Deployed } from './ending.ts';
import type { Lane } from './lane.ts';
import type { Running } from './running.ts';
import type { Story } from './story.ts';

/** The result of a failed run, from what became of every workload that was to be put back. */
export function resultOf(workloads: readonly WorkloadReport[]): ResultKind {
  const outcomes = workloads
    .map(({ rollback }) => rollback?.outcome)
    .filter((outcome) => outcome !== undefined && outcome !== 'unnecessary');
  if (outcomes.some((outcome) => outcome === 'failed' || outcome === 'unknown')) return 'rollback-failed';
  const restored = outcomes.filter((outcome) => outcome === 'restored').length;
  if (restored === 0) return 'failed';
  return outcomes.includes('impossible') ? 'rollback-failed' : 'rolled-back';
}

/** The result of a run in which no workload failed: all are healthy, or somebody else took over, or nobody can tell. */
export function unfailedResult(lanes: readonly Lane[], outcomes: readonly Outcome[]): ResultKind {
  const kinds = new Set(outcomes.map((outcome) => outcome.verdict.kind));
  if (kinds.has('unknown')) return 'unknown';
  if (kinds.has('superseded')) return 'superseded';
  return lanes.every((lane) => lane.unchanged) ? 'unchanged' : 'succeeded';
}

/** What the report says of one workload. */
export function reportLane(
  lane: Lane,
  outcome: Outcome | undefined,
  more: {
    readonly evidence?: Evidence | undefined;
    readonly rollback?: WorkloadReport['rollback'];
    /** Without a verdict: whether it had been patched all the same. */
    readonly touched?: boolean;
    /** Whether its patch arrived is not known. */
    readonly doubtful?: boolean;
    readonly running?: readonly Running[];
  } = {},
): WorkloadReport {
  const verdict = outcome?.verdict;
  const failure = verdict?.kind === 'failed' ? verdict.failure : undefined;
  return {
    kind: lane.kind,
    namespace: lane.namespace,
    name: lane.name,
    outcome: outcomeOf(lane, outcome, more.touched === true),
    ...(more.doubtful === true ? { patched: 'unknown' } : {}),
    ...(more.rollback === undefined ? {} : { rollback: more.rollback }),
    containers: lane.changes.map((change) => {
      const { name, image: before, to: after } = change;
      const back = imageBack(lane.target, change);
      const runs = more.running?.find(({ container }) => container === name)?.runs;
      return {
        ...{ name, before, after },
        ...(back === before ? {} : { back }),
        ...(runs === undefined ? {} : { runs }),
      };
    }),
    ...(failure === undefined
      ? {}
      : {
          failure: {
            code: failure.code,
            message: failure.message,
            ...(failure.quote === undefined ? {} : { quote: failure.quote }),
            advice: failure.advice,
          },
        }),
    notes: [
      ...(verdict?.kind === 'healthy' ? verdict.notes : []),
      ...(verdict?.kind === 'superseded' ? [verdict.message] : []),
      ...(more.running ?? []).flatMap(({ note }) => (note === undefined ? [] : [note])),
    ],
    ...(more.evidence === undefined ? {} : { evidence: more.evidence }),
  };
}

function outcomeOf(lane: Lane, outcome: Outcome | undefined, touched: boolean): WorkloadReport['outcome'] {
  switch (outcome?.verdict.kind) {
    case undefined:
      return lane.unchanged ? 'unchanged' : touched ? 'unknown' : 'untouched';
    case 'healthy':
      return lane.unchanged ? 'unchanged' : 'healthy';
    case 'progressing':
      return 'unknown';
    default:
      return outcome?.verdict.kind ?? 'unknown';
  }
}

/** The bars of one workload: its way through the gate, the hold, and each new pod until it was ready. */
export function addSpans(story: Story, outcome: Outcome): void {
  const name = shortName(outcome.pin);
  const failed = outcome.verdict.kind === 'failed';
  const held = outcome.verdict.kind === 'healthy' ? outcome.held : undefined;
  story.add({
    section: 'gate',
    label: name,
    start: outcome.began,
    end: held ?? outcome.ended,
    outcome: failed ? 'failed' : outcome.verdict.kind === 'healthy' ? 'done' : 'active',
  });
  if (held !== undefined && outcome.ended.getTime() > held.getTime()) {
    story.add({ section: 'gate', label: `${name} held`, start: held, end: outcome.ended, outcome: 'done' });
  }
  for (const pod of outcome.pods) {
    story.add({
      section: name,
      label: pod.ready ? pod.pod : `${pod.pod}: ${pod.phase}`,
      start: pod.start,
      end: pod.end,
      outcome: pod.ready ? 'done' : failed ? 'failed' : 'active',
    });
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
