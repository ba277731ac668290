/**
 * Group commit: while flushes to the WAL are on their way, at most two, the next batch gathers.
 *
 * An operation is answered only after its row is committed (I1). A flush whose outcome is unknown is tried again with
 * the same operation ids until the deadline: the WAL recognises what it already has.
 */
import type { AppendClass } from "../core/admission/wal.ts";
import { assert } from "../core/assert.ts";
import { WalRefusedError } from "../ports/own-wal.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { CrashPoints } from "../ports/crash-points.ts";
import {
  StoreUnavailableError,
  WalFullError,
  type AppendOutcome,
  type WalAppend,
  type WriteAheadLog,
} from "../ports/region-store.ts";
import { backoffMs } from "../runtime/backoff.ts";
import type { AppendSignal } from "../runtime/append-signal.ts";
import type { WalPressure } from "./admission/wal-pressure.ts";
import { GatewayError } from "./errors.ts";
import type { GatewayMetrics } from "./metrics.ts";

export const FLUSH_OPERATIONS_MAX = 1_024;
/** Operations, and characters of their bodies, that may wait for a flush. */
export const QUEUE_OPERATIONS_MAX = 8_192;
export const QUEUE_CHARACTERS_MAX = 64 * 1024 * 1024;
/** The queue is all tenants': from this share of it on, bulk leaves the rest to those who write one by one. */
const BULK_SHARE = 0.5;
/** Flushes on their way at once: while the database commits one, the next is there already. */
const LANES_MAX = 2;
const LANE_OPERATIONS_MIN = 32;
/** A flush gathers for as long as the last one took, at most so long, unless it is worth its cost already. */
const GATHER_MS_MAX = 10;
const SWEEP_EVERY_MS = 100;
const RETRY_BASE_MS = 20;
const RETRY_MAX_MS = 500;
/** A restart of the database is waited for; one that is away for longer than that refuses whoever comes at once. */
const FAILING_MS_MAX = 5_000;
const NOT_JOINED_RETRY_MS = 2_000;

export interface GroupCommitOptions {
  readonly partition: number;
  readonly store: WriteAheadLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly crashPoints: CrashPoints;
  readonly metrics: GatewayMetrics;
  readonly appended: AppendSignal;
  readonly pendingRowsMax: number;
  readonly pendingBytesMax: number;
  /** Refuses before the WAL's own bounds are met; without it they alone count. */
  readonly walPressure?: WalPressure;
}

type Answer = () => void;

export interface AppendOptions {
  /** Default: a client's write. */
  readonly kind?: AppendClass;
  /**
   * The same for operations that are appended in one turn, at most `FLUSH_OPERATIONS_MAX` with distinct ids: they are in
   * one flush, in their order.
   */
  readonly group?: object;
}

interface Waiting {
  readonly operation: WalAppend;
  /** What it came with, at once: no flush takes a part of it. */
  readonly group: object | undefined;
  /** On the monotonic clock. */
  readonly deadlineAtMs: number;
  readonly resolve: (outcome: AppendOutcome) => void;
  readonly reject: (error: Error) => void;
  isSettled: boolean;
  /** A flush with this operation may have committed without our knowing. */
  isDoubtful: boolean;
}

