/** Waiting for what others wait for, too: one who gives up leaves it to the rest. */
import type { Clock } from '../model/clock.ts';

export interface Patience {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Milliseconds; undefined: as long as it takes. */
  readonly timeout: number | undefined;
  /** What to reject with after the timeout. */
  readonly late: () => Error;
}

/** As the promise ends, or else rejects with the signal's reason or with `late`. The promise itself goes on. */
export function inTime<T>(promise: Promise<T>, { clock, signal, timeout, late }: Patience): Promise<T> {
  return new Promise((resolve, reject) => {
    let cancel = (): void => {};
    const settle = (end: () => void): void => {
      cancel();
      signal.removeEventListener('abort', abort);
      end();
    };
    const abort = (): void => settle(() => reject(signal.reason));
    promise.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    );
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    if (timeout !== undefined) cancel = clock.timer(timeout, () => settle(() => reject(late())));
  });
}
