/** From samples to the rows of the table. */
import type { Figure } from './figures.ts';
import type { GoodSamples, Samples } from './rollouts.ts';
import type { Sample } from './sides.ts';

export interface Measured {
  /** Bytes. */
  readonly sizes: { readonly main: number; readonly post: number };
  /** Milliseconds. */
  readonly startups: { readonly ours: readonly number[]; readonly core: readonly number[] };
  readonly good: GoodSamples;
  readonly crash: Samples;
}

export function figuresOf({ sizes, startups, good, crash }: Measured): readonly Figure[] {
  return [
    size('Bundle of the step, all files', sizes.main),
    size('Bundle of the post step, all files', sizes.post),
    {
      name: 'A run that stops at a wrong input',
      note: 'peer: a bundle that only imports @actions/core',
      unit: 's',
      ours: startups.ours.map(toSeconds),
      theirs: startups.core.map(toSeconds),
      bar: { most: 1.3, of: 'ratio' },
    },
    {
      ...both(good, 'From the start to the patch in the API', ({ facts, began, set }) => [
        began,
        set ?? facts.patched,
      ]),
      note: '`build: false`; peer: `kubectl set image`, the whole command',
      bar: { most: 2, of: 'ratio' },
    },
    {
      ...both(good, "The same, until kubectl's patch is in the API", ({ facts, began }) => [
        began,
        facts.patched,
      ]),
      note: 'before the command has its answer and ends',
    },
    {
      ...both(
        { ours: good.ours, theirs: good.fresh },
        'The same, until the patch of a kubectl without a discovery cache is in the API',
        ({ facts, began }) => [began, facts.patched],
      ),
      note: 'as on a fresh runner',
    },
    {
      ...both(good, 'Verdict "healthy" after the rollout is complete in the API', ({ facts, verdict }) => [
        facts.complete,
        verdict,
      ]),
      note: '`stable-for: 0s`',
      bar: { most: 0.1, of: 'value' },
    },
    both(good, 'End of the step after the rollout is complete in the API', ({ facts, ended }) => [
      facts.complete,
      ended,
    ]),
    {
      ...both(crash, 'Crash at start: verdict after the third crash is in the API', ({ facts, verdict }) => [
        facts.deaths[2],
        verdict,
      ]),
      theirs: [],
      note: 'kubectl does not look at crashes',
      bar: { most: 0.3, of: 'value' },
    },
    {
      ...both(crash, 'Crash at start: from the patch to the verdict', ({ facts, verdict }) => [
        facts.patched,
        verdict,
      ]),
      note: 'SteadyShip names the cause; kubectl says that the progress deadline is over, which is 30 s here and 600 s by default',
    },
    {
      ...both(crash, 'Crash at start: from the verdict to the patch that puts back', ({ facts, verdict }) => [
        verdict,
        facts.putBack,
      ]),
      note: 'peer: `kubectl rollout undo`',
      bar: { most: 0.3, of: 'value' },
    },
    both(crash, 'Crash at start: from the patch to the old version restored', ({ facts }) => [
      facts.patched,
      facts.restored,
    ]),
    {
      name: 'Peak memory',
      unit: 'MB',
      ours: [...good.ours, ...crash.ours].map(({ peakMemory }) => peakMemory),
      theirs: [...good.theirs, ...crash.theirs].map(({ peakMemory }) => peakMemory),
      bar: { most: 130, of: 'value' },
    },
    {
      name: 'Requests to the API in an ordinary rollout',
      note: `and ${Math.max(...good.ours.map(({ watches }) => watches ?? 0))} watches`,
      unit: 'requests',
      ours: good.ours.map(({ requests }) => requests ?? 0),
      theirs: [],
      bar: { most: 25, of: 'value' },
    },
  ];
}

function size(name: string, bytes: number): Figure {
  return { name, unit: 'MB', ours: [bytes / 1e6], theirs: [], bar: { most: 3.5, of: 'value' } };
}

/** The time between two facts, of both sides. */
function both(
  { ours, theirs }: Samples,
  name: string,
  between: (sample: Sample) => readonly [number | undefined, number | undefined],
): Figure {
  const measure = (sample: Sample): number => {
    const [from, to] = between(sample);
    if (from === undefined || to === undefined) throw new Error(`${name}: a fact was not seen.`);
    return toSeconds(to - from);
  };
  return { name, unit: 's', ours: ours.map(measure), theirs: theirs.map(measure) };
}

export function toSeconds(milliseconds: number): number {
  return milliseconds / 1000;
}
