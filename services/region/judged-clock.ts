/**
 * The process's clock, less what it is certainly off by: stamps and deadlines of a process whose clock is wrong are as right as
 * its messages to other regions are quick. A stamp that is far ahead would take all later ones of the region along.
 */
import type { Clock } from "../ports/clock.ts";

export class JudgedClock implements Clock {
  readonly #clock: Clock;
  readonly #skewMs: () => number;

  /** @param skewMs how far the clock is certainly ahead of what is right; negative: behind. */
  constructor(clock: Clock, skewMs: () => number) {
    this.#clock = clock;
    this.#skewMs = skewMs;
  }

  nowMs(): number {
    return this.#clock.nowMs() - this.#skewMs();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  turn(): Promise<void> {
    return this.#clock.turn();
  }

  after(delayMs: number, call: () => void): () => void {
    return this.#clock.after(delayMs, call);
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return this.#clock.sleep(delayMs, signal);
  }
}
