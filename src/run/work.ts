import type { Inputs } from '../inputs.ts';
import { findImage, type Obtained } from './image.ts';
import type { ImageWorld } from './image-world.ts';
import type { Story } from './story.ts';
import type { World } from './world.ts';

/** What the run has to do with images: to bake several, to build one, or to find one. */
export interface Work {
  /** The same, with the target of each workload. */
  readonly inputs: Inputs;
  /** The registries that the images are in. */
  readonly hosts: readonly string[];
  readonly obtain: (world: ImageWorld) => Promise<readonly Obtained[]>;
}

/**
 * Looks what is to be done; a bake file is read for it.
 *
 * @throws UserError for all that is not plain in the bake file
 */
export async function chooseWork(inputs: Inputs, world: World, story: Story): Promise<Work> {
  const { image, build, bake } = inputs;
  if (image !== undefined) {
    const one = { ...inputs, image };
    return {
      inputs,
      hosts: [image.registry],
      obtain: async (world) => {
        if (build === undefined) return [await findImage(one, world)];
        const { buildImage } = await import('./build-image.ts');
        return [await buildImage(build, one, world)];
      },
    };
  }
  if (bake === undefined || build === undefined)
    throw new Error('There is neither an image nor a bake file.');
  const { bakeImages, planBake } = await import('./bake.ts');
  const plan = await planBake(bake, inputs, world, story);
  return {
    inputs: { ...inputs, workloads: plan.workloads },
    hosts: plan.placed.map(({ image }) => image.registry),
    obtain: (world) => bakeImages(plan, build, inputs, world),
  };
}
