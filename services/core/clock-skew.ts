/**
 * Whether a process's clock is off. Clocks of other regions are compared by messages that are answered with how far their
 * sender was ahead at least when they came: on their way they can only have lost. So nothing is believed that a slow link, or
 * a process that was paused, could bring about; two clocks that differ by less than a message takes look the same.
 *
 * Nobody knows the right time. It is what most regions agree on.
 */
import { MAX_OFFSET_MS } from "./hlc.ts";

const MS_PER_SECOND = 1_000;

/** From here on writes are refused whose stamps decide what is kept: others would not absorb them soon. */
export const SKEW_MS_LEAST = MAX_OFFSET_MS * 0.8;

/** What is certainly wrong with the stamps that a process would give. */
export interface ClockDoubt {
  readonly what: "this process's clock" | "this region's last stamp";
  /** Negative where it is behind. */
  readonly aheadMs: number;
  readonly of: "those of most regions" | "its database's" | "those of all other regions";
}

export function describeDoubt({ what, aheadMs, of }: ClockDoubt): string {
  const seconds = (Math.abs(aheadMs) / MS_PER_SECOND).toFixed(1);
  return `${what} is ${seconds} s ${aheadMs > 0 ? "ahead of" : "behind"} ${of}`;
}

/**
 * @param regions of the cluster, the own one among them.
 * @param apartMs by other region: how far this clock is certainly ahead of its (positive), or behind (negative).
 * @returns how far this clock is certainly off those of most of the cluster, ahead (positive) or behind; 0 where it may be right.
 */
export function clockSkewMs(regions: number, apartMs: readonly number[]): number {
  const aheadMs = agreed(apartMs, votesNeeded(regions));
  if (aheadMs > 0) return aheadMs;
  // Of two regions neither can tell who is wrong. The stamps of the one that is ahead would win, and stay for as long.
  return regions === 2 ? 0 : 0 - agreed(apartMs.map(opposite), votesNeeded(regions));
}

/** Of how many others it takes the word: with the own region out of it, more than half of all. */
export function votesNeeded(regions: number): number {
  return regions === 2 ? 1 : Math.floor(regions / 2) + 1;
}

/** What so many say at least, in whole milliseconds; 0 where fewer say that it is too much. */
function agreed(apartMs: readonly number[], votes: number): number {
  const off = apartMs.filter((ms) => ms >= SKEW_MS_LEAST).toSorted((one, other) => other - one);
  return Math.floor(off[votes - 1] ?? 0);
}

function opposite(ms: number): number {
  return -ms;
}
