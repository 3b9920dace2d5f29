import type { BuildInputs } from '../build/inputs.ts';
import type { Source } from '../build/source.ts';
import type { RunFacts } from '../github/event.ts';
import type { Inputs } from '../inputs.ts';
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
 */
export function chooseLogins(inputs: Inputs, facts: RunFacts): readonly Login[] {
  const { username, password, host } = inputs.registry;
  const registry = host ?? inputs.image.registry;
  if (password !== undefined) {
    return [{ registry, username: username ?? facts.actor ?? 'github-actions', password }];
  }
  if (registry === 'ghcr.io' && inputs.githubToken !== undefined) {
    const username = facts.actor ?? 'github-actions';
    return [{ registry, username, password: inputs.githubToken, origin: "the job's own token" }];
  }
  return [];
}

/** Finds the image in the registry: what a tag stands for now, and that it is there at all. */
export async function findImage(inputs: Inputs, world: ImageWorld): Promise<Obtained> {
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
export async function buildImage(build: BuildInputs, inputs: Inputs, world: ImageWorld): Promise<Obtained> {
  const { log, clock, environment, workspace, facts, signal } = world;
  const [{ readSource }, { buildAndPush }, { openDockerConfig }, { describeBuild }] = await Promise.all([
    import('../build/source.ts'),
    import('../build/image.ts'),
    import('../build/docker-config.ts'),
    import('../report/build.ts'),
  ]);
  const [source, content] = await Promise.all([
    readSource({ directory: workspace, environment, clock, signal }),
    computeContent(build, inputs, world),
    world.story.part('image', 'may push', () => world.registry.checkPush(inputs.image)),
  ]);
  refuseForeignCode(facts, source.sha, environment['GITHUB_SHA']);
  const { tags, labels, cache, release } = nameImage({
    inputs,
    source,
    facts,
    environment,
    now: clock.wall(),
  });
  if (tags.leftOut.length > 0) log.info(`Tags that this run has no value for: ${tags.leftOut.join(', ')}`);
  if (source.dirty) {
    log.info(
      `The work tree differs from commit ${source.sha.slice(0, 12)} (${source.changes.join(', ')}), so the image is labelled dirty and gets a tag of its own`,
    );
  }
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
    const pinned: ImageName = { ...bare(inputs.image), digest: built.digest };
    const [found] = await Promise.all([
      world.story.part('image', 'read back', () => world.registry.resolve(pinned)),
      recognised && recordBuilt(recognised, { ...built, image: inputs.image }, world),
    ]);
    if (!found.exists) {
      throw new UserError(
        `The registry ${inputs.image.registry} took the image and does not have it: ${renderImage(pinned)} is absent. Check the registry's retention rules and its health, then run again.`,
      );
    }
    // A registry that moves no tags got another one than was planned.
    const tag = parseImage(built.tags[0] ?? '').image.tag ?? tags.tag;
    log.info(`Pushed ${familiarName({ ...bare(inputs.image), tag })} as ${built.digest}`);
    log.info(describeBuild(built.told));
    return {
      reference: renderImage(pinned),
      image: inputs.image,
      digest: built.digest,
      tag,
      platforms: found.platforms,
      built: true,
      seen: true,
      source,
      build: built.told,
    };
  } finally {
    await config.close();
  }
}

/** The repositories besides our own that the `tags` push to. */
function otherRepositories(references: readonly string[], own: ImageName): readonly ImageName[] {
  const others = references.map((reference) => bare(parseImage(reference).image));
  const byName = new Map(others.map((other) => [repositoryName(other), other]));
  byName.delete(repositoryName(own));
  return [...byName.values()];
}

function bare({ registry, repository }: ImageName): ImageName {
  return { registry, repository };
}

/**
 * A workflow on pull_request_target or workflow_run has the base repository's secrets. To check out what a fork
 * wrote and build it next to them hands them to whoever opened the pull request. GITHUB_SHA is then a commit of
 * the base repository; anything else that is checked out may be the fork's, be it its head or a merge with it.
 *
 * @see https://securitylab.github.com/resources/github-actions-preventing-pwn-requests/
 */
function refuseForeignCode(facts: RunFacts, sha: string, own: string | undefined): void {
  if (!facts.privilegedForFork || sha === own) return;
  throw new UserError(
    `The commit ${sha.slice(0, 12)} is not the base repository's own, and this workflow (on ${facts.event}) was set off by a fork while it has the repository's secrets: ` +
      "building it could hand them to the fork's author. Nothing was built. Use the event pull_request, or check out the base branch.",
  );
}

/** The image as the report has it. */
export function reportImage(obtained: Obtained, size?: SizeReport): ImageReport {
  return {
    reference: obtained.reference,
    ...(obtained.digest === undefined ? {} : { digest: obtained.digest }),
    ...(obtained.tag === undefined ? {} : { tag: obtained.tag }),
    built: obtained.built,
    ...(obtained.reused === undefined ? {} : { reused: obtained.reused }),
    ...(obtained.build === undefined ? {} : { build: obtained.build }),
    ...(size === undefined ? {} : { size }),
  };
}
