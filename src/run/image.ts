import type { BuildInputs } from '../build/inputs.ts';
import type { BuiltImage } from '../build/request.ts';
import type { Source } from '../build/source.ts';
import type { RunFacts } from '../github/event.ts';
import type { Inputs, OneImage } from '../inputs.ts';
import { UserError } from '../model/error.ts';
import { familiarName, type ImageName, parseImage, renderImage, repositoryName } from '../model/image.ts';
import type { BuildReport, ImageReport, SizeReport } from '../model/report.ts';
import type { Login } from '../registry/credentials.ts';
import type { Platform } from '../registry/manifest.ts';
import type { ImageWorld } from './image-world.ts';
import { nameImage } from './naming.ts';
import { computeContent, findBuilt, recognise, recordBuilt, tagReused } from './reuse.ts';

/** The image that is to run. */
export interface Obtained {
  /** The target of the bake file; undefined: it is the only image. */
  readonly target?: string;
  /** How the pod template names it: `repository@digest`, or the tag as given where nobody may resolve it. */
  readonly reference: string;
  readonly image: ImageName;
  readonly digest: string | undefined;
  readonly tag: string | undefined;
  readonly platforms: readonly Platform[];
  readonly built: boolean;
  /** Not built, because an earlier run built the same content. */
  readonly reused?: { readonly built: string; readonly commit?: string };
  /** We read it in the registry ourselves. */
  readonly seen: boolean;
  readonly source: Source | undefined;
  /** How it was built in this run. */
  readonly build?: BuildReport;
}

/**
 * The logins of a run: what the inputs give, else on ghcr.io the job's own token, which is what makes the
 * smallest workflow file work as pasted.
 *
 * @param hosts the registries of the run's images
 * @throws UserError when there is one password for several
 */
export function chooseLogins(inputs: Inputs, facts: RunFacts, hosts: readonly string[]): readonly Login[] {
  const { username, password, host } = inputs.registry;
  const [registry, ...others] = host === undefined ? new Set(hosts) : [host];
  const actor = facts.actor ?? 'github-actions';
  if (password !== undefined && registry !== undefined) {
    if (others.length > 0) {
      throw new UserError(
        `password: the images go to ${[registry, ...others].join(' and ')}, and one password is for one of them. Name it in \`registry\`, and log in to the other in a step before (docker/login-action).`,
      );
    }
    return [{ registry, username: username ?? actor, password }];
  }
  if ([registry, ...others].includes('ghcr.io') && inputs.githubToken !== undefined) {
    return [
      { registry: 'ghcr.io', username: actor, password: inputs.githubToken, origin: "the job's own token" },
    ];
  }
  return [];
}

/** Finds the image in the registry: what a tag stands for now, and that it is there at all. */
export async function findImage(inputs: OneImage, world: ImageWorld): Promise<Obtained> {
  const { image } = inputs;
  if (!inputs.registry.resolve) {
    world.log.info(
      `${familiarName(image)} is deployed as given (\`resolve: false\`): that it exists was not checked`,
    );
    return { ...nothingKnown(image), reference: renderImage(image), digest: image.digest };
  }
  return await world.story.part('image', 'resolve', async () => {
    const found = await world.registry.resolve(image);
    if (!found.exists) {
      throw new UserError(
        `The image ${familiarName(image)} is not in the registry ${image.registry}. Check its name and tag, and that the job that pushes it has run.`,
      );
    }
    const pinned: ImageName = {
      registry: image.registry,
      repository: image.repository,
      digest: found.digest,
    };
    return {
      ...nothingKnown(image),
      reference: renderImage(pinned),
      digest: found.digest,
      platforms: found.platforms,
      seen: true,
    };
  });
}

function nothingKnown(image: ImageName): Obtained {
  return {
    reference: '',
    image,
    digest: undefined,
    tag: image.tag,
    platforms: [],
    built: false,
    seen: false,
    source: undefined,
  };
}

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

/** The image as the report has it. */
export function reportImage(obtained: Obtained, size?: SizeReport): ImageReport {
  return {
    ...(obtained.target === undefined ? {} : { target: obtained.target }),
    reference: obtained.reference,
    ...(obtained.digest === undefined ? {} : { digest: obtained.digest }),
    ...(obtained.tag === undefined ? {} : { tag: obtained.tag }),
    built: obtained.built,
    ...(obtained.reused === undefined ? {} : { reused: obtained.reused }),
    ...(obtained.build === undefined ? {} : { build: obtained.build }),
    ...(size === undefined ? {} : { size }),
  };
}
