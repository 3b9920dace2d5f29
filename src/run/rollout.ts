import type { Cluster } from '../cluster/client.ts';
import { applyImages } from '../deploy/apply.ts';
import { slotsOf } from '../deploy/containers.ts';
import { answersOf } from '../deploy/kinds.ts';
import type { Found } from '../deploy/preflight.ts';
import { pinReply, type Snapshot } from '../deploy/snapshot.ts';
import type { Observer } from '../gate/observe.ts';
import type { Annotations, ImageChange } from '../model/change.ts';
import type { Clock } from '../model/clock.ts';
import { UnknownError, UserError } from '../model/error.ts';
import type { Workload } from '../model/kube.ts';
import type { Limits } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import { isSameWorkload, shortName, type WorkloadId } from '../model/workload.ts';
import type { Made } from '../rollback/revert.ts';
import { chooseTarget, type Target, wayBack } from '../rollback/target.ts';
import type { OpenChange } from '../state.ts';
import { gate } from './gating.ts';
import type { Guard } from './guard.ts';
import type { Obtained } from './image.ts';
import { placesOf } from './images.ts';
import { persist } from './persist.ts';
import { beforeOf } from './pin.ts';

/** One workload on its way, as far as it came. */
export interface Lane extends WorkloadId {
  readonly snapshot: Snapshot;
  readonly changes: readonly ImageChange[];
  readonly target: Target;
  /** Every container runs the wanted image already: it is gated, and never put back. */
  readonly unchanged: boolean;
}

/** What the rollout needs of the world. */
export interface Ship {
  readonly cluster: Cluster;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * A rollout of somebody else's that is under way is waited for so long without progress, and so long in all
 * (milliseconds): a snapshot taken in the middle of it would be of no state that ever worked.
 */
const SETTLE = { timeout: 30_000, deadline: 300_000 };

/**
 * Lets what is under way settle, and holds fast what is there.
 *
 * @param observer stopped when this fails
 */
export async function survey(
  ship: Ship,
  observer: Observer,
  found: readonly Found[],
  guard: Guard,
  images: readonly Obtained[],
): Promise<readonly Lane[]> {
  try {
    await observer.ready;
    const settled = await settle(ship, observer, found);
    const mistakes: string[] = [];
    const lanes = found.flatMap((each) => {
      try {
        return [surveyOne(ship, { observer, settled }, each, guard, images)];
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        mistakes.push(...error.mistakes);
        return [];
      }
    });
    if (mistakes.length > 0) throw new UserError(mistakes);
    return lanes;
  } catch (error) {
    observer.stop();
    throw error;
  }
}

function surveyOne(
  { log }: Ship,
  { observer, settled }: { readonly observer: Observer; readonly settled: readonly WorkloadId[] },
  found: Found,
  guard: Guard,
  images: readonly Obtained[],
): Lane {
  const { kind, namespace, name } = found;
  const seen = observer.observe(found);
  const { workload } = seen;
  if (workload === undefined)
    throw new UserError(`${shortName(found)} was deleted while this run was preparing.`);
  const answers = answersOf(kind);
  const refusal = answers.refusal(workload, found);
  if (refusal !== undefined) throw new UserError(refusal);
  const caution = answers.caution(workload, found);
  if (caution !== undefined) log.warning(caution);
  if (seen.kind === 'DaemonSet' && seen.nodes === undefined) {
    log.info(
      `${shortName(found)}: nodes may not be listed, so every node counts, also one that is not Ready or joins later`,
    );
  }
  const places = placesOf(images, found, workload);
  const changes = places.map(({ slot, image }) => ({ ...slot, to: image.reference }));
  const snapshot = {
    ...beforeOf(seen),
    workload,
    complete: answers.isComplete(workload) || settled.some((each) => isSameWorkload(each, found)),
  };
  return {
    kind,
    namespace,
    name,
    snapshot,
    changes,
    target: chooseTarget(snapshot, {
      uid: workload.metadata?.uid,
      stable: guard.record(found).stable,
      changes,
    }),
    unchanged: changes.every((change) => change.image === change.to),
  };
}

/**
 * Waits, within bounds, for rollouts that are under way; the gate's own rules say when one has come to rest.
 *
 * @returns those that came to rest well
 */
async function settle(
  ship: Ship,
  observer: Observer,
  found: readonly Found[],
): Promise<readonly WorkloadId[]> {
  const moving = found.filter((each) => {
    const { workload } = observer.observe(each);
    if (workload === undefined) return false;
    const answers = answersOf(each.kind);
    return answers.refusal(workload, each) === undefined && !answers.isComplete(workload);
  });
  const settled = await Promise.all(
    moving.map(async (each) => {
      const seen = observer.observe(each);
      const label = shortName(each);
      // Said only of a wait that somebody would notice: most have come to rest at the first look.
      const cancel = ship.clock.timer(1_000, () =>
        ship.log.info(
          `${label}: a rollout is under way already; waiting up to ${SETTLE.timeout / 1_000} s without progress for it to settle`,
        ),
      );
      const [outcome] = await gate({
        ...ship,
        observer,
        limits: { ...ship.limits, ...SETTLE, stableFor: 0 },
        pins: [pinReply(seen.workload ?? {}, [], beforeOf(seen))],
      }).finally(cancel);
      if (outcome?.verdict.kind === 'unknown') throw new UnknownError(outcome.verdict.message);
      if (outcome?.verdict.kind === 'healthy') return [each];
      ship.log.info(`${label}: what runs now is not healthy, so it is no state to go back to`);
      return [];
    }),
  );
  return settled.flat();
}

/** A lane whose images were set. */
export interface Shipped extends Lane {
  /** What the server answered; for an unchanged lane, the object as it is. */
  readonly reply: Workload;
  readonly annotationsBefore: Annotations;
}

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
   * Told once, before the first patch, what would have to be put back; when it fails, nothing is patched.
   */
  prepare(open: readonly OpenChange[]): Promise<void>;
  /** Told right before a patch is sent. */
  touch(lane: Lane): void;
  /** Told when what is open became other than was prepared: in the reply's words, or less of it. */
  correct(open: readonly OpenChange[]): void;
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
    shipped.push({ ...next, changes: answered, reply: applied.reply });
    if (answered !== changes) witness.correct([...openOf(shipped), ...openOf(all.slice(index + 1))]);
  }
  return { kind: 'patched', shipped };
}

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

/** What the post step would need to put a workload back; after the patch in the words of the server's answer. */
export function openChange(made: Shipped): OpenChange {
  const slots = slotsOf(made.reply);
  const sent = made.reply === made.snapshot.workload;
  const { changes, annotationsBefore } = madeOf(made);
  return {
    kind: made.kind,
    namespace: made.namespace,
    name: made.name,
    uid: made.snapshot.workload.metadata?.uid ?? '',
    changes: changes.map((change) => {
      const now = slots.find((slot) => slot.list === change.list && slot.name === change.name)?.image;
      return sent || now === undefined ? change : { ...change, to: now };
    }),
    annotationsBefore: Object.fromEntries(
      Object.entries(annotationsBefore).map(([key, value]) => [key, value ?? null]),
    ),
  };
}

/** The part of a shipped lane that rollback needs: on the way to the last stable state, that state's images. */
export function madeOf({ target, reply, changes, annotationsBefore }: Shipped): Made {
  return wayBack(target, { reply, changes, annotationsBefore }, ({ run, commit }) => ({
    'steadyship.dev/run': run.url,
    'steadyship.dev/revision': commit,
  }));
}
