/** A hint between roles of one process that something may have changed. Losing one costs a poll, never correctness. */
import type { Clock } from "../ports/clock.ts";

export class Signal {
  readonly #waiting = new Set<() => void>();

  notify(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Resolves at the next `notify`, after `timeoutMs`, or when `stop` is aborted. */
  async wait(options: { clock: Clock; timeoutMs: number; stop?: AbortSignal }): Promise<void> {
    const woken = new AbortController();
    // With a reason given, none is made up, which costs more than all the rest.
    const wake = () => woken.abort("woken");
    this.#waiting.add(wake);
    options.stop?.addEventListener("abort", wake, { once: true });
    try {
      if (options.stop?.aborted !== true) await options.clock.sleep(options.timeoutMs, woken.signal);
    } finally {
      this.#waiting.delete(wake);
      options.stop?.removeEventListener("abort", wake);
    }
  }
}
