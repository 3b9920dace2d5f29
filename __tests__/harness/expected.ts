/** What most scenarios expect, so that a test shows only what is particular about it. */
import type { Ending, State } from './stage.ts';

export function green(result: 'succeeded' | 'unchanged', reason: string): Ending {
  return { result, exitCode: 0, errors: 0, reason };
}

/** A red step bears one annotation, not ten. */
export function red(
  result: 'rolled-back' | 'rollback-failed' | 'failed' | 'superseded' | 'unknown',
  reason: string,
): Ending {
  return { result, exitCode: 1, errors: 1, reason };
}

/** After a deploy over v1 that was seen healthy. */
export function shipped(image: string, difference: Partial<State> = {}): State {
  const annotations = ['steadyship.dev/run'];
  return {
    ...{ image, history: ['v1', image], available: 2, pods: { [image]: 2 }, kept: 0, annotations },
    ...difference,
  };
}

/** After a deploy over v1 that failed: patched twice, and both old pods never went. */
export function restored(image: string, difference: Partial<State> = {}): State {
  return {
    ...{ image: 'v1', history: ['v1', image, 'v1'], available: 2, pods: { v1: 2 }, kept: 2, annotations: [] },
    ...difference,
  };
}

/** Nothing was patched at all. */
export function untouched(difference: Partial<State> = {}): State {
  return {
    ...{ image: 'v1', history: ['v1'], available: 2, pods: { v1: 2 }, kept: 2, annotations: [] },
    ...difference,
  };
}
