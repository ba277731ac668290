/** Moves the leadership of a partition's log away, again and again, until it is told to stop. */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../errors.ts";

export interface Flapping {
  readonly partition: number;
  readonly everyMs: number;
  /** How often the leader has stepped down. */
  readonly moves: number;
  /** Why the last try failed, as during an election; undefined when it did not. */
  readonly problem: string | undefined;
}

export interface FlapOptions {
  readonly partition: number;
  readonly everyMs: number;
  readonly stepDown: () => Promise<unknown>;
}

export class LeaderFlapper {
  readonly #options: FlapOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #moves = 0;
  #problem: string | undefined;

  /** Starts at once. */
  constructor(options: FlapOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  get state(): Flapping {
    const { partition, everyMs } = this.#options;
    return { partition, everyMs, moves: this.#moves, problem: this.#problem };
  }

  /** Resolves once no step-down is under way any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const startMs = performance.now();
      try {
        await this.#options.stepDown();
        this.#moves += 1;
        this.#problem = undefined;
      } catch (error) {
        this.#problem = messageOf(error);
      }
      const restMs = this.#options.everyMs - (performance.now() - startMs);
      await sleep(Math.max(0, restMs), undefined, { signal }).catch(() => undefined);
    }
  }
}
