/**
 * Trying again, within a bound. p-retry can neither be given a clock nor a wait that the server asked for, and
 * both are what this is about.
 */
import type { Clock } from '../model/clock.ts';
import { sleep } from '../model/clock.ts';

export interface RetryOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Milliseconds from the first try to the beginning of the last one. */
  readonly patience: () => number;
  readonly backoffFirst: number;
  readonly backoffMax: number;
  readonly signal: AbortSignal | undefined;
}

/** What a failure calls for: nothing more, another try after a wait of our choosing, or of the server's. */
export type Advice =
  | { readonly kind: 'give-up' }
  | { readonly kind: 'again' }
  | { readonly kind: 'again-after'; readonly milliseconds: number };

export async function retrying<T>(
  attempt: () => Promise<T>,
  judge: (error: unknown) => Advice,
  options: RetryOptions,
): Promise<T> {
  const started = options.clock.now();
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      const advice = judge(error);
      if (advice.kind === 'give-up') throw error;
      const wait = advice.kind === 'again-after' ? advice.milliseconds : backoff(failures, options);
      if (options.clock.now() - started + wait > options.patience()) throw error;
      await sleep(options.clock, wait, options.signal);
    }
  }
}

/** Doubling, with "equal jitter": half of it certain, half by chance, so that runners do not march in step. */
export function backoff(
  failures: number,
  options: Pick<RetryOptions, 'random' | 'backoffFirst' | 'backoffMax'>,
): number {
  const full = Math.min(options.backoffMax, options.backoffFirst * 2 ** Math.min(failures - 1, 20));
  return full / 2 + (full / 2) * options.random();
}

/** Retry-After as seconds or as an HTTP date (RFC 9110, 10.2.3), in milliseconds; undefined: none or nonsense. */
export function retryAfter(header: string | string[] | undefined, wall: Date): number | undefined {
  const value = (Array.isArray(header) ? header[0] : header)?.trim();
  if (value === undefined || value === '') return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - wall.getTime());
}
