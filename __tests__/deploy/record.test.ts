import { describe, expect, test } from 'vitest';
import {
  isStillStable,
  judgeMarker,
  parseRecord,
  placeImages,
  renderRecord,
} from '../../src/deploy/record.ts';
import type { ContainerSlot } from '../../src/model/change.ts';
import type { OpenMarker, Stable, WorkloadRecord } from '../../src/model/record.ts';

const image = (digit: string): string => `ghcr.io/acme/shop@sha256:${digit.repeat(64)}`;
const [OLD, NEW, OTHER] = [image('0'), image('1'), image('2')];
const RUN = { title: 'acme/shop run 57', url: 'https://github.com/acme/shop/actions/runs/57' };

const STABLE: Stable = {
  uid: 'u',
  images: [{ list: 'containers', name: 'web', image: OLD }],
  commit: 'c'.repeat(40),
  run: RUN,
  order: { repository: 'acme/shop', workflow: 'w.yml', ref: 'refs/heads/main', number: 57 },
  time: '2026-11-21T10:00:00.000Z',
};
const OPEN: OpenMarker = {
  uid: 'u',
  changes: [{ list: 'containers', index: 0, name: 'web', image: OLD, to: NEW }],
  annotationsBefore: { 'steadyship.dev/run': null, 'steadyship.dev/revision': 'abc' },
  run: RUN,
  time: '2026-11-21T10:00:00.000Z',
};

