/**
 * When the next entry of proposals goes to the log. What gathers until then shares it, and each entry costs every region a
 * delivery, a fold and a commit.
 *
 * A log that is far away takes entries while others are on their way. One that is near and slow has much to do, and more
 * entries at once would give it more.
 */

const RECENT_PUBLISHES = 16;
const DISTANCE_MS = 20;
/** Of a log that is near, a publish that takes this long may be lost: what comes now need not wait for it. */
const LATE_MS = 100;
/** How long the next entry gathers at most while the last one is being folded: whoever waits for that may come back with more. */
const FOLDING_MS_MAX = 25;
/** The same where folds are told in another process. */
const UNHEARD_MS = 5;
/** Ticks are folded every second. */
const HEARING_MS = 2_000;
/** And how long for the first of those who have just been answered: nobody waits until then. */
const FIRST_MS_MAX = 25;
/** And from then on for the others. */
const OTHERS_MS_MAX = 10;
/** A few clients gain more from a publish at once than everybody from one entry less. */
const RETURNING_MIN = 4;
/** So many that nobody gains from waiting for more. */
export const ENOUGH = 256;

export interface Returning {
  readonly until: number;
  readonly firstMs: number;
  readonly othersMs: number;
}

export class ProposalPace {
  readonly #recentMs: number[] = [];
  #heardAtMs = -Infinity;

  /** Takes note of how long a publish took. */
  acknowledged(durationMs: number): void {
    this.#recentMs.push(durationMs);
    if (this.#recentMs.length > RECENT_PUBLISHES) this.#recentMs.shift();
  }

  /** An applier of this process has told of a fold. */
  heard(nowMs: number): void {
    this.#heardAtMs = nowMs;
  }

  /** Whether even the quickest publish of late took its time; also while nothing is known. */
  get #isFar(): boolean {
    return Math.min(...this.#recentMs) >= DISTANCE_MS;
  }

  /** How long after a publish was sent another may go beside it. */
  get laneAfterMs(): number {
    return this.#isFar ? DISTANCE_MS : LATE_MS;
  }

  /** How long to wait for the fold of an entry at most. */
  foldingMs(nowMs: number): number {
    return nowMs - this.#heardAtMs <= HEARING_MS ? FOLDING_MS_MAX : UNHEARD_MS;
  }

  /**
   * How many to wait for before the next entry, once the last one is folded: those that were in it are likely to come again.
   * @param last.tookMs from its publish on.
   * @returns how long at most for the first, and from the first on for as many as that.
   */
  returning(queued: number, last: { proposals: number; tookMs: number }): Returning {
    const until = Math.min(ENOUGH, queued + last.proposals);
    const isWorthIt = last.proposals >= RETURNING_MIN && !this.#isFar;
    if (!isWorthIt) return { until, firstMs: 0, othersMs: 0 };
    return { until, firstMs: FIRST_MS_MAX, othersMs: Math.min(OTHERS_MS_MAX, last.tookMs / 2) };
  }
}
