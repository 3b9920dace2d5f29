import { workloads } from '../cluster/paths.ts';
import { slotsOf } from '../deploy/containers.ts';
import type { Lock } from '../deploy/lock.ts';
import type { Found } from '../deploy/preflight.ts';
import { judgeMarker, placeImages } from '../deploy/record.ts';
import { pinReply } from '../deploy/snapshot.ts';
import type { Outcome } from '../gate/lane.ts';
import { openObserver } from '../gate/observe.ts';
import { messageOf, UnknownError, UserError } from '../model/error.ts';
import type { Workload } from '../model/kube.ts';
import type { OpenMarker, Stable } from '../model/record.ts';
import { shortName, type WorkloadId } from '../model/workload.ts';
import type { OpenChange } from '../state.ts';
import { gate } from './gating.ts';
import { lockedOf } from './guard.ts';
import type { Ship } from './lane.ts';
import { whenReady } from './observe.ts';
import { beforeOf } from './pin.ts';
import { type Finished, isUnresolved } from './put-back.ts';
import { stopped } from './send-back.ts';

/** What a killed run left is watched for so long without progress, and so long in all, before it is judged. */
const SETTLE = { timeout: 30_000, deadline: 300_000 };

/** A workload that a killed run had begun to change, and how it is now. */
interface Judged extends WorkloadId {
  readonly open: OpenMarker;
  /** `back`: it runs what it ran before; otherwise what was set still stands there. */
  readonly now: 'healthy' | 'failed' | 'back';
  /** As it was seen to be healthy to the end. */
  readonly proven?: Workload;
}

/**
 * Resolves what killed runs left, before anything of our own: what they set is given the time to prove itself, and
 * is put back where it does not. All workloads of one killed run go together. A marker goes when its workload is
 * resolved and not before: our own would take its place, and with it the name of what ran before.
 *
 * @param putBack run/put-back.ts's own
 * @throws UserError for what can not be put back; UnknownError where the cluster can not be asked
 */
export async function resolveLeftovers(
  ship: Ship,
  lock: Lock,
  found: readonly Found[],
  rollback: 'auto' | 'never',
  putBack: (changes: readonly OpenChange[]) => Promise<readonly Finished[]>,
): Promise<void> {
  const left = found.filter((each) => lock.record(lockedOf(each)).open !== undefined);
  if (left.length === 0) return;
  try {
    const judged: Judged[] = [];
    for (const each of left) judged.push(...(await judge(ship, lock, each)));
    const back: Judged[] = [];
    for (const each of judged.filter(({ now }) => now !== 'back')) {
      if (stays(ship, judged, each, rollback)) await close(lock, each, stableOf(ship, each));
      else back.push(each);
    }
    const finished = back.length === 0 ? [] : await putBack(back.map(changeOf));
    for (const each of finished) if (!isUnresolved(each)) await close(lock, each.change);
    refuseUnresolved(ship, finished);
    // Last: until then they say to whoever comes next that the others are to go back as well.
    for (const each of judged.filter(({ now }) => now === 'back')) await close(lock, each);
  } catch (error) {
    if (ship.signal.aborted) throw cancelled(ship, lock, left);
    throw error;
  }
}

/** @returns the workload, if it is as the killed run left it or found it; otherwise the marker is settled */
async function judge(
  ship: Ship,
  lock: Lock,
  { kind, namespace, name }: WorkloadId,
): Promise<readonly Judged[]> {
  const id = { kind, namespace, name };
  const { open } = lock.record(lockedOf(id));
  if (open === undefined) return [];
  const { cluster, log, signal } = ship;
  const now = await cluster.get<Workload>(workloads(kind, namespace, name), { signal });
  const marker = judgeMarker(open, { name: shortName(id), uid: now.metadata?.uid }, slotsOf(now));
  log.warning(`${marker.message}.`);
  if (marker.kind === 'settled') {
    await close(lock, id);
    return [];
  }
  if (marker.kind === 'back') return [{ ...id, open, now: 'back' }];
  const outcome = await watch(ship, id, now, open);
  const verdict = outcome?.verdict;
  switch (verdict?.kind) {
    case 'healthy': {
      const { workload: proven } = outcome?.seen ?? {};
      const isProven = verdict.unproven !== true && proven !== undefined;
      return [{ ...id, open, now: verdict.kind, ...(isProven ? { proven } : {}) }];
    }
    case 'failed':
      return [{ ...id, open, now: verdict.kind }];
    case 'superseded':
      log.warning(
        `${shortName(id)}: ${stopped(verdict.message)} That was somebody else, so theirs stays, and nothing is put back.`,
      );
      await close(lock, id);
      return [];
    default:
      throw new UnknownError(
        `Whether what an earlier, unfinished run set in ${shortName(id)} is healthy could not be seen, so it is neither put back on a guess nor deployed over: ${verdict?.message ?? 'the wait for it ended'}`,
      );
  }
}

