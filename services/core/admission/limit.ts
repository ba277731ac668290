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
/**
 * A process that was kept from running for half a second finds so many at its door, and fewer make it no faster. So less
 * is taken on only slowly, while the delay is longer still, and while that many are there at all to cause it.
 */
export const LIMIT_PATIENT = 512;
export const DELAY_MS_PATIENT = 50;
const GRADIENT_MIN_PATIENT = 0.9;
/** At most halved at once: a delay of one long turn says little about the next. */
const GRADIENT_MIN = 0.5;
/** Back to twice the limit within some twenty samples. */
const INCREASE_SHARE = 0.03;
const INCREASE_MIN = 8;

export function nextLimit(limit: number, sample: LimitSample, bounds: LimitBounds): number {
  const { limitMin, limitMax } = bounds;
  const delayMsMax = limit > LIMIT_PATIENT ? DELAY_MS_TARGET : DELAY_MS_PATIENT;
  const next =
    sample.eventLoopDelayMs <= delayMsMax
      ? limit + Math.max(INCREASE_MIN, limit * INCREASE_SHARE)
      : lessThan(limit, sample);
  return Math.max(limitMin, Math.min(limitMax, next));
}

function lessThan(limit: number, { eventLoopDelayMs, workingMax }: LimitSample): number {
  if (limit <= LIMIT_PATIENT) {
    if (workingMax < limit / 2) return limit;
    return limit * Math.max(GRADIENT_MIN_PATIENT, DELAY_MS_PATIENT / eventLoopDelayMs);
  }
  // What was not in flight has not caused the delay.
  const cause = Math.min(limit, workingMax);
  return Math.max(LIMIT_PATIENT, cause * Math.max(GRADIENT_MIN, DELAY_MS_TARGET / eventLoopDelayMs));
}
