import type { Place } from '../model/place.ts';
import { GREEN, imagesOf, type Report, type ResultKind } from '../model/report.ts';
import { cut, oneLine } from './clean.ts';
import { escapeLogLine } from './escape.ts';

/** The one annotation of a run, as plain text: whoever prints it encodes it (the toolkit does). */
export interface Annotation {
  readonly title: string;
  readonly message: string;
  /** Undefined: the cause stands in no file of the repository. */
  readonly place: Place | undefined;
}

/** The runner cuts longer messages (`_maxIssueMessageLength` in src/Runner.Worker/ExecutionContext.cs). */
const MESSAGE_LENGTH = 4_000;
const ADVICE_LENGTH = 1_000;

/** One line above the message on the run's page. */
const TITLE_LENGTH = 120;

/** A result in words: the heading of the summary and the title of the annotation begin with it. */
const RESULT_WORDS: Readonly<Record<ResultKind, string>> = {
  succeeded: 'Deployed',
  unchanged: 'Unchanged',
  superseded: 'Superseded',
  'rolled-back': 'Rolled back',
  'rollback-failed': 'Rollback failed',
  failed: 'Failed',
  unknown: 'Unknown',
  skipped: 'Skipped',
};

/**
 * The one annotation of a run that is not green, undefined otherwise: the cause first, then what to do.
 * When the user's input makes `superseded` green, print the same words as a notice.
 */
export function renderAnnotation(report: Report): Annotation | undefined {
  if (GREEN.has(report.result)) return undefined;
  const advice =
    report.advice === undefined ? '' : ` ${cut(escapeLogLine(oneLine(report.advice)), ADVICE_LENGTH)}`;
  const message = `${cut(escapeLogLine(oneLine(report.reason)), MESSAGE_LENGTH - ADVICE_LENGTH)}${advice}`;
  const details = (report.details ?? []).map((line) => `\n${escapeLogLine(line)}`).join('');
  return {
    title: cut(escapeLogLine(headline(report)), TITLE_LENGTH),
    message: cut(`${message}${details}`, MESSAGE_LENGTH),
    place: report.place && { ...report.place, file: escapeLogLine(report.place.file) },
  };
}

/** `Rolled back: deployment/web`: plain text, on one line. */
export function headline(report: Report): string {
  const words =
    report.command === 'build' && report.result === 'succeeded' ? 'Built' : RESULT_WORDS[report.result];
  const failed = report.workloads.filter((one) => one.outcome === 'failed');
  const named = failed.length > 0 ? failed : report.workloads;
  const [only] = named;
  if (only === undefined) {
    const images = imagesOf(report).length;
    return oneLine(
      report.command === 'build' ? `${words}: ${images > 1 ? `${images} images` : 'image'}` : words,
    );
  }
  const name = `${only.kind.toLowerCase()}/${only.name}`;
  return oneLine(named.length === 1 ? `${words}: ${name}` : `${words}: ${name} and ${named.length - 1} more`);
}
