/**
 * Whether the own replica of the log is to be read. One that holds an entry back, or has it garbled, again and again at the same
 * position is damaged: its server does not notice, and nothing mends it. Then another region's is read, for a while; when
 * that fails at the same position, too, no replica has it.
 */

/** A single failure may be the consumer's. */
const OWN_FAILURES_MAX = 2;
/** Of one that is tried again: each costs seconds in which nothing is folded. */
const OWN_FAILURES_MAX_AGAIN = 1;
/** Which of the others is read is not ours to choose. */
const OTHER_FAILURES_MAX = 6;
/** By then somebody may have mended the own one; after as long without failures it counts as mended. */
const ELSEWHERE_MS = 600_000;

export class ReplicaDoubt {
  #position = 0;
  #failures = 0;
  #elsewhereUntilMs = -Infinity;

  isElsewhere(nowMs: number): boolean {
    return nowMs < this.#elsewhereUntilMs;
  }

  /** An entry did not come, or could not be read. @returns whether to go on trying: false says that no replica has it. */
  failed(position: number, nowMs: number): boolean {
    if (position !== this.#position) this.#failures = 0;
    this.#position = position;
    this.#failures += 1;
    if (!this.isElsewhere(nowMs)) {
      const isAgain = nowMs < this.#elsewhereUntilMs + ELSEWHERE_MS;
      if (this.#failures < (isAgain ? OWN_FAILURES_MAX_AGAIN : OWN_FAILURES_MAX)) return true;
      this.#elsewhereUntilMs = nowMs + ELSEWHERE_MS;
      this.#failures = 0;
      return true;
    }
    return this.#failures < OTHER_FAILURES_MAX;
  }
}
