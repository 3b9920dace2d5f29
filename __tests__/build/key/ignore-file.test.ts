import { describe, expect, test } from 'vitest';
import { Doubt } from '../../../src/build/key/doubt.ts';
import { isIgnored, parseIgnoreFile } from '../../../src/build/key/ignore-file.ts';

// What the patterns mean is held against BuildKit itself in selection.e2e.test.ts.
describe('a .dockerignore', () => {
  test.each(['a[[]', '[]a]', '[a-', 'a]', 'foo\\*', 'a^b', '[!a*]', '[z-a]'])(
    'is in doubt with the pattern %s',
    (pattern) => {
      expect(() => parseIgnoreFile(pattern)).toThrow(
        new Doubt(
          `the ignore file has the pattern ${JSON.stringify(pattern)}, whose meaning is not the same everywhere`,
        ),
      );
    },
  );
  test('is in doubt with an exception of nothing', () => {
    expect(() => parseIgnoreFile('a\n! \n')).toThrow(
      new Doubt('the ignore file has a line with nothing but "!"'),
    );
  });
  test('is read line by line', () => {
    expect(
      parseIgnoreFile('\uFEFF# c\n\n /a/ \r\n! ./b/../c\n').map(({ exception, text }) => [exception, text]),
    ).toEqual([
      [false, 'a'],
      [true, 'c'],
    ]);
  });
  test('has a last word: what a folder was told holds for its children until an exception speaks', () => {
    const patterns = parseIgnoreFile('a\n!a/keep\na/keep/not');
    const top = isIgnored(patterns, 'a', undefined);
    const keep = isIgnored(patterns, 'a/keep', top.verdicts);
    expect(
      [
        top,
        keep,
        isIgnored(patterns, 'a/keep/x', keep.verdicts),
        isIgnored(patterns, 'a/keep/not', keep.verdicts),
      ].map(({ ignored }) => ignored),
    ).toEqual([true, false, false, true]);
  });
});
