/**
 * How many publishes may be on their way, from being sent until the own fold has passed them. Grows by one per window that
 * was taken in time, shrinks by a share when one was late or lost (additive increase, multiplicative decrease: Chiu and
 * Jain, 1989). After an outage it begins small, and doubles with each window for a while (slow start: Jacobson, 1988).
 *
 * What is sent is ordered before whatever comes after it: the delay that is allowed here, and in the slowest region, is
 * what an authoritative write waits for behind a backlog. It is measured against the shortest one seen of late, which is
 * the way there and back with nothing in front (base delay: LEDBAT, RFC 6817).
 */

export interface RelayWindow {
  /** Not a whole number: fractions add up. */
  readonly size: number;
  /** Below this it grows by one with each entry. */
  readonly threshold: number;
  /** Entries sent before that are not taken for late once more. */
  readonly shrunkAtMs: number;
  /** Undefined until one was seen. */
  readonly baseDelayMs: number | undefined;
}

interface Delay {
  readonly sentAtMs: number;
  readonly nowMs: number;
}

interface Room {
  /** As many were on their way as may be. */
  readonly isFull: boolean;
  readonly mayGrow: boolean;
}

export const WINDOW_MAX = 64;
export const WINDOW_MIN = 2;
const WINDOW_FIRST = 4;
const SHRINK_TO = 0.7;
/** From being sent to being folded here, whatever the way: a link over half the world takes a third of it. */
export const DELAY_MS_MAX = 750;
/** What may be added to the base delay. */
export const QUEUE_MS_MAX = 250;
/**
 * Of what an entry took longer than the base delay: links change. What waited behind others of ours says nothing of the link,
 * and there are none of them while the window is as narrow as can be.
 */
const BASE_RISES_BY = 1 / 128;
const BASE_RISES_BY_WHEN_NARROW = 1 / 16;

/** The same of the slowest other region. What is heard of it is up to a second old, and has come a long way. */
export const REGION_DELAY_MS_MAX = 2_500;
/** By its ticks. */
const REGION_HEARD_EVERY_MS = 1_000;

export function startWindow(): RelayWindow {
  const size = WINDOW_FIRST;
  return { size, threshold: WINDOW_MAX, shrunkAtMs: Number.NEGATIVE_INFINITY, baseDelayMs: undefined };
}

/** An entry was folded: the window narrows if it was late, and widens if it was in time, the window was full, and it may. */
export function adaptWindow(window: RelayWindow, delay: Delay, { isFull, mayGrow }: Room): RelayWindow {
  const delayMs = delay.nowMs - delay.sentAtMs;
  const base = window.baseDelayMs ?? delayMs;
  const baseDelayMs = Math.min(delayMs, base + (delayMs - base) * baseRise(window, isFull));
  const known = { ...window, baseDelayMs };
  if (delayMs > Math.min(DELAY_MS_MAX, baseDelayMs + QUEUE_MS_MAX)) return shrinkWindow(known, delay);
  return isFull && mayGrow ? growWindow(known) : known;
}

function baseRise({ size }: RelayWindow, isFull: boolean): number {
  if (size <= WINDOW_MIN) return BASE_RISES_BY_WHEN_NARROW;
  return isFull ? 0 : BASE_RISES_BY;
}

/** For each entry that was folded in time while the window was full. */
function growWindow(window: RelayWindow): RelayWindow {
  const { size, threshold } = window;
  return { ...window, size: Math.min(WINDOW_MAX, size < threshold ? size + 1 : size + 1 / size) };
}

/** @param delay of the entry that was late. Once for all that were on their way together. */
export function shrinkWindow(window: RelayWindow, delay: Delay): RelayWindow {
  if (delay.sentAtMs < window.shrunkAtMs) return window;
  const size = Math.max(WINDOW_MIN, window.size * SHRINK_TO);
  return { ...window, size, threshold: size, shrunkAtMs: delay.nowMs };
}

/** Once for each time that something new can have been heard of the region. */
export function narrowForRegion(window: RelayWindow, nowMs: number): RelayWindow {
  return shrinkWindow(window, { sentAtMs: nowMs - REGION_HEARD_EVERY_MS, nowMs });
}

/** After a doubt: all regions have a backlog then, and whoever waits for the log comes behind what is sent of it. */
export function restartWindow(window: RelayWindow): RelayWindow {
  const { size, threshold } = window;
  // One doubt after the other says no more about what there was room for than the first.
  const before = size === WINDOW_MIN ? threshold : Math.max(WINDOW_MIN, size * SHRINK_TO);
  return { ...window, size: WINDOW_MIN, threshold: before };
}
