/**
 * Takes a region out of service without losing anything: it takes no new writes, in any of its processes and over restarts,
 * while it reads, folds and relays on; other regions take over what it leads.
 *
 * The order is a row in the region's database, which each process reads twice a second. One that could not read it for a
 * while takes no write before it has: it may have been ordered meanwhile.
 */
import { DEADLINE_MS_DEFAULT } from "../protocol/http/headers.ts";
import type { RegionStore } from "../ports/region-store.ts";
import type { Drain } from "../ports/region-orders.ts";
import { describeError } from "../runtime/describe-error.ts";
import { checkMajority } from "./drain-majority.ts";
import { GatewayError } from "./errors.ts";
import type { DrainReport, PartitionStatus } from "./status-report.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { SharedLook } from "./shared-look.ts";
import type { StorePatience } from "./store-patience.ts";

const LOOK_EVERY_MS = 500;
/** What was asked earlier says too little of now: a write waits for another look. */
const STALE_AFTER_MS = 1_500;
/** By then every process has read the order or looks first, and what it had taken before is in the WAL. */
const SETTLED_AFTER_MS = 2_000;
const TAKE_BACK_TIMEOUT_MS = 5_000;
const RETRY_AFTER_MS = 5_000;

/** Where the order stands. */
export type DrainStore = Pick<
  RegionStore,
  "readDrain" | "startDrain" | "endDrain" | "readPositions" | "readBootstraps"
>;

export class DrainGate {
  readonly #options: GatewayOptions;
  readonly #patience: StorePatience;
  readonly #store: DrainStore;
  readonly #look: SharedLook;
  #known: { readonly drain: Drain; readonly seenAtMs: number } | undefined;
  /** When what is known was asked for; undefined before the first look. */
  #askedAtMs: number | undefined;
  /** Looks and orders are numbered: an older one never overwrites what a newer one has told. */
  #lastNumber = 0;
  #knownNumber = 0;

