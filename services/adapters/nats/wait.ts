/** Waiting with a deadline. */
import { setTimeout as sleep } from "node:timers/promises";

/** Resolves after the time. */
export async function pause(delayMs: number): Promise<void> {
  await sleep(delayMs);
}

/** The promise's value, or undefined when the time passes first. */
export async function withinMs<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
