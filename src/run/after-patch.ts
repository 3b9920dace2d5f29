import { pinReply } from '../deploy/snapshot.ts';
import type { Outcome } from '../gate/lane.ts';
import { type Observer, versionOf } from '../gate/observe.ts';
import { Cancelled, messageOf } from '../model/error.ts';
import type { ResultKind } from '../model/report.ts';
import { isSameWorkload, shortName } from '../model/workload.ts';
import type { OpenChange } from '../state.ts';
import { showsLogs } from './cluster.ts';
import type { DeployArguments } from './deploy-arguments.ts';
import { type Deployed, Interrupted } from './ending.ts';
import { gate } from './gating.ts';
import { commitOf } from './image.ts';
import { type Lane, openChange, type Ship, type Shipped } from './lane.ts';
import { whyLeft } from './left.ts';
import { addSpans, reportLane, resultOf, stoppedBy, unfailedResult } from './outcome.ts';
import type { Patched } from './patching.ts';
import { reportShipped, rollbackOf } from './report-back.ts';
import { type Restored, type RestoreOptions, restore } from './restore.ts';
import { type Running, whatRuns } from './running.ts';
import { saveOpen } from './save.ts';
import { tellLogs, tellPatch } from './tell.ts';

type Stopped = Extract<Patched, { kind: 'stopped' }>;

function stopOf({ by, lane, message }: Stopped): NonNullable<Deployed['stopped']> {
  return stoppedBy(by, shortName(lane), message);
}

/** A rollout whose patches are sent. */
export interface Sent {
  readonly ship: Ship;
  readonly observer: Observer;
  readonly lanes: readonly Lane[];
  /** The events that were told before the patch; undefined: they could not be read. */
  readonly told: () => ReadonlySet<string> | undefined;
}

/**
 * The end of a rollout whose patches were sent, whatever became of them: the gate and its verdict, the way back, and
 * what the report, the Leases and the post step are to know of it.
 */
export class AfterPatch {
  readonly #args: DeployArguments;
  readonly #ship: Ship;
  readonly #observer: Observer;
  readonly #lanes: readonly Lane[];
  readonly #told: () => ReadonlySet<string> | undefined;
  /** A rollback is under way: a cancellation does not undo that decision, whatever `on-cancel` says. */
  #goesBack = false;

  constructor(args: DeployArguments, { ship, observer, lanes, told }: Sent) {
    this.#args = args;
    this.#ship = ship;
    this.#observer = observer;
    this.#lanes = lanes;
    this.#told = told;
  }

