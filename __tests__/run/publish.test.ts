import { expect, test } from 'vitest';
import type { Report } from '../../src/model/report.ts';
import { type Outlets, publish, publishMistakes } from '../../src/run/publish.ts';
import { rollbackFailed, succeeded } from '../report/samples.ts';

const FULL = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
const OUTPUTS = ['result', 'image', 'digest', 'tag', 'built', 'previous-image', 'reason'];

/** Places of which some are full; what was told, in its order. */
function outlets(full: readonly ('outputs' | 'digest' | 'file' | 'summary')[] = [], cause: Error = FULL) {
  const told: string[] = [];
  const written: Record<string, string> = {};
  const check = (...parts: readonly (typeof full)[number][]): void => {
    if (parts.some((part) => full.includes(part))) throw cause;
  };
  const places: Outlets = {
    info: (line) => told.push(line),
    error: (message, { title }) => told.push(`${title} | ${message}`),
    output: (name, value) => {
      check('outputs');
      if (name === 'digest') check('digest');
      written[name] = value;
    },
    file: (json) => {
      check('file');
      written['file'] = json;
      return '/tmp/r/report.json';
    },
    summary: (markdown) => {
      check('summary');
      written['summary'] = markdown;
      return Promise.resolve();
    },
    places: { outputs: '/run/output', file: '/tmp/r', summary: '/run/summary' },
  };
  return { places, told, written };
}

const ALONE = ' The run itself ended as succeeded: the step is red for this alone.';
const NO_OUTPUTS = (names: readonly string[]): string =>
  `Not written: outputs ${names.join(', ')} | Could not write the outputs ${names.join(', ')} to /run/output: ENOSPC: no space left on device, write. Steps that read them find nothing there. Make room on that disk of the runner.`;
const NO_FILE =
  'Not written: report | Could not write the report to /tmp/r: ENOSPC: no space left on device, write. The output report is empty. Make room on that disk of the runner.';
const NO_SUMMARY =
  'Not written: job summary | Could not write the job summary to /run/summary: ENOSPC: no space left on device, write. What it would have shown is in the report. Make room on that disk of the runner.';
const RED = /^Rollback failed: deployment\/web \| deployment\/web: container web exits 1/;

test('a run that went well is told in one line, and everything is written', async () => {
  const { places, told, written } = outlets();
  expect(await publish(succeeded, places)).toBe(true);
  expect(told).toEqual([succeeded.reason]);
  expect(Object.keys(written)).toEqual([...OUTPUTS, 'file', 'report', 'summary']);
  expect(written).toMatchObject({ result: 'succeeded', report: '/tmp/r/report.json' });
  expect(JSON.parse(written['file'] ?? '')).toEqual(succeeded);
});

test('a run that failed has one red line', async () => {
  const { places, told, written } = outlets();
  expect(await publish(rollbackFailed, places)).toBe(false);
  expect(told).toEqual([expect.stringMatching(RED)]);
  expect(written).toMatchObject({ result: 'rollback-failed', reason: rollbackFailed.reason });
});

test('nobody wants a summary, and none is missed', async () => {
  const { places, told } = outlets(['summary']);
  expect(await publish(succeeded, { ...places, summary: undefined })).toBe(true);
  expect(told).toEqual([succeeded.reason]);
});

test('with every place full, the cause is told first, and each place for itself', async () => {
  const { places, told } = outlets(['outputs', 'file', 'summary']);
  expect(await publish(rollbackFailed, places)).toBe(false);
  expect(told).toEqual([expect.stringMatching(RED), NO_OUTPUTS(OUTPUTS), NO_FILE, NO_SUMMARY]);
});

test.each<[string, 'digest' | 'file' | 'summary', string, readonly string[]]>([
  [
    'one output',
    'digest',
    'Not written: output digest | Could not write the output digest to /run/output: ENOSPC: no space left on device, write. Steps that read them find nothing there. Make room on that disk of the runner.',
    ['digest'],
  ],
  ['the report', 'file', NO_FILE, ['file', 'report']],
  ['the summary', 'summary', NO_SUMMARY, ['summary']],
])(
  '%s that can not be written makes a good run red, and keeps nothing else',
  async (_, part, sentence, lost) => {
    const { places, told, written } = outlets([part]);
    expect(await publish(succeeded, places)).toBe(false);
    expect(told).toEqual([succeeded.reason, `${sentence}${ALONE}`]);
    expect(written['result']).toBe('succeeded');
    expect(Object.keys(written)).toEqual(
      [...OUTPUTS, 'file', 'report', 'summary'].filter((name) => !lost.includes(name)),
    );
  },
);

test('a place that may not be written is not called full', async () => {
  const { places, told } = outlets(['file'], new Error('EACCES: permission denied, mkdir'));
  await publish(succeeded, places);
  expect(told[1]).toContain(
    'EACCES: permission denied, mkdir. The output report is empty. See that this step may write there.',
  );
});

test('no text of a place can give the runner a command', async () => {
  const { places, told } = outlets(['file'], new Error('x\n::error::owned'));
  await publish({ ...succeeded, reason: '::error::a' } satisfies Report, places);
  expect(told[0]).toBe(': :error::a');
  expect(told[1]).toContain('x ↵ : :error::owned');
});

test('mistakes of the inputs are told although no output can be set', () => {
  const { places, told } = outlets(['outputs']);
  publishMistakes(['image: it is missing.', 'timeout: "10" is no duration.'], places);
  expect(told).toEqual([
    '2 inputs are wrong | image: it is missing.\ntimeout: "10" is no duration.',
    NO_OUTPUTS(['result', 'reason']),
  ]);
});

test('mistakes of the inputs are outputs, too', () => {
  const { places, told, written } = outlets();
  publishMistakes(['image: it is missing.'], places);
  expect(told).toEqual(['An input is wrong | image: it is missing.']);
  expect(written).toEqual({ result: 'failed', reason: 'image: it is missing.' });
});
