import { imagesOf, type WorkloadReport } from '../model/report.ts';
import { adviceFor } from './advice.ts';
import { cut, oneLine } from './clean.ts';
import { fateOf, othersOf } from './fate.ts';
import { joinList, plural, shortDigests, shortImage } from './live.ts';
import { type Namer, namer } from './name.ts';
import type { ReasonParts } from './parts.ts';
import { quoteOf, quoteOfLines } from './quote.ts';

export type { ReasonParts };

export interface Reason {
  /**
   * One line. Hostile text in it is on that line, cut and free of control characters, but not escaped: that
   * is done where it is shown.
   */
  readonly reason: string;
  readonly advice?: string;
  /** Lines that belong to the reason, for where there is room: a Role to paste, what a failed step wrote. */
  readonly details?: readonly string[];
}

/** More than this is no longer a line that somebody reads. */
const REASON_LENGTH = 1_000;

/** What the gate says in a note when health could not be seen (no replicas, partition): then we claim none. */
const NOTHING_VERIFIED = /nothing (was )?verified/i;

/** The one ladder that words every ending (after execa's lib/return/message.js). */
export function reasonFor(parts: ReasonParts): Reason {
  const name = namer(parts.workloads, parts.namespace);
  const culprit = culpritOf(parts);
  const reason = cut(oneLine(wording(parts, name, culprit).map(sentence).join(' ')), REASON_LENGTH);
  const advice = adviceFor(parts, culprit);
  const details = [...told(parts.stopped?.message ?? '').lines, ...(parts.stopped?.details ?? [])];
  return {
    reason,
    ...(advice === undefined ? {} : { advice: oneLine(advice) }),
    ...(details.length === 0 ? {} : { details }),
  };
}

function culpritOf({ workloads, culprit }: ReasonParts): WorkloadReport | undefined {
  return workloads[culprit ?? -1] ?? workloads.find((one) => one.outcome === 'failed');
}

function wording(parts: ReasonParts, name: Namer, culprit: WorkloadReport | undefined): string[] {
  const { stopped, workloads, result } = parts;
  if (stopped !== undefined) {
    const touched = workloads.some((one) => one.outcome !== 'untouched');
    const aftermath = touched ? othersOf(workloads, undefined, name) : untouched(parts, name);
    return [...told(stopped.message).sentences, ...aftermath];
  }
  switch (result) {
    case 'succeeded':
    case 'unchanged':
      return parts.command === 'build' ? [built(parts)] : healthy(workloads, name);
    case 'skipped':
      return ['Nothing was done'];
    case 'superseded':
      return superseded(workloads, name);
    case 'rolled-back':
    case 'rollback-failed':
    case 'failed':
    case 'unknown':
      if (culprit === undefined) return othersOf(workloads, undefined, name);
      return [cause(culprit, name), fateOf(culprit), ...othersOf(workloads, culprit, name)];
    default:
      return result satisfies never;
  }
}

/** Of a run that stopped before it changed anything: whoever is woken by it wants to know that first. */
function untouched({ command, result, tidied = [] }: ReasonParts, name: Namer): string[] {
  if (command === 'build') return [];
  if (tidied.length === 0) return result === 'skipped' ? [] : ['Nothing was changed in the cluster'];
  const said = tidied.map((each) =>
    each.whole
      ? `${name(each)} was put back to what it ran before an earlier, unfinished run`
      : `Putting ${name(each)} back to what it ran before an earlier, unfinished run did not come to a good end`,
  );
  return [...said, 'Nothing else was changed in the cluster'];
}

function built(parts: ReasonParts): string {
  const [image, ...others] = imagesOf(parts);
  if (image === undefined) return 'The image was built and pushed';
  if (others.length > 0) {
    const all = [image, ...others].map(({ reference }) => shortImage(reference));
    return `Built and pushed ${plural(all.length, 'image')}: ${joinList(all, 10)}`;
  }
  const tag = image.tag === undefined ? '' : ` (tag ${image.tag})`;
  return image.built
    ? `Built and pushed ${shortImage(image.reference)}${tag}`
    : `${shortImage(image.reference)}${tag} was in the registry already: nothing was built`;
}

