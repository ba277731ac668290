/** The level of this process's log, changed while it runs, for a time: it falls back by itself. */
import type { Clock } from "../ports/clock.ts";
import type { AdjustableLogger, LogLevel } from "./logger.ts";

export interface LevelReport {
  readonly level: LogLevel;
  /** What it falls back to. */
  readonly configured: LogLevel;
  /** Until it does; undefined where it is as configured. */
  readonly leftMs: number | undefined;
}

export class LogLevels {
  readonly #logger: AdjustableLogger;
  readonly #configured: LogLevel;
  readonly #clock: Clock;
  #changed:
    { readonly level: LogLevel; readonly untilMs: number; readonly over: AbortController } | undefined;

  constructor(options: { logger: AdjustableLogger; configured: LogLevel; clock: Clock }) {
    this.#logger = options.logger;
    this.#configured = options.configured;
    this.#clock = options.clock;
  }

  read(): LevelReport {
    const changed = this.#changed;
    const configured = this.#configured;
    if (changed === undefined) return { level: configured, configured, leftMs: undefined };
    const leftMs = Math.max(0, changed.untilMs - this.#clock.monotonicMs());
    return { level: changed.level, configured, leftMs };
  }

  /** The newest change counts. */
  change(level: LogLevel, forMs: number): LevelReport {
    this.#changed?.over.abort();
    const over = new AbortController();
    this.#changed = { level, untilMs: this.#clock.monotonicMs() + forMs, over };
    this.#logger.warn({ level, for_ms: forMs }, "the level of this log is changed");
    this.#logger.level = level;
    void this.#fallBack(over.signal, forMs);
    return this.read();
  }

  async #fallBack(over: AbortSignal, forMs: number): Promise<void> {
    await this.#clock.sleep(forMs, over);
    if (over.aborted) return;
    this.#changed = undefined;
    this.#logger.level = this.#configured;
    this.#logger.warn({ level: this.#configured }, "the level of this log is as configured again");
  }
}
