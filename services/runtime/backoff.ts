/** Exponential back-off with full jitter (Brooker, "Exponential Backoff and Jitter", 2015). */
import type { Random } from "../ports/clock.ts";

export function backoffMs(options: {
  attempt: number;
  baseMs: number;
  maxMs: number;
  random: Random;
}): number {
  const ceiling = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(options.attempt, 16));
  return Math.ceil(ceiling * (0.5 + 0.5 * options.random.fraction()));
}
