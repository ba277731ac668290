/** Waiting for what real servers do in their own time. */
import { setTimeout as sleep } from "node:timers/promises";

/** Asks until there is a value; what throws counts as not yet. */
export async function eventually<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
  const deadlineMs = performance.now() + 45_000;
  let last: unknown;
  while (performance.now() < deadlineMs) {
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    await sleep(50);
  }
  throw new Error(`${what} did not come`, { cause: last });
}
