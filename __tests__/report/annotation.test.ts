import { expect, test } from 'vitest';
import type { Report } from '../../src/model/report.ts';
import { headline, renderAnnotation } from '../../src/report/annotation.ts';
import { escapeLogLine } from '../../src/report/escape.ts';
import {
  building,
  crashed,
  hostile,
  image,
  report,
  rollbackFailed,
  rolledBack,
  skipped,
  succeeded,
  superseded,
  unchanged,
  unknown,
  workload,
} from './samples.ts';

test.each([
  ['succeeded', succeeded],
  ['unchanged', unchanged],
  ['skipped', skipped],
  ['built', building],
])('a run that is green has no annotation: %s', (_, green) => {
  expect(renderAnnotation(green)).toBeUndefined();
});

test('the cause comes first, then what to do', () => {
  expect(renderAnnotation(rolledBack)).toEqual({
    title: 'Rolled back: deployment/web',
    message:
      'deployment/web: container web exits 1 on every new pod (3 crashes): "cannot connect to database at db:5432". Rolled back to sha256:1a2b3c4d… in 4 s. Look at what the container needs when it starts: its database, its configuration, its secrets.',
  });
});

test('a cause in the repository is told where it stands', () => {
  const failed = report({
    result: 'failed',
    workloads: [],
    place: { file: 'app/Dockerfile', line: 4, endLine: 6 },
  });
  expect(renderAnnotation(failed)?.place).toEqual({ file: 'app/Dockerfile', line: 4, endLine: 6 });
  expect(renderAnnotation(rolledBack)?.place).toBeUndefined();
});

test('what a build step wrote stands below', () => {
  const failed = report({
    command: 'build',
    result: 'failed',
    workloads: [],
    reason: 'It failed.',
    details: ['a', '::b'],
  });
  expect(renderAnnotation(failed)?.message).toBe(`It failed.\na\n${escapeLogLine('::b')}`);
});

test.each<[string, Report, string]>([
  ['a failed rollback', rollbackFailed, 'Rollback failed: deployment/web'],
  ['somebody else', superseded, 'Superseded: deployment/web'],
  ['nobody knows', unknown, 'Unknown: deployment/web'],
  [
    'a build of several that went well',
    report({ command: 'build', workloads: [], images: [image, image] }),
    'Built: 2 images',
  ],
  ['a build that failed', report({ command: 'build', result: 'failed', workloads: [] }), 'Failed: image'],
  ['a build', building, 'Built: image'],
  ['bad inputs', report({ result: 'failed', workloads: [] }), 'Failed'],
  [
    'two of three failed',
    report({ result: 'failed', workloads: [workload(), crashed(), crashed({ name: 'api' })] }),
    'Failed: deployment/web and 1 more',
  ],
])('headline: %s', (_, sample, expected) => {
  expect(headline(sample)).toBe(expected);
});

test('a hostile text is one harmless line that the runner does not cut', () => {
  const annotation = renderAnnotation({
    ...hostile,
    reason: `::error::a\n##[error]b ${'x'.repeat(9_000)}`,
    advice: 'Do this.',
  });
  expect(annotation?.message).toMatch(/^: :error::a ## \[error\]b x+… Do this\.$/);
  expect(annotation?.message.length).toBeLessThanOrEqual(4_000);
});
