/**
 * Small words of the live log and of everything else that a person reads: durations, digests, images, lists.
 */

/**
 * `340 ms`, `4 s`, `1 m 10 s`, `1 h 5 m`: the unit that matters and the one below it, rounded as a whole so
 * that 59.6 s never reads `60 s`.
 */
export function formatDuration(milliseconds: number): string {
  const ms = Math.max(0, Math.round(milliseconds));
  if (ms < 1_000) return `${ms} ms`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return pair(Math.floor(seconds / 60), 'm', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'm');
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** `812 B`, `3.1 kB`, `48.2 MB`, `1.2 GB`: in powers of a thousand, as docker and the registries' pages do. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  // 999.96 would read 1000.0.
  while ((unit === 0 ? value >= 1_000 : value >= 999.95) && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** How many hexadecimal digits tell two digests apart for a person. */
const DIGEST_DIGITS = 8;

/** `sha256:1a2b3c4d…`; text that is no digest stays as it is. */
export function shortDigest(digest: string): string {
  return digest.replace(/^(sha\d+:)?([0-9a-f]{32,})$/, (_, algorithm: string | undefined, hex: string) => {
    return `${algorithm ?? 'sha256:'}${hex.slice(0, DIGEST_DIGITS)}…`;
  });
}

/** Every digest in a text made short: an error that names an image twice would be nothing but digits. */
export function shortDigests(text: string): string {
  return text.replace(/\bsha256:[0-9a-f]{64}\b/g, shortDigest);
}

/** `ghcr.io/acme/web@sha256:1a2b3c4d…`: a reference as a person reads it; a tag beside a digest is dropped. */
export function shortImage(reference: string): string {
  const { repository, version, digest } = partsOf(reference);
  if (digest !== undefined) return `${repository}@${shortDigest(digest)}`;
  return version === undefined ? repository : `${repository}:${version}`;
}

/** The part of a reference that a deploy changes: `sha256:1a2b3c4d…`, else `web:1.4`. */
export function shortVersion(reference: string): string {
  const { repository, version, digest } = partsOf(reference);
  if (digest !== undefined) return shortDigest(digest);
  const name = repository.slice(repository.lastIndexOf('/') + 1);
  return version === undefined ? name : `${name}:${version}`;
}

/** A registry's port is before the last slash, a tag behind it: `localhost:5000/web` has no tag. */
function partsOf(reference: string): {
  readonly repository: string;
  readonly version: string | undefined;
  readonly digest: string | undefined;
} {
  const at = reference.indexOf('@');
  const named = at < 0 ? reference : reference.slice(0, at);
  const digest = at < 0 ? undefined : reference.slice(at + 1);
  const colon = named.lastIndexOf(':');
  return colon > named.lastIndexOf('/')
    ? { repository: named.slice(0, colon), version: named.slice(colon + 1), digest }
    : { repository: named, version: undefined, digest };
}

/** `a`, `a and b`, `a, b and c`; with more than `most`, `a, b and 3 more`. */
export function joinList(items: readonly string[], most = Number.POSITIVE_INFINITY): string {
  const shown = items.length > most ? [...items.slice(0, most), `${items.length - most} more`] : items;
  if (shown.length < 2) return shown[0] ?? '';
  return `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

/** `1 pod`, `3 pods`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
