import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cut, oneLine } from '../../src/report/clean.ts';
import {
  code,
  escapeLogLine,
  escapeLogLines,
  escapeMarkdown,
  fence,
  mermaidLabel,
} from '../../src/report/escape.ts';
import { isCommand, outsideCode, toHtml, toText } from './github.ts';

/** Text that is likely to hit something: the tokens of all the languages that it could be taken for. */
const nasty = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...'::|##[|error|add-mask|stop-commands|\u001b[31m|\u001b]0;t\u0007|\u001b]8;;http://e\u001b\\|\r|\n|\r\n|\u2028|\u0085|\u00ad'.split(
          '|',
        ),
        ...'\u200b \u202e \ufe0f ` `` ``` ~~~ * ** _ __ ~~ [ ] ( ) < > & \\ $ $$ @ @a/b #1 GH-1 a@b.co http://e www.e.co :+1: <b> </details> <!-- --> \t - + 1. = > &lt; &#64; ! a 0'.split(
          ' ',
        ),
        '|',
        ' ',
        '    ',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

describe('log lines', () => {
  test.each([
    ['ordinary text stays', 'web-7f9c: 2/3 ready', 'web-7f9c: 2/3 ready'],
    ['a command is broken up, and can be read', '::error::boom', ': :error::boom'],
    ['a command behind blanks', ' \t ::add-mask::a', '    : :add-mask::a'],
    ['a command behind a soft hyphen, which the runner does not see', '\u00ad::error::a', ': :error::a'],
    ['a command behind a no-break blank', '\u00a0::error::a', '\u00a0: :error::a'],
    ['a command behind a colour', '\u001b[1;31m::error::a\u001b[0m', ': :error::a'],
    ['a command behind three colons', ':::error::a', ': ::error::a'],
    ['a command behind a lone carriage return', 'ok\r::stop-commands::t', 'ok ↵ : :stop-commands::t'],
    ['a command behind a line feed', 'ok\n::stop-commands::t', 'ok ↵ : :stop-commands::t'],
    ['a command behind a line separator', 'ok\u2028::error::a', 'ok ↵ : :error::a'],
    ['the old form anywhere in a line', 'x ##[error]y', 'x ## [error]y'],
    ['the old form with an ignorable character inside', '#\u200b#[error]y', '## [error]y'],
    ['double colons inside a line are no command', 'std::string x', 'std::string x'],
    ['a hyperlink of a terminal leaves its text', '\u001b]8;;http://e\u0007here\u001b]8;;\u0007', 'here'],
    ['characters that turn the direction of reading', 'a\u202egnp.exe', 'agnp.exe'],
    ['half a surrogate pair', 'a\ud800b', 'a\ufffdb'],
  ])('%s', (_, text, expected) => {
    expect(escapeLogLine(text)).toBe(expected);
  });

  test('no text is a command, on any of its lines, however it is broken', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        for (const line of [escapeLogLine(text), ...escapeLogLines(text)]) {
          expect(isCommand(line)).toBe(false);
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
        }
      }),
    );
  });

  test('escaping twice changes nothing more', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        expect(escapeLogLine(escapeLogLine(text))).toBe(escapeLogLine(text));
      }),
    );
  });
});

