import type { Annotations, Applied, ContainerSlot, ImageChange } from '../model/change.ts';
import type { Workload } from '../model/kube.ts';

/** A change that was made, and all that is needed to take it back. */
export interface Made {
  /** The object as the PATCH's reply had it. */
  readonly reply: Workload;
  readonly changes: readonly ImageChange[];
  /** Our annotations as they were before; undefined: absent. */
  readonly annotationsBefore: Annotations;
}

/**
 * The changes that take others back: what the API server answered is what must stand there now, what stood
 * there before is what shall.
 */
function invert(changes: readonly ImageChange[], reply: readonly ContainerSlot[]): readonly ImageChange[] {
  return changes.map((change) => {
    const now = reply.find((slot) => slot.list === change.list && slot.name === change.name);
    return { ...change, index: now?.index ?? change.index, image: now?.image ?? change.to, to: change.image };
  });
}

/** What became of putting one workload back. */
export type Reverted =
  | { readonly kind: 'patched'; readonly reply: Workload; readonly changes: readonly ImageChange[] }
  | { readonly kind: 'superseded'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string }
  /** It could not be sent; whoever comes later may try again. */
  | { readonly kind: 'prevented'; readonly message: string };

/**
 * Puts back the fields that we changed, and only those, if they are still as we left them: what somebody else
 * has set in between is theirs.
 *
 * @param apply sends the changes; run hands in the deploy stage's own
 * @param slotsOf where the containers stand in an object
 */
export async function revert(
  made: Made,
  slotsOf: (workload: Workload) => readonly ContainerSlot[],
  apply: (workload: Workload, changes: readonly ImageChange[], annotations: Annotations) => Promise<Applied>,
): Promise<Reverted> {
  const changes = invert(made.changes, slotsOf(made.reply));
  const applied = await apply(made.reply, changes, made.annotationsBefore);
  switch (applied.kind) {
    case 'applied':
      return { kind: 'patched', reply: applied.reply, changes };
    case 'conflict':
      return { kind: 'superseded', message: applied.message };
    case 'refused':
      return { kind: 'failed', message: applied.message };
    case 'prevented':
      return applied;
  }
}
