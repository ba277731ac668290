/** A log that can be asked before it is connected: a region takes local writes also when it starts without its log. */
import type { JetStreamLog } from "../adapters/jetstream/log.ts";
import {
  LogUnavailableError,
  type GlobalLog,
  type Leadership,
  type LogInspection,
  type LogSubscription,
  type MoveLeaderRequest,
  type PublishRequest,
  type RebuildRequest,
  type RebuiltLog,
  type TrimRequest,
} from "../ports/global-log.ts";
import type { Clock, Random } from "../ports/clock.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";

const RETRY_BASE_MS = 250;
const RETRY_MAX_MS = 5_000;

export interface LateLogOptions {
  readonly open: () => Promise<JetStreamLog>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export class LateLog implements GlobalLog {
  readonly #options: LateLogOptions;
  #log: JetStreamLog | undefined;
  #problem: string | undefined = "the log is not connected yet";
  #isClosed = false;

  constructor(options: LateLogOptions) {
    this.#options = options;
  }

  /** Why the log can't be used, as far as the start has come; undefined once it is through. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Connects, and tries again until it has worked or `stop` is aborted. */
  async connect(stop: AbortSignal): Promise<void> {
    await this.#persist(stop, "the log can't be connected", async () => {
      const log = await this.#options.open();
      // The process may have been told to stop in the meantime.
      if (this.#isClosed) await log.close();
      else this.#log = log;
    });
  }

  /**
   * Sees to it that the partition's stream is there and has a leader, and tries again until it is so. One that is gone is
   * only made by a region that has folded nothing; others go on without, and find out what has become of it.
   */
  async ensureStream(partition: number, hasFolded: () => Promise<boolean>, stop: AbortSignal): Promise<void> {
    await this.#persist(stop, `the stream of partition ${partition} is not there`, async () =>
      this.#present().ensureStream(partition, { mayMake: !(await hasFolded()) }),
    );
  }

  async inspect(partition: number): Promise<LogInspection> {
    return this.#present().inspect(partition);
  }

  async leadership(partition: number): Promise<Leadership> {
    return this.#present().leadership(partition);
  }

  async moveLeader(request: MoveLeaderRequest): Promise<{ leader: string | undefined }> {
    return this.#present().moveLeader(request);
  }

  async publish(request: PublishRequest): Promise<{ position: number }> {
    return this.#present().publish(request);
  }

  async subscribe(options: Parameters<GlobalLog["subscribe"]>[0]): Promise<LogSubscription> {
    return this.#present().subscribe(options);
  }

  async trim(options: TrimRequest): Promise<{ readonly firstPosition: number }> {
    return this.#present().trim(options);
  }

  async rebuild(request: RebuildRequest): Promise<RebuiltLog> {
    return this.#present().rebuild(request);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#log?.close();
  }

  #present(): JetStreamLog {
    if (this.#log !== undefined) return this.#log;
    throw new LogUnavailableError(this.#problem ?? "the log is not connected");
  }

  async #persist(stop: AbortSignal, what: string, work: () => Promise<void>): Promise<void> {
    const { clock, random, logger } = this.#options;
    for (let attempt = 0; !stop.aborted; attempt += 1) {
      try {
        await work();
        this.#problem = undefined;
        return;
      } catch (error) {
        this.#problem = `${what}: ${describeError(error)}`;
        logger.warn({ attempt, error: describeError(error) }, `${what}; trying again`);
        const delayMs = backoffMs({ attempt, baseMs: RETRY_BASE_MS, maxMs: RETRY_MAX_MS, random });
        await clock.sleep(delayMs, stop);
      }
    }
  }
}
