import type { Evidence, WorkloadReport } from '../model/report.ts';
import { cleanLines, cut } from './clean.ts';
import { code, escapeMarkdown, fence } from './escape.ts';
import { plural, shortDigests } from './live.ts';
import { table } from './table.ts';

/** How much of it is shown: logs from the end, events and containers from the start. */
export interface EvidenceSize {
  readonly lines: number;
  readonly events: number;
  readonly containers: number;
  /** Characters of one line or message. */
  readonly length: number;
}

/** What the cluster said, folded; empty when it said nothing. */
export function renderEvidence(workload: WorkloadReport, name: string, size: EvidenceSize): string {
  const { evidence } = workload;
  if (evidence === undefined) return '';
  const parts = [containers(evidence, size), events(evidence, size), logs(evidence, size), missing(evidence)];
  const shown = parts.filter((part) => part !== '');
  if (shown.length === 0) return '';
  // A blank line after <summary> ends the HTML block: without it GitHub shows the markdown below as it stands.
  return [
    '<details>',
    `<summary>Evidence: ${code(name)}</summary>`,
    '',
    shown.join('\n\n'),
    '',
    '</details>',
  ].join('\n');
}

function containers(evidence: Evidence, size: EvidenceSize): string {
  const rows = evidence.containers
    .slice(0, size.containers)
    .map((one) => [code(one.pod), code(one.container), escapeMarkdown(cut(one.state, size.length))]);
  return titled(
    'Containers',
    rows,
    ['Pod', 'Container', 'State'],
    left(evidence.containers, rows, 'container'),
  );
}

function events(evidence: Evidence, size: EvidenceSize): string {
  const rows = evidence.events
    .slice(0, size.events)
    .map((one) => [
      code(one.object),
      code(one.reason),
      escapeMarkdown(cut(shortDigests(one.message), size.length)),
      one.count > 1 ? `${one.count} times` : '',
    ]);
  return titled(
    'Events',
    rows,
    ['Object', 'Reason', 'Message', 'Seen'],
    left(evidence.events, rows, 'event'),
  );
}

function titled(
  title: string,
  rows: readonly (readonly string[])[],
  head: readonly string[],
  more: string,
): string {
  if (rows.length === 0 && more === '') return '';
  return [`**${title}**`, rows.length === 0 ? '' : table(head, rows), more]
    .filter((part) => part !== '')
    .join('\n\n');
}

function left(all: readonly unknown[], shown: readonly unknown[], noun: string): string {
  const count = all.length - shown.length;
  return count === 0
    ? ''
    : `_${plural(count, `more ${noun}`)} left out here: see the file behind the output_ \`report\`.`;
}

function logs(evidence: Evidence, size: EvidenceSize): string {
  if (evidence.logs === undefined || evidence.logs.lines.length === 0) return '';
  const { pod, container, previous, lines } = evidence.logs;
  const kept = size.lines === 0 ? [] : lines.slice(-size.lines);
  // A raw line may hold several, and be endless: what can not be shown is not worth cleaning.
  const shown = kept.flatMap((line) => cleanLines(line.slice(0, 4 * size.length))).slice(-size.lines);
  const which = previous ? ' (the instance that died)' : '';
  const title = `**Last ${plural(shown.length, 'line')} of container** ${code(container)} **in pod** ${code(pod)}${which}`;
  if (shown.length === 0) return left(lines, kept, 'log line');
  const block = fence(shown.map((line) => cut(line, size.length)));
  return [title, block, left(lines, kept, 'log line')].filter((part) => part !== '').join('\n\n');
}

function missing(evidence: Evidence): string {
  return evidence.missing
    .slice(0, 20)
    .map((why) => `- Not shown: ${escapeMarkdown(cut(why, 500))}`)
    .join('\n');
}
