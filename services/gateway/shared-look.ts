/**
 * One look at the store for all who ask within a moment. After a pause of the process every request wants one, and the
 * database is as busy as they are: a look for each would keep the next ones waiting.
 */
import type { Clock } from "../ports/clock.ts";

export interface SharedLookOptions {
  readonly clock: Clock;
  /** Who asks later than that after a look has begun gets another. */
  readonly youngMs: number;
  readonly look: () => Promise<void>;
}

export class SharedLook {
  readonly #options: SharedLookOptions;
  #current: { readonly beganAtMs: number; readonly done: Promise<void> } | undefined;

  constructor(options: SharedLookOptions) {
    this.#options = options;
  }

  /** Resolves, or is rejected, as the look does. */
  ask(): Promise<void> {
    const { clock, youngMs, look } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#current !== undefined && nowMs - this.#current.beganAtMs < youngMs) return this.#current.done;
    const current = { beganAtMs: nowMs, done: look() };
    this.#current = current;
    const end = () => {
      if (this.#current === current) this.#current = undefined;
    };
    current.done.then(end, end);
    return current.done;
  }
}
