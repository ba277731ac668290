/**
 * Loads a partition's state from another region, where this one's can't be folded on or shall be loaded anew, stage by stage
 * (`ports/bootstraps.ts`): find a source → announce → clear → load → fold → verify → over.
 *
 * What is decided next rests on what the database says: whoever comes after a crash goes on there.
 */
import { nextStep } from "../core/bootstrap/next-step.ts";
import {
  STATE_PARTS,
  type Bootstrap,
  type BootstrapProgress,
  type BootstrapSource,
  type BootstrapStage,
} from "../ports/bootstraps.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { GlobalLog } from "../ports/global-log.ts";
import type { RegionStore } from "../ports/region-store.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";
import { Aftermath, type AftermathOptions } from "./aftermath.ts";
import type { BootstrapMetrics } from "./metrics.ts";
import { Seeker, type SeekerOptions } from "./seeker.ts";
import { SourceLostError, type Source } from "./source.ts";

/** By then every process of the region has read that it is announced, or looks before it answers. */
export const ANNOUNCED_MS = 2_500;
/** An order is seen within this time. */
const LOOK_EVERY_MS = 1_000;
const SEEK = { baseMs: 500, maxMs: 10_000 };
/** A state that is empty is loaded where the log has more entries than this to fold, if somebody has it. */
export const FOLDED_ENTRIES_MAX = 10_000;
/** How long nobody may answer until the log is folded from its beginning after all. */
const EMPTY_PATIENCE_MS = 30_000;
/** The log is looked at again after this time: somebody may have mended it. */
const BEHIND_PATIENCE_MS = 15_000;
const REPORT_EVERY_MS = 5_000;

export interface JoinerOptions extends SeekerOptions, AftermathOptions {
  readonly region: string;
  readonly partition: number;
  readonly store: RegionStore;
  readonly log: Pick<GlobalLog, "inspect">;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: BootstrapMetrics;
  /** Told why it does not go on at the moment; undefined where it does. */
  readonly onProblem?: (partition: number, problem: string | undefined) => void;
  /** Default `FOLDED_ENTRIES_MAX`. */
  readonly foldedEntriesMax?: number | undefined;
}

export class Joiner {
  readonly #options: JoinerOptions;
  readonly #seeker: Seeker;
  readonly #aftermath: Aftermath;
  #source: Source | undefined;
  #nextSeekAtMs = 0;
  #seeks = 0;
  /** Nobody answered: an empty state is folded. */
  #isFoldingFromEmpty = false;
  #isHeld = true;

  constructor(options: JoinerOptions) {
    this.#options = options;
    this.#seeker = new Seeker(options);
    this.#aftermath = new Aftermath(options);
  }

  /**
   * Loads what is under way, or what had better be loaded, before folding begins. Resolves when folding may begin.
   * @throws {StoreUnavailableError}, {LogUnavailableError}, {StaleBootstrapError} another process goes on with it.
   */
  async prepare(stop: AbortSignal): Promise<void> {
    this.#isHeld = true;
    const underWay = await this.#find();
    if (underWay === undefined) return this.#prepareEmpty(stop);
    if (underWay.stage !== "ordered" || this.#source !== undefined) await this.#load(stop, 0);
  }

  /** The log no longer holds what comes next. Returns also where nobody could be found to load from for a while. */
  async catchUp(reason: string, stop: AbortSignal): Promise<void> {
    const ordered = await this.#order(reason);
    // What was loaded is not proven: nobody gets to see it.
    if (ordered.stage === "folding" || ordered.stage === "verifying") await this.#enter(ordered, "clearing");
    await this.#load(stop, BEHIND_PATIENCE_MS);
  }

  /**
   * While the partition is folded: looks for orders, and carries a bootstrap that is loaded to its end. Resolves when folding
   * has to begin anew, because something is to be loaded or was, or when `stop` is aborted. Never rejects.
   */
  async attend(stop: AbortSignal): Promise<void> {
    const { clock, logger, partition } = this.#options;
    while (!stop.aborted) {
      try {
        if (await this.#attendOnce(stop)) return;
      } catch (error) {
        logger.warn(
          { partition, error: describeError(error) },
          "a bootstrap could not be attended to; trying again",
        );
      }
      await clock.sleep(LOOK_EVERY_MS, stop);
    }
  }

  /** @returns whether folding has to begin anew. */
  async #attendOnce(stop: AbortSignal): Promise<boolean> {
    const underWay = await this.#find();
    if (underWay === undefined) return false;
    if (underWay.stage === "ordered") return this.#seekNow(underWay);
    if (underWay.stage !== "folding" && underWay.stage !== "verifying") return true;
    const problem = await this.#aftermath.goOn(underWay, stop);
    this.#problem(problem);
    // From the end on, membership counts again.
    return problem === undefined && (await this.#find()) === undefined;
  }

  /** Of the partition; as others may have changed it. */
  async #find(): Promise<Bootstrap | undefined> {
    const { store, partition } = this.#options;
    const found = (await store.readBootstraps()).find((bootstrap) => bootstrap.partition === partition);
    this.#tellStage(found?.stage);
    return found;
  }

  async #prepareEmpty(stop: AbortSignal): Promise<void> {
    const { store, log, partition, foldedEntriesMax = FOLDED_ENTRIES_MAX } = this.#options;
    if (this.#isFoldingFromEmpty || (await store.readPositions(partition)).position > 0) return;
    const { firstPosition, lastPosition } = await log.inspect(partition);
    if (lastPosition <= foldedEntriesMax) return;
    const bootstrap = await this.#order(`nothing is folded yet, and the log has ${lastPosition} entries`);
    await this.#load(stop, EMPTY_PATIENCE_MS);
    const after = await this.#find();
    if (stop.aborted || firstPosition > 1 || after?.id !== bootstrap.id || after.stage !== "ordered") return;
    this.#isFoldingFromEmpty = true;
    await store.endBootstrap(after);
    this.#problem(undefined);
    this.#options.logger.warn({ partition }, "nobody gives its state: the log is folded from its beginning");
  }

  #order(reason: string): Promise<Bootstrap> {
    const { store, partition, random, clock } = this.#options;
    return store.orderBootstrap({ partition, id: random.uuid(clock.nowMs()), reason });
  }

