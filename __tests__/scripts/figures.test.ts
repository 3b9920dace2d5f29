import { describe, expect, test } from 'vitest';
import { type Figure, isMet, median } from '../../scripts/bench/figures.ts';
import { renderTable } from '../../scripts/bench/table.ts';

const figure: Figure = { name: 'x', unit: 's', ours: [0.2, 9, 0.3], theirs: [0.1, 0.2] };

test('the median is the middle, or the mean of the two in the middle', () => {
  expect(median([5, 1, 100])).toBe(5);
  expect(median([1, 2, 4, 100])).toBe(3);
});

describe('a bar', () => {
  test.each([
    ['is met by a median below it', { most: 0.3, of: 'value' }, true],
    ['is missed by a median above it', { most: 0.29, of: 'value' }, false],
    ['may be a ratio to the peer', { most: 2, of: 'ratio' }, true],
    ['may be a ratio that is missed', { most: 1.9, of: 'ratio' }, false],
    ['may be what comes on top of the peer', { most: 0.16, of: 'difference' }, true],
    ['may be on top of the peer, and missed', { most: 0.14, of: 'difference' }, false],
    ['may be absent', undefined, undefined],
  ] as const)('%s', (_, bar, met) => {
    expect(isMet(bar === undefined ? figure : { ...figure, bar })).toBe(met);
  });
});

test('a bar that wants a peer is neither met nor missed where none was measured', () => {
  const alone: Figure = { ...figure, theirs: [], bar: { most: 1, of: 'ratio' } };
  expect(isMet(alone)).toBe(undefined);
  const [, , row] = renderTable([alone]).split('\n');
  expect(row).toBe('| x | 0.300 s (0.200–9.00) | – | – | ≤ 1 × | – |');
  expect(isMet({ ...alone, bar: { most: 1, of: 'value' } })).toBe(true);
});

test('what comes on top of the peer goes before the ratio', () => {
  const [, , row] = renderTable([{ ...figure, bar: { most: 0.5, of: 'difference' } }]).split('\n');
  expect(row).toBe(
    '| x | 0.300 s (0.200–9.00) | 0.150 s (0.100–0.200) | +0.150 s, 2.00 × | ≤ +0.5 s | yes |',
  );
  const [, , faster] = renderTable([
    { ...figure, theirs: [0.5], bar: { most: 0.5, of: 'difference' } },
  ]).split('\n');
  expect(faster).toContain('| −0.200 s, 0.60 × |');
});

test('a missed bar is plain to see in the table', () => {
  const [, , row] = renderTable([{ ...figure, bar: { most: 1.5, of: 'ratio' } }]).split('\n');
  expect(row).toBe('| x | 0.300 s (0.200–9.00) | 0.150 s (0.100–0.200) | 2.00 × | ≤ 1.5 × | **no** |');
});

test('of a peer that came before the fact nothing is a multiple', () => {
  const [, , row] = renderTable([{ ...figure, theirs: [-0.003] }]).split('\n');
  expect(row).toBe('| x | 0.300 s (0.200–9.00) | -0.003 s | – | – | – |');
});
