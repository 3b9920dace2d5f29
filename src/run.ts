import type { Found } from './deploy/preflight.ts';
import type { Inputs } from './inputs.ts';
import { repositoryName } from './model/image.ts';
import type { Report } from './model/report.ts';
import { refuseUnverifiedTls } from './process/tls.ts';
import { turn } from './process/turn.ts';
import { lookingAhead } from './run/ahead.ts';
import { checkBeforePatch } from './run/checks.ts';
import { openCluster } from './run/cluster.ts';
import { deploy } from './run/deploy.ts';
import type { Deployed } from './run/ending.ts';
import type { Guard } from './run/guard.ts';
import { chooseLogins, type Obtained } from './run/image.ts';
import type { ImageWorld } from './run/image-world.ts';
import type { Known } from './run/report.ts';
import { endingSave } from './run/save.ts';
import { beginSize, Sizes } from './run/sizes.ts';
import { Story } from './run/story.ts';
import { once, together } from './run/together.ts';
import { chooseWork } from './run/work.ts';
import type { World } from './run/world.ts';

/** What a run knows so far, and holds. */
interface Held extends Known {
  guard?: Guard;
}

/**
 * The story of a run: image and preflight at the same time, then patch, gate and, if need be, the way back.
 *
 * Never throws: every ending is a result with its reason.
 */
export async function run(inputs: Inputs, outer: World): Promise<Report> {
  const { world, end } = endingSave(outer);
  const story = new Story(world.clock);
  const known: Held = {};
  try {
    refuseUnverifiedTls(world.environment);
    if (inputs.imageLowered && inputs.image !== undefined) {
      world.log.notice(
        `Registries know lower-case names only, so the image is ${repositoryName(inputs.image)}.`,
      );
    }
    const deployed = await tell(inputs, world, story, known);
    const { finish } = await import('./run/report.ts');
    return finish(inputs, world, story, known, deployed);
  } catch (error) {
    const { stop } = await import('./run/report.ts');
    return stop(inputs, world, story, known, error);
  } finally {
    await known.guard?.release();
    end();
    await known.cluster?.close();
  }
}

async function tell(given: Inputs, world: World, story: Story, known: Held): Promise<Deployed | undefined> {
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
        // When the cluster's connections are under way, whose handshakes take the longest.
        await turn();
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
