import { applyImages } from '../deploy/apply.ts';
import { slotsOf } from '../deploy/containers.ts';
import { pinReply } from '../deploy/snapshot.ts';
import type { Outcome } from '../gate/lane.ts';
import type { Observer } from '../gate/observe.ts';
import { messageOf, UnknownError, UserError } from '../model/error.ts';
import type { Pin } from '../model/observation.ts';
import type { WorkloadReport } from '../model/report.ts';
import type { Verdict } from '../model/verdict.ts';
import { isSameWorkload, shortName } from '../model/workload.ts';
import { shortImage } from '../report/live.ts';
import { type Reverted, revert } from '../rollback/revert.ts';
import { madeOf, type Ship, type Shipped } from './lane.ts';
import { persist } from './persist.ts';
import { beforeOf } from './pin.ts';
import { gateRevert } from './stuck.ts';

/** `unknown`: it was sent, and nobody can be asked what became of it. */
type Attempt = Reverted | { readonly kind: 'unknown'; readonly message: string };

/** What became of putting one workload back, and the gate's view of it. */
export interface Restored {
  readonly shipped: Shipped;
  readonly rollback: NonNullable<WorkloadReport['rollback']>;
  readonly outcome: Outcome | undefined;
  /** Wall time of the patch that put back; undefined when none was sent. */
  readonly patchedAt: Date | undefined;
  /** The cluster has not decided on it, or could not be asked to the end: whoever comes later should look again. */
  readonly open: boolean;
}

export interface RestoreOptions {
  /** Whether what was put back is watched: a cancelled run has no time for it, and leaves that to its post step. */
  readonly verify: boolean;
  /** Pods that keep a StatefulSet from its way back are evicted. */
  readonly evict: boolean;
  /** Of the rollout that failed; undefined: it never came to a gate. */
  readonly failed?: readonly Pin[];
}

/**
 * Puts workloads back in the reverse of the order in which they were changed. With `verify` what was put back is
 * gated by the same rules, and "restored" is only what was seen healthy again; without it, what was sent.
 *
 * The patches go out before anything else is asked; the clock of the rollback is its own.
 */
export async function restore(
  ship: Ship,
  observer: Observer,
  shipped: readonly Shipped[],
  options: RestoreOptions,
): Promise<readonly Restored[]> {
  const began = ship.clock.wall();
  const changed = shipped.filter((each) => !runsAsBefore(each));
  const attempts = await putAllBack(ship, [...changed].reverse(), options.verify);
  const pins: Pin[] = attempts.flatMap(({ shipped: each, reverted }) =>
    reverted.kind === 'patched'
      ? [pinReply(reverted.reply, reverted.changes, beforeOf(observer.observe(each)))]
      : [],
  );
  const outcomes =
    options.verify && pins.length > 0
      ? await gateRevert({ ...ship, ...options, observer, pins, limits: { ...ship.limits, stableFor: 0 } })
      : [];
  const restored = attempts.map(({ shipped: each, reverted, at }): Restored => {
    const outcome = outcomes.find(({ pin }) => isSameWorkload(pin, each));
    const rollback = describe(reverted, outcome, options.verify, secondsBetween(began, outcome?.ended ?? at));
    const open = reverted.kind === 'prevented' || rollback.outcome === 'unknown';
    return {
      shipped: each,
      rollback,
      outcome,
      patchedAt: reverted.kind === 'patched' ? at : undefined,
      open,
    };
  });
  return [...restored, ...shipped.filter(runsAsBefore).map(leftAsBefore)];
}

/** In the words of the answer: something in the cluster made of what was sent the very image that ran before. */
function runsAsBefore({ changes }: Shipped): boolean {
  return changes.every(({ image, to }) => image === to);
}

function leftAsBefore(shipped: Shipped): Restored {
  const rollback = { outcome: 'unnecessary', message: 'it ran this image before' } as const;
  return { shipped, rollback, outcome: undefined, patchedAt: undefined, open: false };
}

interface Attempted {
  readonly shipped: Shipped;
  readonly reverted: Attempt;
  /** Wall time of its end. */
  readonly at: Date;
}

/** In this order; what can not be sent at once keeps nobody behind it waiting. */
async function putAllBack(
  ship: Ship,
  shipped: readonly Shipped[],
  verify: boolean,
): Promise<readonly Attempted[]> {
  const attempts: Promise<Attempted>[] = [];
  for (const each of shipped) {
    const { promise: tried, resolve } = Promise.withResolvers<void>();
    const undecided = (why: string): void => {
      ship.log.info(`${shortName(each)}: it could not be put back yet, and is tried again: ${why}`);
      resolve();
    };
    const attempt = putBack(ship, each, undecided).then((reverted): Attempted => {
      if (reverted.kind === 'patched') {
        const to = reverted.changes.map((change) => shortImage(change.to)).join(', ');
        const next = verify ? '; waiting for it to be healthy' : '';
        ship.log.info(`${shortName(each)}: put back to ${to}${next}`);
      }
      return { shipped: each, reverted, at: ship.clock.wall() };
    });
    attempts.push(attempt);
    await Promise.race([tried, attempt]);
  }
  return await Promise.all(attempts);
}

/**
 * A rollback is not lost because the cluster is away when it is due: it is sent until it is decided, for as long as
 * a rollout may go without progress. One that can not be sent must not keep the others from being put back.
 */
async function putBack(ship: Ship, shipped: Shipped, undecided: (why: string) => void): Promise<Attempt> {
  try {
    return await revert(madeOf(shipped), slotsOf, (workload, changes, annotations) =>
      persist({ ...ship, patience: ship.limits.timeout, undecided }, () =>
        applyImages(ship.cluster, { id: shipped, workload, changes, annotations }),
      ),
    );
  } catch (error) {
    const message = messageOf(error);
    if (error instanceof UnknownError) return { kind: 'unknown', message };
    // A login that gives no credential now has decided nothing.
    return { kind: error instanceof UserError ? 'prevented' : 'failed', message };
  }
}

function describe(
  reverted: Attempt,
  outcome: Outcome | undefined,
  verify: boolean,
  seconds: number,
): NonNullable<WorkloadReport['rollback']> {
  switch (reverted.kind) {
    case 'superseded':
      return { outcome: 'superseded', message: reverted.message };
    case 'failed':
    case 'prevented':
      return { outcome: 'failed', message: reverted.message };
    case 'unknown':
      return { outcome: 'unknown', message: reverted.message };
    case 'patched': {
      const to = reverted.changes.map((change) => shortImage(change.to)).join(', ');
      if (!verify) return { outcome: 'restored', message: to, seconds };
      return verdictOfRollback(outcome?.verdict, to, seconds);
    }
  }
}

function verdictOfRollback(
  verdict: Verdict | undefined,
  to: string,
  seconds: number,
): NonNullable<WorkloadReport['rollback']> {
  switch (verdict?.kind) {
    case 'healthy':
      return { outcome: 'restored', message: to, seconds };
    case 'failed':
      return verdict.failure.code === 'blocked'
        ? { outcome: 'failed', message: verdict.failure.message, advice: verdict.failure.advice }
        : { outcome: 'failed', message: `${to} is not healthy either: ${verdict.failure.message}` };
    case 'superseded':
      return { outcome: 'superseded', message: verdict.message };
    case 'unknown':
      return { outcome: 'unknown', message: verdict.message };
    default:
      return { outcome: 'unknown', message: 'whether it became healthy again was not seen' };
  }
}

function secondsBetween(start: Date, end: Date): number {
  return (end.getTime() - start.getTime()) / 1_000;
}
