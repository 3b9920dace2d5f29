import { type BakedName, bakeAndPush } from '../build/bake/bake.ts';
import { type Bake, readBake } from '../build/bake/read.ts';
import { openDockerConfig } from '../build/docker-config.ts';
import type { BakeInputs, BuildInputs } from '../build/inputs.ts';
import type { Source } from '../build/source.ts';
import type { Inputs } from '../inputs.ts';
import { UserError } from '../model/error.ts';
import { familiarName } from '../model/image.ts';
import { assignTargets, type Placed, placeTargets, sharedReferences, undeployed } from '../plan/bake.ts';
import { describeBuild } from '../report/build.ts';
import { otherRepositories, readBack } from './build-image.ts';
import { readCheckout, tellNames } from './checkout.ts';
import type { Obtained } from './image.ts';
import type { ImageWorld } from './image-world.ts';
import { nameImage } from './naming.ts';
import type { Story } from './story.ts';
import type { World } from './world.ts';

/** What is to be baked, where it goes, and which workload gets what of it. */
export interface BakePlan {
  readonly source: Source;
  readonly bake: Bake;
  /** In the order of the bake file's targets. */
  readonly placed: readonly Placed[];
  readonly workloads: Inputs['workloads'];
}

/**
 * Asks bake what it would build, and gives each target its repository and each workload its target.
 *
 * @throws UserError with a sentence for all that is not plain, before anything is built
 */
export async function planBake(
  given: BakeInputs,
  inputs: Inputs,
  world: World,
  story: Story,
): Promise<BakePlan> {
  const { workspace: directory, environment, clock, signal, log } = world;
  // First of all: the file reads the job's variables, and whose it is decides whether it may.
  const source = await readCheckout(world);
  const bake = await story.part('image', 'read the bake file', () =>
    readBake({ inputs: given, directory, environment, clock, signal }),
  );
  const names = bake.targets.map(({ name }) => name);
  log.info(
    `Baking ${names.join(', ')}. A bake file is built each time: it is not looked up what was built before.`,
  );
  const [placed, workloads] = both(
    () => placeTargets(bake.targets, given.images),
    () => (inputs.command === 'build' ? inputs.workloads : assignTargets(inputs.workloads, names)),
  );
  tellPlaces(placed, log);
  if (inputs.command === 'deploy') {
    const left = undeployed(workloads, names);
    if (left.length > 0)
      log.info(`Built and pushed, and deployed nowhere, since no workload gets it: ${left.join(', ')}.`);
  }
  return { source, bake, placed, workloads };
}

function tellPlaces(placed: readonly Placed[], log: World['log']): void {
  for (const { target, image, leftOut, suffix } of placed) {
    const also = suffix === '' ? '' : `, in a repository that it shares: its tags end in -${suffix}`;
    log.info(`Target ${target} goes to ${familiarName(image)}${also}`);
    if (leftOut.length > 0)
      log.info(
        `Target ${target}: the bake file's own tags are not pushed, since \`image\` names the repository: ${leftOut.join(', ')}`,
      );
  }
}

/** What is wrong with either is told together. */
function both<A, B>(first: () => A, second: () => B): readonly [A, B] {
  const mistakes: string[] = [];
  const attempt = <T>(body: () => T): T | undefined => {
    try {
      return body();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      mistakes.push(...error.mistakes);
      return undefined;
    }
  };
  const [a, b] = [attempt(first), attempt(second)];
  if (mistakes.length > 0) throw new UserError(mistakes);
  return [a as A, b as B];
}

/** Bakes and pushes all targets in one call; a push that would be refused is told before. */
export async function bakeImages(
  plan: BakePlan,
  build: BuildInputs,
  inputs: Inputs,
  world: ImageWorld,
): Promise<readonly Obtained[]> {
  const { log, clock, environment, workspace: directory, facts, signal, registry, story } = world;
  const { source } = plan;
  const now = clock.wall();
  const named = plan.placed.map(({ target, image, own, suffix }) => {
    const apart = suffix === '' ? {} : { target: suffix };
    const naming = nameImage({ image, inputs, source, facts, environment, now, ...apart });
    return { target, image, naming, references: [...new Set([...naming.tags.references, ...own])] };
  });
  tellNames(source, [...new Set(named.flatMap(({ naming }) => naming.tags.leftOut))], log);
  const shared = sharedReferences(named);
  if (shared.length > 0) throw new UserError(shared);
  const repositories = otherRepositories(named.flatMap(({ references }) => references));
  await story.part('image', 'may push', () => checkPushes(repositories, world));
  const logins = await registry.logins(repositories.map(({ registry: host }) => host));
  const config = await openDockerConfig({ logins, environment, log });
  try {
    const built = await story.part('image', 'build and push', () =>
      log.group(`Bake ${named.map(({ target }) => target).join(', ')}`, () =>
        bakeAndPush({
          bake: plan.bake,
          inputs: build,
          names: new Map(
            named.map(({ target, references, naming }): [string, BakedName] => [
              target,
              { tags: references, labels: naming.labels, cache: naming.cache },
            ]),
          ),
          isPublic: facts.saidPublic,
          ...(facts.runUrl === undefined ? {} : { runUrl: facts.runUrl }),
          ...{ directory, log, clock, environment, config, signal },
          ready: (image) => registry.checkPush(image),
        }),
      ),
    );
    return await story.part('image', 'read back', () =>
      Promise.all(
        named.map(async ({ target, image }): Promise<Obtained> => {
          const one = built.get(target);
          if (one === undefined) throw new Error(`bake said nothing of the target ${target}.`);
          const obtained = { target, ...(await readBack(one, image, source, world)) };
          log.info(
            `Pushed ${target}: ${familiarName({ ...image, tag: obtained.tag ?? '' })} as ${one.digest}`,
          );
          log.info(`Target ${target}: ${describeBuild(one.told)}`);
          return obtained;
        }),
      ),
    );
  } finally {
    await config.close();
  }
}

/** All that is refused is told at once. */
async function checkPushes(
  repositories: ReturnType<typeof otherRepositories>,
  { registry }: ImageWorld,
): Promise<void> {
  const asked = await Promise.allSettled(repositories.map((each) => registry.checkPush(each)));
  const failures = asked.flatMap((each): unknown[] => (each.status === 'rejected' ? [each.reason] : []));
  const [first] = failures;
  if (first === undefined) return;
  const mistakes = failures.filter((error) => error instanceof UserError);
  if (mistakes.length < failures.length) throw failures.find((error) => !(error instanceof UserError));
  throw mistakes.length === 1
    ? first
    : new UserError([...new Set(mistakes.flatMap((error) => error.mistakes))]);
}
