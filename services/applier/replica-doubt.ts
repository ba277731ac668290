/**
 * Whether the own replica of the log is to be read. One that holds an entry back, or has it garbled, again and again at the same
 * position is damaged: its server does not notice, and nothing mends it. Then another region's is read, for a while; when
 * that fails at the same position, too, no replica has it.
 */

/** A single failure may be the consumer's. */
const OWN_FAILURES_MAX = 2;
/** Which of the others is read is not ours to choose. */
const OTHER_FAILURES_MAX = 6;
/** By then somebody may have mended the own one. */
const ELSEWHERE_MS = 600_000;

export class ReplicaDoubt {
  #position = 0;
  #failures = 0;
  #elsewhereUntilMs = 0;

  isElsewhere(nowMs: number): boolean {
    return nowMs < this.#elsewhereUntilMs;
  }

  /** An entry did not come, or could not be read. @returns whether to go on trying: false says that no replica has it. */
  failed(position: number, nowMs: number): boolean {
    if (position !== this.#position) this.#failures = 0;
    this.#position = position;
    this.#failures += 1;
    if (!this.isElsewhere(nowMs)) {
      if (this.#failures < OWN_FAILURES_MAX) return true;
      this.#elsewhereUntilMs = nowMs + ELSEWHERE_MS;
      this.#failures = 0;
      return true;
    }
    return this.#failures < OTHER_FAILURES_MAX;
  }
}