  constructor(options: GatewayOptions, patience: StorePatience) {
    this.#options = options;
    this.#patience = patience;
    this.#store = options.drainStore ?? options.store;
    this.#look = new SharedLook({
      clock: options.clock,
      youngMs: STALE_AFTER_MS,
      look: () => this.#lookAnew(),
    });
  }

  /** Why the region should get no writes; undefined while it takes them. */
  get reason(): string | undefined {
    if (this.#known === undefined) return undefined;
    return `region ${this.#options.region} is drained; ${this.#undo} ends it`;
  }

  /** Since when the region is drained, by the database's clock, as far as is known; undefined while it is not. */
  get sinceMs(): number | undefined {
    return this.#known?.drain.sinceMs;
  }

  /** Whether the last look is young enough to take writes on it. */
  get isFresh(): boolean {
    return this.#askedAtMs === undefined || this.#nowMs - this.#askedAtMs < STALE_AFTER_MS;
  }

  /** @throws {GatewayError} draining. */
  check(): void {
    if (this.#known === undefined) return;
    const message = `region ${this.#options.region} is drained and takes no new writes: send it to another region`;
    throw new GatewayError("draining", message, { retryAfterMs: RETRY_AFTER_MS });
  }

  /**
   * Waits for a look, which a slow database may take its time for: then writes are slow, and not refused.
   * @throws {GatewayError} draining. @throws {StoreUnavailableError} it can't be known.
   */
  async checkAnew(deadlineAtMs: number): Promise<void> {
    await this.#look.askUntil(deadlineAtMs, this.#patience);
    this.check();
  }

  /** One look for all who ask within a moment. @throws {StoreUnavailableError} */
  look(): Promise<void> {
    return this.#look.ask();
  }

  /** Looks until stopped. Never rejects: whoever wants to write looks again. */
  async watch(stop: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    while (!stop.aborted) {
      await clock.sleep(LOOK_EVERY_MS, stop);
      try {
        if (!stop.aborted) await this.look();
      } catch (error) {
        logger.debug({ error: describeError(error) }, "whether the region is drained can't be read");
      }
    }
  }

  /**
   * Begins, or goes on where it has begun.
   * @throws {GatewayError} drain-refused, starting; outcome-unknown: it is drained, and should not be.
   * @throws {StoreUnavailableError} `outcome` says whether it may have begun.
   */
  async begin({ isForced }: { isForced: boolean }): Promise<void> {
    const { logger, region } = this.#options;
    const deadlineAtMs = this.#nowMs + DEADLINE_MS_DEFAULT;
    if (!isForced) {
      await this.#patience.until(deadlineAtMs, this.#lookAnew());
      if (this.#known !== undefined) return;
      await this.#checkOthers(deadlineAtMs);
    }
    const drain = await this.#patience.until(deadlineAtMs, this.#start(isForced), "unknown");
    // Asked again: of two regions that are drained at once, one at least hears of the other.
    if (!isForced && drain.isNew) await this.#checkOthersOrEnd(drain, deadlineAtMs);
    logger.info({ region, isForced }, "the region is drained: it takes no new writes");
  }

  /** @throws {StoreUnavailableError} `outcome` says whether it may have ended. */
  async end(): Promise<void> {
    await this.#patience.until(this.#nowMs + DEADLINE_MS_DEFAULT, this.#end(), "unknown");
  }

  /** By the order as it was read last, so that a database that hangs keeps nobody who asks for the status. */
  report(partitions: readonly PartitionStatus[]): DrainReport | undefined {
    if (this.#known === undefined) return undefined;
    const { region } = this.#options;
    const { drain, seenAtMs } = this.#known;
    const pendingRows = partitions.reduce((sum, { wal }) => sum + wal.pendingRows, 0);
    const leads = partitions.filter(({ leader }) => leader === region).map(({ partition }) => partition);
    const isKnown =
      partitions.length > 0 &&
      partitions.every(({ leader, staleMs }) => leader !== undefined && staleMs === undefined);
    const isSettled = drain.forMs + this.#nowMs - seenAtMs >= SETTLED_AFTER_MS;
    const isDrained = isSettled && isKnown && pendingRows === 0 && leads.length === 0;
    return { sinceMs: drain.sinceMs, pendingRows, leads, isDrained };
  }

  get #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  get #undo(): string {
    return `"forebay region undrain ${this.#options.region}"`;
  }

  async #lookAnew(): Promise<void> {
    const number = this.#nextNumber();
    const askedAtMs = this.#nowMs;
    this.#learn(await this.#store.readDrain(), { number, askedAtMs });
  }

  /** Numbered when it is done: a look that began before may not have seen it. */
  async #start(isForced: boolean): Promise<Drain & { isNew: boolean }> {
    const askedAtMs = this.#nowMs;
    const drain = await this.#store.startDrain({ isForced });
    this.#learn(drain, { number: this.#nextNumber(), askedAtMs });
    return drain;
  }

  /** @param only the order to end; one that somebody else has given or confirmed meanwhile stays. */
  async #end(only?: Drain): Promise<void> {
    const { logger, region } = this.#options;
    const askedAtMs = this.#nowMs;
    const hasEnded = await this.#store.endDrain(only);
    if (only !== undefined && !hasEnded) return;
    this.#learn(undefined, { number: this.#nextNumber(), askedAtMs });
    logger.info({ region }, "the region is no longer drained");
  }

  #nextNumber(): number {
    this.#lastNumber += 1;
    return this.#lastNumber;
  }

  #learn(drain: Drain | undefined, { number, askedAtMs }: { number: number; askedAtMs: number }): void {
    if (number < this.#knownNumber) return;
    this.#knownNumber = number;
    this.#askedAtMs = askedAtMs;
    this.#known = drain && { drain, seenAtMs: this.#nowMs };
    this.#options.metrics.draining(drain !== undefined);
  }

  async #checkOthers(deadlineAtMs: number): Promise<void> {
    const asked = this.#store.readPositions(0);
    const { members, cluster } = await this.#patience.until(deadlineAtMs, asked);
    if (cluster === null) throw new GatewayError("starting", "the region has not joined its log yet");
    await checkMajority(this.#options, members);
  }

  async #checkOthersOrEnd(drain: Drain, deadlineAtMs: number): Promise<void> {
    try {
      await this.#checkOthers(deadlineAtMs);
    } catch (error) {
      await this.#takeBack(drain, describeError(error));
      throw error;
    }
  }

  /** @throws {GatewayError} outcome-unknown. */
  async #takeBack(drain: Drain, why: string): Promise<void> {
    try {
      await this.#patience.until(this.#nowMs + TAKE_BACK_TIMEOUT_MS, this.#end(drain), "unknown");
    } catch (error) {
      const message = `region ${this.#options.region} is drained, and should not be: ${why}; it could not be taken back (${describeError(error)}), which ${this.#undo} does`;
      throw new GatewayError("outcome-unknown", message, { retryAfterMs: RETRY_AFTER_MS });
    }
  }
}
