/**
 * How a backlog gives way to clients. After an outage every region sends, orders and folds what has gathered, and whoever
 * writes meanwhile waits for the same processors and disks. While appends take longer than they use to, the relay rests
 * between the reads of its backlog: longer as long as that lasts, shorter once it is over.
 *
 * A backlog is in one region's database alone, so there is an end to it: the relay rests only while the backlog gets
 * younger, and not beyond half a minute.
 */

/** What is younger is no backlog: it goes at once. */
export const BACKLOG_AGE_MS = 1_000;
export const GIVES_WAY_MS_MAX = 30_000;
export const REST_MS_MAX = 100;
/** All regions begin at once, and what it costs the clients is told only afterwards. */
export const REST_FIRST_MS = 50;
const REST_MIN_MS = 10;
/** How much longer than usual appends may take. */
const LONGER_BY = 2;
const LONGER_BY_MS = 5;
/** Of how long appends take now, in what is usual: some seconds. */
const USUAL_WEIGHT = 1 / 64;

/** What a read of the WAL has found. */
export interface ReadRows {
  /** There may be more. */
  readonly isFull: boolean;
  /** Of the oldest row. */
  readonly ageMs: number;
  /** How long appends take of late; undefined where there were none. */
  readonly appendMs: number | undefined;
  /** On the monotonic clock. */
  readonly nowMs: number;
}

export class GiveWay {
  /** How long appends take while there is no backlog; undefined before the first. */
  #usualMs: number | undefined;
  #backlog: { readonly sinceMs: number; readonly ageMs: number; readonly restMs: number } | undefined;

  /** @returns how long to wait before what was read is sent. */
  restMs(read: ReadRows): number {
    if (!read.isFull || read.ageMs < BACKLOG_AGE_MS) {
      this.#backlog = undefined;
      this.#learn(read.appendMs);
      return 0;
    }
    const sinceMs = this.#backlog?.sinceMs ?? read.nowMs;
    const restMs = this.#rest(read, read.nowMs - sinceMs);
    this.#backlog = { sinceMs, ageMs: read.ageMs, restMs };
    return restMs;
  }

  #rest({ ageMs, appendMs }: ReadRows, forMs: number): number {
    if (appendMs === undefined || forMs > GIVES_WAY_MS_MAX) return 0;
    if (this.#backlog === undefined) return REST_FIRST_MS;
    if (ageMs >= this.#backlog.ageMs) return 0;
    const { restMs } = this.#backlog;
    if (!this.#areHeldUp(appendMs)) return restMs < REST_MIN_MS ? 0 : restMs / 2;
    return Math.min(REST_MS_MAX, Math.max(REST_MIN_MS, restMs * 2));
  }

  #areHeldUp(appendMs: number): boolean {
    return appendMs > (this.#usualMs ?? 0) * LONGER_BY + LONGER_BY_MS;
  }

  #learn(appendMs: number | undefined): void {
    if (appendMs === undefined) return;
    this.#usualMs ??= appendMs;
    this.#usualMs += USUAL_WEIGHT * (appendMs - this.#usualMs);
  }
}
