import { describe, expect, test } from 'vitest';
import {
  formatDuration,
  joinList,
  plural,
  shortDigest,
  shortDigests,
  shortImage,
  shortVersion,
} from '../../src/report/live.ts';

const HEX = '1a2b3c4d'.repeat(8);

describe('formatDuration', () => {
  test.each([
    ['nothing', 0, '0 ms'],
    ['less than a second is told in milliseconds', 340.4, '340 ms'],
    ['a clock that ran backwards is no time', -5, '0 ms'],
    ['whole seconds', 4_200, '4 s'],
    ['999.6 ms does not become 1000 ms', 999.6, '1 s'],
    ['59.6 s does not become 60 s', 59_600, '1 m'],
    ['minutes and seconds', 70_000, '1 m 10 s'],
    ['59 m 59.9 s does not become 60 m', 3_599_900, '1 h'],
    ['hours and minutes', 3_900_000, '1 h 5 m'],
  ])('%s', (_, milliseconds, words) => {
    expect(formatDuration(milliseconds)).toBe(words);
  });
});

describe('shortening', () => {
  test.each([
    ['a digest', shortDigest(`sha256:${HEX}`), 'sha256:1a2b3c4d…'],
    ['text that is no digest', shortDigest('latest'), 'latest'],
    [
      'a reference by digest',
      shortImage(`ghcr.io/acme/web@sha256:${HEX}`),
      'ghcr.io/acme/web@sha256:1a2b3c4d…',
    ],
    [
      'a reference with tag and digest loses the tag',
      shortImage(`a/web:1@sha256:${HEX}`),
      'a/web@sha256:1a2b3c4d…',
    ],
    ['a reference by tag', shortImage('ghcr.io/acme/web:1.4'), 'ghcr.io/acme/web:1.4'],
    ['a port is no tag', shortImage('localhost:5000/web'), 'localhost:5000/web'],
    [
      'the version of a reference by digest',
      shortVersion(`localhost:5000/web@sha256:${HEX}`),
      'sha256:1a2b3c4d…',
    ],
    ['the version of a reference by tag', shortVersion('localhost:5000/acme/web:1.4'), 'web:1.4'],
    ['the version of a reference with neither', shortVersion('localhost:5000/web'), 'web'],
    ['digests within a text', shortDigests(`no a@sha256:${HEX}: gone`), 'no a@sha256:1a2b3c4d…: gone'],
  ])('%s', (_, short, expected) => {
    expect(short).toBe(expected);
  });
});

test.each([
  ['none', [], undefined, ''],
  ['one', ['a'], undefined, 'a'],
  ['two', ['a', 'b'], undefined, 'a and b'],
  ['three', ['a', 'b', 'c'], undefined, 'a, b and c'],
  ['as many as fit', ['a', 'b', 'c'], 3, 'a, b and c'],
  ['more than fit', ['a', 'b', 'c', 'd'], 2, 'a, b and 2 more'],
])('joinList of %s', (_, items, most, expected) => {
  expect(joinList(items, most)).toBe(expected);
});

test('plural counts one as one', () => {
  expect([plural(0, 'pod'), plural(1, 'pod'), plural(2, 'pod')]).toEqual(['0 pods', '1 pod', '2 pods']);
});
