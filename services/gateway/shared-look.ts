/**
 * One look at the store for all who ask within a moment. After a pause of the process every request wants one, and the
 * database is as busy as they are: a look for each would keep the next ones waiting.
 */
import type { Clock } from "../ports/clock.ts";
import { StoreUnavailableError } from "../ports/region-store.ts";
import type { StorePatience } from "./store-patience.ts";
import { inTime } from "../runtime/in-time.ts";

const LOOK_AGAIN_MS = 100;
/** A restart of the database is waited for, as in the group commit; one that is away for longer refuses at once. */
const FAILING_MS_MAX = 5_000;

export interface SharedLookOptions {
  readonly clock: Clock;
  /** Who asks later than that after a look has begun gets another. */
  readonly youngMs: number;
  readonly look: () => Promise<void>;
}

interface Look {
  readonly beganAtMs: number;
  readonly done: Promise<void>;
}

export class SharedLook {
  readonly #options: SharedLookOptions;
  #current: Look | undefined;
  /** When the newest look that was answered had begun. */
  #answeredAtMs: number;

  constructor(options: SharedLookOptions) {
    this.#options = options;
    this.#answeredAtMs = options.clock.monotonicMs();
  }

  /** Resolves, or is rejected, as the look does. */
  ask(): Promise<void> {
    return this.#join().done;
  }

  /**
   * Asks until a look is answered, however long that one has taken. Beside one that takes too long others are begun, since it
   * may hang alone; after one that fails, too, while the store has not been failing for long.
   * @throws {StoreUnavailableError} by the deadline.
   */
  async askUntil(deadlineAtMs: number, patience: StorePatience): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      try {
        return await patience.until(deadlineAtMs, this.#firstAnswer(deadlineAtMs));
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        if (this.#failingMs >= FAILING_MS_MAX || clock.monotonicMs() >= deadlineAtMs) throw error;
      }
      await clock.sleep(LOOK_AGAIN_MS);
    }
  }

  /** Of looks of which each begins when the one before is no longer young. */
  async #firstAnswer(deadlineAtMs: number): Promise<void> {
    const { clock, youngMs } = this.#options;
    const answers: Promise<boolean>[] = [];
    do {
      const { beganAtMs, done } = this.#join();
      answers.push(done.then(() => true));
      const timeoutMs = youngMs - (clock.monotonicMs() - beganAtMs);
      if (await inTime(Promise.race(answers), { clock, timeoutMs, late: () => false })) return;
    } while (clock.monotonicMs() < deadlineAtMs);
    await Promise.race(answers);
  }

  /** For how long the newest answer has said too little. */
  get #failingMs(): number {
    const { clock, youngMs } = this.#options;
    return clock.monotonicMs() - this.#answeredAtMs - youngMs;
  }

  #join(): Look {
    const { clock, youngMs } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#current !== undefined && nowMs - this.#current.beganAtMs < youngMs) return this.#current;
    return this.#begin(nowMs);
  }

  #begin(beganAtMs: number): Look {
    const current = { beganAtMs, done: this.#options.look() };
    this.#current = current;
    const end = () => {
      if (this.#current === current) this.#current = undefined;
    };
    const answered = () => {
      this.#answeredAtMs = Math.max(this.#answeredAtMs, beganAtMs);
      end();
    };
    current.done.then(answered, end);
    return current;
  }
}
