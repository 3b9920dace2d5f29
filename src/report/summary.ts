import { imagesOf, type Report, type ResultKind, type WorkloadReport } from '../model/report.ts';
import { headline } from './annotation.ts';
import { renderBuild } from './build.ts';
import { cut } from './clean.ts';
import { code, escapeMarkdown, fence } from './escape.ts';
import { type EvidenceSize, renderEvidence } from './evidence.ts';
import { formatDuration, plural, shortDigest, shortImage, shortVersion } from './live.ts';
import { namer } from './name.ts';
import { table } from './table.ts';
import { renderTimeline } from './timeline.ts';

export interface SummaryOptions {
  /**
   * Bytes that the markdown may take. GitHub's own limit is 1 MiB for a step, refused as a whole when it is
   * passed and silently dropped when it is nearly reached (actions/runner#4337), and nobody reads as much.
   */
  readonly limit?: number;
}

const LIMIT = 256 * 1_024;

/** How much evidence is shown, most first: what is too much for the limit gives way to the next. */
const SIZES: readonly EvidenceSize[] = [
  { lines: 1_000, events: 100, containers: 100, length: 4_000 },
  { lines: 200, events: 30, containers: 40, length: 1_000 },
  { lines: 40, events: 10, containers: 20, length: 300 },
  { lines: 10, events: 5, containers: 10, length: 200 },
  { lines: 0, events: 0, containers: 0, length: 0 },
];

/** Rows of the table of images, and notes: a run has few, but a report is only data. */
const MOST_ROWS = 100;
const MOST_NOTES = 50;
const MOST_DETAILS = 50;

const SIGNS: Readonly<Record<ResultKind, string>> = {
  succeeded: '✅',
  unchanged: '✅',
  superseded: '⚠️',
  'rolled-back': '❌',
  'rollback-failed': '🚨',
  failed: '❌',
  unknown: '❔',
  skipped: '⏭️',
};

/** The job summary, in GitHub's markdown: the answer first, the proof folded below it. */
export function renderSummary(report: Report, options: SummaryOptions = {}): string {
  const limit = options.limit ?? LIMIT;
  const above = [
    head(report),
    images(report),
    targets(report),
    builds(report),
    timeline(report),
    notes(report),
  ];
  const below = foot(report);
  for (const size of SIZES) {
    const whole = join([...above, evidence(report, size), below]);
    if (bytes(whole) <= limit) return whole;
  }
  const short = join([head(report), CUT, below]);
  return bytes(short) <= limit ? short : join([title(report), CUT]);
}

const CUT = '_The rest is left out here because it is too long: see the file behind the output_ `report`.';

