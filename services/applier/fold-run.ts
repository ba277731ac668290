/**
 * Folding from one load of the state on: decode → fold → commit → tell. The only writer of committed state.
 *
 * A commit is a compare-and-set on the position, so a second applier can't fold the same entry.
 */
import type { OrderedEntry } from "../core/entry.ts";
import { foldEntries, LogMismatchError, sliceOf } from "../core/fold/fold.ts";
import { chain } from "../core/hash.ts";
import type { PartitionState } from "../core/fold/state.ts";
import { hlcMilliseconds, isBeyondOffset } from "../core/hlc.ts";
import type { LogMessage } from "../ports/global-log.ts";
import { KnownOperationError } from "../ports/region-store.ts";
import { barrierOf, stopAtBarrier } from "./barrier-stop.ts";
import {
  foldedRows,
  groupsOf,
  hasRepairs,
  overlay,
  sizeOf,
  walTailOf,
  type Committing,
  type FoldedGroup,
  type FoldedRows,
  type LoadedGroup,
} from "./fold-group.ts";
import { mayBeMore } from "./gather.ts";
import type { GiveWay } from "./give-way.ts";
import { LogFollower, type Folding } from "./log-follower.ts";
import type { NeededVersion } from "./needed-version.ts";
import { checkPartitions, type OpenedLog } from "./open-log.ts";
import type { ApplierOptions } from "./options.ts";
import type { Pace } from "./pace.ts";
import { RecordCache } from "./record-cache.ts";
import type { ReplicaDoubt } from "./replica-doubt.ts";
import { SecondOpinion } from "./second-opinion.ts";
import { Shipments } from "./shipments.ts";
import { traceFold } from "./traced.ts";

/** While rows are loaded, the fold before is under way and the one before that may still be committing. */
const UNSEEN_RESULTS_MAX = 2;
/** Operations that took effect before come in flocks: clients that were cut off try again in another region. */
const GROUPS_ASKED_AFTER_A_WRONG_GUESS = 32;

/** What outlives a run. */
interface FoldParts {
  readonly pace: Pace;
  readonly doubt: ReplicaDoubt;
  readonly needed: NeededVersion;
  readonly giveWay: GiveWay;
}

export class FoldRun implements Folding {
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

  /**
   * While one group of entries commits, the next is folded, and the rows of the one after it are loaded; one after the other
   * where clients need the time more.
   */
  async fold(messages: readonly LogMessage[], stop: AbortSignal): Promise<void> {
    this.#shipments.received(messages, this.#options.clock.nowMs());
    const groups = groupsOf(messages, this.#options.pace.operationsMax);
    let loading = this.#load(groups);
    for (let group = await loading; group !== undefined; group = await loading) {
      const givesWay = !stop.aborted && this.#givesWay(group);
      if (givesWay) await this.#rest(stop);
      else loading = this.#loadAhead(groups);
      await this.#commit(group);
      await this.#stopAtBarrier(group, stop);
      if (!givesWay) continue;
      await this.settle();
      // Decoding takes a while: requests that have come meanwhile go first.
      await this.#options.clock.turn();
      loading = this.#load(groups);
    }
    // The next message may take its time: whether the commit has failed must not be heard only then.
    if (!mayBeMore(messages)) await this.settle();
  }

  #loadAhead(groups: Generator<OrderedEntry[], void>): Promise<LoadedGroup | undefined> {
    const loading = this.#load(groups);
    // Looked at in the next turn; until then a failure must not count as unhandled.
    loading.catch(() => undefined);
    return loading;
  }

  /** Whether clients need the time more than whoever waits for the fold. */
  #givesWay({ entries }: LoadedGroup): boolean {
    const { appended, clock, folded, giveWay, pace, partition } = this.#options;
    const nowMs = clock.monotonicMs();
    if (!appended.isRecent(nowMs) || folded.isAwaited(partition)) return false;
    return pace.isLarge(sizeOf(entries)) && giveWay.isDue(nowMs);
  }

  async #rest(stop: AbortSignal): Promise<void> {
    const { clock, giveWay, metrics } = this.#options;
    // From the end of the commit under way on.
    await this.settle();
    const restMs = giveWay.rest(clock.monotonicMs());
    if (restMs === 0) return;
    metrics.gaveWay(restMs);
    await clock.sleep(restMs, stop);
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
    const { clock, needed, crashPoints } = this.#options;
    const isRepair = hasRepairs(loaded.entries);
    // Rows to repair are not what was folded: memory says nothing of them, and the store says all once all is committed.
    if (isRepair) await this.settle();
    const startedAtMs = clock.monotonicMs();
    const group = isRepair ? await this.#ask(loaded.entries) : loaded;
    let folded = this.#foldGroup(group);
    this.#hear(group.entries, folded.result.state.members.length);
    checkPartitions(folded.result.state, this.#options);
    const foldedAtMs = clock.monotonicMs();
    await this.settle();
    // What the commit before takes is not this one's.
    const waitedMs = clock.monotonicMs() - foldedAtMs;
    // Folded onto a guess that was wrong, or loaded from what it left in memory.
    if (this.#wrongGuesses > group.wrongGuesses) folded = this.#foldGroup(await this.#ask(group.entries));
    if (needed.isNews(group.entries)) await needed.raise(group.entries);
    crashPoints.reach("before-fold-commit");
    this.#send(folded, startedAtMs + waitedMs);
  }

  async #stopAtBarrier(group: LoadedGroup, stop: AbortSignal): Promise<void> {
    const { barriers: observer, partition, clock, logger } = this.#options;
    const barrier = barrierOf(group.entries, this.#state);
    if (observer === undefined || barrier === undefined) return;
    await this.settle();
    const { position, logTimeMs } = this.#state;
    await stopAtBarrier({ observer, clock, logger, at: { partition, position, logTimeMs, barrier } }, stop);
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
    this.#committing = { done, before, entries: group.entries };
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

  async #correct({ before, entries }: Committing): Promise<void> {
    this.#wrongGuesses += 1;
    this.#groupsToAsk = GROUPS_ASKED_AFTER_A_WRONG_GUESS;
    this.#state = before.state;
    this.#recent = before.recent;
    this.#cache = new RecordCache(this.#options.partitions);
    const startedAtMs = this.#options.clock.monotonicMs();
    this.#send(this.#foldGroup(await this.#ask(entries)), startedAtMs);
    // This one was no guess.
    await this.settle();
  }

  #committed({ group, result }: FoldedGroup, { origins: before }: PartitionState, startedAtMs: number): void {
    const { clock, crashPoints, metrics, folded, pace, giveWay } = this.#options;
    crashPoints.reach("after-fold-commit");
    const { state, counts, conflicts, outcomes } = result;
    const endedAtMs = clock.monotonicMs();
    const durationMs = endedAtMs - startedAtMs;
    const operations = sizeOf(group.entries);
    if (pace.isLarge(operations)) giveWay.committed({ operations, durationMs, endedAtMs });
    pace.speedUp();
    metrics.folded({ state, counts, conflicts, durationMs });
    const nowMs = clock.nowMs();
    for (const shipment of this.#shipments.committed(group.entries, { origins: before, nowMs })) {
      metrics.shown(shipment);
    }
    if (counts.brokenChains > 0) metrics.violated("origin-chain");
    const { partition, position, logTimeMs, origins } = state;
    folded.tell({ partition, position, logTimeMs, origins, outcomes, durationMs });
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
