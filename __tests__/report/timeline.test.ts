import * as fc from 'fast-check';
import mermaid from 'mermaid';
import { describe, expect, test } from 'vitest';
import type { Span } from '../../src/model/report.ts';
import { renderTimeline } from '../../src/report/timeline.ts';
import {
  HOSTILE,
  hostile,
  long,
  quick,
  report,
  rolledBack,
  rolledBackTimeline,
  SAMPLES,
  span,
} from './samples.ts';

const draw = (...timeline: Span[]): string => renderTimeline(report({ timeline }));
const bars = (chart: string): string[] =>
  chart.split('\n').filter((line) => / :(done|crit|active), /.test(line));

/**
 * What Mermaid can parse without a browser: titles and the directive need DOMPurify, which needs a DOM, so
 * the head of the chart is left to mermaid.e2e.test.ts.
 */
const parsable = (chart: string): string => {
  const lines = chart.split('\n').slice(2, -1);
  return lines.filter((line) => !/^ {2}(title|accTitle:) /.test(line)).join('\n');
};
const setting = (chart: string, name: string): string | undefined =>
  new RegExp(`^  ${name} (.*)$`, 'm').exec(chart)?.[1];

test('the whole chart of a run that was rolled back', () => {
  expect(renderTimeline(rolledBack)).toBe(`\`\`\`mermaid
%%{init: {"gantt":{"leftPadding":128,"rightPadding":30,"barHeight":22,"barGap":5,"fontSize":12}}}%%
gantt
  title Time since the run began
  accTitle: What happened when
  dateFormat YYYY-MM-DD HH:mm:ss.SSS
  axisFormat %-S s
  tickInterval 5second
  todayMarker off
  section preflight
  permissions, workload, way back 400 ms :done, 2001-01-01 00:00:00.000, 2001-01-01 00:00:00.400
  section build
  docker buildx build and push 14 s :done, 2001-01-01 00:00:00.000, 2001-01-01 00:00:14.000
  section patch
  deployment/web 100 ms :done, 2001-01-01 00:00:14.100, 2001-01-01 00:00:14.263
  section deployment/web
  web-7f9c8d-x2k4p crashes 14 s :crit, 2001-01-01 00:00:14.600, 2001-01-01 00:00:28.200
  web-7f9c8d-q8l2m crashes 13 s :crit, 2001-01-01 00:00:15.000, 2001-01-01 00:00:28.200
  section gate
  failed∶ exits 1 on every new pod 14 s :crit, 2001-01-01 00:00:14.200, 2001-01-01 00:00:28.300
  section rollback
  deployment/web 4 s :done, 2001-01-01 00:00:28.300, 2001-01-01 00:00:32.500
\`\`\``);
});

test('without spans there is no chart', () => {
  expect(draw()).toBe('');
});

test('a span without a time is left out', () => {
  expect(draw({ section: 'a', label: 'b', start: 'soon', end: 'later', outcome: 'done' })).toBe('');
});

test.each([
  ['a run of 0.8 s', 0.8, '%-S.%L s', '100millisecond'],
  ['a run of 3 s', 3, '%-S.%L s', '500millisecond'],
  ['a run of 40 s', 40, '%-S s', '5second'],
  ['a run of 4 min', 240, '%-M:%S', '30second'],
  ['a run of 40 min', 2_400, '%-M m', '5minute'],
  ['a run of 2 h', 7_200, '%-H:%M h', '15minute'],
  ['a run of a day', 86_400, '%-H:%M h', '2hour'],
])('%s has an axis that can be read', (_, seconds, axis, interval) => {
  const chart = draw(span('gate', 'rollout', 0, seconds));
  expect([setting(chart, 'axisFormat'), setting(chart, 'tickInterval')]).toEqual([axis, interval]);
});

test('a bar that would be too thin to be seen is drawn wider, its label keeps the truth', () => {
  expect(bars(draw(span('gate', 'rollout', 0, 2_000), span('patch', 'p', 100, 100.1)))).toContain(
    '  p 100 ms :done, 2001-01-01 00:01:40.000, 2001-01-01 00:01:50.000',
  );
});

