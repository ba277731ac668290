/**
 * Where a gateway process gathers proposals to one partition's log: they wait while publishes are on their way, and go
 * together in one entry. An entry without any is a barrier.
 *
 * While the log's breaker is open, proposals are refused at once, and certainly without effect (I15).
 */
import { encodeProposals } from "../../protocol/entry-codec.ts";
import type { Clock } from "../../ports/clock.ts";
import type { CrashPoints } from "../../ports/crash-points.ts";
import { LogUnavailableError, PublishTimeoutError } from "../../ports/global-log.ts";
import type { FoldFeed } from "../../runtime/fold-feed.ts";
import type { LogBreaker } from "../../runtime/log-breaker.ts";
import { Signal } from "../../runtime/signal.ts";
import { GatewayError } from "../errors.ts";
import type { GatewayMetrics } from "../metrics.ts";
import { ENOUGH, ProposalPace } from "./proposal-pace.ts";

/** Of one entry. */
export const PROPOSALS_MAX = 1_024;
export const PROPOSAL_CHARACTERS_MAX = 192 * 1024;
export const QUEUE_MAX = 8_192;
export const QUEUE_CHARACTERS_MAX = 16 * 1024 * 1024;
/** Publishes on their way at once. */
const LANES_MAX = 4;
const PUBLISH_TIMEOUT_MS = 5_000;
const RETRY_AFTER_MS = 2_000;

export interface ProposerOptions {
  readonly region: string;
  /** By partition. */
  readonly breakers: readonly LogBreaker[];
  readonly clock: Clock;
  readonly crashPoints: CrashPoints;
  readonly metrics: GatewayMetrics;
  /** Of this process; silent where the applier is in another one. */
  readonly folded: FoldFeed;
}

/** What became of a publish: where it is in the log, or that nobody knows yet. */
export type Published = { readonly position: number } | "unknown";

interface Waiting {
  /** Undefined for a barrier. */
  readonly line: string | undefined;
  readonly trace: string | undefined;
  /** On the monotonic clock. */
  readonly deadlineAtMs: number;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: Error) => void;
}

export class Proposer {
  readonly #options: ProposerOptions;
  readonly #breaker: LogBreaker;
  readonly #pace = new ProposalPace();
  /** The last entry is folded, or as many have gathered as a lane waits for. */
  readonly #progress = new Signal();
  /** By gathering lane: how many are. */
  readonly #enough = new Set<{ readonly until: number }>();
  #queue: Waiting[] = [];
  #queuedCharacters = 0;
  #lanes = 0;
  /** Rises when the breaker opens: publishes from before may hang for a while yet, and keep nobody from the next ones. */
  #era = 0;
  /** When the last publish was sent, on the monotonic clock. */
  #sentAtMs = 0;
  #foldedTo = 0;
  #isArmed = false;

  constructor(options: ProposerOptions, partition: number) {
    this.#options = options;
    this.#breaker = options.breakers[partition]!;
    this.#breaker.onOpen(() => this.#refuseAll());
    options.folded.listen((news) => {
      if (news.partition !== partition) return;
      this.#foldedTo = news.position;
      this.#pace.heard(options.clock.monotonicMs());
      this.#progress.notify();
    });
  }

  /**
   * Publishes a proposal's line, or a barrier.
   * @param deadlineAtMs on the monotonic clock. @param trace only where all members read entries with one.
   * @throws {GatewayError} overloaded, no-quorum: certainly not in the log, now or later.
   */
  publish(line: string | undefined, deadlineAtMs: number, trace?: string): Promise<Published> {
    if (this.#breaker.isOpen) return Promise.reject(this.#noQuorum());
    if (this.#queue.length >= QUEUE_MAX || this.#queuedCharacters >= QUEUE_CHARACTERS_MAX) {
      const message = `${this.#queue.length} authoritative writes already wait for this partition's log`;
      return Promise.reject(new GatewayError("overloaded", message, { retryAfterMs: 1_000 }));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ line, trace, deadlineAtMs, resolve, reject });
      this.#queuedCharacters += line?.length ?? 0;
      if (this.#areEnough || this.#isFull) this.#progress.notify();
      if (this.#needsLane()) void this.#runLane();
      else if (!this.#isArmed) void this.#openLaneLater();
    });
  }

  /** Nobody else may come and ask for a lane: for as long as somebody waits, it looks when the newest publish takes too long. */
  async #openLaneLater(): Promise<void> {
    this.#isArmed = true;
    while (this.#queue.length > 0 && this.#lanes < LANES_MAX) {
      await this.#options.clock.sleep(Math.max(0, this.#pace.laneAfterMs - this.#sentForMs) + 1);
      if (this.#queue.length > 0 && this.#needsLane()) void this.#runLane();
    }
    this.#isArmed = false;
  }

  #needsLane(): boolean {
    if (this.#lanes === 0) return true;
    // A lane that gathers takes them soon, and together.
    if (this.#enough.size > 0) return false;
    return this.#lanes < LANES_MAX && this.#sentForMs > this.#pace.laneAfterMs;
  }

  /** How long ago the newest publish was sent. */
  get #sentForMs(): number {
    return this.#options.clock.monotonicMs() - this.#sentAtMs;
  }

  async #runLane(): Promise<void> {
    this.#lanes += 1;
    const era = this.#era;
    // Requests that arrive in the same turn of the event loop belong to the same entry.
    await Promise.resolve();
    while (this.#queue.length > 0 && era === this.#era) {
      const batch = this.#takeBatch();
      const sentAtMs = this.#options.clock.monotonicMs();
      const published = await this.#publishBatch(batch);
      if (published === undefined) continue;
      await this.#awaitFold(published.position);
      await this.#awaitReturn({ proposals: batch.length, sentAtMs });
    }
    if (era === this.#era) this.#lanes -= 1;
  }

  async #awaitFold(position: number): Promise<void> {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const endAtMs = nowMs + this.#pace.foldingMs(nowMs);
    while (this.#foldedTo < position && !this.#isFull) {
      const timeoutMs = endAtMs - clock.monotonicMs();
      if (timeoutMs <= 0) return;
      await this.#progress.wait({ clock, timeoutMs });
    }
  }

