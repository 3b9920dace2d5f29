import { createHash } from 'node:crypto';
import type { Trust } from './trust.ts';

const KEY = 'dev.steadyship.key';
const BUILT = 'dev.steadyship.built';
const REVISION = 'org.opencontainers.image.revision';

/** Clocks of two runners may differ by as much; what was built later than that was not built yet. */
const SKEW = 300_000;

/** What a record says of an image. */
export interface Recorded {
  /** ISO 8601. */
  readonly built: string;
  /** The commit that it was built from, as its label has it. */
  readonly commit?: string;
}

export interface Wanted {
  readonly key: string;
  /** The class whose tag it lies under. */
  readonly trust: Trust;
  readonly now: Date;
  /** Milliseconds. */
  readonly maxAge: number;
}

export type Judged =
  | { readonly kind: 'good'; readonly recorded: Recorded }
  /** Told in words that go on behind a colon. */
  | { readonly kind: 'old'; readonly why: string }
  /** The tag stands for something that was never made of this content. */
  | { readonly kind: 'foreign'; readonly why: string };

/** The tag under which an image is found by its content. */
export const keyTag = {
  /**
   * @param labels those that matter: `source` by which ghcr.io knows the repository, and the `version` of a release,
   * of which people rely on. `revision`, `created` and the branch stay those of the commit that was built.
   */
  hash: (
    content: string,
    labels: { readonly url: string | undefined; readonly release: string | undefined },
  ): string =>
    createHash('sha256')
      .update(JSON.stringify([content, labels.url ?? '', labels.release ?? '']))
      .digest('hex'),
  name: (key: string, trust: Trust): string => `steadyship-${trust}-${key}`,
};

/**
 * Labels by which an image says what it is made of. The tag alone would not do: who may push can move it to
 * whatever image, but not change what that image says of itself without changing its digest.
 */
export function recordLabels({ key, trust, now }: Omit<Wanted, 'maxAge'>): Record<string, string> {
  return { [KEY]: `${trust}:${key}`, [BUILT]: now.toISOString().replace(/\.\d+Z$/, 'Z') };
}

/** Whether what lies under a key's tag was made of that content, by that class, and lately enough. */
export function judgeRecord(
  images: readonly Readonly<Record<string, string>>[],
  { key, trust, now, maxAge }: Wanted,
): Judged {
  const [first] = images;
  const foreign = images.find((labels) => labels[KEY] !== `${trust}:${key}`);
  if (first === undefined || foreign !== undefined) {
    const own = foreign?.[KEY];
    const what = own === undefined ? 'nothing' : own.replace(/[^\w:-]/g, '?').slice(0, 100);
    return {
      kind: 'foreign',
      why: `the tag was moved to an image that is not of this content (of its own it says ${what})`,
    };
  }
  // The oldest counts: the images of an index are built together, unless somebody composed it.
  const times = images.map((labels) => Date.parse(labels[BUILT] ?? ''));
  const built = Math.min(...times);
  const age = now.getTime() - built;
  if (!Number.isFinite(built) || age < -SKEW) {
    return { kind: 'foreign', why: 'its label does not say when it was built' };
  }
  if (age > maxAge) {
    return { kind: 'old', why: `it was built ${days(age)} ago, and \`max-age\` is ${days(maxAge)}` };
  }
  const commit = first[REVISION];
  return {
    kind: 'good',
    recorded: {
      built: new Date(built).toISOString(),
      ...(commit !== undefined && /^[0-9a-f]{40,64}$/.test(commit) ? { commit } : {}),
    },
  };
}

function days(milliseconds: number): string {
  const hours = milliseconds / 3_600_000;
  if (hours < 1) return `${Math.round(hours * 60)} min`;
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`;
}
