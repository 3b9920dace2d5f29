/** A step of a build, as BuildKit told it. */
export interface Step {
  /** `[build 4/6] RUN npm ci`, `exporting to image`: its own words. */
  readonly name: string;
  /** How long it took; undefined: it did not run, or did not end. */
  readonly seconds: number | undefined;
  readonly cached: boolean;
}

/** What makes a layer, as opposed to a base image that is fetched, and to the builder's own work. */
const MAKES_A_LAYER = /^\[(?:[^\]]+ )?\d+\/\d+\] (?!FROM )/;

/** Whether a step is one that a cache can answer: an instruction of the Dockerfile. */
export function isInstruction({ name }: Pick<Step, 'name'>): boolean {
  return MAKES_A_LAYER.test(name);
}

/**
 * Keeps how each step ended: `#5 CACHED`, `#5 DONE 1.4s`. What a RUN writes stands behind a time (`#5 0.21 …`), and
 * so can not be taken for it.
 */
export class StepReader {
  readonly #steps = new Map<string, Step>();

  push(line: string): void {
    const [, number, rest] = /^#(\d+) (.*)$/.exec(line) ?? [];
    if (number === undefined || rest === undefined) return;
    const step = this.#steps.get(number);
    // The first line of a number is the step's name, whatever it says.
    if (step === undefined) this.#steps.set(number, { name: rest, seconds: undefined, cached: false });
    else if (rest === 'CACHED') this.#steps.set(number, { ...step, cached: true });
    else {
      // A base image is done several times: looked up, then fetched when something needs it. The last counts.
      const seconds = /^DONE (\d+(?:\.\d+)?)s$/.exec(rest)?.[1];
      if (seconds !== undefined) this.#steps.set(number, { ...step, seconds: Number(seconds) });
    }
  }

  /**
   * Those that ended, in the order in which they began. BuildKit tells an instruction twice under one name when it
   * finds that another build, or another platform of this one, does the same work: that is one step, which the cache
   * had where it had all of it.
   */
  steps(): readonly Step[] {
    const ended = new Map<string, Step>();
    for (const step of this.#steps.values()) {
      if (step.seconds === undefined && !step.cached) continue;
      const same = ended.get(step.name);
      ended.set(step.name, same === undefined ? step : merge(same, step));
    }
    return [...ended.values()];
  }
}

function merge(one: Step, other: Step): Step {
  const seconds = [one.seconds, other.seconds].filter((each) => each !== undefined);
  return {
    name: one.name,
    seconds: seconds.length === 0 ? undefined : Math.max(...seconds),
    cached: one.cached && other.cached,
  };
}

/**
 * The steps of a build that was begun again: what an earlier attempt had done is told as it was then, since the
 * next one finds it in the cache by our own doing.
 */
export function joinSteps(before: readonly Step[], after: readonly Step[]): readonly Step[] {
  const done = new Map(before.filter(isInstruction).map((step) => [step.name, step]));
  return after.map((step) => (step.cached ? (done.get(step.name) ?? step) : step));
}
