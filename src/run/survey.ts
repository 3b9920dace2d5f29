import { answersOf } from '../deploy/kinds.ts';
import type { Found } from '../deploy/preflight.ts';
import { crashedLately, pinReply } from '../deploy/snapshot.ts';
import type { Observer } from '../gate/observe.ts';
import { UnknownError, UserError } from '../model/error.ts';
import { isSameWorkload, shortName, type WorkloadId } from '../model/workload.ts';
import { chooseTarget } from '../rollback/target.ts';
import { gate } from './gating.ts';
import type { Guard } from './guard.ts';
import type { Obtained } from './image.ts';
import { placesOf } from './images.ts';
import type { Lane, Ship } from './lane.ts';
import { beforeOf } from './pin.ts';

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
  { log, clock }: Ship,
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
    crashed: crashedLately(seen.pods, clock.wall()),
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
