import { UserError } from '../model/error.ts';
import { type ImageName, isTag, parseImage, renderImage, tagStamp } from '../model/image.ts';
import type { SourceFacts } from './labels.ts';
import type { CommitNames } from './names.ts';
import { fillIn, hasPlaceholder } from './placeholders.ts';
import { slug } from './slug.ts';

export interface TagWish {
  /** Where the image goes. */
  readonly image: Pick<ImageName, 'registry' | 'repository'>;
  readonly source: Pick<SourceFacts, 'sha' | 'dirty'>;
  readonly pullRequest: { readonly number: number; readonly headSha: string } | undefined;
  /** The input `tags`: bare tags, or full references that may name other repositories; with placeholders. */
  readonly tags: readonly string[];
  readonly names: CommitNames;
  readonly now: Date;
  /** Ends every tag, where several images share a repository. */
  readonly suffix?: string;
}

export interface TagPlan {
  /** Ours: what the output `tag` bears. */
  readonly tag: string;
  /** All full references, ours first, none twice. */
  readonly references: readonly string[];
  /** Entries whose placeholders have no value in this run. */
  readonly leftOut: readonly string[];
}

/**
 * Which tags the image gets. Ours names the commit: `<sha>`, on a pull request `pr-<number>-<head>` (what is
 * checked out there is a merge that nobody else has). A dirty tree is like no commit, so its tag ends in the
 * time and is never used again.
 */
export function planTags(wish: TagWish): TagPlan {
  const { image, source, pullRequest, tags, names, now, suffix = '' } = wish;
  const commit = pullRequest === undefined ? source.sha : `pr-${pullRequest.number}-${pullRequest.headSha}`;
  const told = (text: string): string =>
    suffix === '' || text.includes('/') ? text : slug(`${text}-${suffix}`);
  const tag = told(source.dirty ? `${commit}-dirty-${tagStamp(now)}` : commit);
  const mistakes: string[] = [];
  const leftOut: string[] = [];
  const given = tags.flatMap((text) => {
    try {
      if (!hasPlaceholder(text)) return [reference(told(text), image)];
      const filled = fillIn(text, names, source.dirty ? undefined : source.sha);
      if (filled.length === 0) leftOut.push(text);
      return filled.map((each) => reference(told(shorten(each)), image));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      mistakes.push(...error.mistakes);
      return [];
    }
  });
  if (mistakes.length > 0) throw new UserError(mistakes);
  return { tag, references: [...new Set([renderImage({ ...image, tag }), ...given])], leftOut };
}

/** A name that became too long by what was filled in is cut; one that was written so is a mistake. */
function shorten(text: string): string {
  const colon = text.lastIndexOf(':');
  const start = text.includes('/') && colon > text.lastIndexOf('/') ? colon + 1 : 0;
  if (start === 0 && text.includes('/')) return text;
  const tag = text.slice(start);
  return tag.length > 128 ? text.slice(0, start) + slug(tag) : text;
}

function reference(text: string, image: TagWish['image']): string {
  if (isTag(text)) return renderImage({ ...image, tag: text });
  const other = /^type=(\w+)|^(?:pattern|enable|prefix|suffix|priority|event)=/.exec(text);
  if (other) {
    throw new UserError(
      `The input tags has "${text}", which is docker/metadata-action's form. Here placeholders do it: {semver} for type=semver, {branch} and {git-tag} and {pr} for type=ref, {commit} or {short} for type=sha, {latest} for the default branch.`,
    );
  }
  const bare = `write a bare tag ("${bareForm(text)}") or a full reference ("${renderImage({ ...image, tag: 'latest' })}")`;
  if (!text.includes('/')) {
    throw new UserError(
      `The input tags has "${text}", which is no tag (at most 128 letters, digits, "_", "." and "-"): ${bare}.`,
    );
  }
  const { image: given } = parseImage(text);
  if (given.tag === undefined || given.digest !== undefined) {
    throw new UserError(
      `The input tags has "${text}", which ${given.digest === undefined ? 'names no tag' : 'bears a digest'}: ${bare}.`,
    );
  }
  return renderImage(given);
}

/** What the text would be as a tag, to be suggested. */
function bareForm(text: string): string {
  const form = text
    .replace(/@.*$/, '')
    .replace(/^.*:(?=[^/]*$)/, '')
    .replace(/[^\w.-]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 128);
  return form === '' ? 'latest' : form;
}
