import type { ContainerSlot, ImageChange } from '../model/change.ts';
import type { Stable } from '../model/record.ts';
import type { Made } from './revert.ts';

/** Where a failed rollout can go back to, or why it can not. Chosen before the patch, so that it is known. */
export type Target =
  /** What ran before. */
  | { readonly kind: 'snapshot' }
  /** What ran before was no good; what a gate last held to be healthy to the end is. */
  | { readonly kind: 'last-stable'; readonly stable: Stable }
  | { readonly kind: 'none'; readonly why: string };

/** What is remembered, and what is about to be deployed: what failed can not be its own way back. */
export interface Memory {
  readonly uid: string | undefined;
  readonly stable: Stable | undefined;
  readonly changes: readonly ImageChange[];
}

const BROKEN = 'what ran before was not healthy either';

/** What ran before: whether it was whole, and whether that is in doubt. */
export interface Before {
  readonly complete: boolean;
  readonly crashed: boolean;
}

/**
 * Chooses the way back: what ran before, if it was whole, else what is recorded as the last stable state. A state
 * that was itself broken is no place worth going back to, and "the revision before" may be anybody's: of bad,
 * good, bad and bad again it is the bad one. A state that looks whole but crashed lately gives way to another one that
 * is on record; where none is, it is still the best that there is.
 */
export function chooseTarget({ complete, crashed }: Before, memory?: Memory): Target {
  if (complete && !crashed) return { kind: 'snapshot' };
  const target = targetOnRecord(memory ?? { uid: undefined, stable: undefined, changes: [] });
  const runs = memory?.changes.every((change) => imageBack(target, change) === change.image) ?? true;
  return complete && (target.kind === 'none' || runs) ? { kind: 'snapshot' } : target;
}

function targetOnRecord({ uid, stable, changes }: Memory): Target {
  const none = (why: string): Target => ({ kind: 'none', why: `${BROKEN}, ${why}` });
  if (stable === undefined) return none('so there is no known-good state to go back to');
  if (stable.uid !== uid)
    return none('and the last healthy state on record is of a workload that was deleted since');
  const unknown = changes.find((change) => imageIn(stable, change) === undefined);
  if (unknown !== undefined)
    return none(`and the last healthy state on record names no digest for container ${unknown.name}`);
  if (changes.every((change) => imageIn(stable, change) === change.to))
    return none('and the last healthy state on record is the image that is deployed now');
  return { kind: 'last-stable', stable };
}

/**
 * The change as it is to be taken back. On the way to the last stable state, that state's images and annotations
 * take the place of those that stood there before.
 *
 * @param annotations those that a deploy of the stable state's commit and run would have set
 */
export function wayBack(
  target: Target,
  made: Made,
  annotations: (stable: Stable) => Made['annotationsBefore'],
): Made {
  if (target.kind !== 'last-stable') return made;
  const { stable } = target;
  return {
    ...made,
    changes: made.changes.map((change) => ({ ...change, image: imageBack(target, change) })),
    annotationsBefore: { ...made.annotationsBefore, ...annotations(stable) },
  };
}

/** The image that a change goes back to. */
export function imageBack(target: Target, change: ImageChange): string {
  return target.kind === 'last-stable' ? (imageIn(target.stable, change) ?? change.image) : change.image;
}

function imageIn(stable: Stable, slot: Pick<ContainerSlot, 'list' | 'name'>): string | undefined {
  return stable.images.find((each) => each.list === slot.list && each.name === slot.name)?.image;
}
