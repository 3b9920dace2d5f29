/** Time as an argument, so that a test can hold it in its hand. Only the entries make the real one. */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary start. */
  now(): number;
  /** Wall time, for what people and registries read; compared with a cluster's times only where minutes do not matter. */
  wall(): Date;
  /** Calls back once after so many milliseconds; the answer takes it back. */
  timer(milliseconds: number, callback: () => void): () => void;
}

/** Waits, or rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const abort = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.timer(milliseconds, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    signal?.addEventListener('abort', abort, { once: true });
  });
}