function annotationsOf(record: WorkloadRecord): Record<string, string> {
  const all = Object.entries(renderRecord(record));
  return Object.fromEntries(all.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
}

const slot = (name: string, image: string, list: ContainerSlot['list'] = 'containers'): ContainerSlot => ({
  list,
  index: 0,
  name,
  image,
});

describe('a record', () => {
  test.each<{ row: string; record: WorkloadRecord }>([
    { row: 'of everything', record: { stable: STABLE, open: OPEN } },
    {
      row: 'of an unfinished deploy by a step that is known',
      record: { stable: undefined, open: { ...OPEN, holder: 'acme/shop run 57 [a1]' } },
    },
    {
      row: 'of a rollback that was decided and not made',
      record: { stable: STABLE, open: { ...OPEN, goesBack: true } },
    },
    { row: 'of an unfinished first deploy', record: { stable: undefined, open: OPEN } },
    {
      row: 'of a run outside of GitHub, of no commit',
      record: {
        stable: { ...STABLE, commit: undefined, order: undefined, run: { title: 'a run', url: undefined } },
        open: undefined,
      },
    },
    { row: 'of nothing', record: { stable: undefined, open: undefined } },
  ])('$row comes back as it was written', ({ record }) => {
    expect(parseRecord(annotationsOf(record))).toEqual({ record, problems: [] });
  });

  test('takes its annotations away where there is nothing to remember', () => {
    expect(renderRecord({ stable: undefined, open: undefined })).toEqual({
      'steadyship.dev/last-stable': undefined,
      'steadyship.dev/open': undefined,
    });
  });

  test.each([
    { row: 'cut off', text: '{"version":1', because: 'JSON' },
    { row: 'of another version', text: '{"version":2}', because: 'it is of version 2' },
    { row: 'a list', text: '[]', because: 'the whole is no object' },
    {
      row: 'without a uid',
      text: JSON.stringify({ version: 1, ...OPEN, uid: 7 }),
      because: '"uid" is no text',
    },
    {
      row: 'with changes that are none',
      text: JSON.stringify({ version: 1, ...OPEN, changes: [{ list: 'volumes' }] }),
      because: '"list" names no list of containers',
    },
    {
      row: 'with an index that is none',
      text: JSON.stringify({ version: 1, ...OPEN, changes: [{ ...OPEN.changes[0], index: 0.5 }] }),
      because: '"index" is no whole number',
    },
    {
      row: 'with an annotation that is none',
      text: JSON.stringify({ version: 1, ...OPEN, annotationsBefore: { x: 1 } }),
      because: 'the annotation "x" is no text',
    },
  ])('that is $row counts as absent, and is told', ({ text, because }) => {
    const { record, problems } = parseRecord({
      'steadyship.dev/open': text,
      ...annotationsOf({ stable: STABLE, open: undefined }),
    });
    expect(record).toEqual({ stable: STABLE, open: undefined });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(
      /^The annotation steadyship\.dev\/open can not be read \(.*\), so it counts as absent; this version reads version 1\.$/,
    );
    expect(problems[0]).toContain(because);
  });
});

test('only images with a digest are remembered: a tag may say something else tomorrow', () => {
  const slots = [slot('web', OLD), slot('helper', 'busybox:1'), slot('migrate', NEW, 'initContainers')];
  expect(placeImages(slots)).toEqual([
    { list: 'containers', name: 'web', image: OLD },
    { list: 'initContainers', name: 'migrate', image: NEW },
  ]);
});

test.each([
  {
    row: 'what runs is what was recorded',
    uid: 'u',
    slots: [slot('web', OLD), slot('more', OTHER)],
    stable: true,
  },
  {
    row: 'another image runs: somebody rolled back or forth',
    uid: 'u',
    slots: [slot('web', NEW)],
    stable: false,
  },
  { row: 'the workload was made anew', uid: 'v', slots: [slot('web', OLD)], stable: false },
  { row: 'the container is gone', uid: 'u', slots: [slot('app', OLD)], stable: false },
  {
    row: 'the image moved to an init container',
    uid: 'u',
    slots: [slot('web', OLD, 'initContainers')],
    stable: false,
  },
])('a stable state is still there: $row: $stable', ({ uid, slots, stable }) => {
  expect(isStillStable(STABLE, uid, slots)).toBe(stable);
});

test('a stable state of no images, or none at all, is nowhere', () => {
  expect(isStillStable({ ...STABLE, images: [] }, 'u', [slot('web', OLD)])).toBe(false);
  expect(isStillStable(undefined, 'u', [slot('web', OLD)])).toBe(false);
});

describe('the marker of an unfinished run', () => {
  const began =
    'deployment/web: acme/shop run 57 (https://github.com/acme/shop/actions/runs/57) left its rollout marked as open';
  const two: OpenMarker = {
    ...OPEN,
    changes: [...OPEN.changes, { list: 'containers', index: 1, name: 'api', image: OLD, to: NEW }],
  };
  test.each<{
    row: string;
    marker?: OpenMarker;
    uid?: string;
    slots: ContainerSlot[];
    kind: string;
    words: string;
  }>([
    {
      row: 'its image still stands',
      slots: [slot('web', NEW)],
      kind: 'stands',
      words: ', and what it set still stands',
    },
    {
      row: 'its patch never arrived, or was taken back',
      slots: [slot('web', OLD)],
      kind: 'back',
      words: '; what ran before runs again, so nothing is left to put back',
    },
    {
      row: 'somebody else has set another image',
      slots: [slot('web', OTHER)],
      kind: 'settled',
      words: ', but somebody else has set another image since; theirs stays',
    },
    {
      row: 'somebody else has set one of two',
      marker: two,
      slots: [slot('web', NEW), slot('api', OTHER)],
      kind: 'settled',
      words: ', but somebody else has set another image since; theirs stays',
    },
    {
      row: 'a container of the same name among the init containers is another one',
      slots: [slot('web', NEW, 'initContainers')],
      kind: 'settled',
      words: ', but somebody else has set another image since; theirs stays',
    },
    {
      row: 'the workload was made anew with the same image',
      uid: 'v',
      slots: [slot('web', NEW)],
      kind: 'settled',
      words: ', but the workload was made anew since; nothing to put back',
    },
  ])('$row: $kind', ({ marker = OPEN, uid = 'u', slots, kind, words }) => {
    expect(judgeMarker(marker, { name: 'deployment/web', uid }, slots)).toEqual({
      kind,
      message: began + words,
    });
  });
});
