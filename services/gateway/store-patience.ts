/**
 * Nobody waits for the region's database beyond the own deadline. A statement that hangs goes on until its timeout, so
 * that requests in a hurry don't make the database's work dearer; only whoever has asked does not wait for it.
 */
import type { Clock } from "../ports/clock.ts";
import { StoreUnavailableError } from "../ports/region-store.ts";

const SWEEP_EVERY_MS = 25;
/** Whoever waits for the log as well has more to tell at the deadline itself. */
const GRACE_MS = 100;

interface Wait {
  readonly lateAtMs: number;
  readonly giveUp: () => void;
}

export class StorePatience {
  readonly #clock: Clock;
  readonly #waits = new Set<Wait>();
  #isSweeping = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Waits for what was asked of the database, which may still come after the wait is over.
   * @param deadlineAtMs on the monotonic clock; Infinity for none.
   * @param outcome to tell of what is late: `unknown` for what has an effect.
   * @throws {StoreUnavailableError} shortly after the deadline; and whatever the promise is rejected with.
   */
  async until<T>(
    deadlineAtMs: number,
    asked: Promise<T>,
    outcome: StoreUnavailableError["outcome"] = "none",
  ): Promise<T> {
    if (deadlineAtMs === Infinity) return asked;
    let wait: Wait | undefined;
    const late = new Promise<never>((_, reject) => {
      wait = { lateAtMs: deadlineAtMs + GRACE_MS, giveUp: () => reject(noAnswer(outcome)) };
    });
    this.#waits.add(wait!);
    if (!this.#isSweeping) void this.#sweep();
    try {
      return await Promise.race([asked, late]);
    } finally {
      this.#waits.delete(wait!);
    }
  }

  /** One timer for all who wait. */
  async #sweep(): Promise<void> {
    this.#isSweeping = true;
    while (this.#waits.size > 0) {
      await this.#clock.sleep(SWEEP_EVERY_MS);
      const nowMs = this.#clock.monotonicMs();
      for (const { lateAtMs, giveUp } of this.#waits) if (lateAtMs <= nowMs) giveUp();
    }
    this.#isSweeping = false;
  }
}

function noAnswer(outcome: StoreUnavailableError["outcome"]): StoreUnavailableError {
  return new StoreUnavailableError("the database has not answered before the request's deadline", {
    outcome,
  });
}
