/** Milliseconds of each unit that a duration may bear. */
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads a duration in the form that Kubernetes and Go use, and days: `90s`, `10m`, `1h30m`, `500ms`, `7d`, `0`.
 *
 * @returns milliseconds, or undefined when the text is no duration. A bare number is none: whether seconds
 * or minutes are meant would be a guess.
 */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === '0') return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(trimmed)) return undefined;
  let total = 0;
  for (const [, number, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(number) * (UNITS[unit ?? ''] ?? 0);
  }
  return Math.round(total);
}
