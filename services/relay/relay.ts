/** The relay of one partition: carries out what `step.ts` decides. Reads the WAL, publishes to the log, sends ticks. */
import { membersNotReading } from "../core/entry-version.ts";
import { encodeBatch, encodeEntry, ENTRY_VERSION, TRACES_VERSION } from "../protocol/entry-codec.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { CrashPoints } from "../ports/crash-points.ts";
import { LogUnavailableError, PublishTimeoutError } from "../ports/global-log.ts";
import { WalRefusedError } from "../ports/own-wal.ts";
import { walRowBytes, type RegionStore, type RoleGrant } from "../ports/region-store.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";
import type { FoldFeed, FoldNews } from "../runtime/fold-feed.ts";
import type { LogBreaker } from "../runtime/log-breaker.ts";
import type { Signal } from "../runtime/signal.ts";
import type { TraceObserver } from "../runtime/traces.ts";
import { Linger, LINGER_MS_MIN } from "./linger.ts";
import type { RelayMetrics } from "./metrics.ts";
import { joinLog } from "./join-log.ts";
import { SlowestRegion, type FoldPlace } from "./slowest.ts";
import {
  BATCH_BYTES_MAX,
  startRelay,
  stepRelay,
  type Batch,
  type RelayEffect,
  type RelayEvent,
  type RelayState,
} from "./step.ts";

const PUBLISH_TIMEOUT_MS = 5_000;
/** Rows appended by other processes are found by polling, and so is what the fold has passed. */
const POLL_MS = 50;
const LOOK_EVERY_MS = 1_000;
export const TICK_EVERY_MS = 1_000;
const PAUSE_BASE_MS = 25;
const PAUSE_MAX_MS = 1_000;
/** The pause after a doubt that the budget does not cover. */
const PAUSE_SPENT_MS = 4_000;

export interface RelayOptions {
  readonly region: string;
  readonly partition: number;
  readonly software: string;
  readonly store: RegionStore;
  /** Of the partition's log; every publish goes through it. */
  readonly breaker: LogBreaker;
  readonly clock: Clock;
  readonly random: Random;
  readonly crashPoints: CrashPoints;
  readonly logger: Logger;
  readonly metrics: RelayMetrics;
  /** Rows were appended in this process. */
  readonly appended: Signal;
  /** The applier of this process has folded on. */
  readonly folded: FoldFeed;
  /** Told of what is in the log, where it has a trace. */
  readonly traces?: TraceObserver | undefined;
}

/** One relay: `run` works until stopped and is called once per grant of the role. */
export class Relay {
  readonly #options: RelayOptions;
  readonly #linger = new Linger();
  #run: RelayRun | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
    options.folded.listen((news) => {
      if (news.partition !== options.partition) return;
      this.#linger.committed({ durationMs: news.durationMs, endedAtMs: options.clock.monotonicMs() });
      this.#run?.hear(news);
    });
  }

  async run(grant: RoleGrant, stop: AbortSignal): Promise<void> {
    await joinLog(this.#options, stop);
    if (stop.aborted) return;
    this.#run = new RelayRun({ ...this.#options, linger: this.#linger }, stop);
    try {
      await this.#run.start(grant);
    } finally {
      this.#run = undefined;
    }
  }
}

type FoldedPlace = RelayState["folded"] & { readonly epoch: number; readonly slowest: number };
type Place = FoldedPlace & { readonly readsTraces: boolean };

function foldedPlace(region: string, place: FoldPlace, slowest: SlowestRegion): Place {
  const own = place.origins[region];
  if (own === undefined) throw new Error("the region takes no part in the partition's log");
  const { watermark: sequence, chain, epoch } = own;
  const readsTraces = membersNotReading(place, TRACES_VERSION).length === 0;
  return { position: place.position, sequence, chain, epoch, slowest: slowest.position(place), readsTraces };
}

type RelayRunOptions = RelayOptions & { readonly linger: Linger };

/** The life of a relay between taking the role and losing it. */
class RelayRun {
  readonly #options: RelayRunOptions;
  readonly #stop: AbortController;
  readonly #slowest = new SlowestRegion();
  #state: RelayState | undefined;
  #error: unknown;
  #heard: FoldNews | undefined;
  /** The last read of the WAL; never fails. */
  #look: Promise<void> = Promise.resolve();
  /** When the last batch was sent. */
  #publishedAtMs = Number.NEGATIVE_INFINITY;
  /** Whether all members read entries with traces; until then they go without. */
  #readsTraces = false;

