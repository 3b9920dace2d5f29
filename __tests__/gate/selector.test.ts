import { expect, test } from 'vitest';
import { anyMatches, commonSelector, renderSelector } from '../../src/gate/selector.ts';

test('a selector is rendered as the query parameter takes it', () => {
  expect(
    renderSelector({
      matchLabels: { app: 'web' },
      matchExpressions: [
        { key: 'tier', operator: 'In', values: ['a', 'b'] },
        { key: 'stage', operator: 'NotIn', values: ['x'] },
        { key: 'owner', operator: 'Exists' },
        { key: 'old', operator: 'DoesNotExist' },
      ],
    }),
  ).toBe('app=web,tier in (a,b),stage notin (x),owner,!old');
});

test('one workload is asked for by its own selector', () => {
  expect(commonSelector([{ matchLabels: { app: 'web', tier: 'front' } }])).toBe('app=web,tier=front');
});

test('several are asked for by the values of a label that all have', () => {
  expect(commonSelector([{ matchLabels: { app: 'a', x: '1' } }, { matchLabels: { app: 'b' } }])).toBe(
    'app in (a,b)',
  );
});

test('several are asked for by what they have in common, too', () => {
  const selectors = ['a', 'b'].map((app) => ({ matchLabels: { app, 'part-of': 'shop' } }));
  expect(commonSelector(selectors)).toBe('part-of=shop,app in (a,b)');
});

test('so many that a proxy would refuse the request are asked for by having the label', () => {
  const named = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ matchLabels: { app: `a-long-name-${index}`, x: '1' } }));
  expect(commonSelector(named(100))).toMatch(/^x=1,app in \(a-long-name-0,a-long-name-1,.*a-long-name-99\)$/);
  expect(commonSelector(named(1_000))).toBe('x=1,app');
});

test('several without a common label are not narrowed, for a wrong narrowing would hide pods', () => {
  expect(commonSelector([{ matchLabels: { app: 'a' } }, { matchLabels: { name: 'b' } }])).toBeUndefined();
  expect(commonSelector([{ matchLabels: { app: 'a' } }, undefined])).toBeUndefined();
});

const web = { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'old', operator: 'DoesNotExist' }] };

test.each<[string, Readonly<Record<string, string>> | undefined, boolean]>([
  ['all that is asked for is there', { app: 'web', more: 'x' }, true],
  ['a label has another value', { app: 'db' }, false],
  ['an expression refuses', { app: 'web', old: '' }, false],
  ['there are no labels', undefined, false],
  ['the second selector takes it', { tier: 'a' }, true],
  ['a value is not among those asked for', { tier: 'c' }, false],
])('labels are matched as the server would: %s', (_, labels, wanted) => {
  const tiers = { matchExpressions: [{ key: 'tier', operator: 'In', values: ['a', 'b'] }] };
  expect(anyMatches([web, tiers])(labels)).toBe(wanted);
});

test('a workload without a selector keeps everything', () => {
  expect(anyMatches([web, undefined])({ app: 'db' })).toBe(true);
});
