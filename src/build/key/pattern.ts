import { Doubt } from './doubt.ts';

/** Whether a path (relative, with slashes) is what the pattern says; its parents are not asked. */
export type Match = (path: string) => boolean;

/** A class of characters in which every program reads the same: no escapes, no globs, no names of classes. */
const CLASS = /^\[\^?(?:[A-Za-z0-9_](?:-[A-Za-z0-9_])?|[.,+@=%~ ])+\]/;

/**
 * Reads one cleaned pattern of a .dockerignore as BuildKit's matcher does, and not as .gitignore or a shell
 * would: `*` and `?` stop at slashes, `**` and a slash behind it are any number of folders, and a `**` at
 * either end of otherwise plain text compares an end of the path.
 *
 * @throws Doubt for escapes and for classes that regular expressions of Go and JavaScript could read differently
 * @see https://github.com/moby/patternmatcher/blob/v0.6.0/patternmatcher.go
 */
export function compilePattern(pattern: string): Match {
  let form: 'exact' | 'prefix' | 'suffix' | 'expression' = 'exact';
  let source = '';
  for (let rest = pattern, first = true; rest !== ''; first = false) {
    if (rest.startsWith('**')) {
      rest = rest.slice(rest.startsWith('**/') ? 3 : 2);
      if (rest !== '') {
        source += '(?:[^\\n]*/)?';
        form = 'expression';
      } else if (form === 'exact') {
        form = 'prefix';
      } else {
        source += '[^\\n]*';
        form = 'expression';
      }
      if (first) form = 'suffix';
      continue;
    }
    const [letter = ''] = rest;
    if (letter === '*' || letter === '?') {
      source += letter === '*' ? '[^/]*' : '[^/]';
      form = 'expression';
      rest = rest.slice(1);
      continue;
    }
    if (letter === '[') {
      const [set] = CLASS.exec(rest) ?? [];
      if (set === undefined) throw strange(pattern);
      source += set;
      form = 'expression';
      rest = rest.slice(set.length);
      continue;
    }
    if (/[\]\\^]/.test(letter)) throw strange(pattern);
    source += letter.replace(/[.+()|{}$]/, '\\$&');
    // A letter outside of the basic plane has two units.
    rest = rest.slice(letter.length);
  }
  switch (form) {
    case 'exact':
      return (path) => path === pattern;
    case 'prefix':
      return (path) => path.startsWith(pattern.slice(0, -2));
    case 'suffix': {
      const suffix = pattern.slice(2);
      return (path) => path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1));
    }
    case 'expression':
      return expression(pattern, source);
    default:
      return form satisfies never;
  }
}

function expression(pattern: string, source: string): Match {
  try {
    const compiled = new RegExp(`^${source}$`, 'u');
    return (path) => compiled.test(path);
  } catch {
    throw strange(pattern);
  }
}

function strange(pattern: string): Doubt {
  return new Doubt(
    `the ignore file has the pattern ${JSON.stringify(pattern)}, whose meaning is not the same everywhere`,
  );
}
