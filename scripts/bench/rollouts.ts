/** The two in turn, round after round: good images, then one that crashes at its start. */
import type { Bench, Rollout, Sample } from './sides.ts';
import { freshKubectl, kubectl, steadyship } from './sides.ts';

export interface Samples {
  readonly ours: readonly Sample[];
  readonly theirs: readonly Sample[];
}

/** With kubectl as it is on a fresh runner, too. */
export interface GoodSamples extends Samples {
  readonly fresh: readonly Sample[];
}

export interface Images {
  readonly v1: string;
  readonly v2: string;
  readonly v3: string;
}

/** Good images there and back; the first round fills the caches and does not count. */
export async function goodRollouts(
  bench: Bench,
  images: Images,
  rounds: number,
  tell: (line: string) => void,
): Promise<GoodSamples> {
  const samples = { ours: [] as Sample[], theirs: [] as Sample[], fresh: [] as Sample[] };
  const into = new Map([
    [steadyship, samples.ours],
    [kubectl, samples.theirs],
    [freshKubectl, samples.fresh],
  ]);
  let rollout: Rollout = { before: images.v1, wanted: images.v2 };
  for (let round = 0; round <= rounds; round += 1) {
    for (const [side, kept] of inTurn([...into], round)) {
      const sample = await side(bench, rollout);
      if (sample.exitCode !== 0)
        throw new Error(`A good image came out as a failure (exit code ${sample.exitCode}).`);
      if (round > 0) kept.push(sample);
      rollout = { before: rollout.wanted, wanted: rollout.before };
    }
    tell(round === 0 ? 'good image: caches are warm' : `good image: round ${round} of ${rounds}`);
  }
  return samples;
}

/** v1 runs; each of these ends with v1 put back. */
export async function crashes(
  bench: Bench,
  images: Images,
  rounds: number,
  tell: (line: string) => void,
): Promise<Samples> {
  const samples = { ours: [] as Sample[], theirs: [] as Sample[] };
  for (let round = 1; round <= rounds; round += 1) {
    for (const side of inTurn([steadyship, kubectl], round)) {
      const sample = await side(bench, { before: images.v1, wanted: images.v3 });
      if (sample.exitCode === 0) throw new Error('An image that crashes came out as a success.');
      (side === steadyship ? samples.ours : samples.theirs).push(sample);
    }
    tell(`crash at start: round ${round} of ${rounds}`);
  }
  return samples;
}

/** None is always the first. */
export function inTurn<T>(sides: readonly T[], round: number): readonly T[] {
  const first = round % sides.length;
  return [...sides.slice(first), ...sides.slice(0, first)];
}
