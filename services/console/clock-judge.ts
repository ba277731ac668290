/**
 * Whether this process's clock is off, from look to look. Judged on what is heard now; what was found stays for as long as too
 * few are heard to find otherwise, so that a region whose clock is wrong does not believe it again once it is cut off.
 */
import { clockSkewMs, votesNeeded } from "../core/clock-skew.ts";

/** A process that has just started has not heard this one yet, and says nothing of it: that is no word against it. */
const HELD_MS = 3_000;

export interface ClockLook {
  /** The members of the cluster, this region among them. */
  readonly regions: number;
  /** Of the other members that are heard: how far this clock is certainly ahead of theirs; negative: behind. */
  readonly apartMs: readonly number[];
  /** How often this clock was set. */
  readonly sets: number;
  /** On the monotonic clock. */
  readonly nowMs: number;
}

export class ClockJudge {
  #verdict = { skewMs: 0, sets: 0, atMs: -Infinity };

  /** @returns how far the clock is certainly off those of most regions, ahead or behind (negative); 0 where it may be right. */
  judge({ regions, apartMs, sets, nowMs }: ClockLook): number {
    const skewMs = clockSkewMs(regions, apartMs);
    if (skewMs !== 0 || this.#isOver({ regions, apartMs, sets, nowMs }))
      this.#verdict = { skewMs, sets, atMs: nowMs };
    return this.#verdict.skewMs;
  }

  #isOver({ regions, apartMs, sets, nowMs }: ClockLook): boolean {
    if (sets !== this.#verdict.sets) return true;
    if (nowMs - this.#verdict.atMs <= HELD_MS) return false;
    // Of two nobody knows who is wrong: the one that is left has to go on.
    return regions <= 2 || apartMs.length >= votesNeeded(regions);
  }
}
