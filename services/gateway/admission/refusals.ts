/** What was refused lately: for the status, and for how long those who were refused should stay away. */
import type { RefusalReason } from "../../core/admission/reason.ts";
import type { Clock } from "../../ports/clock.ts";

/** Shedding is told of for this long after the last refusal. */
const SHOWN_MS = 5_000;

export interface Refusal {
  readonly reason: RefusalReason;
  readonly retryAfterMs: number;
}

export interface AdmissionStatus {
  readonly state: "open" | "shedding";
  /** Of the last refusal. */
  readonly reason?: RefusalReason;
}

export class Refusals {
  readonly #clock: Clock;
  #lastAtMs = Number.NEGATIVE_INFINITY;
  #reason: RefusalReason | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(reason: RefusalReason): void {
    this.#lastAtMs = this.#clock.monotonicMs();
    this.#reason = reason;
  }

  status(): AdmissionStatus {
    if (this.#reason === undefined || this.#clock.monotonicMs() - this.#lastAtMs > SHOWN_MS) {
      return { state: "open" };
    }
    return { state: "shedding", reason: this.#reason };
  }
}
