/**
 * The applier of one partition: receive → decode → fold → commit → tell. The only writer of committed state.
 *
 * While one fold commits, the next one is already computed; a commit is a compare-and-set on the position, so a second
 * applier can't fold the same entry.
 */
import type { OrderedEntry } from "../core/entry.ts";
import { foldEntries, LogMismatchError, sliceOf, type FoldResult } from "../core/fold/fold.ts";
import { chain } from "../core/hash.ts";
import type { FoldSlice, PartitionState } from "../core/fold/state.ts";
import { hlcMilliseconds, isBeyondOffset } from "../core/hlc.ts";
import { decodeEntry, UndecodableEntryError } from "../protocol/entry-codec.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { CrashPoints } from "../ports/crash-points.ts";
import {
  LogTruncatedError,
  LogUnavailableError,
  SubscriptionLostError,
  type GlobalLog,
  type LogMessage,
} from "../ports/global-log.ts";
import { StaleApplierError, type RegionStore } from "../ports/region-store.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { describe } from "../runtime/hold-role.ts";
import type { Logger } from "../runtime/logger.ts";
import type { Signal } from "../runtime/signal.ts";
import type { ApplierMetrics } from "./metrics.ts";
import { checkMembership, openLog } from "./open-log.ts";
import { SecondOpinion } from "./second-opinion.ts";

const MESSAGES_MAX = 256;
const RECEIVE_BYTES_MAX = 2 * 1024 * 1024;
const RECEIVE_TIMEOUT_MS = 1_000;
/** Operations of one commit; an entry is never split, so a commit may exceed it by one entry. */
const COMMIT_OPERATIONS_MAX = 1_024;
/** A log that can't be folded is looked at again after this time: somebody may have mended it. */
const STOPPED_RETRY_MS = 15_000;
const RESUBSCRIBE_BASE_MS = 50;
const RESUBSCRIBE_MAX_MS = 2_000;

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
  readonly folded: Signal;
}

export class Applier {
  readonly #options: ApplierOptions;

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  /** Folds until stopped, or until another applier has taken over. Stops folding, and says so, where the log is wrong. */
  async run(stop: AbortSignal): Promise<void> {
    const { clock, logger, metrics, partition } = this.#options;
    while (!stop.aborted) {
      try {
        await this.#foldLog(stop);
        return;
      } catch (error) {
        if (error instanceof StaleApplierError) return;
        if (!isFatalForLog(error)) throw error;
        metrics.stopped(describe(error));
        logger.error(
          { partition, error: describe(error) },
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
    const run = new FoldRun(this.#options, state);
    await run.follow(stop);
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

/** Folding from one load of the state on. */
class FoldRun {
  readonly #options: ApplierOptions;
  readonly #opinion = new SecondOpinion();
  #state: PartitionState;
  /** Head of the log's hash chain after the last entry received. */
  #chain: string;
  /** The fold that is being committed, if any. */
  #committing: { readonly result: FoldResult; readonly done: Promise<void> } | undefined;

  constructor(options: ApplierOptions, state: PartitionState) {
    this.#options = options;
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
            const limits = {
              messagesMax: MESSAGES_MAX,
              bytesMax: RECEIVE_BYTES_MAX,
              timeoutMs: RECEIVE_TIMEOUT_MS,
            };
            await this.#fold(await subscription.receive(limits));
            failures = 0;
          }
        } finally {
          await subscription.close();
          await this.#settle();
        }
      } catch (error) {
        if (!isWorthAnotherTry(error)) throw error;
        failures += 1;
        logger.warn({ partition, failures, error: describe(error) }, "subscription lost; subscribing again");
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

  async #fold(messages: readonly LogMessage[]): Promise<void> {
    if (messages.length === 0) return this.#settle();
    let entries: OrderedEntry[] = [];
    let operations = 0;
    for (const { position, storedAtMs, data } of messages) {
      const { entry, checksum } = decodeEntry(data);
      entries.push({ position, storedAtMs, checksum, entry });
      operations += entry.kind === "batch" ? entry.operations.length : 0;
      if (operations < COMMIT_OPERATIONS_MAX) continue;
      await this.#commit(entries);
      entries = [];
      operations = 0;
    }
    if (entries.length > 0) await this.#commit(entries);
    // Nothing more is waiting: what is being committed must not wait for the next message.
    if (messages.length < MESSAGES_MAX) await this.#settle();
  }

  async #commit(entries: readonly OrderedEntry[]): Promise<void> {
    const { store, partition, clock, crashPoints, metrics, folded } = this.#options;
    const startedAtMs = clock.monotonicMs();
    const { records, operations } = sliceOf(entries);
    const loaded = await store.loadSlice({ partition, records: [...records.values()], operations });
    const expectedPosition = this.#state.position;
    const result = foldEntries({ state: this.#state, slice: this.#overlay(loaded), entries });
    this.#hear(entries, result.state.members.length);
    checkMembership(result.state, this.#options);
    await this.#settle();
    crashPoints.reach("before-fold-commit");
    this.#state = result.state;
    const done = store.commitFold({ expectedPosition, result }).then(() => {
      crashPoints.reach("after-fold-commit");
      const durationMs = clock.monotonicMs() - startedAtMs;
      metrics.folded({
        state: result.state,
        counts: result.counts,
        conflicts: result.conflicts.length,
        durationMs,
      });
      folded.notify();
    });
    // The outcome is looked at by `#settle`; until then a failure must not count as unhandled.
    done.catch(() => undefined);
    this.#committing = { result, done };
  }

  async #settle(): Promise<void> {
    const committing = this.#committing;
    this.#committing = undefined;
    await committing?.done;
  }

  /** The rows as they will be once the fold before has committed, whether or not the load has seen that. */
  #overlay(loaded: FoldSlice): FoldSlice {
    const before = this.#committing?.result;
    if (before === undefined) return loaded;
    const records = new Map(loaded.records);
    for (const [id, record] of before.records) records.set(id, record);
    const operations = new Set(loaded.operations);
    for (const { id } of before.outcomes) operations.add(id);
    return { records, operations };
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
