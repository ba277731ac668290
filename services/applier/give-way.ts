/**
 * How the fold of a backlog gives way to clients. After an outage every region folds what has gathered in all of them, and
 * whoever writes meanwhile waits for the same processors, database and disks. So a large commit that took long is followed
 * by a rest as long as it took, and nothing is prepared while it is under way. What is folded later is sent later: the
 * relays' windows see to that.
 *
 * Rests come out of a budget: folding goes on at its full pace where more comes in, for good, than it can take that way.
 */

/** A commit of fewer operations is no backlog's. */
export const LARGE_OPERATIONS = 512;
/** A large commit takes less where nobody competes with it. */
export const SLOW_MS = 30;
export const REST_MS_MAX = 100;
/** Not worth a timer. */
const REST_MS_MIN = 5;
/** All rests together, and how much of the time comes back to them. */
export const BUDGET_MS = 30_000;
const BUDGET_REFILL = 1 / 20;

/** Of one partition; outlives a run of its fold. All times are of one monotonic clock. */
export class GiveWay {
  #wantedMs = 0;
  #budget: { readonly leftMs: number; readonly atMs: number } | undefined;

  /** @param durationMs from the beginning of its fold on. */
  committed({ operations, durationMs }: { operations: number; durationMs: number }): void {
    const isSlow = operations >= LARGE_OPERATIONS && durationMs >= SLOW_MS;
    this.#wantedMs = isSlow ? Math.min(durationMs, REST_MS_MAX) : 0;
  }

  /** How long to rest after the last commit, if there are clients; 0 for not at all. */
  restMs(nowMs: number): number {
    const restMs = Math.min(this.#wantedMs, this.#leftMs(nowMs));
    return restMs < REST_MS_MIN ? 0 : restMs;
  }

  /** As long as it was told to. */
  rested(restMs: number, nowMs: number): void {
    this.#budget = { leftMs: this.#leftMs(nowMs) - restMs, atMs: nowMs };
  }

  #leftMs(nowMs: number): number {
    const { leftMs, atMs } = this.#budget ?? { leftMs: BUDGET_MS, atMs: nowMs };
    return Math.min(BUDGET_MS, leftMs + (nowMs - atMs) * BUDGET_REFILL);
  }
}
