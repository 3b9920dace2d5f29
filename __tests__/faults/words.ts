/** Sentences that many faults must not change. */
export const healthy = (image: string): string => `deployment/web runs <${image}> and is healthy.`;

export const CANNOT_START =
  'deployment/web: container web cannot start: exec: "/app/start": stat /app/start: no such file or directory.';

export const ROLLED_BACK = `${CANNOT_START} Rolled back to <v1> in <time>.`;
