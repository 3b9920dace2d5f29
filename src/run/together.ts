import { UserError } from '../model/error.ts';

/** Begins with something as soon as both of its parts are there; what it comes to is had by `done`. */
export function once<A, B>(
  begin: (a: A, b: B) => Promise<void>,
): {
  readonly first: (a: A) => void;
  readonly second: (b: B) => void;
  readonly done: Promise<void>;
} {
  const [first, second] = [Promise.withResolvers<A>(), Promise.withResolvers<B>()];
  const done = Promise.all([first.promise, second.promise]).then(([a, b]) => begin(a, b));
  // Whoever waits for it hears of it; a run that ended before does not.
  done.catch(() => undefined);
  return { first: first.resolve, second: second.resolve, done };
}

/**
 * Runs two things at once. The first to fail ends the other, and both are waited for, so that nothing is
 * still running when the failure is told; when both found mistakes, all are told.
 */
export async function together<A, B>(
  outer: AbortSignal,
  [first, second]: readonly [(signal: AbortSignal) => Promise<A>, (signal: AbortSignal) => Promise<B>],
): Promise<readonly [A, B]> {
  const inner = new AbortController();
  const signal = AbortSignal.any([outer, inner.signal]);
  const failures: unknown[] = [];
  const guard = async <T>(body: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> => {
    try {
      return await body(signal);
    } catch (error) {
      if (failures.length === 0 || !inner.signal.aborted || error !== inner.signal.reason)
        failures.push(error);
      inner.abort(new Error('the other half of the preparation failed'));
      return undefined;
    }
  };
  const [a, b] = await Promise.all([guard(first), guard(second)]);
  if (failures.length > 0) {
    const mistakes = failures.filter((error) => error instanceof UserError);
    if (mistakes.length === failures.length && mistakes.length > 1) {
      throw new UserError(
        mistakes.flatMap((error) => error.mistakes),
        {
          details: mistakes.flatMap((error) => error.details),
          place: mistakes.find((error) => error.place !== undefined)?.place,
        },
      );
    }
    throw failures[0];
  }
  return [a as A, b as B];
}
