/** One way to authenticate that a registry offers in WWW-Authenticate. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Reads WWW-Authenticate (RFC 9110, 11.6.1). Commas separate challenges, parameters, and, inside quotes,
 * the actions of a scope: `Bearer realm="https://ghcr.io/token",scope="repository:a/b:pull,push",Basic realm="x"`.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  const tokens = /([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))|([\w-]+)/g;
  for (const [, name, quoted, plain, scheme] of header.matchAll(tokens)) {
    if (scheme !== undefined) {
      challenges.push({ scheme: scheme.toLowerCase(), parameters: {} });
    } else if (name !== undefined) {
      const parameters = challenges.at(-1)?.parameters;
      if (parameters) parameters[name.toLowerCase()] = quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '';
    }
  }
  return challenges;
}
