/** The figures as a markdown table, and its place in docs/benchmarks.md. */
import { readFile, writeFile } from 'node:fs/promises';
import { difference, type Figure, isMet, median, ratio } from './figures.ts';

export function renderTable(figures: readonly Figure[]): string {
  const header = ['Figure', 'SteadyShip', 'Peer', 'Ratio', 'Bar', 'Met'];
  const rows = figures.map((figure) => {
    const { name, note, unit, ours, theirs } = figure;
    return [
      note === undefined ? name : `${name}<br><sub>${note}</sub>`,
      show(ours, unit),
      theirs.length === 0 ? '–' : show(theirs, unit),
      renderRatio(figure),
      renderBar(figure),
      { true: 'yes', false: '**no**', undefined: '–' }[String(isMet(figure))] ?? '–',
    ];
  });
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Puts text between the markers of a page, `<!-- name:begin -->` and `<!-- name:end -->`. */
export async function writeBetweenMarkers(file: string, name: string, text: string): Promise<void> {
  const page = await readFile(file, 'utf8');
  const [opening, closing] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const [begin, end] = [page.indexOf(opening), page.indexOf(closing)];
  if (begin < 0 || end < begin) throw new Error(`${file} lacks the lines ${opening} and ${closing}.`);
  await writeFile(file, `${page.slice(0, begin + opening.length)}\n${text}\n${page.slice(end)}`);
}

/** `0.21 s (0.19–0.24)`: the median, the least and the most. */
function show(values: readonly number[], unit: Figure['unit']): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const range = least === most ? '' : ` (${number(least, unit)}–${number(most, unit)})`;
  return `${number(median(values), unit)}${unit === 'requests' ? '' : ` ${unit}`}${range}`;
}

function number(value: number, unit: Figure['unit']): string {
  const digits =
    unit === 'requests' ? 0 : unit === 'MB' ? (value < 10 ? 2 : 0) : value < 1 ? 3 : value < 10 ? 2 : 1;
  return value.toFixed(digits).replace(/^-(0\.?0*)$/, '$1');
}

/** Where the bar is a difference, that goes first: `+0.12 s, 1.08 ×`. */
function renderRatio(figure: Figure): string {
  const [factor, more] = [ratio(figure), difference(figure)];
  if (factor === undefined || more === undefined) return '–';
  const times = `${factor.toFixed(2)} ×`;
  if (figure.bar?.of !== 'difference') return times;
  return `${more < 0 ? '−' : '+'}${number(Math.abs(more), figure.unit)} ${figure.unit}, ${times}`;
}

function renderBar({ bar, unit }: Figure): string {
  if (bar === undefined) return '–';
  if (bar.of === 'ratio') return `≤ ${bar.most} ×`;
  if (bar.of === 'difference') return `≤ +${bar.most} ${unit}`;
  return unit === 'requests' ? `≤ ${bar.most}` : `≤ ${bar.most} ${unit}`;
}
