import type { Clock } from '../model/clock.ts';
import type { Limits } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { Observation, Pin } from '../model/observation.ts';
import type { Failure, Verdict } from '../model/verdict.ts';
import { shortName } from '../model/workload.ts';
import {
  begin,
  beginAgain,
  type Evaluation,
  evaluate,
  type Memory,
  podPhases,
  statusLine,
} from './evaluate/workload.ts';
import type { Observer } from './observe.ts';
import { boundsOf, boundsOfHold, LEAD, RECENT } from './sight.ts';
import { type PodSpan, PodTrack } from './track.ts';

/** How one workload came out of the gate. */
export interface Outcome {
  readonly pin: Pin;
  /** `progressing`: another workload's failure ended the wait. */
  readonly verdict: Verdict;
  readonly seen: Observation;
  readonly pods: readonly PodSpan[];
  /** Wall times: when the gate began, when the workload was complete and the hold began, when it ended. */
  readonly began: Date;
  readonly held: Date | undefined;
  readonly ended: Date;
}

export interface GateArguments {
  readonly observer: Observer;
  readonly pins: readonly Pin[];
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  /** Wait for every verdict, even after a failure: of a rollback each workload's own end counts. */
  readonly all?: boolean;
  /** Why it can get no further by itself, asked as long as it is under way; see {@link IMPASSE}. */
  readonly impasse?: (pin: Pin, seen: Observation) => Failure | undefined;
  /** Ends the wait with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** An impasse must last so long, in milliseconds: the watch of the pods may lag behind that of the workload. */
const IMPASSE = 2_000;

/** How soon to look again for the proof that a verdict waits for, in milliseconds, if nobody tells that it is here. */
const UNSEEN = 1_000;

/** One workload on its way through the gate. */
export class Lane {
  #pin: Pin;
  #memory: Memory;
  #verdict: Verdict | undefined;
  #seen: Observation;
  #line = '';
  #impasseSince: number | undefined;
  /** Since when there is a verdict but for the proof that nothing was missed. */
  #unseenSince: number | undefined;
  /** Clock.now() of the verdict. */
  #judgedAt: number | undefined;
  /** The verdict that is looked at again: others took longer. */
  #before: Verdict | undefined;
  #wasLookedAt = false;
  /** Until when the last evaluation holds if nothing more is seen of the workload; undefined: there was none. */
  #dueAt: number | undefined;
  readonly #tracker = new PodTrack();
  readonly #args: GateArguments;
  readonly #began: Date;
  readonly #start: number;
  #ended: Date | undefined;

  constructor(pin: Pin, args: GateArguments) {
    this.#args = args;
    this.#pin = pin;
    this.#start = args.clock.now();
    this.#memory = begin(pin, this.#start);
    this.#seen = args.observer.observe(pin);
    this.#began = args.clock.wall();
  }

  get done(): boolean {
    return this.#verdict !== undefined;
  }

  get failed(): boolean {
    return this.#verdict?.kind === 'failed';
  }

  get healthy(): boolean {
    return this.#verdict?.kind === 'healthy';
  }

