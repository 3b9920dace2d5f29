import type { ImageName } from '../../src/model/image.ts';
import { renderImage } from '../../src/model/image.ts';
import { RegistryError } from '../../src/registry/error.ts';
import type { Registry, Resolved } from '../../src/registry/registry.ts';

/** A digest of one letter. */
export const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;

type Held = Partial<Extract<Resolved, { exists: true }>>;

/** A registry with these images in it, by their full names; `away`: it answers nothing. */
export function fakeRegistry(
  held: Readonly<Record<string, Held>>,
  away = false,
): Registry & { readonly asked: string[] } {
  const asked: string[] = [];
  const find = (image: ImageName): Held | undefined => {
    const name = renderImage(image);
    asked.push(name);
    if (away) throw new RegistryError('unreachable', 'It is away.');
    return held[name];
  };
  return {
    asked,
    resolve: async (image) => {
      const found = find(image);
      if (found === undefined) return { exists: false };
      const rest = { mediaType: '', platforms: [], children: [], config: undefined };
      return { exists: true, digest: image.digest ?? '', ...rest, ...found };
    },
    has: async (image) => find(image) !== undefined,
    manifest: async () => undefined,
    digestOf: async (image) => find(image)?.digest,
    read: async () => undefined,
    tag: async () => undefined,
    checkPush: async () => undefined,
    canPullAnonymously: async () => true,
    logins: async () => [],
    close: async () => undefined,
  };
}
