import type { Clock } from './model/clock.ts';

/** The real time; made here, for the entries alone. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => new Date(),
  timer: (milliseconds, callback) => {
    const handle = setTimeout(callback, milliseconds);
    return () => clearTimeout(handle);
  },
};
