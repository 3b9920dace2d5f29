import type { Annotations, ContainerSlot, ImageChange } from '../model/change.ts';
import type { Workload } from '../model/kube.ts';
import { slotsOf } from './containers.ts';

/** A patch that was carried out in part only: something in the cluster takes our change and drops it. */
export interface Dropped {
  /** The container that has the old image still. What is gated then is that, and its health says nothing of the new one. */
  readonly container: ContainerSlot;
  /** What takes back the rest of the patch, so that the object is as it was. */
  readonly images: readonly ImageChange[];
  readonly annotations: Annotations;
}

/**
 * Finds an image that the answer has as it was before; undefined: every image took, be it as another one. One that
 * is the wanted image under another name was not dropped: a mirror has it, and had it before.
 *
 * @param before the object before the patch
 * @param reply the object as the patch left it
 */
export function findDropped(
  before: Workload,
  reply: Workload,
  changes: readonly ImageChange[],
  annotations: Annotations,
): Dropped | undefined {
  const slots = slotsOf(reply);
  const standing = changes
    .filter(({ image, to }) => image !== to)
    .map((change) => ({ change, slot: slots.find((slot) => isSame(slot, change)) }));
  const container = standing.find(
    ({ change, slot }) => slot?.image === change.image && !isSameDigest(slot.image, change.to),
  )?.slot;
  if (container === undefined) return undefined;
  return {
    container,
    images: standing.flatMap(({ change, slot }) =>
      slot === undefined || slot.image === change.image ? [] : [{ ...slot, to: change.image }],
    ),
    annotations: differing(
      before.metadata?.annotations ?? {},
      reply.metadata?.annotations ?? {},
      annotations,
    ),
  };
}

/** Whether two names are of the very same image, wherever each is pulled from. Of a tag nobody knows what it names. */
export function isSameDigest(one: string, other: string): boolean {
  const [digest, another] = [one, other].map((image) => /@(sha256:.+)$/.exec(image)?.[1]);
  return digest !== undefined && digest === another;
}

/** Of the annotations that we set, those that are not as they were. */
function differing(
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
  annotations: Annotations,
): Annotations {
  const keys = Object.keys(annotations).filter((key) => before[key] !== now[key]);
  return Object.fromEntries(keys.map((key) => [key, before[key]]));
}

/** Whether nothing of the patch is left: the answer is the object that was there before. */
export function isNothing({ images, annotations }: Dropped): boolean {
  return images.length === 0 && Object.keys(annotations).length === 0;
}

/** Whether the object has all that was to be put back. */
export function isTakenBack({ images, annotations }: Dropped, now: Workload): boolean {
  const slots = slotsOf(now);
  const present = now.metadata?.annotations ?? {};
  return (
    images.every((change) => slots.find((slot) => isSame(slot, change))?.image === change.to) &&
    Object.entries(annotations).every(([key, value]) => present[key] === value)
  );
}

/** A clause that says what the cluster did to the patch. */
export function explainDropped({ container }: Dropped): string {
  return `container ${container.name} still has ${container.image}: a mutating webhook or policy of the cluster put that back`;
}

function isSame(one: ContainerSlot, other: ContainerSlot): boolean {
  return one.list === other.list && one.name === other.name;
}
