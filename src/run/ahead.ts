import { slotsOf } from '../deploy/containers.ts';
import type { Found } from '../deploy/preflight.ts';
import { UserError } from '../model/error.ts';
import { type ImageName, parseImage, renderImage, sameRepositoryAs } from '../model/image.ts';
import type { Registry, Resolved } from '../registry/registry.ts';

/** More than this are asked for when it is their turn. */
const MOST = 16;

/**
 * A registry of which what runs now is asked ahead, while other things are still to be had: who asks for such an image
 * gets that answer.
 */
export function lookingAhead(
  registry: Registry,
): Registry & { readonly ask: (found: readonly Found[], image: ImageName) => void } {
  const asked = new Map<string, Promise<Resolved>>();
  return {
    ...registry,
    resolve: (image) => asked.get(renderImage(image)) ?? registry.resolve(image),
    ask: (found, image) => {
      const isSame = sameRepositoryAs(image);
      const names = found.flatMap(({ workload }) => slotsOf(workload).map((slot) => slot.image));
      for (const name of [...new Set(names.filter(isSame))].slice(0, MOST)) {
        const old = parse(name);
        // A tag may be moved; only a digest has one answer.
        if (old?.digest === undefined) continue;
        const answer = registry.resolve(old);
        // Whoever asks hears of it.
        answer.catch(() => undefined);
        asked.set(renderImage(old), answer);
      }
    },
  };
}

function parse(name: string): ImageName | undefined {
  try {
    return parseImage(name).image;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
