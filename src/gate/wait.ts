import { type GateArguments, Lane, type Outcome } from './lane.ts';

/** How long the log may be silent while nothing changes, in milliseconds. */
const HEARTBEAT = 30_000;

/**
 * Looking at a workload of thousands of pods takes milliseconds, and a rollout of it brings thousands of events: a
 * look that took longer than `free` is followed by `times` as long without one, but no longer than `most`
 * (milliseconds). What comes meanwhile is seen by one look.
 */
const REST = { free: 5, times: 4, most: 100 };

/**
 * Waits until every workload has a verdict, or one has failed: then the others' fate is decided too. Those that were
 * healthy early have to be so still when the last of them is.
 *
 * The evaluator is asked after every change that a watch brings and whenever one of its own timers is due,
 * never in between. While the cluster can not be seen, nothing is judged: timers that run on stale caches
 * would blame the workload for the network. Such a wait ends as `unknown` after `timeout`, or at the deadline. Nor
 * does a verdict stand on caches that merely said nothing: they are asked first whether anything was missed.
 */
export async function gate(args: GateArguments): Promise<readonly Outcome[]> {
  const { observer, clock, limits, signal } = args;
  const began = clock.now();
  const lanes = args.pins.map((pin) => new Lane(pin, args));
  signal?.throwIfAborted();
  return await new Promise<readonly Outcome[]>((resolve, reject) => {
    let cancelTimer = (): void => undefined;
    let cancelBeat = (): void => undefined;
    let finished = false;
    const finish = (settle: () => void): void => {
      if (finished) return;
      finished = true;
      cancelTimer();
      cancelBeat();
      unsubscribe();
      signal?.removeEventListener('abort', abort);
      settle();
    };
    const abort = (): void => finish(() => reject(signal?.reason));
    const beat = (): void => {
      cancelBeat = clock.timer(HEARTBEAT, beat);
      for (const lane of lanes) lane.heartbeat();
    };
    let restUntil = began;
    const step = (): void => {
      if (finished) return;
      cancelTimer();
      const start = clock.now();
      if (start < restUntil) {
        cancelTimer = clock.timer(restUntil - start, guarded);
        return;
      }
      const trouble = observer.trouble();
      if (trouble !== undefined) {
        const now = clock.now();
        const left = Math.min(limits.timeout - (now - trouble.since), limits.deadline - (now - began));
        if (trouble.kind !== 'unreachable' || left <= 0) {
          for (const lane of lanes) lane.giveUp(trouble.message);
        } else cancelTimer = clock.timer(Math.min(left, 1_000), guarded);
      } else {
        const judge = () => lanes.map((lane) => lane.evaluate()).filter((each) => each !== undefined);
        let due = judge();
        if (args.all !== true && lanes.every((lane) => lane.healthy)) {
          for (const lane of lanes) lane.lookAgain();
          due = judge();
        }
        const spent = clock.now() - start;
        if (spent > REST.free) restUntil = start + spent + Math.min(REST.most, REST.times * spent);
        if (due.length > 0) cancelTimer = clock.timer(Math.max(1, Math.min(...due)), guarded);
      }
      if ((args.all !== true && lanes.some((lane) => lane.failed)) || lanes.every((lane) => lane.done)) {
        finish(() => resolve(lanes.map((lane) => lane.outcome())));
      }
    };
    const guarded = (): void => {
      try {
        step();
      } catch (error) {
        finish(() => reject(error));
      }
    };
    const unsubscribe = observer.subscribe(guarded);
    signal?.addEventListener('abort', abort, { once: true });
    cancelBeat = clock.timer(HEARTBEAT, beat);
    guarded();
  });
}
