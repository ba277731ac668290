/** Handles many things, a bounded number at a time, begun in their order. */

const CONCURRENCY = 64;

export async function inParallel<T>(
  items: readonly T[],
  handle: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      await handle(items[index]!, index);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}
