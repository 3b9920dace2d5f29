import { UserError } from '../model/error.ts';
import { type ImageName, parseImage, repositoryName } from '../model/image.ts';
import { planTags } from '../plan/tags.ts';
import type { Reader } from './reader.ts';

const NO_IMAGE = { image: { registry: '', repository: '' }, lowered: false };

/** Reads `image`: a repository when it is still to be built, a tag or digest when it exists. */
export function readImage(
  reader: Reader,
  building: boolean,
): { readonly image: ImageName; readonly lowered: boolean } {
  const value = reader.text('image');
  if (value === undefined) {
    reader.mistake('image: it is missing. Name the repository to push to, for example ghcr.io/owner/name.');
    return NO_IMAGE;
  }
  try {
    const parsed = parseImage(value);
    const { tag, digest } = parsed.image;
    if (building && (tag !== undefined || digest !== undefined)) {
      reader.mistake(
        `image: ${JSON.stringify(value)} bears a ${digest === undefined ? 'tag' : 'digest'}, but is still to be built. ` +
          `Write ${repositoryName(parsed.image)} here${tag === undefined ? '' : `, and ${tag} in \`tags\``}; or set \`build: false\` to deploy what exists.`,
      );
    }
    if (!building && tag === undefined && digest === undefined) {
      reader.mistake(
        `image: ${JSON.stringify(value)} bears neither tag nor digest, and with \`build: false\` one is needed. Write, for example, ${value}:1.2.3.`,
      );
    }
    return parsed;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    reader.mistake(`image: ${error.message}`);
    return NO_IMAGE;
  }
}

/** The tags are planned once for their mistakes' sake: what the commit is, the build finds out. */
export function readTags(reader: Reader, image: ImageName): readonly string[] {
  const tags = reader.list('tags');
  if (tags.length === 0 || image.repository === '') return tags;
  const { registry, repository } = image;
  try {
    const source = { sha: 'commit', dirty: false };
    // A name for each placeholder, so that each entry is checked.
    const names = { branch: 'branch', gitTag: '1.2.3', pullRequest: 1, isDefaultBranch: true };
    planTags({
      image: { registry, repository },
      source,
      pullRequest: undefined,
      tags,
      names,
      now: new Date(0),
    });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    for (const mistake of error.mistakes) reader.mistake(mistake);
  }
  return tags;
}
