import { type Clock, sleep } from '../model/clock.ts';
import { messageOf } from '../model/error.ts';
import { type ImageName, parseImage } from '../model/image.ts';
import type { Log } from '../model/log.ts';
import type { SizeReport } from '../model/report.ts';
import { RegistryError } from '../registry/error.ts';
import { type Manifest, type Platform, platformsOfIndex, renderPlatform } from '../registry/manifest.ts';
import type { Registry } from '../registry/registry.ts';
import { addition, type Weight, weigh } from '../registry/weight.ts';
import { describeSize } from '../report/build.ts';
import type { Obtained } from './image.ts';
import type { Shipped } from './rollout.ts';

/** An image whose size is asked for. */
export interface Sized {
  readonly reference: string;
  readonly image: ImageName;
  readonly digest: string;
  readonly platforms: readonly Platform[];
}

type Asked = Pick<Registry, 'manifest' | 'resolve'>;
type Pinned = ImageName & { readonly digest: string };

/** A registry that has not answered by the end of the run is not worth the wait: milliseconds. */
const PATIENCE = 1_000;

/** The sizes of a run's images, looked up beside the gate: nothing waits for them, and no failure of theirs is one. */
export class Sizes {
  readonly #found = new Map<string, SizeReport>();
  readonly #pending: Promise<void>[] = [];
  readonly #registry: Asked;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(world: { readonly registry: Asked; readonly clock: Clock; readonly log: Log }) {
    this.#registry = world.registry;
    this.#clock = world.clock;
    this.#log = world.log;
  }

  /** @param before the image that it replaces, as the workload named it; undefined: none */
  begin(sized: Sized, before: string | undefined): void {
    this.#pending.push(this.#look(sized, before));
  }

  of(reference: string): SizeReport | undefined {
    return this.#found.get(reference);
  }

  /** Waits for what is still to come, for a moment. */
  async settle(): Promise<void> {
    const enough = new AbortController();
    const patience = sleep(this.#clock, PATIENCE, enough.signal).catch(() => undefined);
    await Promise.race([Promise.all(this.#pending), patience]);
    enough.abort();
  }

  async #look(sized: Sized, before: string | undefined): Promise<void> {
    try {
      const size = await measure(this.#registry, sized, before);
      if (size === undefined) return;
      this.#found.set(sized.reference, size);
      this.#log.info(`Image: ${describeSize(size)}`);
    } catch (error) {
      // It is for a person to know, and decides nothing.
      this.#log.debug(`the size of ${sized.reference} could not be looked up: ${messageOf(error)}`);
      if (!(error instanceof RegistryError)) this.#log.debug((error as Error).stack ?? '');
    }
  }
}

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

/** Begins with an image that was patched onto workloads: held against what the first of them ran before. */
export function beginSize(sizes: Sizes, obtained: Obtained, shipped: readonly Shipped[]): void {
  const { reference, image, digest, platforms, built, seen } = obtained;
  const moved = shipped.filter(({ unchanged }) => !unchanged);
  // What is there already is nothing new to anybody.
  if (!seen || digest === undefined || (!built && moved.length === 0)) return;
  const changes = moved.flatMap((each) => each.changes).filter(({ to }) => to === reference);
  const before = changes.find(({ image: from }) => from !== reference)?.image;
  sizes.begin({ reference, image, digest, platforms }, before);
}
