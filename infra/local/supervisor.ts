/** Starts processes again that ended without being asked to, each time after a longer pause. */
import { setTimeout as sleep } from "node:timers/promises";
import { describeExit, type ChildExit } from "./child.ts";
import { messageOf } from "./errors.ts";
import type { OnStep } from "./steps.ts";

export interface Supervised {
  readonly name: string;
  /** Whether it should be running: false from before it is stopped on purpose. */
  readonly isWanted: () => boolean;
  /** Starts it, and resolves when it is up. */
  readonly restart: (signal: AbortSignal) => Promise<void>;
  /** The end of the process that runs now; undefined when none was started. */
  readonly exited: () => Promise<ChildExit> | undefined;
}

const PAUSE_MS_MIN = 250;
const PAUSE_MS_MAX = 10_000;
/** One that ran this long is taken for healthy: its next pause is short again. */
const HEALTHY_MS = 60_000;

export class Supervisor {
  readonly #onStep: OnStep;
  readonly #stop = new AbortController();
  readonly #watches: Promise<void>[] = [];

  constructor(onStep: OnStep) {
    this.#onStep = onStep;
  }

  /** Watches a process that is running, until `stop`. */
  watch(supervised: Supervised): void {
    this.#watches.push(this.#watch(supervised));
  }

  /** Ends all watching; a restart that is under way is abandoned, and its process is left to the caller. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#watches);
  }

  async #watch(supervised: Supervised): Promise<void> {
    const { signal } = this.#stop;
    const stopped = new Promise<undefined>((resolve) => {
      signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    let pauseMs = PAUSE_MS_MIN;
    while (!signal.aborted) {
      const startMs = performance.now();
      const exit = await Promise.race([supervised.exited() ?? stopped, stopped]);
      if (signal.aborted) {
        return;
      }
      if (performance.now() - startMs > HEALTHY_MS) {
        pauseMs = PAUSE_MS_MIN;
      }
      if (exit !== undefined && supervised.isWanted()) {
        const detail = `${describeExit(exit)}; starting it again in ${pauseMs / 1000} s`;
        this.#onStep({ name: supervised.name, state: "note", detail });
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      if (supervised.isWanted() && !signal.aborted) {
        pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
        await this.#restart(supervised);
      }
    }
  }

  async #restart(supervised: Supervised): Promise<void> {
    const startMs = performance.now();
    try {
      await supervised.restart(this.#stop.signal);
      const detail = "is up again";
      this.#onStep({ name: supervised.name, state: "note", detail, durationMs: performance.now() - startMs });
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        this.#onStep({ name: supervised.name, state: "note", detail: messageOf(error) });
      }
    }
  }
}
