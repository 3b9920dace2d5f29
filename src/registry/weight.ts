import type { Manifest } from './manifest.ts';

/** What a node pulls of an image of one platform, compressed as it is sent. */
export interface Weight {
  /** Of the config and of each layer once, however often it is stacked. */
  readonly bytes: number;
  /** Digest → bytes. */
  readonly layers: ReadonlyMap<string, number>;
}

/** The weight of an image; undefined where its manifest does not give every size, as the specification demands. */
export function weigh(manifest: Extract<Manifest, { kind: 'image' }>): Weight | undefined {
  const { config, layers } = manifest;
  const sizes = [config, ...layers].map(({ size }) => size);
  if (!sizes.every((size) => size !== undefined && Number.isSafeInteger(size) && size >= 0)) return undefined;
  const byDigest = new Map(layers.map(({ digest, size = 0 }) => [digest, size]));
  return { bytes: (config.size ?? 0) + sum(byDigest.values()), layers: byDigest };
}

/** What there is to pull for a node that has the old image's layers already. */
export function addition(old: Weight, fresh: Weight): { readonly layers: number; readonly bytes: number } {
  const added = [...fresh.layers].filter(([digest]) => !old.layers.has(digest));
  return { layers: added.length, bytes: sum(added.map(([, size]) => size)) };
}

function sum(sizes: Iterable<number>): number {
  let total = 0;
  for (const size of sizes) total += size;
  return total;
}
