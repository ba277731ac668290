/** Remembers since when something is as it is. */

interface Entry {
  value: string;
  sinceMs: number;
  /** In which round it was asked for last. */
  round: number;
}

export class Sinces {
  readonly #entries = new Map<string, Entry>();
  #round = 0;

  /** Since when the thing of this name has this value; from now on, where it had another, or was not asked for in the round before. */
  since(name: string, value: string, nowMs: number): number {
    const known = this.#entries.get(name);
    if (known !== undefined && known.value === value) {
      known.round = this.#round;
      return known.sinceMs;
    }
    this.#entries.set(name, { value, sinceMs: nowMs, round: this.#round });
    return nowMs;
  }

  /** Ends a round: what was not asked for in it is forgotten. */
  sweep(): void {
    for (const [name, { round }] of this.#entries) if (round !== this.#round) this.#entries.delete(name);
    this.#round += 1;
  }
}