  constructor(options: RelayRunOptions, stop: AbortSignal) {
    this.#options = options;
    this.#stop = new AbortController();
    if (stop.aborted) this.#stop.abort();
    stop.addEventListener("abort", () => this.#stop.abort(), { once: true });
  }

  async start(grant: RoleGrant): Promise<void> {
    // The grant's epoch starts anew with a new database; the log remembers the highest that it has seen.
    const { epoch: seen, slowest: _, readsTraces, ...folded } = await this.#foldedPlace();
    this.#readsTraces = readsTraces;
    this.#state = startRelay({ epoch: Math.max(grant.epoch, seen + 1), folded });
    await Promise.all([this.#wakeOnRows(), this.#followFold(), this.#tick()]);
    if (this.#error !== undefined) throw this.#error;
  }

  #dispatch(event: RelayEvent): void {
    if (this.#stop.signal.aborted || this.#state === undefined) return;
    try {
      const { state, effects } = stepRelay(this.#state, event);
      this.#state = state;
      this.#options.metrics.observe(state);
      for (const effect of effects) this.#perform(effect);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** An error that the machine does not know of ends the run; the role is taken again from a clean state. */
  #fail(error: unknown): void {
    this.#error ??= error;
    this.#stop.abort();
  }

  #perform(effect: RelayEffect): void {
    const work = this.#effect(effect).catch((error: unknown) => this.#fail(error));
    if (effect.type === "read") this.#look = work;
  }

  async #effect(effect: RelayEffect): Promise<void> {
    switch (effect.type) {
      case "read":
        return this.#read(effect);
      case "publish":
        return this.#publish(effect.batch);
      case "pause":
        return this.#pause(effect);
    }
  }

  async #pause({ attempt, isSpent }: Extract<RelayEffect, { type: "pause" }>): Promise<void> {
    const { breaker, clock, random, logger, partition } = this.#options;
    const stop = this.#stop.signal;
    logger.info({ partition, attempt, isSpent }, "relay in doubt; goes on from the folded watermark");
    const [baseMs, maxMs] = isSpent ? [PAUSE_SPENT_MS, PAUSE_SPENT_MS] : [PAUSE_BASE_MS, PAUSE_MAX_MS];
    await clock.sleep(backoffMs({ attempt, baseMs, maxMs, random }), stop);
    // While the log is away the WAL takes what comes: sending it would only find out once more.
    while (breaker.isOpen && !stop.aborted) await breaker.waitUntilClosed({ timeoutMs: LOOK_EVERY_MS, stop });
    this.#dispatch({ type: "resumed" });
  }

  async #read({ after, rowsMax }: Extract<RelayEffect, { type: "read" }>): Promise<void> {
    const { store, partition } = this.#options;
    const limits = { rowsMax, bytesMax: BATCH_BYTES_MAX };
    const rows = await store.readWal({ partition, after, ...limits });
    const bytes = rows.reduce((sum, row) => sum + walRowBytes(row), 0);
    const isFull = rows.length === limits.rowsMax || bytes * 2 >= limits.bytesMax;
    this.#dispatch({ type: "read", after, rows, isFull, nowMs: this.#options.clock.monotonicMs() });
  }

  async #publish(batch: Batch): Promise<void> {
    const { breaker, region, crashPoints, metrics, clock } = this.#options;
    const { lines, traces, ...envelope } = batch;
    const told = this.#readsTraces ? traces.map(({ index, trace }) => [index, trace] as const) : [];
    const data = encodeBatch({ origin: region, ...envelope, traces: told }, lines);
    crashPoints.reach("before-publish");
    const startedAtMs = clock.monotonicMs();
    this.#publishedAtMs = startedAtMs;
    try {
      // A doubt costs little, as the fold drops what it has: waiting for longer than it takes costs everybody behind it.
      const limits = { timeoutMs: PUBLISH_TIMEOUT_MS, patienceMs: breaker.state.slowAfterMs };
      const { position } = await breaker.publish("batch", data, limits);
      crashPoints.reach("after-publish");
      metrics.published({
        outcome: this.#isDuplicate(batch.last, position) ? "duplicate" : "acknowledged",
        durationMs: clock.monotonicMs() - startedAtMs,
        bytes: data.length,
      });
      this.#traced(batch, { startedAtMs, position });
      this.#dispatch({ type: "acknowledged", last: batch.last, position });
    } catch (error) {
      this.#publishFailed(error, batch, clock.monotonicMs() - startedAtMs);
    }
  }

  #traced({ traces }: Batch, place: { readonly startedAtMs: number; readonly position: number }): void {
    const { partition } = this.#options;
    for (const { id: operation, trace } of traces)
      this.#options.traces?.step({ stage: "publish", trace, operation, partition, ...place });
  }

