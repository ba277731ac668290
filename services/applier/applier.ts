/**
 * The applier of one partition: receive → decode → fold → commit → tell. The only writer of committed state.
 *
 * A commit is a compare-and-set on the position, so a second applier can't fold the same entry.
 */
import type { OrderedEntry } from "../core/entry.ts";
import { foldEntries, LogMismatchError, sliceOf } from "../core/fold/fold.ts";
import { chain } from "../core/hash.ts";
import type { PartitionState } from "../core/fold/state.ts";
import { hlcMilliseconds, isBeyondOffset } from "../core/hlc.ts";
import { NewerEntryError } from "../protocol/undecodable.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { CrashPoints } from "../ports/crash-points.ts";
import type { GlobalLog, LogMessage } from "../ports/global-log.ts";
import { LostWalError } from "../ports/own-wal.ts";
import {
  KnownOperationError,
  StaleApplierError,
  StoreUnavailableError,
  type RegionStore,
} from "../ports/region-store.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";
import type { FoldFeed } from "../runtime/fold-feed.ts";
import type { TraceObserver } from "../runtime/traces.ts";
import { barrierOf, stopAtBarrier, type BarrierObserver } from "./barrier-stop.ts";
import type { ApplierMetrics } from "./metrics.ts";
import type { Bootstrapper } from "./bootstrapper.ts";
import {
  checkPartitions,
  isFatalForLog,
  NeedsBootstrapError,
  openLog,
  type OpenedLog,
  type OpenLogOptions,
} from "./open-log.ts";
import {
  foldedRows,
  groupsOf,
  hasRepairs,
  overlay,
  walTailOf,
  type Committing,
  type FoldedGroup,
  type FoldedRows,
  type LoadedGroup,
} from "./fold-group.ts";
import { mayBeMore } from "./gather.ts";
import { LogFollower, type Folding } from "./log-follower.ts";
import { NeededVersion } from "./needed-version.ts";
import { Pace } from "./pace.ts";
import { RecordCache } from "./record-cache.ts";
import { traceFold } from "./traced.ts";
import { ReplicaDoubt } from "./replica-doubt.ts";
import { SecondOpinion } from "./second-opinion.ts";
import { Shipments } from "./shipments.ts";

/** While rows are loaded, the fold before is under way and the one before that may still be committing. */
const UNSEEN_RESULTS_MAX = 2;
/** Operations that took effect before come in flocks: clients that were cut off try again in another region. */
const GROUPS_ASKED_AFTER_A_WRONG_GUESS = 32;
/** A log that can't be folded is looked at again after this time: somebody may have mended it. */
const STOPPED_RETRY_MS = 15_000;

export interface ApplierOptions {
  readonly region: string;
  readonly partition: number;
  readonly partitions: number;
  readonly members: readonly string[];
  readonly software: string;
  readonly store: RegionStore;
  readonly log: GlobalLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly crashPoints: CrashPoints;
  readonly logger: Logger;
  readonly metrics: ApplierMetrics;
  /** Told after every commit. */
  readonly folded: FoldFeed;
  /** Asked at each barrier, while nothing is committed; without it nobody stops there. */
  readonly barriers?: BarrierObserver;
  /** Loads what can't be folded; without one folding stops there. */
  readonly bootstrapper?: Bootstrapper | undefined;
  /** Told of what is folded, where it has a trace. */
  readonly traces?: TraceObserver | undefined;
  readonly witnesses?: NonNullable<OpenLogOptions["witnesses"]>;
}

