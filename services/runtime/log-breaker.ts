/**
 * The one way in which a process publishes to a partition's log: measure → judge → refuse at once while the log is away.
 *
 * All roles of the process share it: what one of them finds out, the others need not find out again. While it is open,
 * barriers that nobody waits for ask the log whether it is back, one after the other.
 */
import {
  startBreaker,
  stepBreaker,
  type BreakerEvent,
  type BreakerReason,
  type BreakerState,
} from "../core/breaker.ts";
import { encodeProposals } from "../protocol/entry-codec.ts";
import type { Clock, Random } from "../ports/clock.ts";
import { LogUnavailableError, PublishTimeoutError, type GlobalLog } from "../ports/global-log.ts";
import { backoffMs } from "./backoff.ts";
import type { FoldFeed } from "./fold-feed.ts";
import { Signal } from "./signal.ts";
import { inTime } from "./in-time.ts";

const PROBE_BASE_MS = 50;
/** Whoever waits for the log waits for the next probe, too. */
const PROBE_MAX_MS = 300;
/** After this long the next probe is sent. The last one still counts for a while: a log that is merely far must close it. */
const PROBE_PATIENCE_MS = 250;
const PROBE_TIMEOUT_MS = 4_000;
/** News of the fold come in crowds. */
const PROBE_APART_MS_MIN = 150;

/** What is published; `probe` is the breaker's own. */
export type PublishKind =
  "batch" | "proposals" | "tick" | "schema" | "sweep" | "forget" | "barrier" | "repair" | "member" | "probe";
/** timed-out: no answer, or the connection broke. It may be in the log, now or later. */
export const PUBLISH_OUTCOMES = ["acknowledged", "refused", "timed-out"] as const;
export type PublishOutcome = (typeof PUBLISH_OUTCOMES)[number];

export interface LogMetrics {
  /** Each publish that is started here is settled here, once. */
  publishStarted(publish: { partition: number; kind: PublishKind }): void;
  publishSettled(publish: {
    partition: number;
    kind: PublishKind;
    outcome: PublishOutcome;
    durationMs: number;
  }): void;
  breaker(partition: number, state: BreakerState): void;
}

export interface PublishLimits {
  /** How long an answer counts. */
  readonly timeoutMs: number;
  /** How long to wait for it. Default: as long as it counts. */
  readonly patienceMs?: number;
}

export interface LogBreakerOptions {
  readonly region: string;
  readonly partition: number;
  readonly log: Pick<GlobalLog, "publish">;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: LogMetrics;
  /** Entries that this process folds show that the log goes on. */
  readonly folded: FoldFeed;
}

export class LogBreaker {
  readonly #options: LogBreakerOptions;
  readonly #changed = new Signal();
  readonly #openListeners: (() => void)[] = [];
  #state: BreakerState;
  #heard = new AbortController();
  #probedAtMs = 0;
  #isProbing = false;

