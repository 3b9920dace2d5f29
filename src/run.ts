import type { Cluster } from './cluster/client.ts';
import type { Found } from './deploy/preflight.ts';
import type { Inputs } from './inputs.ts';
import { Cancelled, messageOf, UnknownError, UserError } from './model/error.ts';
import { repositoryName } from './model/image.ts';
import { REPORT_VERSION, type Report, type ResultKind, type WorkloadReport } from './model/report.ts';
import { refuseUnverifiedTls } from './process/tls.ts';
import { reasonFor } from './report/reason.ts';
import { lookingAhead } from './run/ahead.ts';
import { checkBeforePatch } from './run/checks.ts';
import { explainCluster, openCluster } from './run/cluster.ts';
import { deploy } from './run/deploy.ts';
import { type Deployed, Interrupted } from './run/ending.ts';
import type { Guard } from './run/guard.ts';
import { chooseLogins, type Obtained, reportImage } from './run/image.ts';
import type { ImageWorld } from './run/image-world.ts';
import { beginSize, Sizes } from './run/sizes.ts';
import { Story } from './run/story.ts';
import { chooseWork } from './run/work.ts';
import type { World } from './run/world.ts';

/** What is known so far; the report is written from it however the run ends. */
interface Known {
  cluster?: Cluster;
  images?: readonly Obtained[];
  found?: readonly Found[];
  guard?: Guard;
  sizes?: Sizes;
}

/**
 * The story of a run: image and preflight at the same time, then patch, gate and, if need be, the way back.
 *
 * Never throws: every ending is a result with its reason.
 */
export async function run(inputs: Inputs, world: World): Promise<Report> {
  const story = new Story(world.clock);
  const known: Known = {};
  try {
    refuseUnverifiedTls(world.environment);
    if (inputs.imageLowered && inputs.image !== undefined) {
      world.log.notice(
        `Registries know lower-case names only, so the image is ${repositoryName(inputs.image)}.`,
      );
    }
    const deployed = await tell(inputs, world, story, known);
    return finish(inputs, world, story, known, deployed);
  } catch (error) {
    return stop(inputs, world, story, known, error);
  } finally {
    await known.guard?.release();
    await known.cluster?.close();
  }
}

async function tell(given: Inputs, world: World, story: Story, known: Known): Promise<Deployed | undefined> {
  const { inputs, hosts, obtain } = await chooseWork(given, world, story);
  const registry = await openRegistryFor(inputs, world, story, hosts);
  const sizes = new Sizes(registry.world);
  known.sizes = sizes;
  try {
    if (inputs.command === 'build') {
      known.images = await obtain(registry.world);
      for (const each of known.images) if (each.built) beginSize(sizes, each, []);
      return undefined;
    }
    const check = once(
      async (images: readonly Obtained[], found: readonly Found[]) =>
        await checkBeforePatch(registry.world.registry, images, found, inputs, world.log),
    );
    const [images, ready] = await together(world.signal, [
      async (signal) => {
        const images = await obtain({ ...registry.world, signal });
        known.images = images;
        check.first(images);
        return images;
      },
      async (signal) => {
        const opened = await openCluster(inputs, world, story, signal, (found) => {
          registry.ahead(found);
          check.second(found);
        });
        known.cluster = opened.cluster;
        known.found = opened.found;
        known.guard = opened.guard;
        return opened;
      },
    ]);
    return await deploy({
      inputs,
      world,
      story,
      cluster: ready.cluster,
      found: ready.found,
      guard: ready.guard,
      observer: ready.observer,
      images,
      registry: registry.world.registry,
      checked: check.done,
      patched: (shipped) => {
        for (const each of images) beginSize(sizes, each, shipped);
      },
    });
  } finally {
    await sizes.settle();
    await registry.world.registry.close();
  }
}

/** Begins with something as soon as both of its parts are there; what it comes to is had by `done`. */
function once<A, B>(
  begin: (a: A, b: B) => Promise<void>,
): {
  readonly first: (a: A) => void;
  readonly second: (b: B) => void;
  readonly done: Promise<void>;
} {
  const [first, second] = [Promise.withResolvers<A>(), Promise.withResolvers<B>()];
  const done = Promise.all([first.promise, second.promise]).then(([a, b]) => begin(a, b));
  // Whoever waits for it hears of it; a run that ended before does not.
  done.catch(() => undefined);
  return { first: first.resolve, second: second.resolve, done };
}

async function openRegistryFor(
  inputs: Inputs,
  world: World,
  story: Story,
  hosts: readonly string[],
): Promise<{
  readonly world: ImageWorld;
  /** Asks for what runs now. */
  readonly ahead: (found: readonly Found[]) => void;
}> {
  const { openRegistry } = await import('./registry/registry.ts');
  const logins = chooseLogins(inputs, world.facts, hosts);
  const { log, clock, environment, signal } = world;
  const opened = openRegistry({
    ...{ logins, environment, log, clock, signal },
    createRepository: inputs.registry.create,
  });
  const registry = lookingAhead(opened);
  const { image, build } = inputs;
  return {
    world: { ...world, story, registry },
    // What a build takes minutes for may be gone afterwards.
    ahead: (found) => {
      if (image !== undefined && build === undefined && inputs.registry.resolve) registry.ask(found, image);
    },
  };
}