test('the bars of a section stand together, sections in the order of their first bar', () => {
  const chart = draw(span('b', '1', 0, 1), span('a', '2', 1, 2), span('b', '3', 2, 3, 'active'));
  expect(chart.split('\n').slice(9, -1)).toEqual([
    '  section b',
    '  1 1 s :done, 2001-01-01 00:00:00.000, 2001-01-01 00:00:01.000',
    '  3 1 s :active, 2001-01-01 00:00:02.000, 2001-01-01 00:00:03.000',
    '  section a',
    '  2 1 s :done, 2001-01-01 00:00:01.000, 2001-01-01 00:00:02.000',
  ]);
});

describe('more bars than can be read', () => {
  test('the rest of 60 pods becomes one bar, everything else stays', () => {
    const lines = bars(renderTimeline(long));
    expect(lines).toHaveLength(36);
    expect(lines).toContain('  30 more 14 m 22 s :done, 2001-01-01 00:10:00.000, 2001-01-01 00:24:22.000');
    for (const label of ['docker buildx build', 'rollout', 'held healthy', 'permissions']) {
      expect(lines.join('\n')).toContain(`  ${label}`);
    }
  });

  test('a pod that failed is kept before those that took long', () => {
    const pods = Array.from({ length: 80 }, (_, i) => span('deployment/web', `pod-${i}`, i, i + 100));
    expect(draw(...pods, span('deployment/web', 'bad', 3, 4, 'failed'))).toContain('\n  bad 1 s :crit');
  });

  test('failures that find no room are counted', () => {
    const pods = Array.from({ length: 80 }, (_, i) => span('deployment/web', `pod-${i}`, i, i + 2, 'failed'));
    expect(draw(...pods)).toContain('\n  41 more, 41 failed 42 s :crit');
  });

  test('there are never more than 40, however many sections', () => {
    const spans = Array.from({ length: 90 }, (_, i) => span(`section ${i}`, 'x', i, i + 1));
    expect(bars(draw(...spans))).toHaveLength(40);
  });
});

describe("Mermaid's own parser takes", () => {
  test.each(Object.entries(SAMPLES).filter(([, sample]) => sample.timeline.length > 0))(
    'the chart of "%s"',
    async (_, sample) => {
      await expect(mermaid.parse(parsable(renderTimeline(sample)))).resolves.toMatchObject({
        diagramType: 'gantt',
      });
    },
  );

  test('a label alone, whatever it is, and no directive comes of it', async () => {
    for (const text of [...HOSTILE, 'weekday monday', '}', '%', 'x%%', 'topAxis', '---', 'accDescr {', '`']) {
      await expect(mermaid.parse(parsable(draw(span(text, text, 0, 1))))).resolves.toEqual({
        diagramType: 'gantt',
        config: {},
      });
    }
  });

  test('any label', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.string({ maxLength: 30 }),
      fc.constantFrom(...HOSTILE),
    );
    await fc.assert(
      fc.asyncProperty(text, text, async (section, label) => {
        const chart = draw(span(section, label, 0, 1), span('gate', label, 1, 2));
        await expect(mermaid.parse(parsable(chart))).resolves.toMatchObject({ diagramType: 'gantt' });
        expect(bars(chart)).toHaveLength(2);
      }),
      { numRuns: 60 },
    );
  });
});

test('samples that the tests of other files rely on are what they say', () => {
  expect([
    rolledBackTimeline.length,
    bars(renderTimeline(quick)).length,
    bars(renderTimeline(hostile)).length,
  ]).toEqual([7, 4, 12]);
});

test.each([
  ['a keyword', 'gantt :done, 2001-01-01 00:00:00.000, 2001-01-01 00:00:01.000'],
  ['no time', 'a'],
])("Mermaid's parser does refuse what is wrong: %s", async (_, line) => {
  await expect(mermaid.parse(`gantt\n  dateFormat YYYY-MM-DD HH:mm:ss.SSS\n  ${line}`)).rejects.toThrow(
    /Expecting/,
  );
});