/** Watches what was set until there is a verdict. */
async function watch(
  ship: Ship,
  id: WorkloadId,
  now: Workload,
  { changes }: OpenMarker,
): Promise<Outcome | undefined> {
  const observer = openObserver(ship.cluster, [{ ...id, selector: now.spec?.selector }]);
  try {
    await whenReady(observer, ship.signal);
    const pins = [pinReply(now, changes, beforeOf(observer.observe(id)))];
    const [outcome] = await gate({ ...ship, observer, pins, limits: { ...ship.limits, ...SETTLE } });
    return outcome;
  } finally {
    observer.stop();
  }
}

/** A run may have several steps that deploy; outside GitHub all runs have one title. Markers of before name no step. */
function stepOf({ open }: Judged): string {
  return open.holder ?? open.run.title;
}

/** One of a run stays only where all stay: what goes together is not to be split. */
function stays({ log }: Ship, judged: readonly Judged[], each: Judged, rollback: 'auto' | 'never'): boolean {
  const siblings = judged.filter((other) => stepOf(other) === stepOf(each));
  if (siblings.every(({ now, open }) => now === 'healthy' && open.goesBack !== true)) {
    log.info(`${shortName(each)}: it is healthy, so it stays`);
    return true;
  }
  if (rollback === 'never') log.info(`${shortName(each)}: it stays, since \`rollback\` is never`);
  else if (each.now === 'healthy')
    log.info(
      `${shortName(each)}: it is healthy, but not all of that run can stay, so it goes back with the others`,
    );
  return rollback === 'never';
}

function changeOf({ kind, namespace, name, open }: Judged): OpenChange {
  const { uid, changes, annotationsBefore } = open;
  return { kind, namespace, name, uid, changes, annotationsBefore };
}

/** What that run would have recorded, had it come to its end; undefined: it was not seen to be healthy. */
function stableOf({ clock }: Ship, { open, proven }: Judged): Stable | undefined {
  if (proven === undefined) return undefined;
  const { uid, run, commit, order } = open;
  return { uid, images: placeImages(slotsOf(proven)), commit, run, order, time: clock.wall().toISOString() };
}

/** Takes the marker away. */
async function close(lock: Lock, id: WorkloadId, stable?: Stable): Promise<void> {
  const workload = lockedOf(id);
  const record = lock.record(workload);
  await lock.save(workload, { stable: stable ?? record.stable, open: undefined });
}

/** The first is told at the end of the run, which is one line; the others before. */
function refuseUnresolved({ log }: Ship, finished: readonly Finished[]): void {
  const [first, ...others] = finished.filter(isUnresolved);
  if (first === undefined) return;
  for (const { fate } of others) log.warning(fate.message);
  const more = others.length === 0 ? '' : ' It is not alone: see the warnings of this run.';
  const message = `Nothing is deployed over what an earlier, unfinished run left, so that its marker keeps what ran before; run this again when the cause is gone, or with \`rollback: never\` to deploy over it all the same. ${stopped(first.fate.message)}${more}`;
  throw [first, ...others].some(({ fate }) => fate.kind === 'unknown')
    ? new UnknownError(message)
    : new UserError(message);
}

/** What to say of a run that was cancelled in the middle of it. */
function cancelled({ signal }: Ship, lock: Lock, left: readonly WorkloadId[]): unknown {
  const names = left.filter((each) => lock.record(lockedOf(each)).open !== undefined).map(shortName);
  if (names.length === 0) return signal.reason;
  return new UserError(
    `${messageOf(signal.reason)} What an earlier, unfinished run left in ${names.join(', ')} is not resolved yet: the next run finds its marker and judges it.`,
    { cause: signal.reason },
  );
}
