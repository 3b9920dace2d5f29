import type { Cluster } from './cluster/client.ts';
import type { Found } from './deploy/preflight.ts';
import type { Inputs } from './inputs.ts';
import { Cancelled, messageOf, UnknownError, UserError } from './model/error.ts';
import { repositoryName } from './model/image.ts';
import {
  type ImageReport,
  REPORT_VERSION,
  type Report,
  type ResultKind,
  type WorkloadReport,
} from './model/report.ts';
import { refuseUnverifiedTls } from './process/tls.ts';
import { reasonFor } from './report/reason.ts';
import { checkBeforePatch } from './run/checks.ts';
import { explainCluster, openCluster } from './run/cluster.ts';
import { deploy } from './run/deploy.ts';
import { type Deployed, Interrupted } from './run/ending.ts';
import type { Guard } from './run/guard.ts';
import { buildImage, chooseLogins, findImage, type Obtained, reportImage } from './run/image.ts';
import type { ImageWorld } from './run/image-world.ts';
import { beginSize, Sizes } from './run/sizes.ts';
import { Story } from './run/story.ts';
import type { World } from './run/world.ts';

/** What is known so far; the report is written from it however the run ends. */
interface Known {
  cluster?: Cluster;
  obtained?: Obtained;
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
    if (inputs.imageLowered) {
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

async function tell(inputs: Inputs, world: World, story: Story, known: Known): Promise<Deployed | undefined> {
  const registry = await openRegistryFor(inputs, world, story);
  const sizes = new Sizes(registry.world);
  known.sizes = sizes;
  try {
    if (inputs.command === 'build') {
      known.obtained = await obtain(inputs, registry.world);
      if (known.obtained.built) beginSize(sizes, known.obtained, []);
      return undefined;
    }
    const check = once(
      async (obtained: Obtained, found: readonly Found[]) =>
        await checkBeforePatch(registry.world.registry, obtained, found, inputs, world.log),
    );
    const [obtained, ready] = await together(world.signal, [
      async (signal) => {
        const obtained = await obtain(inputs, { ...registry.world, signal });
        known.obtained = obtained;
        check.first(obtained);
        return obtained;
      },
      async (signal) => {
        const opened = await openCluster(inputs, world, story, signal, check.second);
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
      obtained,
      registry: registry.world.registry,
      checked: check.done,
      patched: (shipped) => beginSize(sizes, obtained, shipped),
    });
  } finally {
    await sizes.settle();
    await registry.world.registry.close();
  }
}

function reportOf(obtained: Obtained, sizes: Sizes | undefined): ImageReport {
  return reportImage(obtained, sizes?.of(obtained.reference));
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

async function obtain(inputs: Inputs, world: ImageWorld): Promise<Obtained> {
  return inputs.build === undefined
    ? await findImage(inputs, world)
    : await buildImage(inputs.build, inputs, world);
}

async function openRegistryFor(
  inputs: Inputs,
  world: World,
  story: Story,
): Promise<{ readonly world: ImageWorld }> {
  const { openRegistry } = await import('./registry/registry.ts');
  const logins = chooseLogins(inputs, world.facts);
  const { log, clock, environment, signal } = world;
  const registry = openRegistry({
    ...{ logins, environment, log, clock, signal },
    createRepository: inputs.registry.create,
  });
  return { world: { ...world, story, registry } };
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
  const image = known.obtained === undefined ? undefined : reportOf(known.obtained, known.sizes);
  const result: ResultKind = deployed?.result ?? 'succeeded';
  const workloads = deployed?.workloads ?? [];
  const words = reasonFor({
    result,
    command: inputs.command,
    workloads,
    ...(image === undefined ? {} : { image }),
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

function report(
  inputs: Inputs,
  world: World,
  story: Story,
  known: Known,
  rest: Pick<Report, 'result' | 'reason' | 'advice' | 'details' | 'place' | 'workloads'>,
): Report {
  const source = known.obtained?.source;
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
    ...(known.obtained === undefined ? {} : { image: reportOf(known.obtained, known.sizes) }),
    timeline: story.timeline(),
    api: known.cluster?.requestsSent() ?? { requests: 0, watches: 0 },
    ...rest,
  };
}
