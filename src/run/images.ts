import { chooseContainers } from '../deploy/containers.ts';
import type { Found } from '../deploy/preflight.ts';
import type { ContainerSlot } from '../model/change.ts';
import { sameRepositoryAs } from '../model/image.ts';
import type { Workload } from '../model/kube.ts';
import type { Wanted } from '../model/workload.ts';
import type { Obtained } from './image.ts';

/** The image that a container gets: the only one of the run, or that of its target. */
export function imageFor(images: readonly Obtained[], { target }: Wanted): Obtained {
  const [only] = images;
  const found = target === undefined ? only : images.find((each) => each.target === target);
  // Every target that a workload names was held against those that are built, before the build.
  if (found === undefined) throw new Error(`There is no image of the target ${target}.`);
  return found;
}

/** The workloads that get this image, each with only the containers that do. */
export function receivers(
  images: readonly Obtained[],
  image: Obtained,
  found: readonly Found[],
): readonly Found[] {
  return found.flatMap((each) => {
    const containers = each.containers.filter((wanted) => imageFor(images, wanted) === image);
    return containers.length === 0 ? [] : [{ ...each, containers }];
  });
}

/**
 * The containers of a workload that get an image, and which.
 *
 * @throws UserError when a container is not there, or which one is meant is not plain
 */
export function placesOf(
  images: readonly Obtained[],
  found: Pick<Found, 'kind' | 'name' | 'containers'>,
  workload: Workload,
): readonly { readonly slot: ContainerSlot; readonly image: Obtained }[] {
  return found.containers.flatMap((wanted) => {
    const image = imageFor(images, wanted);
    const same = sameRepositoryAs(image.image);
    return chooseContainers({ ...found, workload }, [wanted.container], same).map((slot) => ({
      slot,
      image,
    }));
  });
}
