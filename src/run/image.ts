import type { Source } from '../build/source.ts';
import type { RunFacts } from '../github/event.ts';
import type { Inputs, OneImage } from '../inputs.ts';
import { UserError } from '../model/error.ts';
import { familiarName, type ImageName, renderImage } from '../model/image.ts';
import type { BuildReport, ImageReport, SizeReport } from '../model/report.ts';
import type { Login } from '../registry/credentials.ts';
import type { Platform } from '../registry/manifest.ts';
import type { ImageWorld } from './image-world.ts';

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

/** What was built is built from one work tree; undefined: nothing was. */
export function commitOf([first]: readonly Obtained[]): string | undefined {
  return first?.source?.sha;
}