  /**
   * Asks for the verdict, unless nothing of this workload has changed and no timer is due: one event must not cost
   * work for all workloads. Answers in how many milliseconds to ask again by itself.
   */
  evaluate(): number | undefined {
    if (this.done) return undefined;
    const { observer, clock } = this.#args;
    const seen = observer.observe(this.#pin);
    const now = clock.now();
    // An impasse may come or go by what no cache holds: an eviction of a StatefulSet's pod that was refused.
    const isStuckable = this.#args.impasse !== undefined && this.#pin.kind === 'StatefulSet';
    const isAwaited = this.#unseenSince !== undefined || isStuckable;
    if (this.#dueAt === undefined || seen !== this.#seen || isAwaited || now >= this.#dueAt) {
      this.#seen = seen;
      this.#dueAt = now + (this.#judge(now) ?? Infinity);
    }
    return this.done || this.#dueAt === Infinity ? undefined : this.#dueAt - now;
  }

  /**
   * All are healthy, some of them since longer. Who is not whole now, or had a death since, is gated anew. Each is
   * looked at again but once: of hundreds there is always one whose pod a node has just given up.
   */
  lookAgain(): void {
    const { clock, limits } = this.#args;
    const now = clock.now();
    if (this.#wasLookedAt || now - (this.#judgedAt ?? now) < RECENT) return;
    this.#wasLookedAt = true;
    this.#memory = beginAgain(this.#pin, this.#memory, limits, now);
    this.#before = this.#verdict;
    this.#verdict = this.#dueAt = undefined;
  }

  /** The second look wants no second hold, unless something happened since the first. */
  #look(now: number): Evaluation {
    const { limits } = this.#args;
    const question = { pin: this.#pin, memory: this.#memory, seen: this.#seen, now };
    if (this.#before === undefined) return evaluate({ ...question, limits });
    const glance = evaluate({ ...question, limits: { ...limits, stableFor: 0 } });
    const why = whyAnew(this.#pin, glance);
    if (glance.verdict.kind === 'healthy' && why === undefined) return { ...glance, verdict: this.#before };
    this.#before = undefined;
    const evaluation = evaluate({ ...question, limits });
    if (evaluation.verdict.kind === 'progressing') {
      const since = why ?? 'it is not complete any more';
      this.#tell(`it was healthy before the others were, and ${since}: gated anew`);
    }
    return evaluation;
  }

  #judge(now: number): number | undefined {
    const { clock } = this.#args;
    const evaluation = this.#look(now);
    this.#pin = evaluation.pin;
    this.#memory = evaluation.memory;
    for (const note of evaluation.notes) this.#tell(note);
    this.#tracker.record(podPhases(this.#pin, this.#seen), clock.wall());
    if (evaluation.verdict.kind === 'progressing') {
      this.#unseenSince = undefined;
      const line = evaluation.verdict.message;
      if (line !== this.#line) this.#tell(line);
      this.#line = line;
      const recheckIn = this.#lookAhead(evaluation.recheckIn, now);
      return this.#checkImpasse(recheckIn, now);
    }
    return this.#conclude(evaluation.verdict, now);
  }

  /** Shortly before a hold ends it is asked what was missed, so that the answer is here by then. */
  #lookAhead(recheckIn: number | undefined, now: number): number | undefined {
    if (this.#memory.heldSince === undefined || recheckIn === undefined) return recheckIn;
    if (recheckIn > LEAD) return recheckIn - LEAD;
    this.#args.observer.sees(this.#pin, boundsOfHold(now + recheckIn));
    return recheckIn;
  }

  /** Ends with the verdict if nothing was missed that could change it, and otherwise asks. */
  #conclude(verdict: Verdict, now: number): number | undefined {
    const { observer, limits } = this.#args;
    const { heldSince } = this.#memory;
    // From when it was due: from now, an answer that takes its time would never be recent enough.
    const due = this.#unseenSince ?? now;
    const bounds =
      this.#before === undefined
        ? boundsOf(verdict, heldSince === undefined ? undefined : due - heldSince, due)
        : boundsOfHold(due);
    if (bounds === undefined || observer.sees(this.#pin, bounds)) {
      this.#end(verdict);
      return undefined;
    }
    this.#unseenSince = due;
    const left = due + limits.timeout - now;
    if (left > 0) return Math.min(left, UNSEEN);
    this.giveUp(
      `What became of ${shortName(this.#pin)} could not be seen: the cluster's watches stayed silent, and it did not answer whether they missed anything. Look at the API server and at the load balancer and network in front of it, then run this again.`,
    );
    return undefined;
  }

  #checkImpasse(recheckIn: number | undefined, now: number): number | undefined {
    const failure = this.#args.impasse?.(this.#pin, this.#seen);
    if (failure === undefined) {
      this.#impasseSince = undefined;
      return recheckIn;
    }
    this.#impasseSince ??= now;
    const left = this.#impasseSince + IMPASSE - now;
    if (left > 0) return Math.min(left, recheckIn ?? left);
    return this.#conclude({ kind: 'failed', failure }, now);
  }

  giveUp(message: string): void {
    if (!this.done) this.#end({ kind: 'unknown', message });
  }

  heartbeat(): void {
    if (this.done) return;
    const seconds = Math.round((this.#args.clock.now() - this.#start) / 1_000);
    this.#tell(`still ${this.#line === '' ? statusLine(this.#pin, this.#seen) : this.#line} · ${seconds} s`);
  }

  outcome(): Outcome {
    const ended = this.#ended ?? this.#args.clock.wall();
    return {
      pin: this.#pin,
      verdict: this.#verdict ?? { kind: 'progressing', message: this.#line },
      seen: this.#seen,
      pods: this.#tracker.spans(ended),
      began: this.#began,
      held: this.#tracker.allReadySince(),
      ended,
    };
  }

  #end(verdict: Verdict): void {
    this.#verdict = verdict;
    this.#judgedAt = this.#args.clock.now();
    this.#unseenSince = undefined;
    const isOld = verdict === this.#before;
    this.#before = undefined;
    if (isOld) return;
    this.#ended = this.#args.clock.wall();
    if (verdict.kind === 'healthy') this.#tell(verdict.message);
  }

  #tell(line: string): void {
    this.#args.log.info(`${shortName(this.#pin)}: ${line}`);
  }
}

/** What happened since a memory that is new: it is as it was then, and yet not proven to be. */
function whyAnew(pin: Pin, { pin: now, memory }: Evaluation): string | undefined {
  if (now.template !== pin.template) return 'its template was changed since';
  const hasDied = Object.values(memory.containers).some(({ deaths }) => deaths > 0);
  return hasDied ? 'a container of it ended since' : undefined;
}
