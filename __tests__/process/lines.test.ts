import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clean, Lines, Tail } from '../../src/process/lines.ts';

function linesOf(pieces: readonly string[]): string[] {
  const lines: string[] = [];
  const cutter = new Lines((line) => lines.push(line));
  for (const piece of pieces) cutter.push(piece);
  cutter.end();
  return lines;
}

describe('lines', () => {
  const rows: readonly [name: string, pieces: string[], lines: string[]][] = [
    ['a last line without its end is a line', ['a\nb'], ['a', 'b']],
    ['Windows ends are ends', ['a\r\nb\r\n'], ['a', 'b']],
    ['a line may come in pieces', ['a', 'b\nc', '\n'], ['ab', 'c']],
    ['a progress bar shows its last state', ['10%\r50%\r100%\nnext\n'], ['100%', 'next']],
    ['colours go', ['\u001b[31mred\u001b[0m\n'], ['red']],
    ['control characters go, tabs stay', ['a\u0007b\tc\u0000\n'], ['ab\tc']],
    ['empty lines stay', ['a\n\nb\n'], ['a', '', 'b']],
  ];
  it.each(rows)('%s', (_, pieces, lines) => {
    expect(linesOf(pieces)).toEqual(lines);
  });
  it('a line without end is cut before it fills the memory', () => {
    expect(linesOf(['x'.repeat(150_000)]).map((line) => line.length)).toEqual([65_536, 65_536, 18_928]);
  });
  it('how the text is cut into pieces does not matter', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', '\n', '\r', 'b') })), (pieces) => {
        expect(linesOf(pieces)).toEqual(linesOf([pieces.join('')]));
      }),
    );
  });
  describe('of a program that labels the lines of others', () => {
    const labelled = (...pieces: readonly string[]): string[] => {
      const lines: string[] = [];
      const cutter = new Lines((line) => lines.push(line), /^#\d+ /);
      for (const piece of pieces) cutter.push(piece);
      cutter.end();
      return lines;
    };
    it('bear its label whatever rewrites them', () => {
      expect(labelled('#5 10%\r#1 WARN: x\n#1 WARN: y\nx\r#7 z\n')).toEqual([
        '#5 #1 WARN: x',
        '#1 WARN: y',
        '#7 z',
      ]);
    });
    it('bear it in each part of one that never ends, and not in the next', () => {
      const lines = labelled(`#5 ${'x'.repeat(65_533)}#1 WA`, 'RN: x\nplain\n');
      expect(lines.slice(1)).toEqual(['#5 #1 WARN: x', 'plain']);
    });
  });
  it('no control character passes', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !/[^\P{Cc}\t]/u.test(clean(text))));
  });
});

it('a tail keeps the end', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.integer({ min: 1, max: 20 }), (pieces, keep) => {
      const tail = new Tail(keep);
      for (const piece of pieces) tail.push(piece);
      expect(tail.text()).toBe(pieces.join('').slice(-keep));
    }),
  );
});
