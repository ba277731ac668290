/** Asking again what is safe to ask twice, while a region is away or refuses for the moment. */
import { setTimeout as sleep } from "node:timers/promises";
import { ProblemAnsweredError, UnreachableError } from "./http.ts";

const PASSING_STATUSES: readonly number[] = [429, 503];
const PATIENCE_MS = 60_000;
const PAUSE_MS_MIN = 250;
const PAUSE_MS_MAX = 4_000;

/** Whether the same may be answered later, or elsewhere: certainly nothing was done. */
export function isPassing(error: unknown): boolean {
  if (error instanceof ProblemAnsweredError)
    return PASSING_STATUSES.includes(error.status) && error.problem.retry !== "never";
  return error instanceof UnreachableError;
}

/** @throws what was thrown last, once it has lasted too long, and at once what does not pass. */
export async function patiently<T>(
  ask: () => Promise<T>,
  { forMs = PATIENCE_MS }: { forMs?: number } = {},
): Promise<T> {
  const untilMs = performance.now() + forMs;
  for (let pauseMs = PAUSE_MS_MIN; ; pauseMs = Math.min(PAUSE_MS_MAX, pauseMs * 2)) {
    try {
      return await ask();
    } catch (error) {
      if (!isPassing(error) || performance.now() + pauseMs > untilMs) throw error;
    }
    await sleep(pauseMs * (0.5 + Math.random() / 2));
  }
}
