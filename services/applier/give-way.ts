/**
 * How the fold of a backlog gives way to clients. After an outage every region folds what has gathered in all of them, and
 * whoever writes meanwhile waits for the same processors, database and disks. So a large commit that took long is followed
 * by a rest as long as it took, and nothing is prepared while the next is under way. What is folded later is sent later: the
 * relays' windows see to that.
 *
 * That comes out of a budget: where more comes in, for good, than can be folded that way, folding seldom gives way.
 */

/** What a fold and its commit take at most where nobody competes with them. */
const COMMIT_MS = 10;
const OPERATION_MS = 1 / 40;
/** What a commit that is given way before costs at least, of the budget. */
const SERIAL_MS = 10;
export const REST_MS_MAX = 100;
/** What was slow before says nothing of now. */
const RECENT_MS = 1_000;
/** All rests together, and how much of the time comes back to them. */
export const BUDGET_MS = 30_000;
const BUDGET_REFILL = 1 / 20;

export interface LargeCommit {
  readonly operations: number;
  /** Of the fold and the commit. */
  readonly durationMs: number;
  readonly endedAtMs: number;
}

/** Of one partition; outlives a run of its fold. All times are of one monotonic clock. */
export class GiveWay {
  #slow: LargeCommit | undefined;
  #budget: { readonly leftMs: number; readonly atMs: number } | undefined;

  /** A large one. */
  committed(commit: LargeCommit): void {
    const isSlow = commit.durationMs > COMMIT_MS + commit.operations * OPERATION_MS;
    this.#slow = isSlow ? commit : undefined;
  }

  /** Whether clients, if there are any, are given way to before the next large commit. */
  isDue(nowMs: number): boolean {
    const { endedAtMs = Number.NEGATIVE_INFINITY } = this.#slow ?? {};
    return nowMs - endedAtMs <= RECENT_MS && this.#leftMs(nowMs) >= SERIAL_MS;
  }

  /** @returns how long to rest from now on; not at all where as much time has passed since. */
  rest(nowMs: number): number {
    if (this.#slow === undefined) return 0;
    const { durationMs, endedAtMs } = this.#slow;
    const leftMs = this.#leftMs(nowMs);
    const wantedMs = Math.min(durationMs, REST_MS_MAX) - (nowMs - endedAtMs);
    const restMs = Math.max(0, Math.min(wantedMs, leftMs));
    // To do one thing after the other costs time, too.
    this.#budget = { leftMs: leftMs - Math.max(restMs, SERIAL_MS), atMs: nowMs };
    return restMs;
  }

  #leftMs(nowMs: number): number {
    const { leftMs, atMs } = this.#budget ?? { leftMs: BUDGET_MS, atMs: nowMs };
    return Math.min(BUDGET_MS, leftMs + (nowMs - atMs) * BUDGET_REFILL);
  }
}
