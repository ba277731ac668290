/**
 * The applier of one partition: receive → decode → fold → commit → tell. The only writer of committed state.
 *
 * A commit is a compare-and-set on the position, so a second applier can't fold the same entry.
 */
import type { OrderedEntry } from "../core/entry.ts";
import { foldEntries, LogMismatchError, sliceOf, type FoldResult } from "../core/fold/fold.ts";
import { chain } from "../core/hash.ts";
import type { FoldRows, FoldSlice, PartitionState } from "../core/fold/state.ts";
import { hlcMilliseconds, isBeyondOffset } from "../core/hlc.ts";
import { ENTRY_BYTES_MAX } from "../protocol/entry-codec.ts";
import { UndecodableEntryError } from "../protocol/undecodable.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { CrashPoints } from "../ports/crash-points.ts";
import {
  LogTruncatedError,
  LogUnavailableError,
  SubscriptionLostError,
  type GlobalLog,
  type LogMessage,
} from "../ports/global-log.ts";
import {
  KnownOperationError,
  StaleApplierError,
  StoreUnavailableError,
  type RegionStore,
} from "../ports/region-store.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";
import type { FoldFeed } from "../runtime/fold-feed.ts";
import type { ApplierMetrics } from "./metrics.ts";
import { checkMembership, openLog } from "./open-log.ts";
import { foldedRows, groupsOf, overlay, type FoldedRows, type LoadedGroup } from "./fold-group.ts";
import { RecordCache } from "./record-cache.ts";
import { SecondOpinion } from "./second-opinion.ts";

const RECEIVE_LIMITS = { messagesMax: 256, bytesMax: 2 * 1024 * 1024, timeoutMs: 1_000 } as const;
/** Operations of one commit; an entry is never split, so a commit may exceed it by one entry. */
const COMMIT_OPERATIONS_MAX = 2_048;
/** Growth of a commit after each success, once failures have made it small. */
const PACE_STEP = 16;
/** While rows are loaded, the fold before is under way and the one before that may still be committing. */
const UNSEEN_RESULTS_MAX = 2;
/** A log that can't be folded is looked at again after this time: somebody may have mended it. */
const STOPPED_RETRY_MS = 15_000;
const RESUBSCRIBE_BASE_MS = 50;
const FAILURES_PER_WARNING = 10;
/** Short: what the log has decided is told when it is folded here, and those who wait for it gain each pause. */
const RESUBSCRIBE_MAX_MS = 500;

export interface ApplierOptions {
  readonly region: string;
  readonly partition: number;
  readonly partitions: number;
  readonly members: readonly string[];
  readonly store: RegionStore;
  readonly log: GlobalLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly crashPoints: CrashPoints;
  readonly logger: Logger;
  readonly metrics: ApplierMetrics;
  /** Told after every commit. */
  readonly folded: FoldFeed;
}

export class Applier {
  readonly #options: ApplierOptions;
  readonly #pace = new Pace();

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  /** Folds until stopped, or until another applier has taken over. Stops folding, and says so, where the log is wrong. */
  async run(stop: AbortSignal): Promise<void> {
    try {
      await this.#runUntilLost(stop);
    } finally {
      // Whoever takes over says for itself whether it can fold.
      this.#options.metrics.stopped(undefined);
    }
  }

