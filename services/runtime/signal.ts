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
  wait({ clock, timeoutMs, stop }: { clock: Clock; timeoutMs: number; stop?: AbortSignal }): Promise<void> {
    return new Promise((resolve) => {
      if (stop?.aborted === true) return resolve();
      const wake = () => {
        callOff();
        this.#waiting.delete(wake);
        stop?.removeEventListener("abort", wake);
        resolve();
      };
      const callOff = clock.after(timeoutMs, wake);
      this.#waiting.add(wake);
      stop?.addEventListener("abort", wake, { once: true });
    });
  }
}