function healthy(workloads: readonly WorkloadReport[], name: Namer): string[] {
  const moved = workloads.filter((one) => one.outcome !== 'unchanged');
  const kept = workloads.filter((one) => one.outcome === 'unchanged');
  const [first, ...rest] = moved.length === 0 ? kept : moved;
  if (first === undefined) return ['There was nothing to deploy'];
  const all = [first, ...rest];
  // Where no pod has it, it does not run.
  const set = moved.length === 1 && unverified(first);
  const verb = set ? 'is set to' : rest.length === 0 ? 'runs' : 'run';
  const who = rest.length === 0 ? name(first) : plural(all.length, 'workload');
  const list = rest.length === 0 ? '' : `: ${joinList(all.map(name), 5)}`;
  const proof = all.some(unverified) ? unseen(all, name) : `${rest.length === 0 ? 'is' : 'are'} healthy`;
  if (moved.length === 0)
    return [`${who} already ${verb} ${imageOf(all)} and ${proof}, so nothing was patched${list}`];
  // Of several images each workload has its own.
  const same = new Set([...all, ...kept].flatMap(imagesAfter)).size < 2;
  const theirs = same ? 'it' : kept.length === 1 ? 'its own' : 'their own';
  const already = kept.length === 0 ? [] : [`${joinList(kept.map(name), 5)} already ran ${theirs}`];
  return [`${who} ${verb} ${imageOf(all)} and ${proof}${list}`, ...already];
}

function unverified(workload: WorkloadReport): boolean {
  return workload.notes.some((note) => NOTHING_VERIFIED.test(note));
}

/** Where nothing could be verified, health is not claimed: the note that says why stands in its place. */
function unseen(all: readonly WorkloadReport[], name: Namer): string {
  const which = all.filter(unverified);
  const note = which[0]?.notes.find((one) => NOTHING_VERIFIED.test(one)) ?? '';
  const whom = all.length === 1 ? 'its health' : `the health of ${joinList(which.map(name), 5)}`;
  return `${whom} was not seen (${note.replace(/\.$/, '')})`;
}

/** The image that these workloads have in common; several sidecars or images are only counted. */
function imageOf(workloads: readonly WorkloadReport[]): string {
  const images = new Set(workloads.flatMap(imagesAfter));
  const [only] = images;
  return images.size === 1 && only !== undefined ? shortImage(only) : 'the images of this run';
}

function imagesAfter({ containers }: WorkloadReport): readonly string[] {
  return containers.map(({ after }) => after);
}

function superseded(workloads: readonly WorkloadReport[], name: Namer): string[] {
  const overtaken = workloads.filter(
    (one) => one.outcome === 'superseded' || one.rollback?.outcome === 'superseded',
  );
  const [first] = overtaken;
  if (first === undefined)
    return ['Somebody else changed the workloads meanwhile', 'Theirs is left as it is'];
  const why = first.rollback?.message ?? first.notes[0] ?? 'somebody else changed it while it rolled out';
  return [
    `${name(first)}: ${why}`,
    'That is left as it is, since a change of somebody else is never rolled back',
    ...othersOf(workloads, first, name),
  ];
}

/** `deployment/web: container web exits 1 on every new pod (3 crashes): "cannot connect …"`. */
function cause(workload: WorkloadReport, name: Namer): string {
  const quote = quoteOf(workload);
  const message =
    workload.failure?.message ?? (workload.outcome === 'unknown' ? 'its health is unknown' : 'failed');
  return `${name(workload)}: ${shortDigests(oneLine(message)).replace(/\.$/, '')}${quote === undefined ? '' : `: ${quote}`}`;
}

/**
 * A message of several lines: a sentence each. The indented ones below a colon are what some program wrote: in
 * the one line the most telling of them stands for all.
 */
function told(message: string): { readonly sentences: readonly string[]; readonly lines: readonly string[] } {
  const sentences: string[] = [];
  const lines: string[] = [];
  for (const block of message.split(/\r?\n(?!\s)/u)) {
    const [first = '', ...below] = block.split(/\r?\n/u);
    const quote = quoteOfLines(below);
    if (first.trim() !== '')
      sentences.push(sentence(oneLine(quote === undefined ? first : `${first} ${quote}`)));
    lines.push(...below.map((line) => line.replace(/^ {1,2}/, '')));
  }
  return { sentences, lines };
}

function sentence(text: string): string {
  return text === '' || /[.!?]$/.test(text) ? text : `${text}.`;
}
