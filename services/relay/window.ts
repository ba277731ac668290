/**
 * How many publishes may be on their way, from being sent until the own fold has passed them. Grows by one per window that
 * was taken in time, shrinks by a share when one was late or lost (additive increase, multiplicative decrease: Chiu and
 * Jain, 1989).
 *
 * What is sent is ordered before whatever comes after it: the delay that is allowed here, and in the slowest region, is
 * what an authoritative write waits for behind a backlog.
 */

export interface RelayWindow {
  /** Not a whole number: fractions add up. */
  readonly size: number;
  /** Entries sent before that are not taken for late once more. */
  readonly shrunkAtMs: number;
}

interface Delay {
  readonly sentAtMs: number;
  readonly nowMs: number;
}

export const WINDOW_MAX = 64;
export const WINDOW_MIN = 2;
const WINDOW_FIRST = 16;
const SHRINK_TO = 0.7;
/** From being sent to being folded here. A link over half the world takes a third of it. */
export const DELAY_MS_MAX = 750;

/** The same of the slowest other region. What is heard of it is up to a second old, and has come a long way. */
export const REGION_DELAY_MS_MAX = 2_500;

export function startWindow(): RelayWindow {
  return { size: WINDOW_FIRST, shrunkAtMs: Number.NEGATIVE_INFINITY };
}

/** Whether an entry was folded later than it should be, or was not yet. */
export function hasDelayed({ sentAtMs, nowMs }: Delay, delayMsMax = DELAY_MS_MAX): boolean {
  return nowMs - sentAtMs > delayMsMax;
}

/** For each entry that was folded in time while the window was full. */
export function growWindow(window: RelayWindow): RelayWindow {
  return { ...window, size: Math.min(WINDOW_MAX, window.size + 1 / window.size) };
}

/** @param delay of the entry that was late; undefined after a doubt. Once for all that were on their way together. */
export function shrinkWindow(window: RelayWindow, delay?: Delay): RelayWindow {
  if (delay !== undefined && delay.sentAtMs < window.shrunkAtMs) return window;
  const size = Math.max(WINDOW_MIN, window.size * SHRINK_TO);
  return { size, shrunkAtMs: delay?.nowMs ?? window.shrunkAtMs };
}
