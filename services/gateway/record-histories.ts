/** How a record came to be what it is, from the log itself: backwards, a stretch of entries at a time. */
import { checkKey } from "../core/accept/key.ts";
import type { OperationOutcome } from "../core/fold/state.ts";
import { appearancesIn, type Appearance } from "../core/record-history.ts";
import { LogTruncatedError, LogUnavailableError, SubscriptionLostError } from "../ports/global-log.ts";
import { describeError } from "../runtime/describe-error.ts";
import { readLog } from "../runtime/read-log.ts";
import { GatewayError } from "./errors.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import type { Planner } from "./planner.ts";

/** Entries that are read at once, and in one answer: most of them are of other records. */
const STRETCH_ENTRIES = 500;
const READ_ENTRIES_MAX = 5_000;
const READ_BYTES_MAX = 16 * 1024 * 1024;
/** One that takes longer answers with what it has, and says how far it has come. */
const READ_MS_MAX = 4_000;
const RETRY_AFTER_MS = 2_000;
/** Of one process: each takes a consumer of the log. */
const AT_ONCE_MAX = 4;

export interface HistoryRequest {
  readonly tenant: string;
  readonly collection: string;
  readonly key: string;
  /** Only what the log has before this position; undefined: from its end on. */
  readonly before: number | undefined;
  /** About. */
  readonly limit: number;
}

/** What a stretch of the log says of one record, newest first. */
export interface RecordHistory {
  readonly partition: number;
  readonly appearances: readonly Appearance[];
  /** Positions that were looked at. */
  readonly from: number;
  readonly to: number;
  /** The log holds nothing before `from`: it begins there, or was trimmed. */
  readonly isWhole: boolean;
  /** By operation id, of those that the fold remembers. */
  readonly outcomes: ReadonlyMap<string, OperationOutcome>;
}

export interface Histories {
  /** @throws {GatewayError} invalid-key, unknown-collection, no-quorum, overloaded. @throws {StoreUnavailableError} */
  read(request: HistoryRequest): Promise<RecordHistory>;
}

type Options = Pick<GatewayOptions, "store" | "log" | "clock">;

export class RecordHistories implements Histories {
  readonly #options: Options;
  readonly #planner: Planner;
  #reading = 0;

  constructor(options: Options, planner: Planner) {
    this.#options = options;
    this.#planner = planner;
  }

  async read(request: HistoryRequest): Promise<RecordHistory> {
    const { tenant, collection, key } = request;
    checkKey(key);
    const { partition } = await this.#planner.locate({ tenant, collection, key });
    if (this.#reading >= AT_ONCE_MAX) {
      const message = `${AT_ONCE_MAX} histories are read already`;
      throw new GatewayError("overloaded", message, { retryAfterMs: RETRY_AFTER_MS });
    }
    this.#reading += 1;
    try {
      const looked = await this.#look(partition, request);
      return { partition, ...looked, outcomes: await this.#outcomesOf(partition, looked.appearances) };
    } catch (error) {
      if (!isOfTheLog(error)) throw error;
      const message = `the log can't be read: ${describeError(error)}`;
      throw new GatewayError("no-quorum", message, { retryAfterMs: RETRY_AFTER_MS });
    } finally {
      this.#reading -= 1;
    }
  }

  async #look(partition: number, request: HistoryRequest) {
    const { log, clock } = this.#options;
    const { firstPosition, lastPosition } = await log.inspect(partition);
    const untilMs = clock.monotonicMs() + READ_MS_MAX;
    const to = Math.min(lastPosition, (request.before ?? Infinity) - 1);
    const appearances: Appearance[] = [];
    let [from, bytes] = [to + 1, 0];
    while (from > firstPosition && appearances.length < request.limit) {
      if (to - from >= READ_ENTRIES_MAX || bytes >= READ_BYTES_MAX || clock.monotonicMs() > untilMs) break;
      const stretch = { from: Math.max(firstPosition, from - STRETCH_ENTRIES), to: from - 1 };
      const found: Appearance[] = [];
      await readLog({ log, clock, partition, ...stretch, untilMs: untilMs + READ_MS_MAX }, (entry, size) => {
        bytes += size;
        found.push(...appearancesIn(entry, request));
      });
      appearances.push(...found.toReversed());
      from = stretch.from;
    }
    const kept = firstOf(appearances, request.limit);
    if (kept.length < appearances.length) from = kept.at(-1)!.position;
    return { appearances: kept, from, to, isWhole: from <= firstPosition };
  }

  async #outcomesOf(
    partition: number,
    appearances: readonly Appearance[],
  ): Promise<ReadonlyMap<string, OperationOutcome>> {
    const ids = new Set(
      appearances.flatMap(({ kind, operation }) =>
        operation !== undefined && (kind === "local" || kind === "decided") ? [operation] : [],
      ),
    );
    if (ids.size === 0) return new Map();
    const { outcomes } = await this.#options.store.readOutcomes({ partition, ids: [...ids] });
    return new Map(outcomes.map((outcome) => [outcome.id, outcome]));
  }
}

/** So many, and what came at the same position as the last of them. */
function firstOf(appearances: readonly Appearance[], limit: number): readonly Appearance[] {
  const last = appearances[limit - 1]?.position;
  return last === undefined ? appearances : appearances.filter(({ position }) => position >= last);
}

function isOfTheLog(error: unknown): boolean {
  return [LogUnavailableError, LogTruncatedError, SubscriptionLostError].some(
    (type) => error instanceof type,
  );
}
