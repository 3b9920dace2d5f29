/**
 * Every number of the gate, in one record. Times are milliseconds. The defaults and their sources stand
 * beside them; users set them with `max-restarts`, `patience`, `timeout`, `deadline` and `stable-for`.
 */
export interface Limits {
  /** Restarts that a pod may need: the death after them fails. Input `max-restarts`. */
  readonly maxRestarts: number;
  /** Deaths in one single pod that fail whatever the others do (five take 90 s with the kubelet's back-off). */
  readonly maxDeathsOnePod: number;
  /** Deaths by exit 126/127 (command not found or not executable), which no restart mends. */
  readonly maxDeathsNotExecutable: number;
  /** A pod that was Ready this long without a death is no longer counted as one that crashes. */
  readonly readyForgives: number;
  /** The verdict on deaths comes no sooner than this after the first: nodes may back off only 1 s. */
  readonly crashSpan: number;
  /** A missing image whose digest we saw in the registry may be a replica that lags: the second pull decides. */
  readonly pullRetry: number;
  /**
   * How long the event that explains a kill (resize, probe) may come after the container's status: about
   * at once mostly, over a second on a node under load, which then read "exits 0" for a liveness kill.
   */
  readonly eventLag: number;
  /** The same where the container has a liveness or startup probe, and such a kill is likely: what killed it is worth the wait. */
  readonly probeEventLag: number;
  /** Of the new pods, the share that may die once after their readiness probe passed (of 20 and fewer: none). */
  readonly lateCrashShare: number;
  /** Bounds of the hold when `stable-for` is not set. */
  readonly holdAtLeast: number;
  readonly holdAtMost: number;
  /** `patience` lines. */
  readonly patience: Patience;
  /** Time without progress; from its default on, a startup probe that may take longer is given its time. Input `timeout`. */
  readonly timeout: number;
  /** Time in all. Input `deadline`. */
  readonly deadline: number;
  /** How long a healthy workload must stay healthy; undefined: from the template's probes. Input `stable-for`. */
  readonly stableFor: number | undefined;
}

/** How long each sign of trouble is borne, in milliseconds; the keys are those of the input `patience`. */
export interface Patience {
  readonly 'image-missing': number;
  readonly 'image-denied': number;
  readonly 'config-error': number;
  readonly 'cannot-start': number;
  readonly unschedulable: number;
  readonly 'create-denied': number;
  readonly volume: number;
}

/** Defaults; each number's source is the table "Failed" of docs/gate-rules.md. */
export const DEFAULT_LIMITS: Limits = {
  maxRestarts: 2,
  maxDeathsOnePod: 5,
  maxDeathsNotExecutable: 2,
  readyForgives: 10_000,
  crashSpan: 10_000,
  pullRetry: 15_000,
  eventLag: 3_000,
  probeEventLag: 10_000,
  lateCrashShare: 0.05,
  holdAtLeast: 10_000,
  holdAtMost: 60_000,
  patience: {
    'image-missing': 0,
    'image-denied': 30_000,
    'config-error': 60_000,
    'cannot-start': 60_000,
    unschedulable: 300_000,
    'create-denied': 60_000,
    volume: 60_000,
  },
  timeout: 600_000,
  deadline: 3_600_000,
  stableFor: undefined,
};