  /**
   * Takes all steps until the state can be folded. @param patienceMs how long to look for a source; once something is cleared,
   * for ever.
   */
  async #load(stop: AbortSignal, patienceMs: number): Promise<void> {
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() + patienceMs;
    while (!stop.aborted) {
      const bootstrap = await this.#find();
      if (bootstrap === undefined) return;
      const step = nextStep(
        { stage: bootstrap.stage, snapshot: bootstrap.source?.snapshot },
        this.#source?.snapshot,
      );
      if (step === "fold") return;
      if (step === "seek" && !(await this.#seekNow(bootstrap))) {
        if (bootstrap.stage === "ordered" && clock.monotonicMs() >= untilMs) return;
        await clock.sleep(LOOK_EVERY_MS / 2, stop);
      } else if (step !== "seek") await this.#take(step, bootstrap, stop);
    }
  }

  async #take(
    step: Exclude<ReturnType<typeof nextStep>, "seek" | "fold">,
    bootstrap: Bootstrap,
    stop: AbortSignal,
  ): Promise<void> {
    const { store, clock, logger, partition } = this.#options;
    switch (step) {
      case "announce":
        await this.#enter(bootstrap, "announced");
        return;
      case "withdraw":
        await this.#enter(bootstrap, "ordered");
        return;
      case "begin":
        // Also where the one before had announced it and has died: nobody knows when.
        if (bootstrap.stage === "announced") await clock.sleep(ANNOUNCED_MS, stop);
        if (stop.aborted) return;
        await this.#need(this.#source!);
        await this.#enter(bootstrap, "clearing", sourceOf(this.#source!));
        return;
      case "clear":
        while (!stop.aborted) {
          if (!(await store.clearSome(bootstrap)).isMore) break;
        }
        if (stop.aborted) return;
        await this.#enter(bootstrap, "loading");
        logger.info({ partition, id: bootstrap.id }, "what was there of the partition's state is cleared");
        return;
      case "load":
        await this.#loadFrom(this.#source!, bootstrap, stop);
    }
  }

  /** From here on nobody goes on with it who could not read what is loaded. */
  async #need({ head: { needs } }: Source): Promise<void> {
    const { store, partition } = this.#options;
    if (needs !== undefined) await store.needVersion({ partition, ...needs });
  }

  async #enter(bootstrap: Bootstrap, stage: BootstrapStage, source?: BootstrapSource): Promise<void> {
    const { store, logger, partition } = this.#options;
    await store.enterStage({ bootstrap, stage, ...(source !== undefined && { source }) });
    this.#tellStage(stage);
    const { id, reason } = bootstrap;
    logger.info({ partition, id, reason, stage, source: source ?? bootstrap.source }, "a bootstrap goes on");
  }

  async #seekNow(bootstrap: Bootstrap): Promise<boolean> {
    const { clock, random, logger, partition } = this.#options;
    if (clock.monotonicMs() < this.#nextSeekAtMs) return false;
    this.#seeks += 1;
    this.#nextSeekAtMs = clock.monotonicMs() + backoffMs({ attempt: this.#seeks, ...SEEK, random });
    const found = await this.#seeker.seek(bootstrap);
    this.#problem(found.problem);
    if (found.source === undefined) {
      logger.warn({ partition, problem: found.problem }, "nobody gives its state; asking again");
      return false;
    }
    this.#seeks = 0;
    this.#source = found.source;
    return true;
  }

  async #loadFrom(source: Source, bootstrap: Bootstrap, stop: AbortSignal): Promise<void> {
    const { store, logger, partition, metrics, clock } = this.#options;
    const began = { progress: bootstrap.progress!, atMs: clock.monotonicMs() };
    logger.info(
      { partition, id: bootstrap.id, source: source.region, progress: began.progress },
      "loading begins or goes on",
    );
    try {
      let after = began.progress;
      let reportAtMs = began.atMs + REPORT_EVERY_MS;
      for await (const { part, ...page } of source.pages(after)) {
        if (stop.aborted) return;
        if (part !== after.part)
          throw new SourceLostError(`${source.region} tells of ${part}, not of ${after.part}`);
        after = await store.loadPage({ bootstrap, page, after });
        metrics.loaded(partition, { rows: page.rows, bytes: page.lines.byteLength });
        if (clock.monotonicMs() < reportAtMs) continue;
        reportAtMs = clock.monotonicMs() + REPORT_EVERY_MS;
        this.#report(source, began, after);
      }
      await this.#finish(source, bootstrap, after);
    } catch (error) {
      if (!(error instanceof SourceLostError)) throw error;
      logger.warn({ partition, error: error.message }, "the source of a bootstrap is lost");
      this.#lose(source);
    }
  }

  #report(
    source: Source,
    began: { progress: BootstrapProgress; atMs: number },
    now: BootstrapProgress,
  ): void {
    const { logger, partition, clock, metrics } = this.#options;
    const seconds = (clock.monotonicMs() - began.atMs) / 1_000;
    const rowsPerSecond = (rowsOf(now.loaded) - rowsOf(began.progress.loaded)) / seconds;
    const rows = rowsOf(source.head.counts);
    const secondsLeft = rowsPerSecond > 0 ? (rows - rowsOf(now.loaded)) / rowsPerSecond : undefined;
    metrics.secondsLeft(partition, secondsLeft);
    const rate = { rowsPerSecond: Math.round(rowsPerSecond), secondsLeft: Math.round(secondsLeft ?? 0) };
    logger.info({ partition, loaded: now.loaded, rows, bytes: now.bytes, ...rate }, "loading goes on");
  }

  async #finish(
    source: Source,
    bootstrap: Bootstrap,
    { loaded, part, bytes }: BootstrapProgress,
  ): Promise<void> {
    const { store, partition, logger, metrics } = this.#options;
    const { counts, state } = source.head;
    if (part !== undefined || STATE_PARTS.some((one) => loaded[one] !== counts[one])) {
      const found = `${JSON.stringify(loaded)} of ${JSON.stringify(counts)} rows`;
      throw new SourceLostError(`${source.region} has told of ${found}: they are loaded anew`);
    }
    await store.finishLoad({ bootstrap, head: source.head });
    this.#tellStage("folding");
    metrics.secondsLeft(partition, undefined);
    logger.info(
      { partition, id: bootstrap.id, position: state.position, loaded, bytes },
      "the state is loaded",
    );
    this.#source = undefined;
    this.#seeker.forgive();
    await source.release();
  }

  /** The next look is for another, or for another snapshot of the same. */
  #lose(source: Source): void {
    const { metrics, partition } = this.#options;
    this.#source = undefined;
    this.#seeker.blame(source);
    metrics.ended(partition, "source-lost");
    void source.release();
  }

  left(): void {
    this.#isHeld = false;
    this.#tellStage(undefined);
    this.#options.metrics.secondsLeft(this.#options.partition, undefined);
  }

  #tellStage(stage: BootstrapStage | undefined): void {
    // A look that was under way when the role was lost must not tell what nobody takes back.
    if (!this.#isHeld && stage !== undefined) return;
    this.#options.metrics.stage(this.#options.partition, stage);
    if (stage === undefined) this.#problem(undefined);
  }

  #problem(problem: string | undefined): void {
    this.#options.onProblem?.(this.#options.partition, problem);
  }
}

function sourceOf({ region, snapshot, head }: Source): BootstrapSource {
  return { name: region, snapshot, position: head.state.position, counts: head.counts };
}

function rowsOf(counts: BootstrapProgress["loaded"]): number {
  return counts.records + counts.operations + counts.conflicts;
}
