import type { Report, Span } from '../model/report.ts';
import { oneLine } from './clean.ts';
import { fence, mermaidLabel } from './escape.ts';
import { formatDuration } from './live.ts';

/** More bars than this and the chart is a wall. */
const MOST_BARS = 40;

/** A bar below this share of the whole could not be seen; the time in its label stays true. */
const THINNEST = 1 / 200;

/** Distances between two ticks, in milliseconds, with Mermaid's word for each. */
const TICKS: readonly (readonly [number, string])[] = [
  [100, '100millisecond'],
  [200, '200millisecond'],
  [500, '500millisecond'],
  [1_000, '1second'],
  [2_000, '2second'],
  [5_000, '5second'],
  [10_000, '10second'],
  [15_000, '15second'],
  [30_000, '30second'],
  [60_000, '1minute'],
  [120_000, '2minute'],
  [300_000, '5minute'],
  [600_000, '10minute'],
  [900_000, '15minute'],
  [1_800_000, '30minute'],
  [3_600_000, '1hour'],
  [7_200_000, '2hour'],
];

/** As many as have room for their labels below a chart of GitHub's width. */
const MOST_TICKS = 10;

/** A span in milliseconds since the run began. */
interface Bar {
  readonly section: string;
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly outcome: Span['outcome'];
}

/** The timeline as a Mermaid gantt in a fence; empty when there is nothing to draw. */
export function renderTimeline(report: Report): string {
  const bars = fewer(barsOf(report.timeline));
  if (bars.length === 0) return '';
  return fence([...head(bars), ...body(bars)], 'mermaid');
}

function barsOf(timeline: readonly Span[]): Bar[] {
  const read = timeline.map((span) => ({ span, from: Date.parse(span.start), to: Date.parse(span.end) }));
  const valid = read.filter(({ from, to }) => Number.isFinite(from) && Number.isFinite(to));
  const zero = Math.min(...valid.map(({ from }) => from));
  return valid.map(({ span, from, to }) => ({
    section: oneLine(span.section),
    label: span.label,
    from: from - zero,
    to: Math.max(from, to) - zero,
    outcome: span.outcome,
  }));
}

/**
 * Keeps what failed and what is not one pod among many, then the longest, in their order; the rest becomes
 * one bar for each section. The order of sections is that of their first bar: Mermaid wants the bars of a
 * section together.
 */
function fewer(bars: readonly Bar[]): Bar[] {
  const sections = new Map<string, Bar[]>();
  for (const bar of bars) sections.set(bar.section, [...(sections.get(bar.section) ?? []), bar]);
  const room = Math.max(0, MOST_BARS - sections.size);
  const weight = (bar: Bar): number =>
    (bar.outcome === 'failed' ? 4e9 : 0) +
    ((sections.get(bar.section)?.length ?? 0) < 4 ? 2e9 : 0) +
    bar.to -
    bar.from;
  const kept =
    bars.length <= MOST_BARS
      ? new Set(bars)
      : new Set(bars.toSorted((one, other) => weight(other) - weight(one)).slice(0, room));
  const shown = [...sections.values()].flatMap((all) => {
    const rest = all.filter((bar) => !kept.has(bar));
    return [...all.filter((bar) => kept.has(bar)), ...merged(rest)];
  });
  return shown.length <= MOST_BARS
    ? shown
    : [...shown.slice(0, MOST_BARS - 1), ...merged(shown.slice(MOST_BARS - 1))];
}

function merged(rest: readonly Bar[]): Bar[] {
  const [first] = rest;
  if (first === undefined || rest.length === 1) return [...rest];
  const failed = rest.filter((bar) => bar.outcome === 'failed').length;
  const active = rest.some((bar) => bar.outcome === 'active');
  return [
    {
      section: first.section,
      label: `${rest.length} more${failed > 0 ? `, ${failed} failed` : ''}`,
      from: Math.min(...rest.map((bar) => bar.from)),
      to: Math.max(...rest.map((bar) => bar.to)),
      outcome: failed > 0 ? 'failed' : active ? 'active' : 'done',
    },
  ];
}

/**
 * The axis shows the time since the start. Mermaid formats dates in the reader's time zone, so the run is
 * set at a local midnight, in the form without a zone, instead of at its own time. `topPadding` is left alone: the axis is drawn 50
 * above the bottom whatever it says (ganttRenderer, `makeGrid`).
 */
function head(bars: readonly Bar[]): string[] {
  const total = totalOf(bars);
  const [step, interval] = TICKS.find(([length]) => total / length <= MOST_TICKS) ?? [7_200_000, '2hour'];
  const longest = Math.max(...bars.map((bar) => [...mermaidLabel(bar.section, SECTION_LENGTH)].length));
  const settings = {
    gantt: {
      leftPadding: 30 + 7 * longest,
      rightPadding: 30,
      barHeight: 22,
      barGap: 5,
      fontSize: 12,
    },
  };
  return [
    `%%{init: ${JSON.stringify(settings)}}%%`,
    'gantt',
    '  title Time since the run began',
    '  accTitle: What happened when',
    '  dateFormat YYYY-MM-DD HH:mm:ss.SSS',
    `  axisFormat ${axisFormat(total, step)}`,
    `  tickInterval ${interval}`,
    '  todayMarker off',
  ];
}

function axisFormat(total: number, step: number): string {
  if (total >= 3_600_000) return '%-H:%M h';
  if (step >= 60_000) return '%-M m';
  if (total >= 60_000) return '%-M:%S';
  return step < 1_000 ? '%-S.%L s' : '%-S s';
}

/** Room for a section's name is at the left of the chart, outside of it. */
const SECTION_LENGTH = 26;

function body(bars: readonly Bar[]): string[] {
  const thinnest = totalOf(bars) * THINNEST;
  const lines: string[] = [];
  let section: string | undefined;
  for (const bar of bars) {
    if (bar.section !== section) lines.push(`  section ${mermaidLabel(bar.section, SECTION_LENGTH)}`);
    section = bar.section;
    const label = `${mermaidLabel(bar.label)} ${formatDuration(bar.to - bar.from)}`;
    const tag = { done: 'done', failed: 'crit', active: 'active' }[bar.outcome];
    lines.push(
      `  ${label} :${tag}, ${at(bar.from)}, ${at(Math.max(bar.to, bar.from + Math.ceil(thinnest)))}`,
    );
  }
  return lines;
}

function totalOf(bars: readonly Bar[]): number {
  return Math.max(1, ...bars.map((bar) => bar.to));
}

/** No zone changed its clock on this day; a run of more than a day would go on into the next. */
const MIDNIGHT = Date.UTC(2001, 0, 1);

function at(milliseconds: number): string {
  return new Date(MIDNIGHT + milliseconds).toISOString().replace('T', ' ').replace('Z', '');
}
