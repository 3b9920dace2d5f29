import { messageOf } from '../model/error.ts';
import type { Mark } from '../model/log.ts';
import { GREEN, imagesOf, type Report } from '../model/report.ts';
import { renderAnnotation } from '../report/annotation.ts';
import { escapeLogLine } from '../report/escape.ts';
import { renderSummary } from '../report/summary.ts';

/** Where a run tells how it ended: the runner's places, each of which may fail for itself. */
export interface Outlets {
  info(line: string): void;
  error(message: string, mark: Mark): void;
  output(name: string, value: string): void;
  /** Writes the report and answers its path. */
  file(json: string): string;
  /** undefined: nobody wants one, or the runner has no place for it. */
  readonly summary: ((markdown: string) => Promise<void>) | undefined;
  /** What a person would look for when one of them can not be written. */
  readonly places: Readonly<Record<'outputs' | 'file' | 'summary', string>>;
}

/** One of the places that could not be written. */
interface Unwritten {
  /** `the job summary` */
  readonly what: string;
  readonly place: string;
  readonly cause: unknown;
  /** What somebody misses now, a sentence. */
  readonly lack: string;
}

/**
 * Tells how a run ended: the one red line first, then outputs, report file and summary, none of which keeps the
 * others from being written.
 *
 * @returns whether the step is green: nothing failed, and all was written that later steps may rely on
 */
export async function publish(report: Report, outlets: Outlets): Promise<boolean> {
  tellEnding(report, outlets);
  const unwritten = [...setOutputs(outputsOf(report), outlets)];
  const { file, summary, places } = outlets;
  try {
    const path = file(`${JSON.stringify(report, null, 2)}\n`);
    unwritten.push(...setOutputs({ report: path }, outlets));
  } catch (cause) {
    unwritten.push({ what: 'the report', place: places.file, cause, lack: 'The output report is empty.' });
  }
  try {
    await summary?.(renderSummary(report));
  } catch (cause) {
    const lack = 'What it would have shown is in the report.';
    unwritten.push({ what: 'the job summary', place: places.summary, cause, lack });
  }
  for (const each of unwritten) tellUnwritten(each, report, outlets);
  return GREEN.has(report.result) && unwritten.length === 0;
}

/** Tells the mistakes of the inputs, which end a step before it has anything to report. */
export function publishMistakes(mistakes: readonly string[], outlets: Outlets): void {
  const title = mistakes.length === 1 ? 'An input is wrong' : `${mistakes.length} inputs are wrong`;
  outlets.error(mistakes.map(escapeLogLine).join('\n'), { title, place: undefined });
  const outputs = { result: 'failed', reason: escapeLogLine(mistakes[0] ?? '') };
  for (const each of setOutputs(outputs, outlets)) tellUnwritten(each, undefined, outlets);
}

function tellEnding(report: Report, outlets: Outlets): void {
  const annotation = renderAnnotation(report);
  if (annotation === undefined) outlets.info(escapeLogLine(report.reason));
  else outlets.error(annotation.message, { title: annotation.title, place: annotation.place });
}

function outputsOf(report: Report): Readonly<Record<string, string>> {
  const images = imagesOf(report);
  const lines = (values: readonly (string | undefined)[]): string =>
    values.map((value) => value ?? '').join('\n');
  return {
    result: report.result,
    image: lines(images.map(({ reference }) => reference)),
    digest: lines(images.map(({ digest }) => digest)),
    tag: lines([...new Set(images.map(({ tag }) => tag))]),
    built: images.length === 0 ? '' : String(images.some(({ built }) => built)),
    'previous-image': report.workloads[0]?.containers[0]?.before ?? '',
    reason: escapeLogLine(report.reason),
  };
}

/** Each for itself; what could not be set is one failure, for it is one file. */
function setOutputs(outputs: Readonly<Record<string, string>>, outlets: Outlets): readonly Unwritten[] {
  const failed: { readonly name: string; readonly cause: unknown }[] = [];
  for (const [name, value] of Object.entries(outputs)) {
    try {
      outlets.output(name, value);
    } catch (cause) {
      failed.push({ name, cause });
    }
  }
  const [first] = failed;
  if (first === undefined) return [];
  const names = failed.map(({ name }) => name).join(', ');
  const what = failed.length === 1 ? `the output ${names}` : `the outputs ${names}`;
  const lack = 'Steps that read them find nothing there.';
  return [{ what, place: outlets.places.outputs, cause: first.cause, lack }];
}

function tellUnwritten(
  { what, place, cause, lack }: Unwritten,
  report: Report | undefined,
  outlets: Outlets,
): void {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  const cure =
    code === 'ENOSPC' || code === 'EDQUOT'
      ? 'Make room on that disk of the runner.'
      : 'See that this step may write there.';
  // A green run would otherwise look like one that failed.
  const ending =
    report !== undefined && GREEN.has(report.result)
      ? ` The run itself ended as ${report.result}: the step is red for this alone.`
      : '';
  const message = `Could not write ${what} to ${place}: ${messageOf(cause)}. ${lack} ${cure}${ending}`;
  outlets.error(escapeLogLine(message), {
    title: `Not written: ${what.replace(/^the /, '')}`,
    place: undefined,
  });
}
