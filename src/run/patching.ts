import { applyImages } from '../deploy/apply.ts';
import { slotsOf } from '../deploy/containers.ts';
import type { ImageChange } from '../model/change.ts';
import type { Workload } from '../model/kube.ts';
import { shortName } from '../model/workload.ts';
import type { OpenChange } from '../state.ts';
import { type Lane, openChange, type Ship, type Shipped } from './lane.ts';
import { persist } from './persist.ts';

/** What became of patching all lanes. */
export type Patched =
  | { readonly kind: 'patched'; readonly shipped: readonly Shipped[] }
  | {
      readonly kind: 'stopped';
      readonly by: 'conflict' | 'refused' | 'prevented';
      readonly lane: Lane;
      readonly message: string;
      /** Those that went through before, to be put back. */
      readonly shipped: readonly Shipped[];
    }
  | { readonly kind: 'cancelled'; readonly shipped: readonly Shipped[] };

/** A cluster that can not take the first patch for so long (milliseconds) takes none: nothing is changed yet. */
const PATCH_PATIENCE = 30_000;

/** Who is told how the patching goes. */
export interface Witness {
  /**
   * Told once, before the first patch, what will be open; when it fails, nothing is patched.
   */
  prepare(open: readonly OpenChange[]): Promise<void>;
  /** Told right before a patch is sent. */
  touch(lane: Lane): void;
  /** Told when less is open than was prepared. */
  correct(open: readonly OpenChange[]): void;
  /** Told when the server made other images of a lane's than were sent: what is open now, of it and of the others. */
  answered(lane: Shipped, open: readonly OpenChange[]): Promise<void>;
}

/**
 * Sets the images, one workload after the other in the order of the input, and stops at the first that is
 * refused: what comes after it is then still untouched.
 */
export async function patchAll(
  ship: Ship,
  lanes: readonly Lane[],
  annotations: Readonly<Record<string, string>>,
  witness: Witness,
): Promise<Patched> {
  const all = lanes.map((lane): Shipped => {
    const { workload } = lane.snapshot;
    const present = workload.metadata?.annotations ?? {};
    const annotationsBefore = Object.fromEntries(Object.keys(annotations).map((key) => [key, present[key]]));
    return { ...lane, reply: workload, annotationsBefore };
  });
  if (ship.signal.aborted) return { kind: 'cancelled', shipped: [] };
  await witness.prepare(openOf(all));
  const shipped: Shipped[] = [];
  for (const [index, next] of all.entries()) {
    if (ship.signal.aborted) {
      witness.correct(openOf(shipped));
      return { kind: 'cancelled', shipped };
    }
    if (next.unchanged) {
      shipped.push(next);
      continue;
    }
    witness.touch(next);
    const { changes, snapshot } = next;
    const applied = await persist({ ...ship, patience: PATCH_PATIENCE }, () =>
      applyImages(ship.cluster, { id: next, workload: snapshot.workload, changes, annotations }),
    );
    if (applied.kind !== 'applied') {
      witness.correct(openOf(shipped));
      if (applied.kind === 'prevented' && ship.signal.aborted) return { kind: 'cancelled', shipped };
      return { kind: 'stopped', by: applied.kind, lane: next, message: applied.message, shipped };
    }
    const answered = asAnswered(ship, next, applied.reply);
    const made = { ...next, changes: answered, reply: applied.reply };
    shipped.push(made);
    if (answered !== changes)
      await witness.answered(made, [...openOf(shipped), ...openOf(all.slice(index + 1))]);
  }
  return { kind: 'patched', shipped };
}

/** What somebody else would have to put back if this run were killed, or to name where there is no way back. */
function openOf(shipped: readonly Shipped[]): readonly OpenChange[] {
  return shipped.filter((each) => !each.unchanged).map(openChange);
}

/** What was set in the words of the answer, the same object where they are ours: a webhook may have sent the image to a mirror, and that is what runs. */
function asAnswered(ship: Ship, lane: Lane, reply: Workload): readonly ImageChange[] {
  const slots = slotsOf(reply);
  const imageOf = ({ list, name, to }: ImageChange): string =>
    slots.find((slot) => slot.list === list && slot.name === name)?.image ?? to;
  if (lane.changes.every((change) => imageOf(change) === change.to)) return lane.changes;
  return lane.changes.map((change) => {
    const now = imageOf(change);
    if (now === change.to) return change;
    ship.log.notice(
      `${shortName(lane)}: a webhook or policy of the cluster made ${now} of ${change.to} in container ${change.name}.`,
    );
    return { ...change, to: now };
  });
}