  /** The log had all of it already, from a publish whose answer never came; the fold drops it. */
  #isDuplicate(last: number, position: number): boolean {
    const { folded } = this.#state!;
    return last <= folded.sequence && position > folded.position;
  }

  #publishFailed(error: unknown, batch: Batch, durationMs: number): void {
    const isUnknown = error instanceof PublishTimeoutError;
    if (!isUnknown && !(error instanceof LogUnavailableError)) throw error;
    this.#options.metrics.published({ outcome: isUnknown ? "timed-out" : "refused", durationMs, bytes: 0 });
    this.#dispatch({ type: "failed", last: batch.last });
  }

  async #wakeOnRows(): Promise<void> {
    const { appended, clock, folded, linger, partition } = this.#options;
    const stop = this.#stop.signal;
    while (!stop.aborted) {
      // From here on, so that what is appended during the look is not missed.
      const next = appended.wait({ clock, timeoutMs: POLL_MS, stop });
      this.#dispatch({ type: "wake" });
      await next;
      // It says whether there was something to send.
      await this.#look;
      const nowMs = clock.monotonicMs();
      // Whoever waits for the fold waits for rows of this region, perhaps.
      const lingerMs = folded.isAwaited(partition) ? LINGER_MS_MIN : linger.ms(nowMs);
      const restMs = this.#publishedAtMs + lingerMs - nowMs;
      // What comes meanwhile is seen by the next look.
      if (restMs > 0) await clock.sleep(restMs, stop);
    }
  }

  async #followFold(): Promise<void> {
    const { folded, clock } = this.#options;
    const stop = this.#stop.signal;
    while (!stop.aborted) {
      await folded.wait({ clock, timeoutMs: POLL_MS, stop });
      if (stop.aborted) return;
      try {
        const { readsTraces, ...place } = await this.#checkEpoch();
        this.#readsTraces = readsTraces;
        this.#dispatch({ type: "folded", ...place, nowMs: clock.monotonicMs() });
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  /** What the applier of this process has committed need not be asked of the store. */
  hear(news: FoldNews): void {
    this.#heard = news;
  }

  /** Once the log has seen a later epoch of ours, it refuses all that this run sends: the role has to be taken anew. */
  async #checkEpoch(): Promise<Place> {
    const heard = this.#heard;
    this.#heard = undefined;
    // Another process may have folded on since, and been asked: what is known never goes back.
    const isNews = heard !== undefined && heard.position >= (this.#state?.folded.position ?? 0);
    const folded = isNews
      ? foldedPlace(this.#options.region, heard, this.#slowest)
      : await this.#foldedPlace();
    const epoch = this.#state?.epoch ?? 0;
    if (folded.epoch > epoch)
      throw new Error(`the log has seen epoch ${folded.epoch}, this relay has ${epoch}`);
    return folded;
  }

  async #foldedPlace(): Promise<Place> {
    const { store, partition, region } = this.#options;
    return foldedPlace(region, await store.readPositions(partition), this.#slowest);
  }

  async #tick(): Promise<void> {
    const { clock, logger, partition } = this.#options;
    const stop = this.#stop.signal;
    while (!stop.aborted) {
      try {
        await this.#publishTick();
      } catch (error) {
        // What the WAL holds is not the log's: the region has to join anew.
        if (error instanceof WalRefusedError) return this.#fail(error);
        // A tick that is lost is followed by the next one; batches are what must not be lost.
        logger.debug({ partition, error: describeError(error) }, "tick not published");
      }
      await clock.sleep(TICK_EVERY_MS, stop);
    }
  }

  async #publishTick(): Promise<void> {
    const { store, breaker, partition, region, clock, software } = this.#options;
    // Whoever of the region folds next reads what this says, so it is promised first.
    const reads = await store.promiseReads({ partition, reads: ENTRY_VERSION });
    const { hlc, walHead, position, chain } = await store.stampTick({ partition, nowMs: clock.nowMs() });
    const tick = {
      kind: "tick",
      origin: region,
      hlc,
      walHead,
      appliedPosition: position,
      chain,
      software,
    } as const;
    const data = encodeEntry({ ...tick, reads });
    await breaker.publish("tick", data, { timeoutMs: PUBLISH_TIMEOUT_MS });
  }
}
