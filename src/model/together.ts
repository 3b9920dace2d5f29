/**
 * Does something for each of many, so many at a time. The first failure is thrown when what was under way has come
 * to its end; nothing is begun after it.
 */
export async function eachTogether<T>(
  items: readonly T[],
  most: number,
  body: (item: T) => Promise<void>,
): Promise<void> {
  const left = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const work = async (): Promise<void> => {
    for (let next = left.next(); next.done !== true && failures.length === 0; next = left.next()) {
      await body(next.value).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, work));
  if (failures.length > 0) throw failures[0];
}
