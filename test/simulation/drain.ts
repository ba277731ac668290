/** Whether a simulated region is drained. */
import type { Drain } from "../../services/ports/region-orders.ts";

export class SimulatedDrain {
  readonly #nowMs: () => number;
  #sinceMs: number | undefined;

  /** @param nowMs the database's own clock. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  read(): Drain | undefined {
    return this.#sinceMs === undefined
      ? undefined
      : { sinceMs: this.#sinceMs, forMs: this.#nowMs() - this.#sinceMs };
  }

  start({ isForced } = { isForced: false }): Drain & { isNew: boolean } {
    const before = this.#sinceMs;
    this.#sinceMs = before === undefined ? this.#nowMs() : before - (isForced ? 1 : 0);
    return { ...this.read()!, isNew: before === undefined };
  }

  end(only?: { readonly sinceMs: number }): boolean {
    const hasEnded = this.#sinceMs !== undefined && (only === undefined || only.sinceMs === this.#sinceMs);
    if (hasEnded) this.#sinceMs = undefined;
    return hasEnded;
  }
}
