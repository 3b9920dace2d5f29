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
 * Words with anything in them that markdown or GitHub would obey become code spans, in which they stand letter by
 * letter: the runner masks other steps' secrets in the file that it is given, and would not know one with
 * backslashes or entities in it, which is readable on the page. GitHub also looks for mentions, issues, addresses and
 * emoji in the finished HTML, and leaves code alone (html-pipeline, mention filter: `IGNORE_PARENTS`). Closing
 * words (`fixes #1`) need the reference behind them and lose their power with it.
 */
export function escapeMarkdown(text: string): string {
  const parts: { words: string[]; readonly active: boolean }[] = [];
  for (const [index, word] of oneLine(text).split(' ').entries()) {
    const active = isActive(word) || (index === 0 && BLOCK.test(word));
    const last = parts.at(-1);
    if (last?.active === active) last.words.push(word);
    else parts.push({ words: [word], active });
  }
  return parts.map(({ words, active }) => (active ? inCode(words.join(' ')) : words.join(' '))).join(' ');
}

/** Markup; addresses, mentions, issue references, math, emoji shortcodes (`server.js:100:13` holds one). */
function isActive(word: string): boolean {
  return /[\\`*_[\]~&<>|@$]|:\/\/|www\.|#\d|GH-\d|:[\w+-]+:|mailto:|xmpp:/iu.test(word);
}

/** What at the beginning of a paragraph makes a list, a heading or a rule of it. */
const BLOCK = /^(?:[#+=-]|\d{1,9}[.)]$)/;

/**
 * Quotes and brackets around the words, and what ends a sentence, stay outside. A pipe would end a cell even in code, so it stays
 * outside, too.
 */
function inCode(words: string): string {
  const [, before = '', core = '', after = ''] = /^(["'(]*)(.*?)((?:(?<!@|\$)["').,:])*)$/u.exec(words) ?? [];
  const inside = core.split('|').map((part) => (part === '' ? '' : codeSpan(part)));
  return `${before}${inside.join('&#124;')}${after}`;
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
