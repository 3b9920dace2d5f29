import type { BuildInputs } from '../build/inputs.ts';
import type { BaseImages } from '../build/key/base-images.ts';
import type { ContentKey } from '../build/key/key.ts';
import type { Source } from '../build/source.ts';
import type { OneImage } from '../inputs.ts';
import { sleep } from '../model/clock.ts';
import { UserError } from '../model/error.ts';
import { familiarName, type ImageName, parseImage, repositoryName, tagStamp } from '../model/image.ts';
import { judgeRecord, keyTag, type Recorded, recordLabels } from '../plan/reuse.ts';
import { type Trust, takenBy, trustOf } from '../plan/trust.ts';
import { RegistryError } from '../registry/error.ts';
import type { Stored } from '../registry/stored.ts';
import type { ImageWorld } from './image-world.ts';

/** The content of this run, under a name by which other runs find it. */
export interface Recognised {
  readonly key: string;
  readonly trust: Trust;
  readonly bases: BaseImages;
  /** For the image that is built. */
  readonly labels: Readonly<Record<string, string>>;
}

/** An image that an earlier run built of the same content. */
export interface Reused extends Recorded {
  readonly stored: Stored;
}

/** A registry of base images that is slower than this costs more time than is to be won. */
const PATIENCE = 5_000;

/** Computes the content key while other things go on; undefined: reuse is switched off. */
export async function computeContent(
  build: BuildInputs,
  inputs: OneImage,
  world: ImageWorld,
): Promise<ContentKey | { readonly kind: 'doubt'; readonly why: string } | undefined> {
  if (inputs.reuse.mode === 'never' || build.noCache) return undefined;
  const { clock, environment, signal, registry, workspace: directory } = world;
  const { computeKey } = await import('../build/key/key.ts');
  const digestOf = async (image: ImageName): Promise<string | undefined> => {
    const enough = new AbortController();
    try {
      return await Promise.race([
        registry.digestOf(image),
        sleep(clock, PATIENCE, AbortSignal.any([signal, enough.signal])).then(() => {
          throw new UserError(`${image.registry} did not answer within ${PATIENCE / 1000} s`);
        }),
      ]);
    } finally {
      enough.abort();
    }
  };
  return await world.story.part('image', 'key', () =>
    computeKey({ inputs: build, directory, environment, clock, digestOf, signal }),
  );
}

/** Gives the content its name, or says why it has none; undefined then. */
export function recognise(
  content: Awaited<ReturnType<typeof computeContent>>,
  named: {
    readonly source: Source;
    /** All tags that the image gets. */
    readonly references: readonly string[];
    /** The version, where it is a release. */
    readonly release: string | undefined;
  },
  inputs: OneImage,
  world: ImageWorld,
): Recognised | undefined {
  const { log, facts, environment, clock } = world;
  const { source, references, release } = named;
  if (content === undefined) return undefined;
  const why = source.dirty
    ? 'the work tree differs from its commit'
    : elsewhere(references, inputs.image)
      ? 'the input `tags` names another repository, which only a push can fill'
      : content.kind === 'doubt'
        ? content.why
        : undefined;
  if (content.kind === 'doubt' || why !== undefined) {
    log.info(`Whether this content was built before is not looked up, because ${why}.`);
    return undefined;
  }
  const trust = trustOf({
    ...facts,
    checkedOut: source.sha,
    own: environment['GITHUB_SHA'],
  });
  const key = keyTag.hash(content.key, { url: source.url, release });
  log.debug(`content key ${key} (${trust}): ${content.files} files, ${content.read} bytes read`);
  return { key, trust, bases: content.bases, labels: recordLabels({ key, trust, now: clock.wall() }) };
}

function elsewhere(references: readonly string[], own: ImageName): boolean {
  return references.some((reference) => repositoryName(parseImage(reference).image) !== repositoryName(own));
}