  constructor(options: LogBreakerOptions) {
    this.#options = options;
    this.#state = startBreaker(options.clock.monotonicMs());
    options.metrics.breaker(options.partition, this.#state);
    options.folded.listen(({ partition }) => {
      if (partition !== options.partition || !this.isOpen) return;
      if (this.#nowMs() - this.#probedAtMs >= PROBE_APART_MS_MIN) this.#heard.abort("heard");
    });
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Half-open counts: only the probe may pass. */
  get isOpen(): boolean {
    return this.#state.phase !== "closed";
  }

  /** How long it is open, ms; 0 while it is closed. */
  get openForMs(): number {
    return this.isOpen ? this.#options.clock.monotonicMs() - this.#state.sinceMs : 0;
  }

  /** Called each time it opens, for as long as the process lives. */
  onOpen(listener: () => void): void {
    this.#openListeners.push(listener);
  }

  /** Resolves when it is closed, after `timeoutMs`, or when `stop` is aborted. */
  async waitUntilClosed(options: { timeoutMs: number; stop?: AbortSignal }): Promise<void> {
    if (!this.isOpen) return;
    await this.#changed.wait({ clock: this.#options.clock, ...options });
  }

  /**
   * Resolves with the position once the log has taken it.
   * @throws {LogUnavailableError} certainly not stored; at once while the breaker is open.
   * @throws {PublishTimeoutError} unknown.
   */
  async publish(kind: PublishKind, data: Uint8Array, limits: PublishLimits): Promise<{ position: number }> {
    if (this.isOpen) throw new LogUnavailableError(this.describe());
    const sentAtMs = this.#options.clock.monotonicMs();
    const callOff = this.#options.clock.after(this.#state.slowAfterMs, () =>
      this.#step({ type: "failed", nowMs: this.#nowMs(), sentAtMs, reason: "slow" }),
    );
    try {
      return await this.#patiently(kind, data, limits);
    } catch (error) {
      const reason = outageOf(error);
      if (reason !== undefined) this.#step({ type: "failed", nowMs: this.#nowMs(), sentAtMs, reason });
      throw error;
    } finally {
      callOff();
    }
  }

  /** Why it is open, in a sentence's part. */
  describe(): string {
    const what = {
      refused: "the log has no leader",
      "timed-out": "the log did not answer",
      slow: "the log is slow to answer",
      none: "the log takes entries",
    }[this.#state.reason ?? "none"];
    return this.isOpen ? `${what}, for ${(this.openForMs / 1_000).toFixed(1)} s now` : what;
  }

  /** What is given up is still measured, and closes the breaker should it be acknowledged after all. */
  #patiently(
    kind: PublishKind,
    data: Uint8Array,
    { timeoutMs, patienceMs = timeoutMs }: PublishLimits,
  ): Promise<{ position: number }> {
    const publishing = this.#measured(kind, data, timeoutMs);
    if (patienceMs >= timeoutMs) return publishing;
    const late = () => {
      throw new PublishTimeoutError(`the log has not answered for ${Math.round(patienceMs)} ms`);
    };
    return inTime(publishing, { clock: this.#options.clock, timeoutMs: patienceMs, late });
  }

  async #measured(kind: PublishKind, data: Uint8Array, timeoutMs: number): Promise<{ position: number }> {
    const { log, partition, region, metrics } = this.#options;
    const startedAtMs = this.#nowMs();
    let outcome: PublishOutcome = "timed-out";
    metrics.publishStarted({ partition, kind });
    try {
      const published = await log.publish({ partition, origin: region, data, timeoutMs });
      outcome = "acknowledged";
      const nowMs = this.#nowMs();
      this.#step({ type: "acknowledged", nowMs, durationMs: nowMs - startedAtMs });
      return published;
    } catch (error) {
      if (error instanceof LogUnavailableError) outcome = "refused";
      throw error;
    } finally {
      metrics.publishSettled({ partition, kind, outcome, durationMs: this.#nowMs() - startedAtMs });
    }
  }

  #step(event: BreakerEvent): void {
    const before = this.#state;
    this.#state = stepBreaker(before, event);
    const { phase } = this.#state;
    if (phase === before.phase) return;
    this.#options.metrics.breaker(this.#options.partition, this.#state);
    if (phase === "closed") this.#changed.notify();
    if (before.phase !== "closed") return;
    for (const listener of this.#openListeners) listener();
    if (!this.#isProbing) void this.#probeUntilClosed();
  }

  /** Nothing in it throws: whatever a probe meets, the next one asks again. */
  async #probeUntilClosed(): Promise<void> {
    this.#isProbing = true;
    while (this.isOpen) await this.#probe();
    this.#isProbing = false;
  }

  async #probe(): Promise<void> {
    const { clock, random, region } = this.#options;
    this.#heard = new AbortController();
    const attempt = this.#state.failedProbes + 1;
    const pauseMs = backoffMs({ attempt, baseMs: PROBE_BASE_MS, maxMs: PROBE_MAX_MS, random });
    await clock.sleep(pauseMs, this.#heard.signal);
    if (!this.isOpen) return;
    this.#step({ type: "probing" });
    this.#probedAtMs = this.#nowMs();
    const limits = { timeoutMs: PROBE_TIMEOUT_MS, patienceMs: PROBE_PATIENCE_MS };
    try {
      await this.#patiently("probe", encodeProposals(region, []), limits);
    } catch (error) {
      this.#step({ type: "probe-failed", reason: outageOf(error) ?? "refused" });
    }
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}

/** What an error of a publish says of the log; undefined for one that says nothing of it. */
function outageOf(error: unknown): BreakerReason | undefined {
  if (error instanceof LogUnavailableError) return "refused";
  return error instanceof PublishTimeoutError ? "timed-out" : undefined;
}
