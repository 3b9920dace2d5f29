import type { Clock } from './model/clock.ts';

/** The real time; made here, for the entries alone. */
export const systemClock: Clock = {
  // The same clock as performance.now(), without the eight modules behind it.
  now: () => Number(process.hrtime.bigint()) / 1e6,
  wall: () => new Date(),
  timer: (milliseconds, callback) => {
    const handle = setTimeout(callback, milliseconds);
    return () => clearTimeout(handle);
  },
};
