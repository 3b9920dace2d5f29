import { expect, test } from 'vitest';
import { begin, type Evaluation, evaluate } from '../../../src/gate/evaluate/workload.ts';
import { DEFAULT_LIMITS, type Limits, type Patience } from '../../../src/model/limits.ts';
import type { Observation, Pin } from '../../../src/model/observation.ts';
import { pin as deploymentPin } from './world.ts';

/** A story: what is seen when (in seconds), and the verdict at its end. All verdicts before must be "progressing". */
export interface Row {
  readonly name: string;
  readonly pin?: Partial<Pin>;
  readonly limits?: Partial<Omit<Limits, 'patience'>> & { readonly patience?: Partial<Patience> };
  readonly steps: readonly (readonly [second: number, seen: Observation])[];
  /** `progressing`, `healthy: …`, `superseded: …`, `failed <code>: <the whole message>`. */
  readonly verdict: string;
  readonly quote?: string;
  readonly advice?: string;
  readonly subject?: unknown;
  /** Notes of the last evaluation (for "healthy": of the verdict). */
  readonly notes?: readonly string[];
  /** Seconds to the next timer after the last step. */
  readonly recheckIn?: number;
}

/** The gate begins at an arbitrary moment of a monotonic clock. */
const START = 1_000_000;

function story(
  row: Row,
  pinOf: (over?: Partial<Pin>) => Pin,
): { readonly last: Evaluation; readonly pin: Pin } {
  const limits: Limits = {
    ...DEFAULT_LIMITS,
    ...row.limits,
    patience: { ...DEFAULT_LIMITS.patience, ...row.limits?.patience },
  };
  let pin = pinOf(row.pin);
  let memory = begin(pin, START);
  let last: Evaluation | undefined;
  for (const [index, [second, seen]] of row.steps.entries()) {
    const now = START + second * 1000;
    const question = deepFreeze({ pin, memory, seen, limits, now });
    last = evaluate(question);
    expect(structuredClone(last.memory), 'memory is plain data').toEqual(last.memory);
    const repeat = evaluate({ pin: last.pin, memory: last.memory, seen, limits, now });
    expect({ ...repeat, notes: [] }, 'seeing the same again changes nothing').toEqual({ ...last, notes: [] });
    if (last.verdict.kind === 'progressing' && last.recheckIn !== undefined) {
      expect(last.recheckIn).toBeGreaterThan(0);
      const before = evaluate({
        pin: last.pin,
        memory: last.memory,
        seen,
        limits,
        now: now + last.recheckIn - 1,
      });
      expect(inWords(before), 'nothing changes before recheckIn').toBe('progressing');
    }
    if (last.verdict.kind === 'failed') {
      const later = evaluate({ pin: last.pin, memory: last.memory, seen, limits, now: now + 5000 });
      expect(inWords(later), 'a failure stays').toBe(inWords(last));
    }
    if (index < row.steps.length - 1) expect(inWords(last), `verdict at ${second} s`).toBe('progressing');
    ({ pin, memory } = last);
  }
  if (last === undefined) throw new Error('a story has at least one step');
  return { last, pin };
}

/** Tells every row; `pinOf` makes the pin of the kind that the rows are about. */
export function tell(rows: readonly Row[], pinOf: (over?: Partial<Pin>) => Pin = deploymentPin): void {
  test.each(rows.map((row) => [row.name, row] as const))('%s', (_name, row) => {
    const { last } = story(row, pinOf);
    expect(inWords(last)).toBe(row.verdict);
    const failure = last.verdict.kind === 'failed' ? last.verdict.failure : undefined;
    if (failure !== undefined) expect(failure.advice).toMatch(/^[A-Z].*\.$/s);
    if (row.quote !== undefined) expect(failure?.quote).toBe(row.quote);
    if (row.advice !== undefined) expect(failure?.advice).toBe(row.advice);
    if (row.subject !== undefined) expect(failure?.subject).toEqual(row.subject);
    if (row.notes !== undefined)
      expect(last.verdict.kind === 'healthy' ? last.verdict.notes : last.notes).toEqual(row.notes);
    if (row.recheckIn !== undefined) expect(last.recheckIn).toBe(row.recheckIn * 1000);
  });
}

function inWords({ verdict }: Evaluation): string {
  switch (verdict.kind) {
    case 'progressing':
      return 'progressing';
    case 'failed':
      return `failed ${verdict.failure.code}: ${verdict.failure.message}`;
    case 'healthy':
    case 'superseded':
    case 'unknown':
      return `${verdict.kind}: ${verdict.message}`;
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
