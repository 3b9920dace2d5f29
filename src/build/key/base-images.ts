import { UserError } from '../../model/error.ts';
import { familiarName, parseImage, renderImage } from '../../model/image.ts';
import { Doubt } from './doubt.ts';

/** The digests of the images that a build stands on, by their complete names. */
export type BaseImages = ReadonlyMap<string, string>;

/** What the registry has under a name now; undefined: nothing. */
export type DigestOf = (image: ReturnType<typeof parseImage>['image']) => Promise<string | undefined>;

/**
 * Looks all images up at once.
 *
 * @throws Doubt when one is not to be found or not to be asked for
 */
export async function resolveBaseImages(names: readonly string[], digestOf: DigestOf): Promise<BaseImages> {
  const found = await Promise.all(
    names.map(async (name): Promise<readonly [string, string]> => {
      try {
        const { image } = parseImage(name);
        const full = completeName(name);
        const digest = image.digest ?? (await digestOf(image));
        if (digest !== undefined) return [full, digest];
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        throw new Doubt(
          `the image ${name}, which the Dockerfile uses, could not be looked up (${error.mistakes[0]?.replace(/\.$/, '')})`,
        );
      }
      throw new Doubt(`the image ${name}, which the Dockerfile uses, is not in its registry`);
    }),
  );
  return new Map(found);
}

/** As BuildKit names it in its steps: with registry and tag, without digest. */
function completeName(name: string): string {
  const { image } = parseImage(name);
  const { registry, repository, tag } = image;
  return renderImage({
    registry,
    repository,
    ...(tag === undefined && image.digest ? {} : { tag: tag ?? 'latest' }),
  });
}

/**
 * Holds the images that a build really used against those that the key was made with. They differ when a tag
 * moved in between, when the builder preferred an image of its own store, and when a base's ONBUILD fetched
 * something that stands in no Dockerfile.
 *
 * @param steps the names of all steps of the build, as BuildKit told them; undefined: nobody told
 * @returns what differs, as a sentence goes on behind "because"; undefined: nothing
 */
export function differenceInBases(
  steps: readonly string[] | undefined,
  bases: BaseImages,
): string | undefined {
  if (steps === undefined) return 'buildah does not tell which base images it used';
  for (const step of steps) {
    const image =
      /^(?:\[[^\]]*\] )?FROM (\S+)$/.exec(step)?.[1] ?? /^docker-image:\/\/(\S+)$/.exec(step)?.[1];
    if (image !== undefined && image !== 'scratch' && !isAmong(image, bases)) {
      return `the builder used ${shown(image)}, which is not what its registry has under that name`;
    }
    const metadata = /^\[internal\] load metadata for (\S+)$/.exec(step)?.[1];
    if (metadata !== undefined && !bases.has(completeName(metadata))) {
      return `the build used the image ${shown(metadata)}, which the Dockerfile does not name`;
    }
    if (/^(?:\[[^\]]*\] )?(?:https?|git|ssh):\/\//.test(step)) return `the build fetched ${step}`;
  }
  return undefined;
}

/**
 * The digest is what counts: of two builds at the same time that share a base, BuildKit does the step once, and
 * names it for both as the first of them did.
 */
function isAmong(image: string, bases: BaseImages): boolean {
  try {
    const { digest } = parseImage(image).image;
    const expected = bases.get(completeName(image));
    if (digest === undefined) return false;
    return expected === undefined ? [...bases.values()].includes(digest) : expected === digest;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

function shown(image: string): string {
  try {
    return familiarName(parseImage(image).image);
  } catch (error) {
    if (error instanceof UserError) return image;
    throw error;
  }
}
