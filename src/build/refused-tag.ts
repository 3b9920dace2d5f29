import type { Clock } from '../model/clock.ts';
import { parseImage, renderImage, tagStamp } from '../model/image.ts';
import type { Log } from '../model/log.ts';
import type { FailedPush } from './push-failure.ts';

/**
 * The tags to push when the registry will not move one of them. Everything is in the builder's cache, so
 * pushing again costs seconds. Ours is replaced by one that nobody has, and not by a push without a tag: an
 * untagged image is what clean-up rules of registries delete, and Docker's own builder can not do it.
 */
export function withoutRefused(
  tags: readonly string[],
  push: FailedPush,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): readonly string[] {
  // The error may name the image without its tag, and ECR names the tag in quotes.
  const refused =
    tags.find((tag) => tag === push.reference) ??
    tags.find((tag) => push.words.includes(`'${tagOf(tag)}'`)) ??
    tags[0];
  if (refused === undefined) return tags;
  if (refused !== tags[0]) {
    log.warning(`${refused} exists and the registry does not let tags be moved: it was left as it is.`);
    return tags.filter((tag) => tag !== refused);
  }
  const fresh = renderImage({
    ...parseImage(refused).image,
    tag: `${tagOf(refused)?.slice(0, 100)}-${tagStamp(clock.wall())}`,
  });
  log.notice(
    `${refused} exists and the registry does not let tags be moved: this image gets the tag ${fresh}.`,
  );
  return [fresh, ...tags.slice(1)];
}

function tagOf(reference: string): string | undefined {
  return parseImage(reference).image.tag;
}
