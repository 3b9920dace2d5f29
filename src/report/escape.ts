import { cleanLines, oneLine } from './clean.ts';

/**
 * The lines of a text for the live log, none of which is a workflow command any more.
 *
 * The runner obeys `::name …::` at the beginning of a line, after blanks, and `##[name …]` anywhere in it
 * (actions/runner src/Runner.Common/ActionCommand.cs at 079cdb1, `TryParseV2` and `TryParse`). One blank
 * inside either mark takes its power away and leaves it readable. A line counts as beginning with what its
 * first visible character is, whatever blanks precede it.
 */
export function escapeLogLines(text: string): string[] {
  return cleanLines(text).map((line) => {
    const plain = line.includes('::') ? line.replace(/^([^\p{L}\p{N}\p{P}\p{S}]*):(?=:)/u, '$1: ') : line;
    return plain.replaceAll('##[', '## [');
  });
}

/** As {@link escapeLogLines}, with the line breaks shown as ` ↵ `. */
export function escapeLogLine(text: string): string {
  return escapeLogLines(escapeLogLines(text).join(' ↵ ')).join('');
}

/**
 * Text for a paragraph or a table cell of GitHub's markdown, that reads as it was written and does nothing.
 *
 * A backslash keeps punctuation from being markup, but GitHub looks for mentions, issues, addresses and
 * emoji in the finished HTML, where no backslash is left. It leaves code alone (html-pipeline, mention
 * filter: `IGNORE_PARENTS`), so words with such a thing in them become code spans, which also can be
 * copied, unlike text with zero-width characters sprinkled in. Closing words (`fixes #1`) need the
 * reference behind them and lose their power with it.
 */
export function escapeMarkdown(text: string): string {
  const words = oneLine(text).split(' ');
  return words.map((word, index) => (isActive(word) ? inCode(word) : inText(word, index === 0))).join(' ');
}

/** Addresses, mentions, issue references, math, emoji shortcodes (`server.js:100:13` holds one). */
function isActive(word: string): boolean {
  return /[@$]|:\/\/|www\.|#\d|GH-\d|:[\w+-]+:|mailto:|xmpp:/iu.test(word);
}

function inText(word: string, first: boolean): string {
  const escaped = word.replace(/[\\`*_[\]~]/g, '\\$&').replace(/[&<>|]/g, entity);
  return first ? escaped.replace(/^(\d{1,9})([.)])/, '$1\\$2').replace(/^[#+=-]/, '\\$&') : escaped;
}

/** Brackets and quotes around the word stay outside. A pipe would end a cell even in code, so it stays outside too. */
function inCode(word: string): string {
  const [, before = '', core = '', after = ''] =
    /^(["'([{<]*)(.*?)((?:(?<!@|\$)["')\]}>.,;!?:])*)$/u.exec(word) ?? [];
  const inside = core.split('|').map((part) => (part === '' ? '' : codeSpan(part)));
  return `${inText(before, false)}${inside.join('&#124;')}${inText(after, false)}`;
}

/** A code span that the text can not end: its fence is longer than any run of backticks inside. */
function codeSpan(text: string): string {
  const fence = '`'.repeat(longestRun(text) + 1);
  const pad = text.startsWith('`') || text.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${text}${pad}${fence}`;
}

/**
 * A short name as code: pods, containers, digests. As HTML, because a `title` can then carry the long form
 * (both pass GitHub's sanitiser: html-pipeline sanitization_filter.rb at 28c8372), and because it also
 * works inside `<summary>`. Everything that markdown would see in it is an entity.
 */
export function code(text: string, title?: string): string {
  const attribute = title === undefined ? '' : ` title="${entities(title)}"`;
  return `<code${attribute}>${entities(text)}</code>`;
}

function entities(text: string): string {
  return oneLine(text)
    .replace(/[&<>"'`*_[\]\\|~$!#@]/g, entity)
    .replaceAll('://', '&#58;//')
    .replace(/(www)\./gi, '$1&#46;')
    .replace(/(mailto|xmpp):/gi, '$1&#58;');
}

function entity(character: string): string {
  return `&#${character.charCodeAt(0)};`;
}

/** A fenced block that no line inside can end. */
export function fence(lines: readonly string[], language = 'text'): string {
  const marks = '`'.repeat(Math.max(3, longestRun(lines.join('\n')) + 1));
  return [`${marks}${language}`, ...lines, marks].join('\n');
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}

/** What Mermaid's lexer takes for a statement where a task's name could stand (gantt.jison at 03ce281). */
const KEYWORD =
  /^(gantt|dateFormat|inclusiveEndDates|topAxis|axisFormat|tickInterval|includes|excludes|todayMarker|weekday|weekend|title|accTitle|accDescr|accDescription|section|click|call|href|\d{4}-\d\d-\d\d)/i;

/** Stand-ins for the characters that end a name or begin something else, in old and new versions of Mermaid. */
const LOOKALIKE: Readonly<Record<string, string>> = {
  ':': '∶',
  ';': ',',
  '#': '№',
  '%': ' percent',
  '<': '‹',
  '>': '›',
  '&': '+',
  '{': '(',
  '}': ')',
  '`': "'",
  '"': "'",
  '\\': '/',
};

/**
 * The name of a task or a section in a Mermaid gantt. Entities (`#58;`) would also be drawn, but the width
 * of the label is measured before they are decoded, and older versions fail on them; so the few characters
 * in question are replaced by others that read alike and are in every font. A word joiner before a keyword makes it a name.
 */
export function mermaidLabel(text: string, most = 48): string {
  const plain = oneLine(text)
    .replace(/%+|\$\$+/g, (run) => run.charAt(0))
    .replace(/[:;#%<>&{}`"\\]/g, (character) => LOOKALIKE[character] ?? '')
    .replace(/ +/g, ' ')
    .trim();
  const characters = [...plain];
  const short =
    characters.length > most
      ? `${characters
          .slice(0, most - 1)
          .join('')
          .trimEnd()}…`
      : plain;
  if (short === '') return '–';
  return KEYWORD.test(short) ? `\u2060${short}` : short;
}
