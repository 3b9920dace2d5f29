import { describe, expect, test } from 'vitest';
import { judgeRecord, keyTag, recordLabels } from '../../src/plan/reuse.ts';
import { takenBy, trustOf } from '../../src/plan/trust.ts';

const key = 'k'.repeat(64);
const now = new Date('2026-11-21T09:15:00Z');
const day = 86_400_000;
const wanted = { key, trust: 'default', now, maxAge: 7 * day } as const;
const labels = (age: number, more = {}): Record<string, string> => ({
  ...recordLabels({ key, trust: 'default', now: new Date(now.getTime() - age) }),
  'org.opencontainers.image.revision': 'c'.repeat(40),
  ...more,
});

describe('a record', () => {
  test('is good when every image under it says the same, lately', () => {
    expect(judgeRecord([labels(day), labels(2 * day)], wanted)).toEqual({
      kind: 'good',
      recorded: { built: '2026-11-19T09:15:00.000Z', commit: 'c'.repeat(40) },
    });
  });
  test('is good to its last moment, and no longer', () => {
    expect(judgeRecord([labels(7 * day)], wanted).kind).toBe('good');
    expect(judgeRecord([labels(7 * day + 1000)], wanted)).toEqual({
      kind: 'old',
      why: 'it was built 7 days ago, and `max-age` is 7 days',
    });
  });
  test('bears a difference of clocks, but nothing from the future', () => {
    expect(judgeRecord([labels(-60_000)], wanted).kind).toBe('good');
    expect(judgeRecord([labels(-day)], wanted).kind).toBe('foreign');
  });
  test.each([
    [
      'of another content',
      { 'dev.steadyship.key': `default:${'x'.repeat(64)}` },
      `default:${'x'.repeat(64)}`,
    ],
    ['of another class', { 'dev.steadyship.key': `pull-request:${key}` }, `pull-request:${key}`],
    ['that says hostile things', { 'dev.steadyship.key': '::error::x\n' }, '::error::x?'],
  ])('is foreign for an image %s', (_, more, said) => {
    expect(judgeRecord([labels(day), labels(day, more)], wanted)).toEqual({
      kind: 'foreign',
      why: `the tag was moved to an image that is not of this content (of its own it says ${said})`,
    });
  });
  test('is foreign without images, and without a time', () => {
    expect(judgeRecord([], wanted).kind).toBe('foreign');
    expect(judgeRecord([labels(day, { 'dev.steadyship.built': 'soon' })], wanted)).toEqual({
      kind: 'foreign',
      why: 'its label does not say when it was built',
    });
  });
  test('has a tag that registries take', () => {
    const ours = { url: 'https://github.com/acme/shop', release: undefined };
    const key = keyTag.hash('content', ours);
    expect(keyTag.name(key, 'pull-request')).toMatch(/^steadyship-pull-request-[0-9a-f]{64}$/);
    expect(keyTag.hash('content', { ...ours, url: undefined })).not.toBe(key);
    expect(keyTag.hash('content', { ...ours, release: '1.2.3' })).not.toBe(key);
    expect(keyTag.hash('content', { ...ours })).toBe(key);
  });
});

describe('trust', () => {
  const sha = 'a'.repeat(40);
  const main = {
    pullRequest: undefined,
    ref: 'refs/heads/main',
    defaultBranch: 'main',
    checkedOut: sha,
    own: sha,
  };
  test.each([
    ['a push to main', {}, 'default'],
    ['a push to another branch', { ref: 'refs/heads/fix' }, 'branch'],
    ['a tag called as the default branch', { ref: 'refs/tags/main' }, 'branch'],
    ['a merge queue', { ref: 'refs/heads/gh-readonly-queue/main/pr-1' }, 'branch'],
    ['an event that does not name the default branch', { defaultBranch: undefined }, 'branch'],
    ['a pull request', { pullRequest: { number: 1 }, ref: 'refs/pull/1/merge' }, 'pull-request'],
    ['a pull request with the rights of main', { pullRequest: { number: 1 } }, 'pull-request'],
    ['a run of main that checked out something else', { checkedOut: 'b'.repeat(40) }, 'pull-request'],
    ['a run that knows nothing of itself', { ref: '', own: undefined }, 'pull-request'],
  ] as const)('of %s', (_, facts, expected) => {
    expect(trustOf({ ...main, ...facts })).toBe(expected);
  });
  test('goes down only', () => {
    expect(takenBy('default')).toEqual(['default']);
    expect(takenBy('branch')).toEqual(['branch', 'default']);
    expect(takenBy('pull-request')).toEqual(['pull-request', 'branch', 'default']);
  });
});