export class Applier {
  readonly #options: ApplierOptions;
  readonly #pace = new Pace();
  readonly #doubt = new ReplicaDoubt();
  readonly #needed: NeededVersion;

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#needed = new NeededVersion(options);
  }

  /**
   * Folds until stopped, until another applier has taken over, or newer software has to. Stops folding, and says so, where the
   * log is wrong.
   */
  async run(stop: AbortSignal): Promise<void> {
    try {
      await this.#runUntilLost(stop);
    } finally {
      // Whoever takes over says for itself whether it can fold.
      this.#needed.left();
      this.#options.metrics.left();
      this.#options.bootstrapper?.left?.();
    }
  }

  async #runUntilLost(stop: AbortSignal): Promise<void> {
    const { logger, metrics, partition, bootstrapper } = this.#options;
    while (!stop.aborted) {
      try {
        await bootstrapper?.prepare(stop);
        if (!stop.aborted) await this.#foldLog(stop);
      } catch (error) {
        if (error instanceof StaleApplierError) return;
        if (error instanceof NewerEntryError) return await this.#leave(error);
        if (error instanceof LostWalError) {
          await this.#startRejoin(error);
          continue;
        }
        if (!isFatalForLog(error)) throw error;
        metrics.stopped(describeError(error));
        const isGap = error instanceof NeedsBootstrapError;
        if (error instanceof LogMismatchError && !isGap) metrics.violated("log-chain");
        logger.error(
          { partition, error: describeError(error) },
          "folding has stopped: log and state don't go together",
        );
        if (isGap && bootstrapper !== undefined) await bootstrapper.catchUp(error.message, stop);
        else await this.#retryLater(stop);
      }
    }
  }

  /** Nothing is wrong yet: a newer process of the region takes the role, and where there is none, that is told. */
  async #leave(error: NewerEntryError): Promise<void> {
    const { logger, partition } = this.#options;
    logger.warn({ partition, error: describeError(error) }, "the next entry is for newer software");
    await this.#needed.met(error);
  }

  /** Sooner where an order to load the state comes. */
  async #retryLater(stop: AbortSignal): Promise<void> {
    const { clock, bootstrapper } = this.#options;
    const over = new AbortController();
    const either = AbortSignal.any([stop, over.signal]);
    void bootstrapper?.attend(either).then(() => over.abort());
    await clock.sleep(STOPPED_RETRY_MS, either);
    over.abort();
  }

  /** From then on what the log has of this region is folded, whatever its WAL says. */
  async #startRejoin(lost: LostWalError): Promise<void> {
    const { store, partition, random, clock, logger } = this.#options;
    const about = { partition, position: lost.position, error: describeError(lost) };
    logger.error(about, "the region's database went back or is new: asking the log to take it in again");
    await store.startRejoin({ partition, id: random.uuid(clock.nowMs()), lost });
  }

  /** Returns when it is stopped, or when something is to be loaded first. */
  async #foldLog(stop: AbortSignal): Promise<void> {
    const { bootstrapper, store, partition } = this.#options;
    const opened = await openLog(this.#options, stop);
    await store.checkWal(partition);
    await this.#needed.open(opened.state);
    const parts = { pace: this.#pace, doubt: this.#doubt, needed: this.#needed };
    const run = new FoldRun({ ...this.#options, ...parts }, opened);
    const over = new AbortController();
    const either = AbortSignal.any([stop, over.signal]);
    void bootstrapper?.attend(either).then(() => over.abort());
    try {
      await run.follow(either);
    } catch (error) {
      // A group whose rows are too many bytes for a statement's deadline is tried again in halves.
      if (error instanceof StoreUnavailableError) this.#pace.slowDown();
      throw error;
    } finally {
      over.abort();
    }
  }
}

interface FoldParts {
  readonly pace: Pace;
  readonly doubt: ReplicaDoubt;
  readonly needed: NeededVersion;
}

/** Folding from one load of the state on. */
class FoldRun implements Folding {
  readonly #options: ApplierOptions & FoldParts;
  readonly #follower: LogFollower;
  readonly #opinion = new SecondOpinion();
  readonly #shipments = new Shipments();
  #cache: RecordCache;
  #state: PartitionState;
  /** Head of the log's hash chain after the last entry received. */
  #chain: string;
  #committing: Committing | undefined;
  #wrongGuesses = 0;
  /** Until the next guess. */
  #groupsToAsk = 0;
  /** What a load may have been too early to see, newest first. */
  #recent: readonly FoldedRows[] = [];

  constructor(options: ApplierOptions & FoldParts, { state, firstPosition }: OpenedLog) {
    this.#options = options;
    this.#follower = new LogFollower(options, { firstPosition, doubt: options.doubt });
    this.#cache = new RecordCache(options.partitions);
    this.#state = state;
    this.#chain = state.chain;
    this.#opinion.remember(state.position, state.chain);
  }

  follow(stop: AbortSignal): Promise<void> {
    return this.#follower.follow(this, stop);
  }

  get state(): PartitionState {
    return this.#state;
  }

  /** While one group of entries commits, the next is folded, and the rows of the one after it are loaded. */
  async fold(messages: readonly LogMessage[], stop: AbortSignal): Promise<void> {
    this.#shipments.received(messages, this.#options.clock.nowMs());
    const groups = groupsOf(messages, this.#options.pace.operationsMax);
    let loading = this.#load(groups);
    for (let group = await loading; group !== undefined; group = await loading) {
      loading = this.#load(groups);
      // Looked at in the next turn; until then a failure must not count as unhandled.
      loading.catch(() => undefined);
      await this.#commit(group);
      await this.#stopAtBarrier(group, stop);
    }
    // The next message may take its time: whether the commit has failed must not be heard only then.
    if (!mayBeMore(messages)) await this.settle();
  }

  async #load(groups: Generator<OrderedEntry[], void>): Promise<LoadedGroup | undefined> {
    const next = groups.next();
    if (next.done === true) return undefined;
    if (this.#groupsToAsk === 0) return this.#guess(next.value);
    this.#groupsToAsk -= 1;
    return this.#ask(next.value);
  }

  /** Records that are in memory are not loaded, and operations are taken for new. */
  async #guess(entries: readonly OrderedEntry[]): Promise<LoadedGroup> {
    const { store, partition } = this.#options;
    const { records: touched } = sliceOf(entries);
    const wrongGuesses = this.#wrongGuesses;
    const { records, missing } = this.#cache.find(touched);
    const slice = { records, operations: new Map<string, number>() };
    if (missing.length > 0) {
      const loaded = await store.loadSlice({ partition, records: missing, operations: [] });
      for (const [id, record] of loaded.records) records.set(id, record);
    }
    return { entries, touched, slice, isGuessed: true, wrongGuesses };
  }

  async #ask(entries: readonly OrderedEntry[]): Promise<LoadedGroup> {
    const { store, partition } = this.#options;
    const { records: touched, operations } = sliceOf(entries);
    const wrongGuesses = this.#wrongGuesses;
    const slice = await store.loadSlice({ partition, records: [...touched.values()], operations });
    return { entries, touched, slice, isGuessed: false, wrongGuesses };
  }

  async #commit(loaded: LoadedGroup): Promise<void> {
    const startedAtMs = this.#options.clock.monotonicMs();
    const group = hasRepairs(loaded.entries) ? await this.#askForRepairs(loaded.entries) : loaded;
    let folded = this.#foldGroup(group);
    this.#hear(group.entries, folded.result.state.members.length);
    checkPartitions(folded.result.state, this.#options);
    await this.settle();
    // Folded onto a guess that was wrong, or loaded from what it left in memory.
    if (this.#wrongGuesses > group.wrongGuesses) folded = this.#foldGroup(await this.#ask(group.entries));
    const { needed, crashPoints } = this.#options;
    if (needed.isNews(group.entries)) await needed.raise(group.entries);
    crashPoints.reach("before-fold-commit");
    this.#send(folded, startedAtMs);
  }

  async #stopAtBarrier(group: LoadedGroup, stop: AbortSignal): Promise<void> {
    const { barriers: observer, partition, clock, logger } = this.#options;
    const barrier = barrierOf(group.entries, this.#state);
    if (observer === undefined || barrier === undefined) return;
    await this.settle();
    const { position, logTimeMs } = this.#state;
    await stopAtBarrier({ observer, clock, logger, at: { partition, position, logTimeMs, barrier } }, stop);
  }

  /** Rows to repair are not what was folded: memory says nothing of them, and the store says all once all is committed. */
  async #askForRepairs(entries: readonly OrderedEntry[]): Promise<LoadedGroup> {
    await this.settle();
    return this.#ask(entries);
  }

  #foldGroup(group: LoadedGroup): FoldedGroup {
    const recent = hasRepairs(group.entries) ? [] : this.#recent;
    const rows = overlay(recent, group.slice);
    const result = foldEntries({ state: this.#state, slice: rows, entries: group.entries });
    return { group, expectedPosition: this.#state.position, rows, result };
  }

  /** The next group is folded onto this one, before it is known whether the commit succeeds: `settle` tells. */
  #send(folded: FoldedGroup, startedAtMs: number): void {
    const { group, expectedPosition, rows, result } = folded;
    const before = { state: this.#state, recent: this.#recent };
    this.#state = result.state;
    this.#recent = [foldedRows(result), ...this.#recent.slice(0, UNSEEN_RESULTS_MAX - 1)];
    this.#cache.remember({ touched: group.touched, rows, changed: result.records });
    const { isGuessed: isGuess } = group;
    const tail = walTailOf(group.entries, { result, region: this.#options.region });
    const committing = this.#options.store.commitFold({ expectedPosition, result, isGuess, tail });
    const done = committing.then(() => {
      this.#committed(folded, before.state, startedAtMs);
      traceFold(this.#options, group.entries, startedAtMs);
    });
    // The outcome is looked at by `settle`; until then a failure must not count as unhandled.
    done.catch(() => undefined);
    this.#committing = { done, before, entries: group.entries, startedAtMs };
  }

  /** Waits for the commit under way. If it was a wrong guess, the store is asked, and what it says is committed instead. */
  async settle(): Promise<void> {
    const committing = this.#committing;
    this.#committing = undefined;
    if (committing === undefined) return;
    try {
      await committing.done;
    } catch (error) {
      if (!(error instanceof KnownOperationError)) throw error;
      await this.#correct(committing);
    }
  }

  async #correct({ before, entries, startedAtMs }: Committing): Promise<void> {
    this.#wrongGuesses += 1;
    this.#groupsToAsk = GROUPS_ASKED_AFTER_A_WRONG_GUESS;
    this.#state = before.state;
    this.#recent = before.recent;
    this.#cache = new RecordCache(this.#options.partitions);
    this.#send(this.#foldGroup(await this.#ask(entries)), startedAtMs);
    // This one was no guess.
    await this.settle();
  }

  #committed({ group, result }: FoldedGroup, { origins: before }: PartitionState, startedAtMs: number): void {
    const { clock, crashPoints, metrics, folded } = this.#options;
    crashPoints.reach("after-fold-commit");
    this.#options.pace.speedUp();
    const { state, counts, conflicts, outcomes } = result;
    metrics.folded({
      state,
      counts,
      conflicts,
      durationMs: clock.monotonicMs() - startedAtMs,
    });
    const nowMs = clock.nowMs();
    for (const shipment of this.#shipments.committed(group.entries, { origins: before, nowMs })) {
      metrics.shown(shipment);
    }
    if (counts.brokenChains > 0) metrics.violated("origin-chain");
    const { partition, position, logTimeMs, origins } = state;
    folded.tell({ partition, position, logTimeMs, origins, outcomes });
  }

  /** Compares what other regions' ticks say with what we fold. */
  #hear(entries: readonly OrderedEntry[], members: number): void {
    const { region, metrics, logger, partition, clock } = this.#options;
    for (const { entry, position, checksum } of entries) {
      this.#chain = chain(this.#chain, checksum);
      this.#opinion.remember(position, this.#chain);
      this.#follower.folded(position, checksum);
      if (entry.kind !== "tick" || entry.origin === region) continue;
      const opinion = this.#opinion.hear(entry);
      if (opinion?.agrees === false) {
        metrics.disagreement(entry.origin);
        metrics.violated("same-log");
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
