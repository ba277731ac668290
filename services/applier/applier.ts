/** The applier of one partition: folds its log as long as it has the role, and says so where it can't. */
import { LogMismatchError } from "../core/fold/fold.ts";
import { NewerEntryError } from "../protocol/undecodable.ts";
import { LostWalError } from "../ports/own-wal.ts";
import { StaleApplierError, StoreUnavailableError } from "../ports/region-store.ts";
import { describeError } from "../runtime/describe-error.ts";
import { FoldRun } from "./fold-run.ts";
import { GiveWay } from "./give-way.ts";
import { NeededVersion } from "./needed-version.ts";
import { isFatalForLog, NeedsBootstrapError, openLog } from "./open-log.ts";
import type { ApplierOptions } from "./options.ts";
import { Pace } from "./pace.ts";
import { ReplicaDoubt } from "./replica-doubt.ts";

/** A log that can't be folded is looked at again after this time: somebody may have mended it. */
const STOPPED_RETRY_MS = 15_000;

export class Applier {
  readonly #options: ApplierOptions;
  readonly #pace = new Pace();
  readonly #doubt = new ReplicaDoubt();
  readonly #giveWay = new GiveWay();
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
    const parts = { pace: this.#pace, doubt: this.#doubt, needed: this.#needed, giveWay: this.#giveWay };
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
