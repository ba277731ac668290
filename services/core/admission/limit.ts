/**
 * How many requests a process should work on at once: AIMD (Chiu and Jain, "Analysis of the increase and decrease
 * algorithms for congestion avoidance", 1989), decreasing by the gradient of Netflix's concurrency-limits.
 *
 * The signal is the delay of the event loop: it tells of work that the process itself has too much of, and not of
 * requests that only wait for the log. By Little's law the delay falls with the work in flight.
 */

export interface LimitBounds {
  readonly limitMin: number;
  readonly limitMax: number;
}

export interface LimitSample {
  /** Mean over the time since the last sample: one pause of the garbage collector is no overload. */
  readonly eventLoopDelayMs: number;
  /** The most requests that were worked on at once since then. */
  readonly workingMax: number;
}

/** Longer delays are felt, and gain no throughput. */
export const DELAY_MS_TARGET = 25;
/** At most halved at once: a delay of one long turn says little about the next. */
const GRADIENT_MIN = 0.5;
/** Back to twice the limit within some twenty samples. */
const INCREASE_SHARE = 0.03;
const INCREASE_MIN = 8;

export function nextLimit(limit: number, sample: LimitSample, { limitMin, limitMax }: LimitBounds): number {
  const { eventLoopDelayMs, workingMax } = sample;
  if (eventLoopDelayMs <= DELAY_MS_TARGET) {
    return Math.min(limitMax, limit + Math.max(INCREASE_MIN, limit * INCREASE_SHARE));
  }
  // What was not in flight has not caused the delay.
  const cause = Math.min(limit, workingMax);
  const gradient = Math.max(GRADIENT_MIN, DELAY_MS_TARGET / eventLoopDelayMs);
  return Math.max(limitMin, Math.min(limitMax, cause * gradient));
}
