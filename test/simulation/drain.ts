/** Whether a simulated region is drained. */
import type { Drain } from "../../services/ports/region-store.ts";

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

  start(): Drain {
    this.#sinceMs ??= this.#nowMs();
    return this.read()!;
  }

  end(): void {
    this.#sinceMs = undefined;
  }
}