/** Looks for an image of this content, among those of the run's own class and of more trusted ones. */
export async function findBuilt(
  { key, trust }: Recognised,
  inputs: OneImage,
  { registry, log, clock }: ImageWorld,
): Promise<Reused | undefined> {
  const { maxAge } = inputs.reuse;
  const found = await Promise.all(
    takenBy(trust).map(async (from): Promise<Reused | undefined> => {
      const image = { ...bare(inputs.image), tag: keyTag.name(key, from) };
      try {
        const stored = await registry.read(image);
        if (stored === undefined) return undefined;
        const judged = judgeRecord(stored.labels, { key, trust: from, now: clock.wall(), maxAge });
        if (judged.kind === 'good') return { ...judged.recorded, stored };
        const say = `${familiarName(image)} is not taken over: ${judged.why}.`;
        if (judged.kind === 'foreign') log.warning(say);
        else log.info(say);
      } catch (error) {
        if (!(error instanceof RegistryError)) throw error;
        log.info(`${familiarName(image)} could not be looked up: ${error.message}`);
      }
      return undefined;
    }),
  );
  const reused = found.find((each) => each !== undefined);
  if (reused === undefined)
    log.info(`This content is built: the registry has no image of it (${key.slice(0, 12)}).`);
  return reused;
}

/**
 * Puts this commit's tags on an image that exists.
 *
 * @returns the tag that stands for the commit
 */
export async function tagReused(
  { stored, commit, built }: Reused,
  references: readonly string[],
  { registry, log, clock }: ImageWorld,
): Promise<string | undefined> {
  const [own, ...others] = references.map((reference) => parseImage(reference).image);
  if (own === undefined) return undefined;
  log.info(
    `Nothing is built: ${familiarName({ ...bare(own), digest: stored.digest })} was built of the same content${commit === undefined ? '' : `, from commit ${commit.slice(0, 12)}`} on ${built.slice(0, 10)}. It gets the tag ${own.tag} as well.`,
  );
  const [tag] = await Promise.all([
    put(own).then((done) => {
      if (done) return own.tag;
      const fresh = { ...own, tag: `${own.tag?.slice(0, 100)}-${tagStamp(clock.wall())}` };
      log.notice(
        `${familiarName(own)} exists and the registry does not let tags be moved: this image gets the tag ${fresh.tag}.`,
      );
      return registry.tag(fresh, stored).then(() => fresh.tag);
    }),
    ...others.map(async (other) => {
      if (await put(other)) return;
      log.warning(
        `${familiarName(other)} exists and the registry does not let tags be moved: it was left as it is.`,
      );
    }),
  ]);
  return tag;

  /** Whether the tag stands for the image afterwards; false: the registry does not let it be moved. */
  async function put(image: ImageName): Promise<boolean> {
    try {
      await registry.tag(image, stored);
      return true;
    } catch (error) {
      if (!(error instanceof RegistryError) || error.failure !== 'immutable') throw error;
      return (await registry.digestOf(image)) === stored.digest;
    }
  }
}

/**
 * Records a built image under its content, so that later runs find it. Nothing is recorded when the build used
 * other images than the key knows. That a record fails is told and changes nothing: the next run builds.
 */
export async function recordBuilt(
  { key, trust, bases, labels }: Recognised,
  built: {
    readonly image: ImageName;
    readonly digest: string;
    readonly steps: readonly string[] | undefined;
  },
  { registry, log }: ImageWorld,
): Promise<void> {
  const { differenceInBases } = await import('../build/key/base-images.ts');
  const difference = differenceInBases(built.steps, bases);
  if (difference !== undefined) {
    log.info(`This image will not be taken over by later runs, because ${difference}.`);
    return;
  }
  const tag = { ...bare(built.image), tag: keyTag.name(key, trust) };
  try {
    const stored = await registry.read({ ...bare(built.image), digest: built.digest });
    const whole = stored?.labels.every((each) =>
      Object.entries(labels).every(([name, value]) => each[name] === value),
    );
    if (stored === undefined || stored.labels.length === 0 || whole !== true) {
      log.info(
        'This image will not be taken over by later runs, because it does not bear the labels that it was built with.',
      );
      return;
    }
    await registry.tag(tag, stored);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const say = `This image will not be taken over by later runs: ${error.message}`;
    if (error.failure === 'immutable') log.info(say);
    else log.warning(say);
  }
}

function bare({ registry, repository }: ImageName): ImageName {
  return { registry, repository };
}