describe('markdown', () => {
  test.each([
    ['plain words', 'exits 1 on every new pod (3 crashes).', 'exits 1 on every new pod (3 crashes).'],
    ['emphasis', '*a* is _b_ or ~~c~~', '`*a*` is `_b_` or `~~c~~`'],
    ['a link', '[a](b)', '`[a](b`)'],
    ['tags', '<b>&lt;', '`<b>&lt;`'],
    ['a pipe, which would end a cell', 'a|b', '`a`&#124;`b`'],
    ['a mention', 'ask @acme/team.', 'ask `@acme/team`.'],
    ['a closing word and its issues', 'fixes #12, GH-3', 'fixes `#12, GH-3`'],
    ['an address in quotes', 'to "http://db:5432/x"', 'to "`http://db:5432/x`"'],
    ['math', '$a$ $', '`$a$ $`'],
    ['a place in a file that holds an emoji', 'server.js:100:13', '`server.js:100:13`'],
    ['a pipe in what becomes code', '@a|@b', '`@a`&#124;`@b`'],
    ['backticks in what becomes code', '@a`b``c', '```@a`b``c```'],
    ['a name with an underscore in brackets', 'denied (write_package).', 'denied (`write_package`).'],
    ['a step of a build', '[build 2/4] RUN npm ci', '`[build 2/4]` RUN npm ci'],
    ['a list at the start', '- a - b', '`-` a - b'],
    ['a number at the start', '1. a', '`1`. a'],
    ['a version at the start stays', '1.2.3 is out', '1.2.3 is out'],
    ['lines become one', 'a\r\n\r\n# b', 'a # b'],
    ['a commit stays as it is', '4f2a91c', '4f2a91c'],
  ])('%s', (_, text, expected) => {
    expect(escapeMarkdown(text)).toBe(expected);
  });

  test('any text reads in a paragraph as it was written, and nothing in it acts', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const html = toHtml(`x ${escapeMarkdown(text)} x`);
        expect(toText(html)).toBe(`x ${oneLine(text)} x`);
        expect(html.replace(/<\/?(p|code)>/g, '')).not.toMatch(/<\w/);
        expect(outsideCode(html)).not.toMatch(/@|\$|:\/\/|#\d|GH-\d|:[\w+-]+:/i);
      }),
      { numRuns: 300 },
    );
  });

  test("stands letter by letter, so that the runner knows another step's secret in it", () => {
    const letters = fc.constantFrom(...'ab1_*~[]<>&`\\#@$:/!;?{}='.split(''));
    const secret = fc.string({ unit: letters, minLength: 4 }).filter((text) => !/[:]$/.test(text));
    fc.assert(
      fc.property(secret, (text) => {
        expect(escapeMarkdown(`the key is ${text} and no more`)).toContain(text);
        expect(escapeMarkdown(text)).toContain(text);
      }),
    );
  });

  test('any text stands alone as one paragraph', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const html = toHtml(escapeMarkdown(text));
        expect(toText(html)).toBe(oneLine(text));
        expect(html).toMatch(/^(<p>.*<\/p>)?$/s);
      }),
      { numRuns: 300 },
    );
  });

  test('any text stays in its cell', () => {
    fc.assert(
      fc.property(nasty, nasty, (one, two) => {
        const html = toHtml(`| a | b |\n| --- | --- |\n| ${escapeMarkdown(one)} | ${code(two, one)} |`);
        const cells = [...html.matchAll(/<td>(.*?)<\/td>/gs)].map((match) => match[1] ?? '');
        expect(cells.map(toText)).toEqual([oneLine(one), oneLine(two)]);
      }),
      { numRuns: 300 },
    );
  });

  test('code carries the long form in its title', () => {
    expect(code('sha256:1a…', 'a"b`|<')).toBe('<code title="a&#34;b&#96;&#124;&#60;">sha256:1a…</code>');
  });

  test('nothing inside code is linked', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const html = toHtml(`x ${code(text, text)} x`);
        expect(html.replace(/<code title="[^"<>]*">|<\/code>|<\/?p>/g, '')).not.toMatch(/<\w/);
        expect(toText(html)).toBe(`x ${oneLine(text)} x`);
      }),
      { numRuns: 300 },
    );
  });
});

describe('fences', () => {
  test('a fence in the text makes ours longer', () => {
    expect(fence(['a', '````', 'b'])).toBe('`````text\na\n````\nb\n`````');
  });

  test('no line ends the block', () => {
    fc.assert(
      fc.property(fc.array(nasty), (texts) => {
        const lines = texts.flatMap(escapeLogLines);
        const html = toHtml(`${fence(lines)}\n\nafter`);
        expect(html).toMatch(/^<pre><code class="language-text">[^<]*<\/code><\/pre>\n<p>after<\/p>$/);
      }),
    );
  });
});

describe('Mermaid labels', () => {
  test.each([
    ['a pod', 'web-7f9c8d-x2k4p', 'web-7f9c8d-x2k4p'],
    ['a colon, which would end the name', 'failed: exits 1', 'failed∶ exits 1'],
    ['a comment and a semicolon', 'a # b; c', 'a № b, c'],
    ['a directive', '%%{init: 1}%%', 'percent(init∶ 1) percent'],
    ['a share', '50% done', '50 percent done'],
    ['tags and entities', '<b>&amp;', '‹b›+amp,'],
    ['a keyword gets an invisible joiner in front', 'gantt-7f9c', '\u2060gantt-7f9c'],
    ['a date too', '2026-01-01', '\u20602026-01-01'],
    ['nothing', ' \n ', '–'],
    ['a long one is cut', 'x'.repeat(60), `${'x'.repeat(47)}…`],
  ])('%s', (_, text, expected) => {
    expect(mermaidLabel(text)).toBe(expected);
  });
});

test.each([
  ['short text stays', 'abc', 3, 'abc'],
  ['long text ends in an ellipsis', 'abcdef', 4, 'abc…'],
  ['a blank near the end is where it is cut', 'one two three four', 16, 'one two three…'],
  ['a character of two halves stays whole', '👍👍👍', 2, '👍…'],
])('cut: %s', (_, text, most, expected) => {
  expect(cut(text, most)).toBe(expected);
});
