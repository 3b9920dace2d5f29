import { createHash } from 'node:crypto';

/** The reference grammar's limit, of tags as of OCI's specification. */
const LONGEST = 128;
const HASH = 8;

/**
 * A name of Git's as (part of) a tag: what no tag may have becomes a hyphen (`feature/x` is `feature-x`). What
 * is too long is cut and ends in a hash of the whole, so that two long names do not become one.
 *
 * @param longest how many characters the result may have
 */
export function slug(name: string, longest = LONGEST): string {
  const bare = name.replace(/[^\w.-]+/g, '-').replace(/^[.-]+/, '');
  if (bare.length <= longest) return bare;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH);
  return `${bare.slice(0, longest - HASH - 1).replace(/[.-]+$/, '')}-${hash}`;
}