  async #runUntilLost(stop: AbortSignal): Promise<void> {
    const { clock, logger, metrics, partition } = this.#options;
    while (!stop.aborted) {
      try {
        await this.#foldLog(stop);
        return;
      } catch (error) {
        if (error instanceof StaleApplierError) return;
        if (!isFatalForLog(error)) throw error;
        metrics.stopped(describeError(error));
        logger.error(
          { partition, error: describeError(error) },
          "folding has stopped: the log is not what it must be",
        );
        await clock.sleep(STOPPED_RETRY_MS, stop);
      }
    }
  }

  async #foldLog(stop: AbortSignal): Promise<void> {
    const { metrics } = this.#options;
    const state = await openLog(this.#options, stop);
    metrics.stopped(undefined);
    const run = new FoldRun({ ...this.#options, pace: this.#pace }, state);
    try {
      await run.follow(stop);
    } catch (error) {
      // A group whose rows are too many bytes for a statement's deadline is tried again in halves.
      if (error instanceof StoreUnavailableError) this.#pace.slowDown();
      throw error;
    }
  }
}

function isFatalForLog(error: unknown): boolean {
  return error instanceof UndecodableEntryError || error instanceof LogMismatchError;
}

/** A log that seems to end too early, or to begin too late, is looked at patiently by `openLog` before it is believed. */
function isWorthAnotherTry(error: unknown): boolean {
  return [SubscriptionLostError, LogUnavailableError, LogTruncatedError].some(
    (type) => error instanceof type,
  );
}

/** How many operations go into one commit: fewer after a failure, more again as commits succeed. Survives a run. */
class Pace {
  operationsMax = COMMIT_OPERATIONS_MAX;

  slowDown(): void {
    this.operationsMax = Math.max(1, Math.floor(this.operationsMax / 2));
  }

  speedUp(): void {
    this.operationsMax = Math.min(COMMIT_OPERATIONS_MAX, this.operationsMax + PACE_STEP);
  }
}

/** Whether it was a limit that ended the receive. If so, the next one has to wait for nothing. */
function mayBeMore(messages: readonly LogMessage[]): boolean {
  const bytes = messages.reduce((sum, message) => sum + message.data.byteLength, 0);
  return messages.length === RECEIVE_LIMITS.messagesMax || bytes > RECEIVE_LIMITS.bytesMax - ENTRY_BYTES_MAX;
}

/** Folding from one load of the state on. */
class FoldRun {
  readonly #options: ApplierOptions;
  readonly #pace: Pace;
  readonly #opinion = new SecondOpinion();
  readonly #cache = new RecordCache();
  #state: PartitionState;
  /** Head of the log's hash chain after the last entry received. */
  #chain: string;
  #committing: Promise<void> | undefined;
  /** What a load may have been too early to see, newest first. */
  #recent: readonly FoldedRows[] = [];

  constructor(options: ApplierOptions & { pace: Pace }, state: PartitionState) {
    this.#options = options;
    this.#pace = options.pace;
    this.#state = state;
    this.#chain = state.chain;
    this.#opinion.remember(state.position, state.chain);
  }

  async follow(stop: AbortSignal): Promise<void> {
    const { log, clock, random, partition, logger } = this.#options;
    let failures = 0;
    while (!stop.aborted) {
      try {
        const subscription = await log.subscribe({ partition, from: this.#state.position + 1 });
        try {
          while (!stop.aborted) {
            await this.#fold(await subscription.receive(RECEIVE_LIMITS));
            failures = 0;
          }
        } finally {
          await subscription.close();
          await this.#settle();
        }
      } catch (error) {
        if (!isWorthAnotherTry(error)) throw error;
        failures += 1;
        // The first says it; the others that there is still nothing.
        const level = failures % FAILURES_PER_WARNING === 1 ? "warn" : "debug";
        logger[level](
          { partition, failures, error: describeError(error) },
          "subscription lost; subscribing again",
        );
        const delay = { attempt: failures, baseMs: RESUBSCRIBE_BASE_MS, maxMs: RESUBSCRIBE_MAX_MS, random };
        await clock.sleep(backoffMs(delay), stop);
        await this.#checkLog(stop);
      }
    }
  }

  /** The log may have been replaced while we were cut off from it. */
  async #checkLog(stop: AbortSignal): Promise<void> {
    try {
      await openLog(this.#options, stop);
    } catch (error) {
      if (!(error instanceof LogUnavailableError)) throw error;
    }
  }

  /** While one group of entries commits, the next is folded, and the rows of the one after it are loaded. */
  async #fold(messages: readonly LogMessage[]): Promise<void> {
    const groups = groupsOf(messages, this.#pace.operationsMax);
    let loading = this.#load(groups);
    for (let group = await loading; group !== undefined; group = await loading) {
      loading = this.#load(groups);
      // Looked at in the next turn; until then a failure must not count as unhandled.
      loading.catch(() => undefined);
      await this.#commit(group);
    }
    // The next message may take its time: whether the commit has failed must not be heard only then.
    if (!mayBeMore(messages)) await this.#settle();
  }

  async #load(groups: Generator<OrderedEntry[], void>): Promise<LoadedGroup | undefined> {
    const next = groups.next();
    if (next.done === true) return undefined;
    const entries = next.value;
    const remembered = this.#cache.sliceFor(entries);
    if (remembered !== undefined) return { entries, slice: remembered, isGuessed: true };
    return { entries, slice: await this.#loadSlice(entries), isGuessed: false };
  }

  #loadSlice(entries: readonly OrderedEntry[]): Promise<FoldSlice> {
    const { store, partition } = this.#options;
    const { records, operations } = sliceOf(entries);
    return store.loadSlice({ partition, records: [...records.values()], operations });
  }

  async #commit(group: LoadedGroup): Promise<void> {
    const { crashPoints } = this.#options;
    const { entries, slice } = group;
    const startedAtMs = this.#options.clock.monotonicMs();
    const expectedPosition = this.#state.position;
    const rows = overlay(this.#recent, slice);
    const result = foldEntries({ state: this.#state, slice: rows, entries });
    this.#hear(entries, result.state.members.length);
    checkMembership(result.state, this.#options);
    await this.#settle();
    crashPoints.reach("before-fold-commit");
    if (group.isGuessed && (await this.#isRight({ expectedPosition, result }))) {
      this.#remember({ entries, rows, result });
      return this.#committed(result, startedAtMs);
    }
    // The guess was wrong: an operation has taken effect before, so the store is asked which.
    const asked = group.isGuessed ? await this.#foldAgain(group) : { rows, result };
    this.#remember({ entries, ...asked });
    const committing = this.#options.store.commitFold({ expectedPosition, result: asked.result });
    this.#committing = committing.then(() => this.#committed(asked.result, startedAtMs));
    // The outcome is looked at by `#settle`; until then a failure must not count as unhandled.
    this.#committing.catch(() => undefined);
  }

  /** Commits a guess, if it is right; nothing is folded onto one before that is known. */
  async #isRight(guess: { expectedPosition: number; result: FoldResult }): Promise<boolean> {
    try {
      await this.#options.store.commitFold({ ...guess, isGuess: true });
      return true;
    } catch (error) {
      if (error instanceof KnownOperationError) return false;
      throw error;
    }
  }

  async #foldAgain({ entries }: LoadedGroup): Promise<{ rows: FoldRows; result: FoldResult }> {
    const rows = overlay(this.#recent, await this.#loadSlice(entries));
    return { rows, result: foldEntries({ state: this.#state, slice: rows, entries }) };
  }

  #remember(folded: { entries: readonly OrderedEntry[]; rows: FoldRows; result: FoldResult }): void {
    const { result } = folded;
    this.#state = result.state;
    this.#recent = [foldedRows(result), ...this.#recent.slice(0, UNSEEN_RESULTS_MAX - 1)];
    this.#cache.remember(folded);
  }

  #committed(result: FoldResult, startedAtMs: number): void {
    const { clock, crashPoints, metrics, folded } = this.#options;
    crashPoints.reach("after-fold-commit");
    this.#pace.speedUp();
    const { state, counts, conflicts, outcomes } = result;
    metrics.folded({
      state,
      counts,
      conflicts,
      durationMs: clock.monotonicMs() - startedAtMs,
    });
    const { partition, position, logTimeMs, origins } = state;
    folded.tell({ partition, position, logTimeMs, origins, outcomes });
  }

  async #settle(): Promise<void> {
    const committing = this.#committing;
    this.#committing = undefined;
    await committing;
  }

  /** Compares what other regions' ticks say with what we fold. */
  #hear(entries: readonly OrderedEntry[], members: number): void {
    const { region, metrics, logger, partition, clock } = this.#options;
    for (const { entry, position, checksum } of entries) {
      this.#chain = chain(this.#chain, checksum);
      this.#opinion.remember(position, this.#chain);
      if (entry.kind !== "tick" || entry.origin === region) continue;
      const opinion = this.#opinion.hear(entry);
      if (opinion?.agrees === false) {
        metrics.disagreement(entry.origin);
        logger.error({ partition, ...opinion }, "another region holds another log at the same position");
      }
      const nowMs = clock.nowMs();
      const offsetMs = hlcMilliseconds(entry.hlc) - nowMs;
      metrics.clockOffset({ region: entry.origin, offsetMs, isBeyond: isBeyondOffset(entry.hlc, nowMs) });
    }
    if (this.#opinion.isOutvoted(members)) {
      throw new LogMismatchError("most regions hold another log than this one at the same position");
    }
  }
}
