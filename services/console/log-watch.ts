/** Asks now and then who leads each partition's log, and where it ends, so that whoever tells of it need not ask. */
import type { Clock, Random } from "../ports/clock.ts";
import type { GlobalLog, Leadership } from "../ports/global-log.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";

const LOOK_EVERY_MS = 1_000;
/** So many partitions are asked about in a second, whatever their number. */
const LOOKS_PER_SECOND_MAX = 8;
/** A question that has no answer for so long says that nobody leads, as far as is known. */
const PATIENCE_MS = 1_000;

export interface LogLook {
  readonly leader: string | undefined;
  readonly term: number | undefined;
  readonly lastPosition: number | undefined;
  /** Entries by which this region's copy is behind its leader's. */
  readonly replicaLag: number | undefined;
}

export interface LogWatchOptions {
  readonly region: string;
  readonly partitions: number;
  readonly log: Pick<GlobalLog, "leadership">;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export class LogWatch {
  readonly #options: LogWatchOptions;
  readonly #everyMs: number;
  readonly #looks = new Map<number, { readonly look: LogLook; readonly atMs: number }>();

  constructor(options: LogWatchOptions) {
    this.#options = options;
    this.#everyMs = Math.max(LOOK_EVERY_MS, (options.partitions * 1_000) / LOOKS_PER_SECOND_MAX);
  }

  /** Undefined where the log could not be asked of late. */
  last(partition: number): LogLook | undefined {
    const last = this.#looks.get(partition);
    if (last === undefined) return undefined;
    const ageMs = this.#options.clock.monotonicMs() - last.atMs;
    return ageMs > this.#everyMs + PATIENCE_MS ? undefined : last.look;
  }

  /** Looks until stopped. Never rejects. */
  async watch(stop: AbortSignal): Promise<void> {
    const numbers = Array.from({ length: this.#options.partitions }, (_, partition) => partition);
    await Promise.all(numbers.map((partition) => this.#watchPartition(partition, stop)));
  }

  async #watchPartition(partition: number, stop: AbortSignal): Promise<void> {
    const { log, clock, random, logger } = this.#options;
    // Spread, so that the log is not asked of all partitions at once.
    await clock.sleep(this.#everyMs * random.fraction(), stop);
    while (!stop.aborted) {
      try {
        const look = this.#toLook(await log.leadership(partition));
        this.#looks.set(partition, { look, atMs: clock.monotonicMs() });
      } catch (error) {
        this.#looks.delete(partition);
        logger.debug({ partition, error: describeError(error) }, "the log can't be asked who leads");
      }
      await clock.sleep(this.#everyMs, stop);
    }
  }

  #toLook({ leader, term, lastPosition, replicas }: Leadership): LogLook {
    const { region } = this.#options;
    const own = replicas.find((replica) => replica.region === region);
    return { leader, term, lastPosition, replicaLag: leader === region ? 0 : own?.lagEntries };
  }
}
