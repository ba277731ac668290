/** Whether the database is there: it is away once it was asked, and has answered nobody, for as long as a statement may take. */

export class Presence {
  readonly #limitMs: number;
  #answeredAtMs = -Infinity;
  /** Since when what was asked has not been answered; undefined while answers come. */
  #unansweredSinceMs: number | undefined;
  #isAway = false;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  /** How long nothing was answered; 0 while answers come. */
  unansweredMs(nowMs: number): number {
    return this.#unansweredSinceMs === undefined ? 0 : nowMs - this.#unansweredSinceMs;
  }

  /** The database has answered, be it with an error. */
  answered(nowMs: number): void {
    this.#answeredAtMs = nowMs;
    this.#unansweredSinceMs = undefined;
    this.#isAway = false;
  }

  /**
   * It was asked and has not answered: silence, a refused or a broken connection.
   * @returns whether it counts as away from now on, and did not before.
   */
  failed(askedAtMs: number, nowMs: number): boolean {
    // What others were told meanwhile shows that it was there.
    this.#unansweredSinceMs ??= Math.max(askedAtMs, this.#answeredAtMs);
    if (this.#isAway || nowMs - this.#unansweredSinceMs < this.#limitMs) return false;
    this.#isAway = true;
    return true;
  }
}
