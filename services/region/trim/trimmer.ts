/**
 * Trims what every member has: mark where the partition is → how far are all → WAL, log, operations up to the last mark
 * that is old enough.
 *
 * Each region does it at its own pace, in every process that may be an applier. For its own rows somebody has to; the log
 * and the operation ids are everybody's, but to ask for what is done already changes nothing, and so there is no office of
 * the trimmer that could be lost with the region that holds it.
 */
import { positionSeenByAll } from "../../core/fold/state.ts";
import { placeMembers, type MembersPlace } from "../../core/trim/members.ts";
import { encodeEntry, FORGET_VERSION } from "../../protocol/entry-codec.ts";
import type { Changes } from "../../ports/changes.ts";
import type { Clock, Random } from "../../ports/clock.ts";
import { LogUnavailableError, type GlobalLog } from "../../ports/global-log.ts";
import type {
  CommittedState,
  Maintenance,
  Positions,
  StateReader,
  TrimMark,
} from "../../ports/region-store.ts";
import type { LogBreaker } from "../../runtime/log-breaker.ts";
import type { TrimMetrics } from "./metrics.ts";

/** Few enough that a batch is over in milliseconds; together more than is ever written meanwhile. */
const WAL_BATCH_ROWS = 2_000;
const CHANGES_BATCH_ROWS = 500;
const WAL_PAUSE_MS = 20;
const MARKS_BATCH_ROWS = 1_000;
/** A pass over all operations goes on in the next round after so many looks: the rest of the work must not wait for it. */
const OPERATION_LOOKS_MAX = 300;
const OPERATIONS_PAUSE_MS = 50;
/** Ids are forgotten in steps of this part of their retention: each is an entry in the log, and a pass over the rows. */
const FORGET_STEP = 1 / 4;
const PUBLISH_TIMEOUT_MS = 5_000;

export interface TrimSettings {
  /** How often, and how far in log time marks are apart at most. */
  readonly everyMs: number;
  /** How long, in log time, everything is kept that nobody needs any more. */
  readonly logRetentionMs: number;
  readonly walRetentionMs: number;
  readonly operationRetentionMs: number;
  readonly changesRetentionMs: number;
  /** A member that has told of nothing for longer, in log time, is not waited for. */
  readonly awayMsMax: number;
}

export interface TrimmerOptions {
  readonly region: string;
  readonly partitions: number;
  readonly settings: TrimSettings;
  readonly store: Maintenance &
    Pick<Changes, "trimChanges"> &
    Pick<StateReader, "readPositions"> &
    Pick<CommittedState, "logCreatedAtMs">;
  readonly log: Pick<GlobalLog, "inspect" | "trim">;
  readonly breakers: readonly Pick<LogBreaker, "publish">[];
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: TrimMetrics;
}

/** A partition as it is looked at in one round. */
interface Round {
  readonly partition: number;
  readonly positions: Positions;
  readonly placed: MembersPlace;
  /** Of the log; undefined where it can't be asked, or is another one. */
  readonly first: number | undefined;
  /** When the log was made that the region has folded. */
  readonly createdAtMs: number;
}

export class Trimmer {
  readonly #options: TrimmerOptions;
  /** Where the pass over the operations goes on, and how far ids were forgotten when it began. */
  #pass: { next: number; readonly forgotten: number } | undefined;
  #passedFor = 0;

  constructor(options: TrimmerOptions) {
    this.#options = options;
  }

  /**
   * One round over all partitions. What can't be done is left to the next round, and keeps nothing else from being done.
   * @returns how much was trimmed: rows, and once for each log.
   * @throws the first of what went wrong.
   */
  async trim(stop: AbortSignal): Promise<number> {
    const errors: unknown[] = [];
    let trimmed = 0;
    const attempt = async (work: () => Promise<number>) => {
      try {
        if (!stop.aborted) trimmed += await work();
      } catch (error) {
        errors.push(error);
      }
    };
    let forgotten = 0;
    for (let partition = 0; partition < this.#options.partitions && !stop.aborted; partition += 1) {
      await attempt(async () => {
        const round = await this.#look(partition);
        if (round === undefined) return 0;
        forgotten += round.positions.forgotten.position;
        const { settings } = this.#options;
        const wal = await this.#markOf(round, settings.walRetentionMs, round.placed.foldedByAll);
        await attempt(() => this.#trimWal(partition, wal, stop));
        const log = await this.#trimLog(round, attempt);
        const operations = await this.#forget(round, attempt);
        const changes = await this.#markOf(round, settings.changesRetentionMs, Number.MAX_SAFE_INTEGER);
        await attempt(() => this.#trimChanges(partition, changes, stop));
        return this.#trimMarks(partition, [wal, log, operations, changes]);
      });
    }
    await attempt(() => this.#trimOperations(forgotten, stop));
    if (errors.length > 0) throw errors[0];
    return trimmed;
  }

  async #look(partition: number): Promise<Round | undefined> {
    const { store, settings, metrics } = this.#options;
    await store.addTrimMark({ partition, everyMs: settings.everyMs / 2 });
    const positions = await store.readPositions(partition);
    const startedAtMs = await store.logCreatedAtMs(partition);
    if (positions.cluster === null || startedAtMs === undefined) return undefined;
    const first = await this.#firstPosition(partition, startedAtMs);
    const placed = placeMembers(positions, { awayMsMax: settings.awayMsMax, startedAtMs });
    if (first !== undefined)
      metrics.log(partition, { firstPosition: first, isTooLate: first > positions.position + 1 });
    metrics.members(partition, { regions: Object.keys(positions.origins), placed });
    metrics.forgottenTo(partition, positions.forgotten.position);
    return { partition, positions, placed, first, createdAtMs: startedAtMs };
  }

  /** The region's own rows are trimmed also while nobody leads the log. One that is not the region's own is none of its business. */
  async #firstPosition(partition: number, madeAtMs: number): Promise<number | undefined> {
    try {
      const { createdAtMs, firstPosition } = await this.#options.log.inspect(partition);
      return createdAtMs === madeAtMs ? firstPosition : undefined;
    } catch (error) {
      if (error instanceof LogUnavailableError) return undefined;
      throw error;
    }
  }

  #markOf(round: Round, retentionMs: number, positionMax: number): Promise<TrimMark | undefined> {
    const { partition, positions } = round;
    const logTimeMsMax = positions.logTimeMs - retentionMs;
    return this.#options.store.findTrimMark({ partition, positionMax, logTimeMsMax });
  }

