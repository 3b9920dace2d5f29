import { DEFAULT_LIMITS, type Limits, type Patience } from '../model/limits.ts';
import { parseDuration } from '../plan/duration.ts';
import type { Reader } from './reader.ts';

/** Reads the numbers of the gate. */
export function readLimits(reader: Reader): Limits {
  const restarts = reader.text('max-restarts');
  if (restarts !== undefined && !/^\d{1,3}$/.test(restarts)) {
    reader.mistake(
      `max-restarts: ${JSON.stringify(restarts)} is no whole number from 0 to 999 (default: ${DEFAULT_LIMITS.maxRestarts}).`,
    );
  }
  const maxRestarts = restarts === undefined ? DEFAULT_LIMITS.maxRestarts : Number(restarts);
  const stable = reader.text('stable-for');
  return {
    ...DEFAULT_LIMITS,
    maxRestarts,
    // Whoever bears more restarts in every pod bears as many in one.
    maxDeathsOnePod: Math.max(DEFAULT_LIMITS.maxDeathsOnePod, maxRestarts + 1),
    patience: readPatience(reader),
    timeout: reader.duration('timeout', DEFAULT_LIMITS.timeout, '10m'),
    deadline: reader.duration('deadline', DEFAULT_LIMITS.deadline, '1h'),
    stableFor: stable === undefined ? undefined : reader.duration('stable-for', 0, 'from the probes'),
  };
}

function readPatience(reader: Reader): Patience {
  const patience: Record<string, number> = { ...DEFAULT_LIMITS.patience };
  const signs = Object.keys(patience);
  for (const line of reader.list('patience')) {
    const [, sign, value] = /^([^:]+):(.*)$/.exec(line) ?? [];
    const key = sign?.trim() ?? line;
    const parsed = parseDuration(value ?? '');
    if (!signs.includes(key)) {
      reader.mistake(
        `patience: ${JSON.stringify(key)} is no sign of trouble. The signs: ${signs.join(', ')}.`,
      );
    } else if (parsed === undefined) {
      reader.mistake(`patience: ${JSON.stringify(line)} bears no duration. Write, for example, ${key}: 90s.`);
    } else patience[key] = parsed;
  }
  return { ...DEFAULT_LIMITS.patience, ...patience };
}