/**
 * Runs two things at once. The first to fail ends the other, and both are waited for, so that nothing is
 * still running when the failure is told; when both found mistakes, all are told.
 */
async function together<A, B>(
  outer: AbortSignal,
  [first, second]: readonly [(signal: AbortSignal) => Promise<A>, (signal: AbortSignal) => Promise<B>],
): Promise<readonly [A, B]> {
  const inner = new AbortController();
  const signal = AbortSignal.any([outer, inner.signal]);
  const failures: unknown[] = [];
  const guard = async <T>(body: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> => {
    try {
      return await body(signal);
    } catch (error) {
      if (failures.length === 0 || !inner.signal.aborted || error !== inner.signal.reason)
        failures.push(error);
      inner.abort(new Error('the other half of the preparation failed'));
      return undefined;
    }
  };
  const [a, b] = await Promise.all([guard(first), guard(second)]);
  if (failures.length > 0) {
    const mistakes = failures.filter((error) => error instanceof UserError);
    if (mistakes.length === failures.length && mistakes.length > 1) {
      throw new UserError(
        mistakes.flatMap((error) => error.mistakes),
        {
          details: mistakes.flatMap((error) => error.details),
          place: mistakes.find((error) => error.place !== undefined)?.place,
        },
      );
    }
    throw failures[0];
  }
  return [a as A, b as B];
}

/** The report of a run that came to its end. */
function finish(
  inputs: Inputs,
  world: World,
  story: Story,
  known: Known,
  deployed: Deployed | undefined,
): Report {
  const result: ResultKind = deployed?.result ?? 'succeeded';
  const workloads = deployed?.workloads ?? [];
  const words = reasonFor({
    result,
    command: inputs.command,
    workloads,
    ...reportImages(inputs, known),
    ...(inputs.namespace === undefined ? {} : { namespace: inputs.namespace }),
    ...(deployed?.culprit === undefined ? {} : { culprit: deployed.culprit }),
    ...(deployed?.stopped === undefined ? {} : { stopped: deployed.stopped }),
    tidied: story.tidied,
  });
  return report(inputs, world, story, known, { result, workloads, ...words });
}

/** The report of a run that could not come to its end. */
function stop(inputs: Inputs, world: World, story: Story, known: Known, thrown: unknown): Report {
  const error = thrown instanceof Interrupted ? thrown.cause : thrown;
  const { result, message, advice } = wordFailure(error, known.cluster);
  const details = error instanceof UserError ? error.details : [];
  if (!(error instanceof UserError)) {
    world.log.debug(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const workloads = thrown instanceof Interrupted ? thrown.workloads : untouched(known.found ?? []);
  const words = reasonFor({
    result,
    command: inputs.command,
    workloads,
    ...(inputs.namespace === undefined ? {} : { namespace: inputs.namespace }),
    stopped: { message, details, ...(advice === undefined ? {} : { advice }) },
    tidied: story.tidied,
  });
  const place = error instanceof UserError ? error.place : undefined;
  return report(inputs, world, story, known, {
    ...{ result, workloads, ...words },
    ...(place === undefined ? {} : { place }),
  });
}

function wordFailure(
  error: unknown,
  cluster: Cluster | undefined,
): { readonly result: ResultKind; readonly message: string; readonly advice?: string } {
  if (error instanceof UserError) return { result: 'failed', message: error.message };
  if (error instanceof Cancelled) return { result: 'failed', message: error.message };
  if (error instanceof UnknownError) return { result: 'unknown', message: error.message };
  const explained = explainCluster(error, cluster);
  if (explained !== undefined) return { result: 'unknown', message: explained };
  return {
    result: 'unknown',
    message: `SteadyShip met something that it does not know: ${messageOf(error)}.`,
    advice: 'Run again with debug logging on (re-run jobs, "Enable debug logging") and report what it shows.',
  };
}

function untouched(found: readonly Found[]): readonly WorkloadReport[] {
  return found.map(({ kind, namespace, name }) => ({
    kind,
    namespace,
    name,
    outcome: 'untouched',
    containers: [],
    notes: [],
  }));
}

/** A bake file's images bear their targets, also where there is only one. */
function reportImages(inputs: Inputs, { images = [], sizes }: Known): Pick<Report, 'image' | 'images'> {
  const reports = images.map((each) => reportImage(each, sizes?.of(each.reference)));
  const [only, another] = reports;
  return {
    ...(only === undefined || another !== undefined ? {} : { image: only }),
    ...(inputs.bake === undefined || only === undefined ? {} : { images: reports }),
  };
}

function report(
  inputs: Inputs,
  world: World,
  story: Story,
  known: Known,
  rest: Pick<Report, 'result' | 'reason' | 'advice' | 'details' | 'place' | 'workloads'>,
): Report {
  const source = known.images?.[0]?.source;
  return {
    version: REPORT_VERSION,
    command: inputs.command,
    startedAt: story.startedAt.toISOString(),
    endedAt: world.clock.wall().toISOString(),
    ...(source === undefined
      ? {}
      : {
          source: {
            revision: source.sha,
            dirty: source.dirty,
            ...(source.url === undefined ? {} : { url: source.url }),
          },
        }),
    ...reportImages(inputs, known),
    timeline: story.timeline(),
    api: known.cluster?.requestsSent() ?? { requests: 0, watches: 0 },
    ...rest,
  };
}
