import type { BuildInputs } from '../build/inputs.ts';
import type { BuiltImage } from '../build/request.ts';
import type { Source } from '../build/source.ts';
import type { OneImage } from '../inputs.ts';
import { UserError } from '../model/error.ts';
import { familiarName, type ImageName, parseImage, renderImage, repositoryName } from '../model/image.ts';
import type { Obtained } from './image.ts';
import type { ImageWorld } from './image-world.ts';
import { nameImage } from './naming.ts';
import { computeContent, findBuilt, recognise, recordBuilt, tagReused } from './reuse.ts';

/** Builds what was checked out and pushes it; a push that would be refused is told before the build. */
export async function buildImage(build: BuildInputs, inputs: OneImage, world: ImageWorld): Promise<Obtained> {
  const { log, clock, environment, workspace, facts, signal } = world;
  const [{ readCheckout, tellNames }, { buildAndPush }, { openDockerConfig }, { describeBuild }] =
    await Promise.all([
      import('./checkout.ts'),
      import('../build/image.ts'),
      import('../build/docker-config.ts'),
      import('../report/build.ts'),
    ]);
  const [source, content] = await Promise.all([
    readCheckout(world),
    computeContent(build, inputs, world),
    world.story.part('image', 'may push', () => world.registry.checkPush(inputs.image)),
  ]);
  const { tags, labels, cache, release } = nameImage({
    image: inputs.image,
    inputs,
    source,
    facts,
    environment,
    now: clock.wall(),
  });
  tellNames(source, tags.leftOut, log);
  const others = otherRepositories(tags.references, inputs.image);
  await Promise.all(others.map((other) => world.registry.checkPush(other)));
  const recognised = recognise(content, { source, references: tags.references, release }, inputs, world);
  const reused =
    recognised && (await world.story.part('image', 'look up', () => findBuilt(recognised, inputs, world)));
  if (reused !== undefined) {
    const { digest, platforms } = reused.stored;
    const tag = await world.story.part('image', 'tag', () => tagReused(reused, tags.references, world));
    const { built, commit } = reused;
    return {
      reference: renderImage({ ...bare(inputs.image), digest }),
      image: inputs.image,
      digest,
      tag,
      platforms,
      built: false,
      reused: { built, ...(commit === undefined ? {} : { commit }) },
      seen: true,
      source,
    };
  }
  const hosts = [inputs.image, ...others].map(({ registry }) => registry);
  const logins = await world.registry.logins(hosts);
  const config = await openDockerConfig({ logins, environment, log });
  try {
    const built = await world.story.part('image', 'build and push', () =>
      log.group(`Build ${familiarName(inputs.image)}`, () =>
        buildAndPush({
          inputs: build,
          tags: tags.references,
          labels: { ...labels, ...recognised?.labels },
          ...(cache === undefined ? {} : { cache }),
          isPublic: facts.saidPublic,
          directory: workspace,
          ...(facts.runUrl === undefined ? {} : { runUrl: facts.runUrl }),
          log,
          clock,
          environment,
          config,
          signal,
          ready: (image) => world.registry.checkPush(image),
        }),
      ),
    );
    const [obtained] = await Promise.all([
      world.story.part('image', 'read back', () => readBack(built, inputs.image, source, world)),
      recognised && recordBuilt(recognised, { ...built, image: inputs.image }, world),
    ]);
    log.info(`Pushed ${familiarName({ ...bare(inputs.image), tag: obtained.tag ?? '' })} as ${built.digest}`);
    log.info(describeBuild(built.told));
    return obtained;
  } finally {
    await config.close();
  }
}

/**
 * What was pushed, in the registry's own words.
 *
 * @throws UserError when the registry does not have it
 */
export async function readBack(
  built: Pick<BuiltImage, 'digest' | 'tags' | 'told'>,
  image: ImageName,
  source: Source,
  { registry }: Pick<ImageWorld, 'registry'>,
): Promise<Obtained> {
  const pinned: ImageName = { ...bare(image), digest: built.digest };
  const found = await registry.resolve(pinned);
  if (!found.exists) {
    throw new UserError(
      `The registry ${image.registry} took the image and does not have it: ${renderImage(pinned)} is absent. Check the registry's retention rules and its health, then run again.`,
    );
  }
  return {
    reference: renderImage(pinned),
    image,
    digest: built.digest,
    // A registry that moves no tags got another one than was planned.
    tag: parseImage(built.tags[0] ?? '').image.tag,
    platforms: found.platforms,
    built: true,
    seen: true,
    source,
    build: built.told,
  };
}

/** The repositories besides these that the references push to. */
export function otherRepositories(
  references: readonly string[],
  ...own: readonly ImageName[]
): readonly ImageName[] {
  const others = references.map((reference) => bare(parseImage(reference).image));
  const byName = new Map(others.map((other) => [repositoryName(other), other]));
  for (const each of own) byName.delete(repositoryName(each));
  return [...byName.values()];
}

function bare({ registry, repository }: ImageName): ImageName {
  return { registry, repository };
}
