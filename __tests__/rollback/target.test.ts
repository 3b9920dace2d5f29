import { describe, expect, test } from 'vitest';
import type { ImageChange } from '../../src/model/change.ts';
import type { Stable } from '../../src/model/record.ts';
import { chooseTarget, type Memory, type Target, wayBack } from '../../src/rollback/target.ts';

const image = (digit: string): string => `ghcr.io/acme/shop@sha256:${digit.repeat(64)}`;
const [GOOD, BAD, WORSE] = [image('1'), image('b'), image('c')];

const change = (to: string, from = BAD, name = 'web'): ImageChange => ({
  list: 'containers',
  index: 0,
  name,
  image: from,
  to,
});
const stable = (...images: string[]): Stable => ({
  uid: 'u',
  images: images.map((each, index) => ({
    list: 'containers',
    name: ['web', 'api'][index] ?? '',
    image: each,
  })),
  commit: 'c'.repeat(40),
  run: { title: 'acme/shop run 57', url: 'https://example.com/57' },
  order: undefined,
  time: '',
});

describe('the way back', () => {
  test.each<{
    row: string;
    complete?: boolean;
    crashed?: boolean;
    memory?: Partial<Memory>;
    wanted: Target['kind'];
    why?: string;
  }>([
    { row: 'what ran before was whole', complete: true, wanted: 'snapshot' },
    {
      row: 'what ran before was whole, whatever is remembered',
      complete: true,
      memory: { stable: stable(GOOD) },
      wanted: 'snapshot',
    },
    {
      row: 'what ran before looked whole between two crashes, another state is remembered',
      complete: true,
      crashed: true,
      memory: { stable: stable(GOOD) },
      wanted: 'last-stable',
    },
    {
      row: 'what ran before looked whole after a crash, and is what is remembered',
      complete: true,
      crashed: true,
      memory: { stable: stable(BAD) },
      wanted: 'snapshot',
    },
    {
      row: 'what ran before looked whole after a crash, and what is remembered is deployed now',
      complete: true,
      crashed: true,
      memory: { stable: stable(WORSE) },
      wanted: 'snapshot',
    },
    {
      row: 'what ran before looked whole after a crash, and nothing is remembered',
      complete: true,
      crashed: true,
      wanted: 'snapshot',
    },
    {
      row: 'what ran before was broken, a healthy state is remembered',
      memory: { stable: stable(GOOD) },
      wanted: 'last-stable',
    },
    {
      row: 'what ran before was the healthy state, on a bad day of its nodes',
      memory: { stable: stable(GOOD), changes: [change(WORSE, GOOD)] },
      wanted: 'last-stable',
    },
    {
      row: 'two containers, of which one stays as it was when healthy',
      memory: { stable: stable(GOOD, GOOD), changes: [change(WORSE), change(GOOD, BAD, 'api')] },
      wanted: 'last-stable',
    },
    {
      row: 'nothing is remembered',
      memory: {},
      wanted: 'none',
      why: 'what ran before was not healthy either, so there is no known-good state to go back to',
    },
    {
      row: 'nothing was asked',
      wanted: 'none',
      why: 'what ran before was not healthy either, so there is no known-good state to go back to',
    },
    {
      row: 'the memory is of a workload of the same name that is gone',
      memory: { stable: { ...stable(GOOD), uid: 'v' } },
      wanted: 'none',
      why: 'what ran before was not healthy either, and the last healthy state on record is of a workload that was deleted since',
    },
    {
      row: 'the healthy image of before is the one that fails today',
      memory: { stable: stable(WORSE) },
      wanted: 'none',
      why: 'what ran before was not healthy either, and the last healthy state on record is the image that is deployed now',
    },
    {
      row: 'the container was not there then, or had a tag only',
      memory: { stable: stable(GOOD), changes: [change(WORSE, BAD, 'api')] },
      wanted: 'none',
      why: 'what ran before was not healthy either, and the last healthy state on record names no digest for container api',
    },
  ])('$row: $wanted', ({ complete = false, crashed = false, memory, wanted, why }) => {
    const known = memory && { uid: 'u', stable: undefined, changes: [change(WORSE)], ...memory };
    const target = chooseTarget({ complete, crashed }, known);
    expect(target.kind).toBe(wanted);
    expect(target.kind === 'none' ? target.why : undefined).toBe(why);
  });
});

describe('a history of deploys', () => {
  /** A workload and its memory, as a chain of runs leaves them; only GOOD is ever healthy. */
  function deployAll(deploys: readonly { readonly to: string; readonly rollback?: 'never' }[]): string {
    let [runs, known, attempts]: [string, Stable | undefined, number] = [BAD, undefined, 0];
    for (const { to, rollback } of deploys) {
      attempts += 1;
      const before = runs;
      const changes = [change(to, before)];
      const target = chooseTarget(
        { complete: before === GOOD, crashed: false },
        { uid: 'u', stable: known, changes },
      );
      runs = to;
      if (to === GOOD) known = stable(GOOD);
      else if (rollback !== 'never' && target.kind !== 'none') {
        const made = wayBack(target, { reply: {}, changes, annotationsBefore: {} }, () => ({}));
        runs = made.changes[0]?.image ?? '';
      }
    }
    expect(attempts).toBe(deploys.length);
    return runs;
  }

  test.each([
    {
      row: 'bad, good, bad and bad again ends at the good one',
      deploys: [{ to: BAD }, { to: GOOD }, { to: BAD }, { to: WORSE }],
      ends: GOOD,
    },
    {
      row: 'the same, when nobody put the first bad one back',
      deploys: [{ to: BAD }, { to: GOOD }, { to: BAD, rollback: 'never' as const }, { to: WORSE }],
      ends: GOOD,
    },
    { row: 'bad and bad has nothing to go back to', deploys: [{ to: BAD }, { to: WORSE }], ends: WORSE },
    { row: 'good, bad, good stays there', deploys: [{ to: GOOD }, { to: BAD }, { to: GOOD }], ends: GOOD },
  ])('$row', ({ deploys, ends }) => {
    expect(deployAll(deploys)).toBe(ends);
  });
});

describe('what is taken back', () => {
  const made = {
    reply: {},
    changes: [change(WORSE)],
    annotationsBefore: { 'steadyship.dev/run': 'the bad run', 'example.com/x': undefined },
  };
  const annotations = ({ run }: Stable) => ({ 'steadyship.dev/run': run.url });

  test('is what stood there before', () => {
    expect(wayBack({ kind: 'snapshot' }, made, annotations)).toBe(made);
  });

  test('is the last stable state, and the annotations say so', () => {
    expect(wayBack({ kind: 'last-stable', stable: stable(GOOD) }, made, annotations)).toEqual({
      reply: {},
      changes: [change(WORSE, GOOD)],
      annotationsBefore: { 'steadyship.dev/run': 'https://example.com/57', 'example.com/x': undefined },
    });
  });
});
