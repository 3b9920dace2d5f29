/**
 * Takes out of a text what no reader sees but a terminal, a runner or a browser obeys. What can be read stays.
 * Control characters are written by number: in the source they would be as invisible as in a log.
 */
const ESC = String.fromCharCode(0x1b);
const CSI = String.fromCharCode(0x9b);
const BEL = String.fromCharCode(0x07);

/** ECMA-48: control sequences (colours, cursor), strings (titles, hyperlinks), two-character escapes. */
const ANSI = new RegExp(
  [
    String.raw`(?:${ESC}\[|${CSI})[0-?]*[ -/]*[@-~]`,
    String.raw`${ESC}[\]PX^_][^\r\n${ESC}${BEL}]*(?:${BEL}|${ESC}\\)`,
    String.raw`${ESC}[ -/]*[0-Z\\^-~]`,
  ].join('|'),
  'gu',
);

/** Every character at which some reader of text begins a new line: .NET and shells at CR, JavaScript at U+2028. */
const BREAK = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/u;

/**
 * Control, format and default-ignorable characters. The runner looks for `::` with a comparison that takes
 * no notice of ignorable ones (`StartsWith(string)` without `StringComparison.Ordinal` in
 * actions/runner src/Runner.Common/ActionCommand.cs at 079cdb1), so that `::` behind a soft hyphen is still
 * a command; and direction marks let a line read other than it is. Joined emoji come apart, which is the price.
 */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;

/** Text that has none of all this, as most has: it is known without the tables of Unicode, which take V8 a while. */
const PRINTABLE = /^[ -~]*$/;

/** The lines of a text, each without anything invisible; a tab becomes two blanks. Never empty. */
export function cleanLines(text: string): string[] {
  if (PRINTABLE.test(text)) return [text];
  const plain = text.toWellFormed().replace(ANSI, '');
  return plain.split(BREAK).map((line) => line.replaceAll('\t', '  ').replace(INVISIBLE, ''));
}

/** The whole text on one line, runs of blanks made one. */
export function oneLine(text: string): string {
  return cleanLines(text).join(' ').replace(/\s+/gu, ' ').trim();
}

/** At most so many characters, `…` included; cut at a blank when one is near, never inside a character. */
export function cut(text: string, most: number): string {
  const characters = [...text];
  if (characters.length <= most) return text;
  const kept = characters.slice(0, most - 1).join('');
  const blank = kept.lastIndexOf(' ');
  const end = blank > kept.length * 0.8 ? blank : kept.length;
  return `${kept.slice(0, end).trimEnd()}…`;
}
