import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../src/model/clock.ts';
import type { Log, Mark } from '../../src/model/log.ts';

/** The machine's own time. */
export const realClock: Clock = {
  now: () => performance.now(),
  wall: () => new Date(),
  timer: (milliseconds, callback) => {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};

/** Timers end at once; how long each would have taken is kept. */
export function hastyClock(wall = new Date('2026-11-21T09:15:00Z')): Clock & { readonly waits: number[] } {
  const waits: number[] = [];
  return {
    waits,
    now: () => waits.reduce((sum, wait) => sum + wait, 0),
    wall: () => wall,
    timer: (milliseconds, callback) => {
      waits.push(milliseconds);
      const timer = setTimeout(callback, 0);
      return () => clearTimeout(timer);
    },
  };
}

export interface RecordingLog extends Log {
  readonly lines: string[];
  readonly warnings: string[];
  /** Of each warning, what its annotation bears besides the message. */
  readonly marks: (Mark | undefined)[];
  readonly notices: string[];
  readonly secrets: string[];
}

export function recordingLog(): RecordingLog {
  const lines: string[] = [];
  const warnings: string[] = [];
  const marks: (Mark | undefined)[] = [];
  const notices: string[] = [];
  const secrets: string[] = [];
  return {
    lines,
    warnings,
    marks,
    notices,
    secrets,
    info: (line) => void lines.push(line),
    debug: () => {},
    notice: (message) => void notices.push(message),
    warning: (message, at) => {
      warnings.push(message);
      marks.push(at);
    },
    group: (_title, body) => body(),
    secret: (value) => void secrets.push(value),
  };
}

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'steadyship-test-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The mistakes of the error that this throws. */
export async function failureOf(action: () => unknown): Promise<Error> {
  try {
    await action();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('It did not fail.');
}
