import { type ImageName, parseImage } from '../model/image.ts';
import type { SizeReport } from '../model/report.ts';
import { type Manifest, type Platform, platformsOfIndex, renderPlatform } from '../registry/manifest.ts';
import type { Registry } from '../registry/registry.ts';
import { addition, type Weight, weigh } from '../registry/weight.ts';

/** An image whose size is asked for. */
export interface Sized {
  /** Of the bake file; undefined: it is the only image. */
  readonly target?: string;
  readonly reference: string;
  readonly image: ImageName;
  readonly digest: string;
  readonly platforms: readonly Platform[];
}

/** What is asked of a registry. */
export type Asked = Pick<Registry, 'manifest' | 'resolve'>;

type Pinned = ImageName & { readonly digest: string };

/**
 * Reads how large an image is, and holds it against the one that it replaces, on a platform that both have.
 *
 * @returns undefined where the registry does not tell
 */
export async function measure(
  registry: Asked,
  sized: Sized,
  before: string | undefined,
): Promise<SizeReport | undefined> {
  const { registry: host, repository } = sized.image;
  const pinned = { registry: host, repository, digest: sized.digest };
  const [top, old] = await Promise.all([registry.manifest(pinned), findOld(registry, pinned, before)]);
  if (top === undefined) return undefined;
  const own = top.kind === 'index' ? platformsOfIndex(top.manifests) : sized.platforms;
  const olds = old === undefined ? [] : await platformsOf(registry, old, own);
  const platform = own.find((each) => olds.some((other) => isSame(each, other))) ?? own[0];
  const fresh = await weightOf(registry, pinned, top, platform);
  if (fresh === undefined) return undefined;
  const other = old && olds.find((each) => platform !== undefined && isSame(each, platform));
  const isComparable = old !== undefined && (other !== undefined || olds.length === 0);
  const past = isComparable ? await weightOf(registry, old.image, old.manifest, other) : undefined;
  return {
    bytes: fresh.bytes,
    layers: fresh.layers.size,
    ...(platform === undefined ? {} : { platform: renderPlatform(platform) }),
    ...(past === undefined || before === undefined ? {} : { change: changeOf(before, past, fresh) }),
  };
}

function changeOf(from: string, past: Weight, fresh: Weight): NonNullable<SizeReport['change']> {
  const { layers: newLayers, bytes: newBytes } = addition(past, fresh);
  return { from, bytes: fresh.bytes - past.bytes, newLayers, newBytes };
}

interface Old {
  readonly image: Pinned;
  readonly manifest: Manifest;
}

/**
 * The image from before. Only of the registry that was logged in to; and a tag that stands for the new image now was
 * moved by our own push, so that what it stood for is not known any more.
 */
async function findOld(registry: Asked, fresh: Pinned, before: string | undefined): Promise<Old | undefined> {
  if (before === undefined) return undefined;
  const { image } = parseImage(before);
  if (image.registry !== fresh.registry) return undefined;
  const digest = image.digest ?? (await digestBehind(registry, image));
  if (digest === undefined || digest === fresh.digest) return undefined;
  const pinned = { registry: image.registry, repository: image.repository, digest };
  const manifest = await registry.manifest(pinned);
  return manifest && { image: pinned, manifest };
}

async function digestBehind(registry: Asked, image: ImageName): Promise<string | undefined> {
  const found = await registry.resolve(image);
  return found.exists ? found.digest : undefined;
}

/** A single image says what it is for in its config alone: it is asked for only where there is a choice. */
async function platformsOf(
  registry: Asked,
  { image, manifest }: Old,
  own: readonly Platform[],
): Promise<readonly Platform[]> {
  if (manifest.kind === 'index') return platformsOfIndex(manifest.manifests);
  if (own.length < 2) return [];
  const found = await registry.resolve(image);
  return found.exists ? found.platforms : [];
}

async function weightOf(
  registry: Asked,
  image: Pinned,
  top: Manifest,
  platform: Platform | undefined,
): Promise<Weight | undefined> {
  if (top.kind === 'image') return weigh(top);
  if (platform === undefined) return undefined;
  const child = await registry.manifest({ ...image, digest: platform.digest });
  return child?.kind === 'image' ? weigh(child) : undefined;
}

function isSame(one: Platform, other: Platform): boolean {
  return renderPlatform(one) === renderPlatform(other);
}
