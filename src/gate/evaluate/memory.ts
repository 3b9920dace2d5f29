import type { Limits } from '../../model/limits.ts';
import type { Pin } from '../../model/observation.ts';

/**
 * What one evaluation tells the next. The objects hold no history, and their timestamps are another machine's
 * clock, so first sightings, deaths and the hold are kept here, in our own monotonic time. Plain data.
 */
export interface Memory {
  /** When the gate began; the deadline runs from here, also across a new pin. */
  readonly startedAt: number;
  /** When what is pinned now was pinned. */
  readonly pinnedAt: number;
  /** When the best-ever tally last rose. */
  readonly progressAt: number;
  /** Undefined until the first look at this rollout. */
  readonly best: Tally | undefined;
  /** Since when the rollout is complete without a break. */
  readonly heldSince: number | undefined;
  /** spec.replicas at the last look; a DaemonSet has none. */
  readonly replicas: number | undefined;
  /** `<pod uid>/<container>` → what happened to it. Live new pods only. */
  readonly containers: Readonly<Record<string, ContainerMemory>>;
  /** Pod uid → since when it is Ready without a death. */
  readonly readySince: Readonly<Record<string, number>>;
  /** Key of a sign of trouble → when it was first seen without a break. */
  readonly signs: Readonly<Record<string, number>>;
  /** New pods that ended as a whole through the app's doing. */
  readonly ended: EndedPods;
  /** `<pod uid>/<container>` → a death after the readiness probe had passed. */
  readonly late: Readonly<Record<string, LateDeath>>;
}

/**
 * How far the rollout is, as numbers that only count what stands now: a pod that is replaced or restarted over
 * and over raises none of them, so churn is no progress.
 */
export interface Tally {
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
  readonly scheduled: number;
  readonly pulled: number;
  readonly initialized: number;
  readonly started: number;
  /** Old pods, counted downwards. */
  readonly oldPods: number;
}

/** One end of one instance of a container, by the container's own doing. */
export interface Exit {
  /** The restartCount that this instance bore. */
  readonly instance: number;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
}

export interface ContainerMemory {
  /** restartCount at the pin: what stood before the patch is nobody's fault now. */
  readonly base: number;
  /** The first instance whose death counts: one that lay dead at the pin died before the patch. */
  readonly from: number;
  /** restartCount seen last. */
  readonly restarts: number;
  /** Restarts since the pin that were no deaths: bystanders, lost sight, init containers run again. */
  readonly pardoned: number;
  /** Killing events for a resize, a changed spec or a stop of the whole pod that stood when this container was first seen. */
  readonly killsBefore: number;
  readonly exits: readonly Exit[];
  readonly deaths: number;
  /** Of these, the ones that are forgiven: its pod was Ready for `readyForgives` after them. */
  readonly well: number;
  readonly firstDeath: number | undefined;
  readonly lastDeath: number | undefined;
  /** deaths at the last look of the running hold; undefined when no hold has begun. */
  readonly held: number | undefined;
  /** Failed attempts to create or start it that left no terminated state behind, told apart by their text. */
  readonly tries: number;
  readonly tryText: string | undefined;
  /** The postStart hook was seen to fail. */
  readonly hookFailed: boolean;
  readonly pull: PullMemory | undefined;
}

export interface PullMemory {
  /** Pulls seen to fail. */
  readonly attempts: number;
  /** Whether the last look was at the failed pull itself, not at the wait after it. */
  readonly failing: boolean;
  /** Reason and text of the last failed pull; a bare ImagePullBackOff does not repeat it. */
  readonly reason: string;
  readonly text: string;
}

export interface EndedPods {
  /** uids of those that are still there: ended before the pin, or counted already. */
  readonly known: readonly string[];
  readonly count: number;
  /** Pod name → how often a pod of that name ended: a StatefulSet's come again under the same name. */
  readonly names: Readonly<Record<string, number>>;
  readonly firstAt: number | undefined;
  /** The most pods that lived at once: so many places may each have had its restarts. */
  readonly peak: number;
  readonly last: EndedPod | undefined;
}

interface EndedPod {
  readonly pod: string;
  readonly podUid: string;
  readonly container: string | undefined;
  readonly exitCode: number;
  readonly reason: string;
}

export interface LateDeath {
  readonly podUid: string;
  readonly container: string;
  /** deaths when it was last seen well. */
  readonly before: number;
  readonly at: number;
}

const NO_ENDED_PODS: EndedPods = {
  known: [],
  count: 0,
  names: {},
  firstAt: undefined,
  peak: 0,
  last: undefined,
};

/** An empty memory for a rollout pinned now. */
export function begin(_pin: Pin, now: number): Memory {
  return {
    startedAt: now,
    pinnedAt: now,
    progressAt: now,
    best: undefined,
    heldSince: undefined,
    replicas: undefined,
    containers: {},
    readySince: {},
    signs: {},
    ended: NO_ENDED_PODS,
    late: {},
  };
}

/**
 * A memory for a second look at a rollout that was healthy: what its containers had behind them then counts no more,
 * what they did since counts. The deadline goes on, but leaves at least `timeout`.
 */
export function beginAgain(pin: Pin, { startedAt, containers }: Memory, limits: Limits, now: number): Memory {
  return {
    ...begin(pin, now),
    startedAt: Math.max(startedAt, now - limits.deadline + limits.timeout),
    containers: Object.fromEntries(Object.entries(containers).map(([key, own]) => [key, forgiven(own)])),
  };
}

/** A container of which nothing counts yet. */
export const UNHARMED = {
  exits: [],
  deaths: 0,
  well: 0,
  firstDeath: undefined,
  lastDeath: undefined,
  held: undefined,
  tries: 0,
  tryText: undefined,
  hookFailed: false,
  pull: undefined,
} as const satisfies Partial<ContainerMemory>;

function forgiven(own: ContainerMemory): ContainerMemory {
  const { base, restarts, pardoned, deaths, killsBefore } = own;
  return {
    base: restarts,
    from: restarts,
    restarts,
    pardoned: 0,
    // Restarts that were no deaths were kills that are excused (events.ts).
    killsBefore: killsBefore + Math.max(0, restarts - base - pardoned - deaths),
    ...UNHARMED,
  };
}
