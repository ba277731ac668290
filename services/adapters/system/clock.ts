/** The machine's own clock and timers. */
import type { Clock } from "../../ports/clock.ts";

/** Node fires a longer timer at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export class SystemClock implements Clock {
  nowMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  after(delayMs: number, call: () => void): () => void {
    const timer = setTimeout(call, Math.min(delayMs, TIMER_MS_MAX));
    return () => clearTimeout(timer);
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        callOff();
        signal?.removeEventListener("abort", finish);
        resolve();
      };
      const callOff = this.after(delayMs, finish);
      signal?.addEventListener("abort", finish, { once: true });
    });
  }
}