  /** Nobody waits while none is back: what those who are back wait for the others at most begins with the first. */
  async #awaitReturn({ proposals, sentAtMs }: { proposals: number; sentAtMs: number }): Promise<void> {
    const tookMs = this.#options.clock.monotonicMs() - sentAtMs;
    const { until, firstMs, othersMs } = this.#pace.returning(this.#queue.length, { proposals, tookMs });
    await this.#gather(1, firstMs);
    if (this.#queue.length > 0) await this.#gather(until, othersMs);
  }

  async #gather(until: number, timeoutMs: number): Promise<void> {
    if (timeoutMs === 0) return;
    const { clock } = this.#options;
    const endAtMs = clock.monotonicMs() + timeoutMs;
    const enough = { until };
    this.#enough.add(enough);
    while (this.#queue.length < until && !this.#isFull) {
      const leftMs = endAtMs - clock.monotonicMs();
      if (leftMs <= 0) break;
      await this.#progress.wait({ clock, timeoutMs: leftMs });
    }
    this.#enough.delete(enough);
  }

  get #areEnough(): boolean {
    for (const { until } of this.#enough) if (this.#queue.length >= until) return true;
    return false;
  }

  /** Whether the next entry takes no more of those that may come, or need not. */
  get #isFull(): boolean {
    return this.#queue.length >= ENOUGH || this.#queuedCharacters >= PROPOSAL_CHARACTERS_MAX;
  }

  #takeBatch(): Waiting[] {
    let characters = 0;
    let count = 0;
    for (const { line } of this.#queue) {
      characters += line?.length ?? 0;
      if (count === PROPOSALS_MAX || (count > 0 && characters > PROPOSAL_CHARACTERS_MAX)) break;
      count += 1;
    }
    const batch = this.#queue.splice(0, count);
    for (const { line } of batch) this.#queuedCharacters -= line?.length ?? 0;
    const nowMs = this.#options.clock.monotonicMs();
    // Nobody waits for these any more, and they have not left this process.
    for (const late of batch.filter((waiting) => waiting.deadlineAtMs <= nowMs))
      late.reject(this.#noQuorum());
    return batch.filter((waiting) => waiting.deadlineAtMs > nowMs);
  }

  async #publishBatch(batch: readonly Waiting[]): Promise<{ readonly position: number } | undefined> {
    if (batch.length === 0) return undefined;
    const { region, clock, crashPoints, metrics } = this.#options;
    const proposals = batch.flatMap(({ line, trace }) => (line === undefined ? [] : [{ line, trace }]));
    const lines = proposals.map(({ line }) => line);
    const traces = proposals.flatMap(({ trace }, index) =>
      trace === undefined ? [] : [[index, trace] as const],
    );
    const data = encodeProposals(region, lines, traces);
    const startedAtMs = clock.monotonicMs();
    this.#sentAtMs = startedAtMs;
    const measure = () => ({ proposals: lines.length, durationMs: clock.monotonicMs() - startedAtMs });
    try {
      crashPoints.reach("before-publish");
      const published = await this.#breaker.publish("proposals", data, { timeoutMs: PUBLISH_TIMEOUT_MS });
      crashPoints.reach("after-publish");
      const measured = measure();
      this.#pace.acknowledged(measured.durationMs);
      metrics.proposed({ ...measured, outcome: "acknowledged" });
      for (const waiting of batch) waiting.resolve(published);
      return published;
    } catch (error) {
      this.#publishFailed(error, batch, measure());
      return undefined;
    }
  }

  #publishFailed(
    error: unknown,
    batch: readonly Waiting[],
    measured: { proposals: number; durationMs: number },
  ): void {
    const { metrics } = this.#options;
    if (error instanceof LogUnavailableError) {
      metrics.proposed({ ...measured, outcome: "refused" });
      for (const waiting of batch) waiting.reject(this.#noQuorum());
      return;
    }
    metrics.proposed({ ...measured, outcome: "timed-out" });
    if (error instanceof PublishTimeoutError) {
      for (const waiting of batch) waiting.resolve("unknown");
      return;
    }
    // A bug: nobody may wait for ever because of it.
    for (const waiting of batch) waiting.reject(error instanceof Error ? error : new Error(String(error)));
  }

  /** Those who wait have not been sent: they are told at once. */
  #refuseAll(): void {
    for (const waiting of this.#queue) waiting.reject(this.#noQuorum());
    this.#queue = [];
    this.#queuedCharacters = 0;
    this.#lanes = 0;
    this.#era += 1;
  }

  #noQuorum(): GatewayError {
    const why = this.#breaker.isOpen
      ? this.#breaker.describe()
      : "the log takes entries too slowly for the request's deadline";
    const message = `${why}: this try was not sent, and has no effect`;
    return new GatewayError("no-quorum", message, { retryAfterMs: RETRY_AFTER_MS });
  }
}