  async #trimWal(partition: number, mark: TrimMark | undefined, stop: AbortSignal): Promise<number> {
    const { store, metrics, clock, random } = this.#options;
    if (mark === undefined) return 0;
    let trimmed = 0;
    while (!stop.aborted) {
      const rows = await store.trimWal({ partition, upTo: mark.watermark, rowsMax: WAL_BATCH_ROWS });
      trimmed += rows;
      metrics.walTrimmed(partition, rows);
      if (rows < WAL_BATCH_ROWS) break;
      await clock.sleep(WAL_PAUSE_MS * (0.5 + random.fraction()), stop);
    }
    return trimmed;
  }

  /** Nobody but who follows from before needs them, and is told. */
  async #trimChanges(partition: number, mark: TrimMark | undefined, stop: AbortSignal): Promise<number> {
    const { store, clock, random } = this.#options;
    if (mark === undefined) return 0;
    let trimmed = 0;
    while (!stop.aborted) {
      const rows = await store.trimChanges({ partition, upTo: mark.position, rowsMax: CHANGES_BATCH_ROWS });
      trimmed += rows;
      if (rows < CHANGES_BATCH_ROWS) break;
      await clock.sleep(WAL_PAUSE_MS * (0.5 + random.fraction()), stop);
    }
    return trimmed;
  }

  async #trimLog(round: Round, attempt: Attempt): Promise<TrimMark | undefined> {
    const { log, settings, metrics } = this.#options;
    const { partition, placed, first, createdAtMs } = round;
    const mark = await this.#markOf(round, settings.logRetentionMs, placed.foldedByAll);
    await attempt(async () => {
      if (mark === undefined || first === undefined || mark.position < first) return 0;
      const trimmed = await log.trim({ partition, createdAtMs, below: mark.position + 1 });
      metrics.log(partition, { ...trimmed, isTooLate: false });
      return 1;
    });
    return mark;
  }

  async #forget(round: Round, attempt: Attempt): Promise<TrimMark | undefined> {
    const { settings, region, breakers } = this.#options;
    const { partition, positions, placed, first } = round;
    const without = placed.away.map((place) => place.region);
    const seen = positionSeenByAll(positions, without);
    const mark = await this.#markOf(round, settings.operationRetentionMs, seen);
    await attempt(async () => {
      if (mark === undefined || first === undefined || !isWorthForgetting(positions, mark, settings))
        return 0;
      const { position, logTimeMs } = mark;
      const entry = { kind: "forget", origin: region, position, logTimeMs, without } as const;
      await breakers[partition]!.publish("forget", encodeEntry(entry), { timeoutMs: PUBLISH_TIMEOUT_MS });
      return 1;
    });
    return mark;
  }

  /** Of marks that are older than all that were found none is looked for again. */
  async #trimMarks(partition: number, found: readonly (TrimMark | undefined)[]): Promise<number> {
    const below = Math.min(...found.map((mark) => mark?.position ?? 0));
    if (below > 0) {
      await this.#options.store.trimMarks({ partition, below, rowsMax: MARKS_BATCH_ROWS });
    }
    return 0;
  }

  /** @param forgotten rises whenever the log has let go of more. */
  async #trimOperations(forgotten: number, stop: AbortSignal): Promise<number> {
    const { store, metrics, clock, random } = this.#options;
    if (this.#pass === undefined && forgotten <= this.#passedFor) return 0;
    const pass = this.#pass ?? { next: 0, forgotten };
    let total = 0;
    for (let looks = 0; looks < OPERATION_LOOKS_MAX && !stop.aborted; looks += 1) {
      const { trimmed, next } = await store.trimOperations({ from: pass.next });
      total += trimmed;
      metrics.operationsTrimmed(trimmed);
      if (next === undefined) {
        this.#passedFor = pass.forgotten;
        this.#pass = undefined;
        return total;
      }
      pass.next = next;
      this.#pass = pass;
      await clock.sleep(OPERATIONS_PAUSE_MS * (0.5 + random.fraction()), stop);
    }
    return total;
  }
}

type Attempt = (work: () => Promise<number>) => Promise<void>;

function isWorthForgetting(
  { forgotten, origins }: Positions,
  mark: TrimMark,
  { operationRetentionMs }: TrimSettings,
): boolean {
  // An entry that one of the regions can't decode would stop it.
  const isRead = Object.values(origins).every(({ tick }) => tick === null || tick.reads >= FORGET_VERSION);
  const sinceMs = mark.logTimeMs - forgotten.logTimeMs;
  return isRead && mark.position > forgotten.position && sinceMs >= operationRetentionMs * FORGET_STEP;
}
