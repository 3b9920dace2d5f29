import { UserError } from '../model/error.ts';
import { type ImageName, parseImage, repositoryName } from '../model/image.ts';
import { planTags } from '../plan/tags.ts';
import type { Reader } from './reader.ts';

/** Stands for the repository of each target of a bake file. */
const EACH_TARGET: ImageName = { registry: 'ghcr.io', repository: 'owner/name' };

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
  if (value.includes('=')) {
    reader.mistake(
      `image: ${JSON.stringify(value)} has a "=", which names a target of a bake file, and none is given. Set \`bake-file\`, or write the repository alone.`,
    );
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
export function readTags(reader: Reader, image: ImageName | undefined): readonly string[] {
  const tags = reader.list('tags');
  if (image === undefined) {
    for (const tag of tags.filter((each) => each.includes('/'))) {
      reader.mistake(
        `tags: ${JSON.stringify(tag)} names a repository, and with a bake file every target would be pushed there. Write the bare tag, or give it to its target in the bake file.`,
      );
    }
  }
  if (tags.length === 0 || image?.repository === '') return tags;
  const { registry, repository } = image ?? EACH_TARGET;
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
