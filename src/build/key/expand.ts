import { Doubt } from './doubt.ts';

/** `$NAME`, `${NAME}`, and `${NAME:-word}`, `${NAME:+word}` with a word that holds no further one. */
const VARIABLE = /\$(?:(\w+)|\{(\w+)(?:(:?[-+])([^${}]*))?\})/g;

/**
 * Fills in the variables of a FROM or of a global ARG.
 *
 * @throws Doubt for a variable that has no known value, and for forms beyond the plain ones
 */
export function expand(text: string, values: ReadonlyMap<string, string>): string {
  if (/["'\\`]/.test(text)) throw unsure(text);
  const expanded = text.replace(
    VARIABLE,
    (_, plain: string | undefined, braced: string | undefined, operator: string | undefined, word = '') => {
      const name = plain ?? braced ?? '';
      const value = values.get(name);
      const set = value !== undefined && (value !== '' || operator?.startsWith(':') !== true);
      if (operator?.endsWith('-') === true) return set ? (value ?? '') : word;
      if (operator?.endsWith('+') === true) return set ? word : '';
      if (value === undefined) throw unsure(text);
      return value;
    },
  );
  // A value is not expanded once more, so one that bears the sign was either skipped here or is strange.
  if (expanded.includes('$')) throw unsure(text);
  return expanded;
}

function unsure(text: string): Doubt {
  return new Doubt(`what ${JSON.stringify(text)} in the Dockerfile stands for is only known in the build`);
}