  /** Goes on from what became of the patches. */
  async end(patched: Patched): Promise<Deployed> {
    const { shipped } = patched;
    try {
      if (patched.kind === 'stopped') return await this.#stopped(patched);
      if (patched.kind === 'cancelled') return await this.#ended(shipped);
      for (const each of shipped) tellPatch(this.#ship.log, each);
      this.#args.patched(shipped);
      return await this.#gated(shipped);
    } catch (error) {
      if (error instanceof Cancelled) {
        const stop = patched.kind === 'stopped' ? `${stopOf(patched).message.replace(/\.$/, '')}. ` : '';
        return await this.#cancelled(shipped, `${stop}${error.message}`);
      }
      const isTouched = (lane: Lane): boolean =>
        !lane.unchanged && shipped.some((each) => isSameWorkload(each, lane));
      return this.breakOff(isTouched, error);
    }
  }

  /**
   * What was touched may be in any state: nothing is put back on a guess, neither now nor by the post step. The
   * next run finds the markers and judges.
   */
  breakOff(isTouched: (lane: Lane) => boolean, cause: unknown, doubtful?: Lane): never {
    this.#close();
    // All of them or none: who was not touched yet tells the next run that the others are to go back.
    if (this.#lanes.some(isTouched)) this.#leaveOpen(this.#lanes);
    throw new Interrupted(
      this.#lanes.map((lane) =>
        reportLane(lane, undefined, {
          touched: isTouched(lane),
          doubtful: doubtful !== undefined && isSameWorkload(lane, doubtful),
        }),
      ),
      cause,
    );
  }

  async #gated(shipped: readonly Shipped[]): Promise<Deployed> {
    const { story, images } = this.#args;
    const seen = images.flatMap(({ seen, digest }) => (seen && digest !== undefined ? [digest] : []));
    const digests = new Set(seen);
    const pins = shipped.map((each) => pinReply(each.reply, each.changes, each.snapshot, digests));
    const outcomes = await gate({ ...this.#ship, observer: this.#observer, pins });
    for (const outcome of outcomes) addSpans(story, outcome);
    const culprit = outcomes.findIndex((outcome) => outcome.verdict.kind === 'failed');
    if (culprit === -1) return await this.#unfailed(shipped, outcomes);
    return await this.#failed(shipped, outcomes, culprit);
  }

  /** No workload failed: all are healthy, or somebody else took over, or nobody can tell. */
  async #unfailed(shipped: readonly Shipped[], outcomes: readonly Outcome[]): Promise<Deployed> {
    this.#close();
    if (outcomes.some(({ verdict }) => verdict.kind === 'unknown')) {
      this.#leaveOpen(shipped.filter((_, index) => outcomes[index]?.verdict.kind !== 'superseded'));
    } else for (const [index, each] of shipped.entries()) this.#remember(each, outcomes[index]);
    const running = await Promise.all(shipped.map((each, index) => this.#whatRuns(each, outcomes[index])));
    const workloads = shipped.map((each, index) =>
      reportLane(each, outcomes[index], { running: running[index] ?? [] }),
    );
    const message = outcomes
      .map(({ verdict }) => verdict)
      .find((verdict) => verdict.kind === 'unknown')?.message;
    return {
      result: unfailedResult(shipped, outcomes),
      workloads,
      culprit: undefined,
      stopped: message === undefined ? undefined : { message },
    };
  }

  async #whatRuns(each: Shipped, outcome: Outcome | undefined): Promise<readonly Running[]> {
    if (outcome?.verdict.kind !== 'healthy') return [];
    const running = await whatRuns(this.#args.registry, each, outcome, this.#ship.log).catch(
      (error: unknown) => {
        // The verdict is in, and what is healthy stays: a cancellation now only ends the asking.
        if (error instanceof Cancelled) return [];
        throw error;
      },
    );
    for (const { note } of running)
      if (note !== undefined) this.#ship.log.notice(`${shortName(each)}: ${note}.`);
    return running;
  }

  /**
   * One failed, so all are put back. The logs are asked for in the same breath as the patch that puts back:
   * neither waits for the other.
   */
  async #failed(
    shipped: readonly Shipped[],
    outcomes: readonly Outcome[],
    culprit: number,
  ): Promise<Deployed> {
    const { cluster, inputs, world } = this.#args;
    const diagnoses = outcomes.map(async ({ verdict, seen, pin }) => {
      if (verdict.kind !== 'failed') return undefined;
      const { diagnose } = await import('../gate/diagnose.ts');
      const told = this.#told();
      const events = told === undefined ? [] : seen.events.filter((event) => !told.has(versionOf(event)));
      const logs = showsLogs(inputs, world);
      return diagnose(cluster, pin.namespace, verdict.failure, { ...seen, events }, { logs });
    });
    const failure = outcomes[culprit]?.verdict;
    if (failure?.kind === 'failed') {
      const pin = outcomes[culprit]?.pin;
      this.#ship.log.info(`${pin === undefined ? '' : shortName(pin)}: ${failure.failure.message}`);
    }
    const back = shipped.filter(
      (each, index) => !each.unchanged && outcomes[index]?.verdict.kind !== 'superseded',
    );
    const restored = await this.#restore(
      back,
      outcomes.map(({ pin }) => pin),
    );
    const evidence = await Promise.all(diagnoses);
    for (const each of evidence) await tellLogs(this.#ship.log, each);
    const putBack = { restored, declined: this.#declined() };
    const workloads = shipped.map((each, index) =>
      reportLane(each, outcomes[index], {
        evidence: evidence[index],
        // What somebody else took over was not ours to put back.
        rollback: outcomes[index]?.verdict.kind === 'superseded' ? undefined : rollbackOf(each, putBack),
      }),
    );
    return { result: resultOf(workloads), workloads, culprit, stopped: undefined };
  }

  /** @param failed of the rollout that failed; undefined: it never came to a gate */
  async #restore(back: readonly Shipped[], failed?: RestoreOptions['failed']): Promise<readonly Restored[]> {
    const { inputs, world, story } = this.#args;
    const possible = inputs.rollback === 'auto' ? back.filter((each) => each.target.kind !== 'none') : [];
    if (possible.length === 0) {
      this.#close();
      return [];
    }
    const start = world.clock.wall();
    this.#goesBack = true;
    this.#save(back.map(openChange));
    const restored = await restore(this.#ship, this.#observer, possible, {
      verify: true,
      evict: inputs.evictStuck,
      ...(failed === undefined ? {} : { failed }),
    });
    const isWhole = restored.every(({ rollback }) => rollback.outcome === 'restored');
    story.add({
      section: 'rollback',
      label: 'put back and verify',
      start,
      end: world.clock.wall(),
      outcome: isWhole ? 'done' : 'failed',
    });
    this.#close(restored.filter(({ open }) => open).map(({ shipped }) => shipped));
    return restored;
  }

