/** Rows are appended to WALs by this process: wakes who sends them on, and tells who else needs the region's machine. */
import { Signal } from "./signal.ts";

const RECENT_MS = 2_000;

/** `notify` once rows are committed. All times are of one monotonic clock. */
export class AppendSignal extends Signal {
  #underWay = 0;
  #beganAtMs = Number.NEGATIVE_INFINITY;

  /** An append has begun; its end is told, too, whatever it is. */
  began(atMs: number): void {
    this.#underWay += 1;
    this.#beganAtMs = atMs;
  }

  ended(): void {
    this.#underWay -= 1;
  }

  /** Whether one is under way, or has begun within the last two seconds. */
  isRecent(nowMs: number): boolean {
    return this.#underWay > 0 || nowMs - this.#beganAtMs <= RECENT_MS;
  }
}
