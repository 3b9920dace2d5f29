import { posix } from 'node:path';
import { Doubt } from './doubt.ts';
import { compilePattern, type Match } from './pattern.ts';

/** One line of a .dockerignore. */
export interface IgnorePattern {
  /** A line that begins with `!` takes back what earlier ones left out. */
  readonly exception: boolean;
  readonly text: string;
  readonly match: Match;
}

/** What Go's unicode.IsSpace takes for a space; JavaScript's trim takes another set. */
const SPACE = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+';
const SPACES = new RegExp(`^${SPACE}|${SPACE}$`, 'g');

/**
 * Reads a .dockerignore. A `#` begins a comment only as the very first character of its line; a slash in front
 * and one at the end mean nothing.
 *
 * @throws Doubt for a pattern that can not be read with certainty
 * @see https://github.com/moby/patternmatcher/blob/v0.6.0/ignorefile/ignorefile.go
 */
export function parseIgnoreFile(text: string): readonly IgnorePattern[] {
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  return lines.flatMap((line) => {
    if (line.startsWith('#')) return [];
    const trimmed = trim(line);
    if (trimmed === '') return [];
    const exception = trimmed.startsWith('!');
    const given = exception ? trim(trimmed.slice(1)) : trimmed;
    if (given === '') throw new Doubt('the ignore file has a line with nothing but "!"');
    const cleaned = clean(given);
    const name = cleaned.length > 1 ? cleaned.replace(/^\//, '') : cleaned;
    return [{ exception, text: name, match: compilePattern(name) }];
  });
}

function trim(text: string): string {
  return text.replace(SPACES, '');
}

/** Go's filepath.Clean. */
function clean(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 ? normal.replace(/\/$/, '') : normal;
}

/** What each pattern said of a folder; its children need it. */
export type Verdicts = readonly boolean[];

/**
 * Whether a path is left out, given what the patterns said of the folder that it is in. The last pattern that
 * speaks wins; one is asked only where it could change the answer, and that too is part of the rule: what it
 * was not asked of a folder is not known of its children.
 */
export function isIgnored(
  patterns: readonly IgnorePattern[],
  path: string,
  parent: Verdicts | undefined,
): { readonly ignored: boolean; readonly verdicts: Verdicts } {
  let ignored = false;
  const verdicts = patterns.map(({ exception, match }, index) => {
    const matches = parent?.[index] === true || (exception === ignored && match(path));
    if (matches) ignored = !exception;
    return matches;
  });
  return { ignored, verdicts };
}

/**
 * Whether something inside of a folder that is left out may be taken all the same. BuildKit does not look into
 * a folder where no exception leads; that is more than a shortcut where an exception names a parent only.
 *
 * @see https://github.com/tonistiigi/fsutil/blob/586307ad452f/filter.go
 */
export function mayHoldExceptions(patterns: readonly IgnorePattern[], folder: string): boolean {
  const exceptions = patterns.filter(({ exception }) => exception).map(({ text }) => withoutGlob(text));
  return (
    exceptions.some((text) => /[*[\]?^\\]/.test(text)) ||
    exceptions.some((text) => `${text}/`.startsWith(`${folder}/`))
  );
}

function withoutGlob(pattern: string): string {
  return pattern.replace(/\/\*\*$/, '').replace(/\/\*$/, '');
}
