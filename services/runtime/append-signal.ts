/** Rows are appended to WALs by this process: wakes who sends them on, and knows how long appends take of late. */
import { Signal } from "./signal.ts";

/** Of the newest append in what is told of late: half of it is of the last few. */
const NEWEST_WEIGHT = 1 / 8;
/** What was before says nothing of now. */
const RECENT_MS = 1_000;

/** All times are of one monotonic clock. */
export class AppendSignal extends Signal {
  #meanMs = 0;
  #endedAtMs = Number.NEGATIVE_INFINITY;
  /** When those that are under way began, the oldest first. */
  readonly #beganAtMs: number[] = [];

  /** An append has begun; its end is told, too, whatever it is. */
  began(atMs: number): void {
    this.#beganAtMs.push(atMs);
  }

  /** @param atMs when it began, as was told. */
  ended(atMs: number): void {
    this.#beganAtMs.splice(this.#beganAtMs.indexOf(atMs), 1);
  }

  /** Rows are there. */
  committed({ durationMs, endedAtMs }: { durationMs: number; endedAtMs: number }): void {
    const isFirst = endedAtMs - this.#endedAtMs > RECENT_MS;
    this.#meanMs = isFirst ? durationMs : this.#meanMs + NEWEST_WEIGHT * (durationMs - this.#meanMs);
    this.#endedAtMs = endedAtMs;
    this.notify();
  }

  /** How long appends take of late, in milliseconds; undefined where there was none within a second. */
  recentMs(nowMs: number): number | undefined {
    const meanMs = nowMs - this.#endedAtMs > RECENT_MS ? undefined : this.#meanMs;
    const [oldest] = this.#beganAtMs;
    // One that hangs tells more than those before it.
    return oldest === undefined ? meanMs : Math.max(meanMs ?? 0, nowMs - oldest);
  }
}
