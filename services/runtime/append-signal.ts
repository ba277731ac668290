/** Rows are appended to WALs by this process: wakes who sends them on, and tells who else needs the region's machine. */
import { Signal } from "./signal.ts";

const RECENT_MS = 2_000;

export class AppendSignal extends Signal {
  #beganAtMs = Number.NEGATIVE_INFINITY;

  /** An append has begun; `notify` once it is committed. @param atMs on the monotonic clock. */
  began(atMs: number): void {
    this.#beganAtMs = atMs;
  }

  /** Whether one has begun within the last two seconds. */
  isRecent(nowMs: number): boolean {
    return nowMs - this.#beganAtMs <= RECENT_MS;
  }
}
