/** Rows were appended to WALs by this process: wakes who sends them on, and knows how long appends take of late. */
import { Signal } from "./signal.ts";

/** Of the newest append in what is told of late: half of it is of the last few. */
const NEWEST_WEIGHT = 1 / 8;
/** What was before says nothing of now. */
const RECENT_MS = 1_000;

export class AppendSignal extends Signal {
  #meanMs = 0;
  #endedAtMs = Number.NEGATIVE_INFINITY;

  /** One append has committed. @param endedAtMs on the monotonic clock. */
  committed({ durationMs, endedAtMs }: { durationMs: number; endedAtMs: number }): void {
    const isFirst = endedAtMs - this.#endedAtMs > RECENT_MS;
    this.#meanMs = isFirst ? durationMs : this.#meanMs + NEWEST_WEIGHT * (durationMs - this.#meanMs);
    this.#endedAtMs = endedAtMs;
    this.notify();
  }

  /** How long appends take of late, in milliseconds; undefined where there was none within a second. */
  recentMs(nowMs: number): number | undefined {
    return nowMs - this.#endedAtMs > RECENT_MS ? undefined : this.#meanMs;
  }
}