  /** A patch was refused or found another's change: those that went before it are put back. */
  async #stopped(patched: Stopped): Promise<Deployed> {
    const back = patched.shipped.filter((each) => !each.unchanged);
    const restored = await this.#restore(back);
    const putBack = { restored, declined: this.#declined() };
    const workloads = reportShipped(this.#lanes, patched.shipped, putBack);
    const result: ResultKind =
      back.length > 0 ? resultOf(workloads) : patched.by === 'conflict' ? 'superseded' : 'failed';
    return { result, workloads, culprit: undefined, stopped: stopOf(patched) };
  }

  /** The patching was ended in the middle: by a cancellation, or because another run may have the lock. */
  async #ended(shipped: readonly Shipped[]): Promise<Deployed> {
    const { signal } = this.#ship;
    if (signal.aborted) return await this.#cancelled(shipped, messageOf(signal.reason));
    const back = shipped.filter((each) => !each.unchanged);
    const restored = await this.#restore(back);
    return this.#endedBy(messageOf(this.#args.guard.lost.reason), shipped, restored);
  }

  /** The runner gives us 7.5 s: the patches go out at once, and the post step looks whether they held. */
  async #cancelled(shipped: readonly Shipped[], reason: string): Promise<Deployed> {
    const back = shipped.filter((each) => !each.unchanged);
    // The signal is spent; what puts back must not listen to it.
    const free: Ship = { ...this.#ship, signal: new AbortController().signal };
    const possible = this.#declined() === undefined ? back.filter((each) => each.target.kind !== 'none') : [];
    const restored = await restore(free, this.#observer, possible, { verify: false, evict: false });
    if (restored.length > 0) this.#args.guard.leave();
    else this.#close();
    return this.#endedBy(reason, shipped, restored);
  }

  #endedBy(reason: string, shipped: readonly Shipped[], restored: readonly Restored[]): Deployed {
    const declined = this.#declined();
    const workloads = reportShipped(this.#lanes, shipped, { restored, declined });
    const result = restored.length === 0 ? 'failed' : resultOf(workloads);
    const isChanged = shipped.some((each) => !each.unchanged);
    const why = declined === undefined || !isChanged ? '' : `, and ${declined}`;
    const message = `${reason.replace(/\.$/, '')}${why}.`;
    return { result, workloads, culprit: undefined, stopped: { message } };
  }

  /** Which of the inputs wants that nothing is put back; undefined: none. */
  #declined(): string | undefined {
    const { rollback, onCancel } = this.#args.inputs;
    const mayLeave = this.#ship.signal.aborted && !this.#goesBack;
    return whyLeft({ rollback, onCancel: mayLeave ? onCancel : 'rollback' });
  }

  /**
   * What is not named here is closed: neither the post step nor the next run has anything to do with it.
   *
   * @param open what was to go back and did not: a later run may find it healthy, but then all of this run went back
   */
  #close(open: readonly Shipped[] = []): void {
    const { guard } = this.#args;
    this.#save(open.map(openChange));
    for (const lane of this.#lanes) {
      if (open.some((each) => isSameWorkload(each, lane))) guard.goesBack(lane);
      else guard.isClosed(lane);
    }
  }

  #save(open: readonly OpenChange[]): void {
    saveOpen(this.#args, open, this.#goesBack);
  }

  /** What belongs together is judged together, by the next run. */
  #leaveOpen(lanes: readonly Lane[]): void {
    for (const lane of lanes) if (!lane.unchanged) this.#args.guard.staysOpen(lane);
  }

  /** Only what the gate held to be healthy to the end is a state to go back to. */
  #remember(each: Shipped, outcome: Outcome | undefined): void {
    if (outcome?.verdict.kind !== 'healthy' || outcome.verdict.unproven === true) return;
    const now = outcome.seen.workload ?? each.reply;
    this.#args.guard.isStable(each, now, commitOf(this.#args.images));
  }
}
