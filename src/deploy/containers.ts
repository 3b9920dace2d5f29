import type { ContainerSlot } from '../model/change.ts';
import { UserError } from '../model/error.ts';
import type { Container, Workload } from '../model/kube.ts';
import type { WorkloadKind } from '../model/observation.ts';
import { shortName } from '../model/workload.ts';

/** All containers of the template, init containers after the others. */
export function slotsOf(workload: Workload): readonly ContainerSlot[] {
  const spec = workload.spec?.template?.spec;
  const slots = (
    list: ContainerSlot['list'],
    containers: readonly Container[] | undefined,
  ): ContainerSlot[] =>
    (containers ?? []).map(({ name, image }, index) => ({
      list,
      index,
      name: name ?? '',
      image: image ?? '',
    }));
  return [...slots('containers', spec?.containers), ...slots('initContainers', spec?.initContainers)];
}

/**
 * Finds the containers that are to get the image.
 *
 * A named one must be there. Without a name, the only container is meant; of several, the only one whose
 * image comes from the same repository. Anything else would be a guess.
 *
 * @param sameRepository whether an image of the template comes from the repository that is deployed
 * @throws UserError that lists the containers there are
 */
export function chooseContainers(
  target: { readonly kind: WorkloadKind; readonly name: string; readonly workload: Workload },
  wanted: readonly (string | undefined)[],
  sameRepository: (image: string) => boolean,
): readonly ContainerSlot[] {
  const name = shortName(target);
  const slots = slotsOf(target.workload);
  const there = slots
    .map((slot) => `${slot.name}${slot.list === 'initContainers' ? ' (init)' : ''}: ${slot.image}`)
    .join(', ');
  return wanted.map((container) => {
    if (container !== undefined) {
      const slot = slots.find((each) => each.name === container);
      if (slot !== undefined) return slot;
      throw new UserError(`${name} has no container ${JSON.stringify(container)}. It has ${there}.`);
    }
    const candidates = slots.filter((slot) => slot.list === 'containers');
    const [first] = candidates;
    if (first !== undefined && candidates.length === 1) return first;
    const [match, another] = candidates.filter((slot) => sameRepository(slot.image));
    if (match !== undefined && another === undefined) return match;
    throw new UserError(
      `${name} has several containers (${there}), and which one is to get the image is not plain. ` +
        `Name it in \`workloads\`: ${name}:${first?.name ?? 'container'}.`,
    );
  });
}
