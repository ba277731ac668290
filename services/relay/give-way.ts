/**
 * How a backlog gives way to clients. After an outage every region sends, orders and folds what has gathered, and whoever
 * writes meanwhile waits for the same processors and disks. The relay rests between the reads of its backlog: shortly at
 * first, longer as long as appends take longer than they use to, and shorter once they don't.
 *
 * A backlog is in one region's database alone, so there is an end to it: the relay rests only while the backlog gets
 * younger, and out of a budget.
 */

/** What is younger is no backlog: it goes at once. */
export const BACKLOG_AGE_MS = 1_000;
/** Once there is one, it is over when it is as young as that. */
const OVER_AGE_MS = 250;
/** All rests together, and how much of the time comes back to them. */
export const BUDGET_MS = 30_000;
const BUDGET_REFILL = 1 / 20;
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
  /** How long appends have taken of late; undefined where none has ended. */
  readonly meanMs: number | undefined;
  /** For how long the oldest append has been under way; 0 where there is none. */
  readonly underWayMs: number;
  /** On the monotonic clock. */
  readonly nowMs: number;
}

function heldUpMs(usualMs: number): number {
  return usualMs * LONGER_BY + LONGER_BY_MS;
}

export class GiveWay {
  /** How long appends take while there is no backlog; undefined before the first. */
  #usualMs: number | undefined;
  #backlog: { readonly ageMs: number; readonly restMs: number } | undefined;
  #budget: { readonly leftMs: number; readonly atMs: number } | undefined;

  /** The relay goes on after a doubt, or begins: what it has to send is another backlog. */
  restart(): void {
    this.#backlog = undefined;
  }

  /** @returns how long to wait before what was read is sent. */
  restMs(read: ReadRows): number {
    const leftMs = this.#refill(read.nowMs);
    if (!this.#isBacklog(read)) {
      this.#backlog = undefined;
      this.#learn(read.meanMs);
      return 0;
    }
    const restMs = Math.min(this.#wantedMs(read), leftMs);
    this.#backlog = { ageMs: read.ageMs, restMs };
    this.#budget = { leftMs: leftMs - restMs, atMs: read.nowMs };
    return restMs;
  }

  #refill(nowMs: number): number {
    const { leftMs, atMs } = this.#budget ?? { leftMs: BUDGET_MS, atMs: nowMs };
    const filledMs = Math.min(BUDGET_MS, leftMs + (nowMs - atMs) * BUDGET_REFILL);
    this.#budget = { leftMs: filledMs, atMs: nowMs };
    return filledMs;
  }

  #isBacklog({ isFull, ageMs }: ReadRows): boolean {
    return isFull && ageMs >= (this.#backlog === undefined ? BACKLOG_AGE_MS : OVER_AGE_MS);
  }

  #wantedMs({ ageMs, meanMs = 0, underWayMs }: ReadRows): number {
    const appendMs = Math.max(meanMs, underWayMs);
    if (appendMs === 0) return 0;
    if (this.#backlog === undefined) return REST_FIRST_MS;
    if (ageMs >= this.#backlog.ageMs) return 0;
    const { restMs } = this.#backlog;
    if (!this.#areHeldUp(appendMs)) return restMs < REST_MIN_MS ? 0 : restMs / 2;
    return Math.min(REST_MS_MAX, Math.max(REST_MIN_MS, restMs * 2));
  }

  #areHeldUp(appendMs: number): boolean {
    return this.#usualMs !== undefined && appendMs > heldUpMs(this.#usualMs);
  }

  /** What takes far longer than usual for a moment is not usual for that. */
  #learn(meanMs: number | undefined): void {
    if (meanMs === undefined) return;
    this.#usualMs ??= meanMs;
    this.#usualMs += USUAL_WEIGHT * (Math.min(meanMs, heldUpMs(this.#usualMs)) - this.#usualMs);
  }
}