/** The one writer of a gateway process to one partition's WAL. */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #queue: Waiting[] = [];
  /** Batches on their way, at most one per lane. */
  readonly #flushing = new Set<readonly Waiting[]>();
  #lanes = 0;
  #stopSweeping = (): void => undefined;
  #queuedCharacters = 0;
  #lastFlush = { operations: 1, durationMs: 0, endedAtMs: 0 };
  /** Since when no flush has had an answer, and when the last one failed, on the monotonic clock; undefined while they have. */
  #failing: { readonly sinceMs: number; readonly lastMs: number } | undefined;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /**
   * @param deadlineAtMs on the monotonic clock.
   * @throws {GatewayError} overloaded, wal-full, rejoining, not-a-member, store-unavailable: not accepted; outcome-unknown: perhaps.
   */
  append(
    operation: WalAppend,
    deadlineAtMs: number,
    { kind = "write", group }: AppendOptions = {},
  ): Promise<AppendOutcome> {
    const { walPressure, partition } = this.#options;
    const bytes = operation.body.length;
    const refusal = walPressure?.begin(partition, kind, bytes);
    if (refusal !== undefined) {
      const message = "the region's write-ahead buffer is as good as full";
      return Promise.reject(new GatewayError("wal-full", message, refusal));
    }
    if (this.#isFull(kind)) {
      walPressure?.ended(partition, bytes, false);
      const message = `${this.#queue.length} writes already wait for this partition's buffer`;
      return Promise.reject(new GatewayError("overloaded", message, { retryAfterMs: 1_000 }));
    }
    // One promise for each, and nothing around it: an import appends ten thousand a second.
    return new Promise((resolve, reject) => {
      this.#queue.push({
        operation,
        group,
        deadlineAtMs,
        resolve,
        reject,
        isSettled: false,
        isDoubtful: false,
      });
      this.#queuedCharacters += bytes;
      this.#openLane();
    });
  }

  #isFull(kind: AppendClass): boolean {
    const share = kind === "bulk" ? BULK_SHARE : 1;
    return (
      this.#queue.length >= QUEUE_OPERATIONS_MAX * share ||
      this.#queuedCharacters >= QUEUE_CHARACTERS_MAX * share
    );
  }

  /** A second flush is worth its cost once enough has gathered behind the first; the database takes them one by one. */
  #openLane(): void {
    if (this.#lanes === LANES_MAX || (this.#lanes > 0 && this.#queue.length < LANE_OPERATIONS_MIN)) return;
    this.#lanes += 1;
    if (this.#lanes === 1) this.#sweepLater();
    void this.#flushAll();
  }

  async #flushAll(): Promise<void> {
    let failures = 0;
    let answer: Answer | undefined;
    // Requests that arrive in the same turn of the event loop belong to the same flush.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const restMs = this.#restMs();
      if (restMs >= 1) {
        answer?.();
        answer = undefined;
        await this.#options.clock.sleep(restMs);
        continue;
      }
      const batch = this.#takeBatch();
      if (batch.length === 0) continue;
      this.#flushing.add(batch);
      const flushing = this.#flush(batch);
      // Answers cost more than a flush does: the next flush is sent before those of the last one are given.
      if (answer !== undefined) await this.#options.clock.turn();
      answer?.();
      answer = await flushing;
      this.#flushing.delete(batch);
      failures = answer === undefined ? failures + 1 : 0;
      if (answer === undefined) await this.#putBack(batch, failures);
    }
    answer?.();
    // In the same turn as the look at the queue: what comes later must find that nobody flushes it.
    this.#lanes -= 1;
    if (this.#lanes === 0) this.#stopSweeping();
  }

  /** How long the next flush is put off. One write after the other gathers nothing; several at once would each be a flush. */
  #restMs(): number {
    const { operations, durationMs, endedAtMs } = this.#lastFlush;
    if (operations === 1 || this.#queue.length >= LANE_OPERATIONS_MIN) return 0;
    return endedAtMs + Math.min(durationMs, GATHER_MS_MAX) - this.#options.clock.monotonicMs();
  }

  async #putBack(batch: readonly Waiting[], failures: number): Promise<void> {
    const again = batch.filter((waiting) => !waiting.isSettled);
    this.#queue.unshift(...again);
    for (const { operation } of again) this.#queuedCharacters += operation.body.length;
    const { clock, random } = this.#options;
    await clock.sleep(backoffMs({ attempt: failures, baseMs: RETRY_BASE_MS, maxMs: RETRY_MAX_MS, random }));
  }

  /** The longest run of the queue with distinct ids: a repeated id is a replay of the flush before. */
  #takeBatch(): Waiting[] {
    const taken = this.#runLength();
    const batch = this.#queue.slice(0, taken).filter((waiting) => !waiting.isSettled);
    for (const { operation } of this.#queue.splice(0, taken)) this.#queuedCharacters -= operation.body.length;
    return batch;
  }

  /** Ends in front of a group that would not be whole: another lane could commit the rest of it first. */
  #runLength(): number {
    const queue = this.#queue;
    const ids = new Set<string>();
    let begin = 0;
    for (const [index, { operation, group, isSettled }] of queue.entries()) {
      if (group === undefined || group !== queue[index - 1]?.group) begin = index;
      if (ids.size === FLUSH_OPERATIONS_MAX || ids.has(operation.id)) return begin > 0 ? begin : index;
      if (!isSettled) ids.add(operation.id);
    }
    return queue.length;
  }

  /** How to answer the batch; undefined when it is to be tried again. */
  async #flush(batch: readonly Waiting[]): Promise<Answer | undefined> {
    const { store, partition, clock, crashPoints, appended, metrics, pendingRowsMax, pendingBytesMax } =
      this.#options;
    const startedAtMs = clock.monotonicMs();
    appended.began(startedAtMs);
    try {
      crashPoints.reach("before-wal-commit");
      const operations = batch.map((waiting) => waiting.operation);
      const limits = { pendingRowsMax, pendingBytesMax };
      const outcomes = await store.append({ partition, operations, nowMs: clock.nowMs(), ...limits });
      assert(outcomes.length === batch.length, "an append tells the outcome of each operation");
      this.#failing = undefined;
      crashPoints.reach("after-wal-commit");
      const endedAtMs = clock.monotonicMs();
      this.#lastFlush = { operations: batch.length, durationMs: endedAtMs - startedAtMs, endedAtMs };
      metrics.flushed(this.#lastFlush);
      appended.notify();
      return () => {
        for (const [index, waiting] of batch.entries()) this.#resolve(waiting, outcomes[index]!);
      };
    } catch (error) {
      return this.#flushFailed(error, batch, startedAtMs);
    } finally {
      appended.ended();
    }
  }

  #flushFailed(error: unknown, batch: readonly Waiting[], startedAtMs: number): Answer | undefined {
    if (error instanceof WalFullError) {
      this.#failing = undefined;
      const full = new GatewayError("wal-full", error.message, { retryAfterMs: 2_000 });
      // An earlier flush may have appended the doubtful ones: they must not be told that they were not.
      for (const waiting of batch)
        this.#reject(waiting, waiting.isDoubtful ? lateError(waiting, true) : full);
      return () => undefined;
    }
    if (error instanceof WalRefusedError) {
      this.#failing = undefined;
      const refused = notJoined(error);
      for (const waiting of batch)
        this.#reject(waiting, waiting.isDoubtful ? lateError(waiting, true) : refused);
      return () => undefined;
    }
    if (error instanceof StoreUnavailableError) {
      const isDoubtful = error.outcome === "unknown";
      for (const waiting of batch) waiting.isDoubtful ||= isDoubtful;
      if (this.#failingForMs(startedAtMs) >= FAILING_MS_MAX) {
        for (const waiting of batch)
          if (!waiting.isDoubtful) this.#reject(waiting, lateError(waiting, false));
      }
      return undefined;
    }
    // A bug: nobody may wait for ever because of it.
    for (const waiting of batch)
      this.#reject(waiting, error instanceof Error ? error : new Error(String(error)));
    return () => undefined;
  }

  /** For how long flushes have failed, with the one that was started then and has failed now. */
  #failingForMs(startedAtMs: number): number {
    const nowMs = this.#options.clock.monotonicMs();
    const before = this.#failing;
    // What failed long ago, with nobody to ask since, says nothing about now.
    const isOne = before !== undefined && startedAtMs - before.lastMs < FAILING_MS_MAX;
    const sinceMs = isOne ? before.sinceMs : startedAtMs;
    this.#failing = { sinceMs, lastMs: nowMs };
    return nowMs - sinceMs;
  }

  /** Answers who has waited beyond the deadline, also while a flush hangs. */
  #sweepLater(): void {
    const { clock } = this.#options;
    this.#stopSweeping = clock.after(SWEEP_EVERY_MS, () => {
      this.#sweep(clock.monotonicMs());
      this.#sweepLater();
    });
  }

  #sweep(nowMs: number): void {
    const isLate = (waiting: Waiting) => !waiting.isSettled && waiting.deadlineAtMs <= nowMs;
    for (const waiting of this.#queue.filter(isLate))
      this.#reject(waiting, lateError(waiting, waiting.isDoubtful));
    for (const batch of this.#flushing) {
      for (const waiting of batch.filter(isLate)) this.#reject(waiting, lateError(waiting, true));
    }
  }

  #resolve(waiting: Waiting, outcome: AppendOutcome): void {
    if (waiting.isDoubtful && outcome.status === "insufficient")
      return this.#reject(waiting, mayArrive(waiting));
    if (waiting.isSettled) return;
    // What a doubtful flush of ours has appended is no replay to the client, who gets the first answer now.
    const isOwn = waiting.isDoubtful && outcome.status === "replayed";
    this.#settle(waiting, isOwn || outcome.status === "accepted");
    waiting.resolve(isOwn ? { ...outcome, status: "accepted" } : outcome);
  }

  #reject(waiting: Waiting, error: Error): void {
    if (waiting.isSettled) return;
    this.#settle(waiting, false);
    waiting.reject(error);
  }

  #settle(waiting: Waiting, isAppended: boolean): void {
    const { walPressure, partition } = this.#options;
    waiting.isSettled = true;
    walPressure?.ended(partition, waiting.operation.body.length, isAppended);
  }
}

/** Another region takes it meanwhile. */
function notJoined({ message, refusal }: WalRefusedError): GatewayError {
  return new GatewayError(refusal === "no-member" ? "not-a-member" : "rejoining", message, {
    retryAfterMs: NOT_JOINED_RETRY_MS,
  });
}

function lateError(waiting: Waiting, isDoubtful: boolean): GatewayError {
  const { id } = waiting.operation;
  if (!isDoubtful) {
    return new GatewayError(
      "store-unavailable",
      "the region's database did not take the write; this try was not applied",
      {
        retryAfterMs: 1_000,
      },
    );
  }
  const message = "the region's database did not answer in time; the write may or may not have been accepted";
  return new GatewayError("outcome-unknown", message, { operation: id, retryAfterMs: 1_000 });
}

/** What an earlier flush has sent may arrive yet, and find the rights that were too few now. */
function mayArrive({ operation: { id } }: Waiting): GatewayError {
  const message =
    "rights are lacking now, and an earlier try that the region's database has not answered may yet find some";
  return new GatewayError("outcome-unknown", message, { operation: id, retryAfterMs: 1_000 });
}
