/** Whether a process serves, and whether anybody may still believe so. */
import type { Clock } from "../ports/clock.ts";

export interface ReadinessOptions {
  readonly clock: Clock;
  /** Why it does not serve; empty when it does. */
  readonly reasons: () => string[];
  /** Whether an operator has taken the region out of service. */
  readonly isDrained: () => boolean;
}

export class Readiness {
  readonly #options: ReadinessOptions;
  #toldAtMs = -Infinity;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** As it is told to whoever asks. */
  reasons(): string[] {
    const { clock, reasons, isDrained } = this.#options;
    const found = reasons();
    if (found.length === 0 && !isDrained()) this.#toldAtMs = clock.monotonicMs();
    return found;
  }

  /**
   * For how long it has to serve on when it is stopped: 0 unless it serves, or somebody was told so within that time, since
   * balancers look only every few seconds.
   */
  noticeMs(fullMs: number): number {
    this.reasons();
    return this.#options.clock.monotonicMs() - this.#toldAtMs <= fullMs ? fullMs : 0;
  }
}
