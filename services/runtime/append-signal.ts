/** Rows are appended to WALs by this process: wakes who sends them on, and knows how long appends take. */
import { Signal } from "./signal.ts";

/** Of the newest append in the mean: half of it is of the last few. */
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

  /** How long appends have taken of late; undefined where none has ended within a second. */
  meanMs(nowMs: number): number | undefined {
    return nowMs - this.#endedAtMs > RECENT_MS ? undefined : this.#meanMs;
  }

  /** For how long the oldest has been under way; 0 where there is none. */
  underWayMs(nowMs: number): number {
    const [oldest] = this.#beganAtMs;
    return oldest === undefined ? 0 : nowMs - oldest;
  }
}
