/**
 * What keeps a text from being a bearer token, to be told before anything is sent: a token is cut or wrapped when it
 * is copied. undefined: nothing. Never repeats any of it.
 */
export function flawOf(token: string): string | undefined {
  const flaw = /[^\x21-\x7e]/.exec(token)?.[0];
  if (flaw === undefined) return undefined;
  if (/[\r\n]/.test(flaw)) return 'a line break in it';
  if (/\s/.test(flaw)) return 'white space in it';
  return flaw < ' ' || flaw === '\x7f' ? 'a control character in it' : 'a character in it that is not ASCII';
}

/** What to do about it. */
export const TOKEN_ADVICE =
  'No token has that: it was changed on its way here. Take it over again, whole and in one line.';
