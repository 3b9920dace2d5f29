import { messageOf, UserError } from '../model/error.ts';
import { familiarName, type ImageName, parseImage, renderImage, repositoryName } from '../model/image.ts';
import { shortName, type Wanted, type WorkloadRef } from '../model/workload.ts';

/** A target of a bake file, as far as naming it goes. */
export interface NamedTarget {
  readonly name: string;
  /** What the bake file calls its image. */
  readonly tags: readonly string[];
}

/** Where a target's image goes. */
export interface Placed {
  readonly target: string;
  readonly image: ImageName;
  /** Full references of the bake file's own, to be pushed too. */
  readonly own: readonly string[];
  /** References of the bake file's that are not pushed, because the input `image` names the repository. */
  readonly leftOut: readonly string[];
  /** Ends each of our tags where another target has the same repository; otherwise empty. */
  readonly suffix: string;
}

/** What stands for the part that only the reader knows. */
const EXAMPLE = 'ghcr.io/owner';

/**
 * Where the image of each target goes: to the repository that the input `image` names for it, else to the one of
 * the first tag that the bake file gives it. What stands in the file with a tag is then pushed as well.
 *
 * @param images the lines of `image`, by target; one for the key `undefined` is that of the only target
 * @throws UserError with a sentence for each target whose repository is nowhere named
 */
export function placeTargets(
  targets: readonly NamedTarget[],
  images: ReadonlyMap<string | undefined, ImageName>,
): readonly Placed[] {
  const mistakes: string[] = [];
  const names = targets.map(({ name }) => name);
  const unnamed = images.get(undefined);
  if (unnamed !== undefined && targets.length !== 1) {
    mistakes.push(
      `image: ${repositoryName(unnamed)} is one repository for ${targets.length} targets. Write a line for each: ${names.map((name) => `${name}=${repositoryName(unnamed)}-${name}`).join(', ')}.`,
    );
  }
  for (const name of images.keys()) {
    if (name !== undefined && !names.includes(name)) {
      mistakes.push(`image: ${JSON.stringify(name)} is no target that is built. There: ${names.join(', ')}.`);
    }
  }
  const placed = targets.flatMap((target): readonly Omit<Placed, 'suffix'>[] => {
    const given = images.get(target.name) ?? unnamed;
    const named = given === undefined ? ownName(target) : { image: given, own: [], leftOut: target.tags };
    if ('image' in named) return [{ target: target.name, ...named }];
    mistakes.push(named.mistake);
    return [];
  });
  if (mistakes.length > 0) throw new UserError(mistakes);
  return placed.map((each) => {
    const shared = placed.filter(({ image }) => repositoryName(image) === repositoryName(each.image));
    return { ...each, suffix: shared.length > 1 ? each.target : '' };
  });
}

function ownName({
  name,
  tags,
}: NamedTarget): Omit<Placed, 'target' | 'suffix'> | { readonly mistake: string } {
  const help = `Name its repository in the input image: ${name}=${EXAMPLE}/${name}; or in the bake file: tags = ["${EXAMPLE}/${name}"].`;
  const [first] = tags;
  if (first === undefined) return { mistake: `The target ${name} of the bake file names no image. ${help}` };
  try {
    const parsed = tags.map((tag) => parseImage(tag).image);
    const { registry, repository } = parsed[0] ?? { registry: '', repository: '' };
    // "web:dev" is what people call an image of their own machine; only Docker can push there.
    if (registry === 'docker.io' && repository.startsWith('library/')) {
      return {
        mistake: `The target ${name} of the bake file is called ${JSON.stringify(first)}, which is no repository that it could be pushed to. ${help}`,
      };
    }
    const own = parsed.filter(({ tag }) => tag !== undefined).map(renderImage);
    return { image: { registry, repository }, own, leftOut: [] };
  } catch (error) {
    return { mistake: `The target ${name} of the bake file: ${messageOf(error)} ${help}` };
  }
}

/** One sentence for each reference that two targets would push: the later would take it from the earlier. */
export function sharedReferences(
  pushed: readonly { readonly target: string; readonly references: readonly string[] }[],
): readonly string[] {
  const owners = new Map<string, string>();
  return pushed.flatMap(({ target, references }) =>
    references.flatMap((reference) => {
      const other = owners.get(reference);
      owners.set(reference, target);
      return other === undefined
        ? []
        : [
            `The targets ${other} and ${target} would both be pushed as ${familiarName(parseImage(reference).image)}. Give each its own in the bake file's tags.`,
          ];
    }),
  );
}

type Ref = Wanted & Pick<WorkloadRef, 'kind' | 'name'>;

/**
 * Gives each workload its target: the one behind the `=`; else the only one; else the one that is called as the
 * container or the workload is. Anything else would be a guess.
 *
 * @throws UserError with a sentence for each workload whose target is not plain
 */
export function assignTargets<T extends Ref>(
  workloads: readonly T[],
  targets: readonly string[],
): readonly T[] {
  const mistakes: string[] = [];
  const there = `There: ${targets.join(', ')}`;
  const assigned = workloads.map((each): T => {
    const { container, target } = each;
    const called = `${shortName(each)}${container === undefined ? '' : `:${container}`}`;
    if (target !== undefined) {
      if (!targets.includes(target)) {
        mistakes.push(
          `workloads: ${called}=${target} names a target that is not built. ${there}; \`bake-target\` names what is built.`,
        );
      }
      return each;
    }
    const [only, another] = targets;
    const alike = [...new Set([container, each.name])].filter(
      (name) => name !== undefined && targets.includes(name),
    );
    const found = another === undefined ? only : alike.length === 1 ? alike[0] : undefined;
    if (found === undefined) {
      const why = alike.length > 1 ? `both ${alike.join(' and ')} are targets` : 'no target is called so';
      mistakes.push(
        `workloads: which image ${called} gets is not plain, since ${why}. Write ${called}=target. ${there}.`,
      );
    }
    return { ...each, target: found };
  });
  if (mistakes.length > 0) throw new UserError(mistakes);
  return assigned;
}

/** The targets that no workload gets. */
export function undeployed(workloads: readonly Wanted[], targets: readonly string[]): readonly string[] {
  return targets.filter((name) => !workloads.some(({ target }) => target === name));
}
