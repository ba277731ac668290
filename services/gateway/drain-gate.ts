/**
 * Takes a region out of service without losing anything: it takes no new writes, in any of its processes and over restarts,
 * while it reads, folds and relays on; other regions take over what it leads.
 *
 * The order is a row in the region's database, which each process reads twice a second.
 */
import type { Drain } from "../ports/region-store.ts";
import { describeError } from "../runtime/describe-error.ts";
import { GatewayError } from "./errors.ts";
import type { DrainReport, PartitionStatus } from "./gateway.ts";
import type { GatewayOptions } from "./gateway-service.ts";
import { askPlacement } from "./placement-client.ts";

const LOOK_EVERY_MS = 500;
/** By then every process has read the order, and what it had taken before is in the WAL. */
const SETTLED_AFTER_MS = 2_000;
const RETRY_AFTER_MS = 5_000;

export class DrainGate {
  readonly #options: GatewayOptions;
  #known: { readonly drain: Drain; readonly seenAtMs: number } | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  /** Why the region should get no writes; undefined while it takes them. */
  get reason(): string | undefined {
    if (this.#known === undefined) return undefined;
    return `region ${this.#options.region} is drained; "forebay region undrain ${this.#options.region}" ends it`;
  }

  /** @throws {GatewayError} draining. */
  check(): void {
    if (this.#known === undefined) return;
    const message = `region ${this.#options.region} is drained and takes no new writes: send it to another region`;
    throw new GatewayError("draining", message, { retryAfterMs: RETRY_AFTER_MS });
  }

  /** @throws {StoreUnavailableError} */
  async look(): Promise<void> {
    this.#know(await this.#options.store.readDrain());
  }

  /** Looks until stopped. Never rejects: while the database is away nothing can be written anyway. */
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
   * @throws {GatewayError} drain-refused, starting. @throws {StoreUnavailableError}
   */
  async begin({ isForced }: { isForced: boolean }): Promise<void> {
    const { store, logger, region } = this.#options;
    const known = await store.readDrain();
    if (known !== undefined) return this.#know(known);
    if (!isForced) await this.#checkOthers();
    this.#know(await store.startDrain());
    try {
      // Asked again: of two regions that are drained at once, one at least hears of the other.
      if (!isForced) await this.#checkOthers();
    } catch (error) {
      await this.end();
      throw error;
    }
    logger.info({ region }, "the region is drained: it takes no new writes");
  }

  /** @throws {StoreUnavailableError} */
  async end(): Promise<void> {
    const { store, logger, region } = this.#options;
    await store.endDrain();
    this.#know(undefined);
    logger.info({ region }, "the region is no longer drained");
  }

  /** By the order as it was read last, so that a database that hangs keeps nobody who asks for the status. */
  report(partitions: readonly PartitionStatus[]): DrainReport | undefined {
    if (this.#known === undefined) return undefined;
    const { clock, region } = this.#options;
    const { drain, seenAtMs } = this.#known;
    const pendingRows = partitions.reduce((sum, { wal }) => sum + wal.pendingRows, 0);
    const leads = partitions.filter(({ leader }) => leader === region).map(({ partition }) => partition);
    const isKnown = partitions.every(({ leader, staleMs }) => leader !== undefined && staleMs === undefined);
    const isSettled = drain.forMs + clock.monotonicMs() - seenAtMs >= SETTLED_AFTER_MS;
    const isDrained = isSettled && isKnown && pendingRows === 0 && leads.length === 0;
    return { sinceMs: drain.sinceMs, pendingRows, leads, isDrained };
  }

  #know(drain: Drain | undefined): void {
    this.#known = drain && { drain, seenAtMs: this.#options.clock.monotonicMs() };
    this.#options.metrics.draining(drain !== undefined);
  }

  async #checkOthers(): Promise<void> {
    const { store, region } = this.#options;
    const { members, cluster } = await store.readPositions(0);
    if (cluster === null) throw new GatewayError("starting", "the region has not joined its log yet");
    const others = members.filter((member) => member !== region);
    const answers = await Promise.all(
      others.map((other) => askPlacement(this.#options, { region: other, partition: 0 })),
    );
    const missing = others.flatMap((other, index) => {
      const answer = answers[index];
      if (answer === undefined) return [`${other} does not answer`];
      return answer.isDraining ? [`${other} is drained`] : [];
    });
    const left = others.length - missing.length;
    const majority = Math.floor(members.length / 2) + 1;
    if (left >= majority) return;
    const why = missing.length === 0 ? "" : ` (${missing.join(", ")})`;
    const message = `without ${region} only ${left} of ${members.length} regions would be left, and a majority is ${majority}${why}; force drains it all the same`;
    throw new GatewayError("drain-refused", message, { retryAfterMs: RETRY_AFTER_MS });
  }
}
