import type { Cluster } from '../cluster/client.ts';
import { pinReply } from '../deploy/snapshot.ts';
import type { Outcome } from '../gate/lane.ts';
import { openObserver } from '../gate/observe.ts';
import type { Inputs } from '../inputs.ts';
import { type Clock, sleep } from '../model/clock.ts';
import { messageOf } from '../model/error.ts';
import type { Log } from '../model/log.ts';
import { shortName } from '../model/workload.ts';
import type { OpenChange } from '../state.ts';
import { explainCluster } from './cluster.ts';
import { whenReady } from './observe.ts';
import { beforeOf } from './pin.ts';
import { type Back, type Fate, imagesOf, placeOf, type Sent, sendBack, stopped } from './send-back.ts';
import { gateRevert } from './stuck.ts';

/** There is no more than this to see the workloads healthy again, in milliseconds. */
const VERIFY = { timeout: 60_000, deadline: 120_000, stableFor: 0 };

/** The cluster had answered: one that does not answer now is waited for so long in all, in milliseconds. */
export const PATIENCE = 60_000;

/** Milliseconds between two rounds of tries. */
const PAUSE = 2_000;

/** A change of a run that was ended, and what became of taking it back. */
export interface Finished {
  readonly change: OpenChange;
  readonly fate: Fate;
}

export interface PutBackOptions {
  readonly inputs: Pick<Inputs, 'limits' | 'evictStuck'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the waiting; what is sent by then stays sent. */
  readonly signal: AbortSignal;
  /** Told of each as soon as its image is set again, or may be. */
  readonly sent: (change: OpenChange) => void;
  /** Told of each as soon as its fate is known. */
  readonly tell: (finished: Finished) => void;
}

/**
 * Takes changes back: all are sent first, in the reverse of their order, for whoever does this may be killed too;
 * then those that are back are watched together until they are healthy. One that fails stops no other.
 *
 * @throws the signal's reason when that ended it; every other failure is a fate
 */
export async function putBack(
  cluster: Cluster,
  changes: readonly OpenChange[],
  options: PutBackOptions,
): Promise<readonly Finished[]> {
  const { ended, back } = await sendAll(cluster, changes, options);
  // A right that is missing is missing for a kind in a namespace.
  const groups = Map.groupBy(back, ({ change }) => `${change.namespace}/${change.kind}`);
  const verified = await Promise.all([...groups.values()].map((group) => verify(cluster, group, options)));
  return [...ended, ...verified.flat()];
}

/** Whether what was set may still stand there, or nobody knows how what was put back is. */
export function isUnresolved({ fate }: Finished): boolean {
  return fate.kind === 'stands' || fate.kind === 'unknown';
}

/** How what was taken back is told in the log. */
export function tellFate(log: Log, { fate }: Finished): void {
  if (fate.kind === 'healthy') log.info(fate.message);
  else log.warning(fate.message);
}

/** In rounds, so that one that can not be sent now keeps none of the others waiting. */
async function sendAll(
  cluster: Cluster,
  changes: readonly OpenChange[],
  options: PutBackOptions,
): Promise<{ readonly ended: readonly Finished[]; readonly back: readonly Back[] }> {
  const { clock, signal } = options;
  const until = clock.now() + PATIENCE;
  const ended: Finished[] = [];
  const back: Back[] = [];
  let waiting: readonly OpenChange[] = [...changes].reverse();
  for (;;) {
    const isLast = clock.now() + PAUSE > until;
    const tries: Sent[] = [];
    for (const change of waiting) {
      signal.throwIfAborted();
      const sent = await sendBack(cluster, change, options);
      tries.push(sent);
      if (sent.kind === 'back') back.push(sent);
      else if (isLast || !sent.again) {
        ended.push(sent);
        options.tell(sent);
      }
    }
    waiting = tries.flatMap((each) => (each.kind === 'ended' && each.again ? [each.change] : []));
    if (isLast || waiting.length === 0) return { ended, back };
    await sleep(clock, PAUSE, signal);
  }
}

async function verify(
  cluster: Cluster,
  group: readonly Back[],
  options: PutBackOptions,
): Promise<readonly Finished[]> {
  const finish = (each: Back, fate: Fate): Finished => {
    const finished = { change: each.change, fate };
    options.tell(finished);
    return finished;
  };
  try {
    const outcomes = await watch(cluster, group, options);
    return group.map((each, index) => finish(each, fateOf(each, outcomes[index])));
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason;
    const why = explainCluster(error, cluster) ?? messageOf(error);
    return group.map((each) => finish(each, unseen(each, why)));
  }
}

async function watch(
  cluster: Cluster,
  group: readonly Back[],
  { inputs, clock, log, signal }: PutBackOptions,
): Promise<readonly Outcome[]> {
  const watched = group.map(({ change: { kind, namespace, name }, now }) => {
    return { kind, namespace, name, selector: now.spec?.selector };
  });
  const observer = openObserver(cluster, watched);
  try {
    await whenReady(observer, signal);
    return await gateRevert({
      ...{ cluster, observer, clock, log, signal },
      pins: group.map((each) => pinReply(each.now, each.changes, beforeOf(observer.observe(each.change)))),
      limits: { ...inputs.limits, ...VERIFY },
      evict: inputs.evictStuck,
    });
  } finally {
    observer.stop();
  }
}

function fateOf(back: Back, outcome: Outcome | undefined): Fate {
  const verdict = outcome?.verdict;
  switch (verdict?.kind) {
    case 'healthy':
      return { kind: 'healthy', message: putOf(back, 'healthy') };
    case 'failed': {
      const { message, advice } = verdict.failure;
      return {
        kind: 'unhealthy',
        message: `${putOf(back, 'ill')}: ${stopped(message)} ${advice}`,
      };
    }
    case 'superseded':
      return {
        kind: 'taken',
        message: `${putOf(back, 'ill')}: ${stopped(verdict.message)} That was somebody else, and theirs is left as it is. ${watchIt(back)}`,
      };
    default:
      return unseen(back, verdict?.message ?? 'the wait for it ended');
  }
}

function unseen(back: Back, why: string): Fate {
  return {
    kind: 'unknown',
    message: `${putOf(back, 'unseen')}: ${stopped(why)} ${watchIt(back)}`,
  };
}

/** Behind "put back to …", and behind "has …" where nothing had to be sent. */
const HOW = {
  healthy: [' and healthy', ', and is healthy'],
  ill: [', but not yet seen healthy', ', but is not yet seen healthy'],
  unseen: [', but whether it is healthy could not be seen', ', but whether it is healthy could not be seen'],
} as const;

function putOf({ change, changes, sent }: Back, how: keyof typeof HOW): string {
  const [isPut, has] = HOW[how];
  const images = imagesOf(changes);
  const what = sent ? `put back to ${images}${isPut}` : `has ${images}, what ran before${has}`;
  return `${placeOf(change)}: ${what}`;
}

function watchIt({ change: { namespace, ...workload } }: Back): string {
  return `Look yourself: kubectl rollout status ${shortName(workload)} -n ${namespace}`;
}