function join(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

function title(report: Report): string {
  return `## ${SIGNS[report.result]} ${escapeMarkdown(cut(headline(report), 120))}`;
}

function head(report: Report): string {
  const advice =
    report.advice === undefined ? '' : `**What to do next:** ${escapeMarkdown(cut(report.advice, 4_000))}`;
  const details = (report.details ?? []).slice(0, MOST_DETAILS).map((line) => cut(line, 500));
  const below = details.length === 0 ? '' : fence(details);
  return [title(report), escapeMarkdown(cut(report.reason, 4_000)), below, advice]
    .filter((part) => part !== '')
    .join('\n\n');
}

function images(report: Report): string {
  const name = namer(report.workloads);
  const rows = report.workloads.flatMap((workload) =>
    workload.containers.map((container) => [
      code(name(workload)),
      code(container.name),
      image(container.before),
      container.after === container.before ? 'the same' : image(container.after),
      escapeMarkdown(became(workload)),
    ]),
  );
  if (rows.length === 0) return '';
  const more = rows.length > MOST_ROWS ? `\n\n…and ${plural(rows.length - MOST_ROWS, 'more row')}.` : '';
  return `${table(['Workload', 'Container', 'Image before', 'Image deployed', 'Outcome'], rows.slice(0, MOST_ROWS))}${more}`;
}

/** The digest is what differs; the whole reference is a touch away. */
function image(reference: string): string {
  return code(shortVersion(reference), reference);
}

/** What became of a workload, in a few words. */
function became({ outcome, rollback }: WorkloadReport): string {
  const took = rollback?.seconds === undefined ? '' : ` in ${formatDuration(rollback.seconds * 1_000)}`;
  if (rollback === undefined) return outcome === 'untouched' ? 'not touched' : outcome;
  switch (rollback.outcome) {
    case 'restored':
      return outcome === 'failed' ? `failed, rolled back${took}` : `put back${took}`;
    case 'failed':
      return 'rollback failed';
    case 'unknown':
      return 'rollback unknown';
    case 'superseded':
      return 'changed by somebody else';
    case 'declined':
      return `${outcome}, left as it is`;
    case 'impossible':
      return `${outcome}, no way back`;
    case 'unnecessary':
      return `${outcome}, nothing to roll back`;
    default:
      return rollback.outcome satisfies never;
  }
}

function timeline(report: Report): string {
  const chart = renderTimeline(report);
  return chart === '' ? '' : `### Timeline\n\n${chart}`;
}

function notes(report: Report): string {
  const name = namer(report.workloads);
  const lines = report.workloads.flatMap((workload) =>
    workload.notes.map((note) => `- ${code(name(workload))}: ${escapeMarkdown(cut(note, 500))}`),
  );
  if (lines.length === 0) return '';
  const more = lines.length > MOST_NOTES ? [`- …and ${lines.length - MOST_NOTES} more`] : [];
  return `### How strong the evidence is\n\n${[...lines.slice(0, MOST_NOTES), ...more].join('\n')}`;
}

function evidence(report: Report, size: EvidenceSize): string {
  const name = namer(report.workloads);
  return join(report.workloads.map((workload) => renderEvidence(workload, name(workload), size))).trimEnd();
}

function foot(report: Report): string {
  const { source, api } = report;
  const images = imagesOf(report);
  // Several have a list of their own.
  const built = images.length === 1 ? images[0] : undefined;
  const facts = [
    source === undefined
      ? ''
      : `commit ${code(source.revision.slice(0, 12), source.revision)}${source.dirty ? ' (with local changes)' : ''}`,
    built === undefined ? '' : `image ${code(shortImage(built.reference), built.reference)}`,
    built?.digest === undefined || built.reference.includes(built.digest)
      ? ''
      : `digest ${code(shortDigest(built.digest), built.digest)}`,
    built?.tag === undefined ? '' : `tag ${code(built.tag)}`,
    built?.reused === undefined ? '' : unbuilt(built.reused),
    `took ${duration(report)}`,
    api.requests + api.watches === 0
      ? ''
      : `${plural(api.requests, 'request')} to the Kubernetes API and ${api.watches} watches`,
  ];
  return `<sub>${facts.filter((fact) => fact !== '').join(' · ')}</sub>`;
}

/** How each image was built, and what it weighs. */
function builds(report: Report): string {
  const images = imagesOf(report);
  return images
    .map((image) => renderBuild(image, images.length > 1 ? image.target : undefined))
    .filter((part) => part !== '')
    .join('\n\n');
}

/** The images of a bake file: what each target came to. */
function targets(report: Report): string {
  const images = report.images ?? [];
  if (images.length < 2) return '';
  const rows = images.map(({ target = '', reference, tag }) => [
    code(target),
    code(shortImage(reference), reference),
    tag === undefined ? '' : code(tag),
  ]);
  const more = rows.length > MOST_ROWS ? `\n\n…and ${plural(rows.length - MOST_ROWS, 'more image')}.` : '';
  return `### Images\n\n${table(['Target', 'Image', 'Tag'], rows.slice(0, MOST_ROWS))}${more}`;
}

function unbuilt({ built, commit }: NonNullable<NonNullable<Report['image']>['reused']>): string {
  const day = built.slice(0, 10);
  return commit === undefined
    ? `nothing was built: the same content was on ${day}`
    : `nothing was built: the same content as commit ${code(commit.slice(0, 12), commit)}, built on ${day}`;
}

function duration(report: Report): string {
  const took = Date.parse(report.endedAt) - Date.parse(report.startedAt);
  return Number.isFinite(took) ? formatDuration(took) : 'an unknown time';
}
