import { expect, test } from 'vitest';
import { parseDuration } from '../../src/plan/duration.ts';

test.each([
  ['90s', 90_000],
  ['10m', 600_000],
  ['1h30m', 5_400_000],
  ['500ms', 500],
  ['7d', 604_800_000],
  ['1.5s', 1_500],
  ['0s', 0],
  ['0', 0],
  [' 5s ', 5_000],
])('%s is %d ms', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each(['', '600', 'soon', '-5s', '5 s', '1w', '5s soon', 's'])('%j is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});
