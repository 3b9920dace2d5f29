import { makePrivateFolder } from '../../process/folder.ts';
import { addressOf, isLoopback } from '../../registry/address.ts';
import { cacheTypes } from '../args.ts';
import { callUntilPushed, type Pushed, type Wish } from '../attempts.ts';
import { type Builder, chooseBuilder } from '../builder.ts';
import { environmentOf } from '../buildx.ts';
import { type CacheFacts, chooseCaches, findCacheService, wantsDefaultCache } from '../cache.ts';
import { readWarnings } from '../checks.ts';
import { checkContext } from '../context.ts';
import { readDigest } from '../digest.ts';
import { dockerfilePath } from '../dockerfile-path.ts';
import { BuildError } from '../failure.ts';
import type { BuildInputs } from '../inputs.ts';
import { type BuiltImage, type CallArguments, firstImage, type Surroundings } from '../request.ts';
import { placeSecrets } from '../secrets.ts';
import { tellWarnings } from '../tell-warnings.ts';
import { reportBuild } from '../told.ts';
import { bakeArguments } from './args.ts';
import type { BakeTarget } from './definition.ts';
import { explainBake } from './failure.ts';
import type { Bake } from './read.ts';
import { inputsOf, outputOf } from './wish.ts';

/** What the image of a target is called. */
export interface BakedName {
  /** Full references, ours first. */
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** The cache where neither file nor inputs name one; undefined: none. */
  readonly cache: CacheFacts['plan'];
}

export interface BakingArguments extends Surroundings {
  readonly bake: Bake;
  readonly inputs: BuildInputs;
  /** By target; each has one. */
  readonly names: ReadonlyMap<string, BakedName>;
}

/**
 * Builds and pushes the targets in one call of bake: layers and contexts that they share are made once.
 *
 * @returns what became of each target, by its name
 * @throws UserError when one of them failed: then none counts
 */
export async function bakeAndPush(args: BakingArguments): Promise<ReadonlyMap<string, BuiltImage>> {
  const { bake, inputs, directory, environment, log } = args;
  for (const target of [...bake.targets, ...bake.linked]) {
    if (!target.inline) await checkContext(inputsOf(target, inputs), directory, target.name);
  }
  for (const target of bake.targets) {
    const { dropped } = outputOf(target);
    if (dropped.length > 0) {
      log.notice(
        `Target ${target.name}: its output of type ${dropped.join(', ')} is not made; the image is pushed instead.`,
      );
    }
  }
  const folder = await makePrivateFolder(environment, 'bake');
  try {
    const secrets = await placeSecrets({ inputs, folder: folder.path, directory, environment, log });
    return await bakeWith({ ...args, secrets, folder: folder.path });
  } finally {
    await folder.remove();
  }
}

async function bakeWith(args: BakingArguments & CallArguments): Promise<ReadonlyMap<string, BuiltImage>> {
  const { bake, inputs, names, clock, directory, log } = args;
  const start = clock.now();
  const plans = bake.targets.map((target) => {
    const { cache: plan, tags = [] } = names.get(target.name) ?? { cache: undefined };
    return { target, plan, tags, inputs: inputsOf(target, inputs) };
  });
  const every = bake.linked.map((target) => inputsOf(target, inputs));
  const builder = await chooseBuilder({
    ...args,
    program: bake.program,
    wishes: [...plans.map((each) => each.inputs), ...every],
    caching: plans.some(wantsDefaultCache),
    loopback: plans.some(({ tags }) => isLoopback(addressOf(firstImage(tags).registry).hostname)),
    environment: environmentOf(args, [], bake.variables),
  });
  try {
    const several = plans.length + every.length > 1;
    const wishes = plans.map((plan) => wishOf(plan, args, builder));
    refuseSharedCache(wishes, bake.targets, inputs);
    const pushed = await callUntilPushed(args, {
      program: bake.program,
      wishes,
      environment: (now) => environmentOf(args, now, bake.variables),
      words: (now, place) =>
        bakeArguments({
          ...{ definition: bake, files: bake.files, inputs, wishes: now, secrets: args.secrets },
          labels: (target) => names.get(target)?.labels ?? {},
          isPublic: args.isPublic === true,
          ...place,
          ...(builder.name === undefined ? {} : { builder: builder.name }),
          ...(args.runUrl === undefined ? {} : { runUrl: args.runUrl }),
        }),
      explain: (failed) => {
        tellWarnings(failed.warnings, undefined, log);
        return explainBake({ ...args, ...failed, loginOf: args.config.loginOf });
      },
    });
    const metadata: unknown = JSON.parse(pushed.metadata);
    const told = new Map(wishes.map(({ target }) => [target, toldOf(target, pushed, metadata, several)]));
    // As they are printed they do not say whose they are.
    if ([...told.values()].every(({ warnings }) => warnings.length === 0))
      tellWarnings(pushed.warnings, undefined, log);
    return new Map(
      pushed.wishes.map(({ target, tags, caches, inputs: its }): [string, BuiltImage] => {
        const { steps = [], warnings = [] } = told.get(target) ?? {};
        const dockerfile = dockerfilePath(its, directory);
        tellWarnings(warnings, dockerfile, log);
        const built = {
          digest: readDigest(pushed.metadata, target),
          tags: tags.filter((tag) => tag !== caches.tag),
          steps: undefined,
          told: reportBuild(clock.now() - start, steps, warnings, dockerfile),
        };
        return [target, built];
      }),
    );
  } finally {
    await builder.remove();
  }
}

/** What the builder told of one target: where several are built, its name stands before each step. */
function toldOf(
  target: string,
  { steps, warnings }: Pushed,
  metadata: unknown,
  several: boolean,
): Pick<Pushed, 'steps' | 'warnings'> {
  const own = (metadata as Readonly<Record<string, unknown>>)[target];
  const structured = readWarnings(JSON.stringify(own ?? {}));
  if (!several) return { steps, warnings: structured.length === 0 ? warnings : structured };
  return {
    steps: steps.flatMap((step) => {
      const [, rest, words] = /^\[([^\]]*)\] ([\s\S]*)$/.exec(step.name) ?? [];
      if (words === undefined || rest === undefined) return [];
      if (rest === target) return [{ ...step, name: words }];
      return rest.startsWith(`${target} `)
        ? [{ ...step, name: `[${rest.slice(target.length + 1)}] ${words}` }]
        : [];
    }),
    warnings: structured,
  };
}

interface Plan {
  readonly target: BakeTarget;
  readonly plan: CacheFacts['plan'];
  readonly tags: readonly string[];
  readonly inputs: BuildInputs;
}

function wishOf(
  { target, plan, tags, inputs }: Plan,
  { environment }: Surroundings,
  { exports }: Builder,
): Wish {
  const caches = chooseCaches({ inputs, plan, service: findCacheService(environment), exports });
  const all = caches.tag === undefined ? tags : [...tags, caches.tag];
  return { target: target.name, inputs, tags: all, caches };
}

/** A cache holds one build: of several that write the same, the last one's is left. */
function refuseSharedCache(
  wishes: readonly Wish[],
  targets: readonly BakeTarget[],
  { cacheTo }: BuildInputs,
): void {
  if (wishes.length < 2 || cacheTypes(cacheTo).every((type) => type === 'inline')) return;
  throw new BuildError(
    `The input cache-to names one cache for ${targets.length} targets, and each would overwrite the others'. Remove it: every target has a cache of its own by default. Or write \`cache-to\` in the targets (${targets.map(({ name }) => name).join(', ')}).`,
  );
}
