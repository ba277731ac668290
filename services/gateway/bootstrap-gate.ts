/**
 * Keeps requests from a state that is being loaded: from `announced` on the region answers none that reads
 * or writes records, in any of its processes.
 *
 * Each process looks twice a second. An answer that rests on a look of less than `STALE_AFTER_MS` ago is right: what it was
 * read from was not cleared by then, since the stage before that lasts longer.
 */
import type { Bootstrap, StateCounts } from "../ports/bootstraps.ts";
import { StoreUnavailableError, type RegionStore } from "../ports/region-store.ts";
import { describeError } from "../runtime/describe-error.ts";
import { GatewayError } from "./errors.ts";
import type { BootstrapReport } from "./status-report.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { SharedLook } from "./shared-look.ts";
import type { StorePatience } from "./store-patience.ts";

const LOOK_EVERY_MS = 500;
const STALE_AFTER_MS = 1_500;
const LOOK_AGAIN_MS = 100;
const RETRY_AFTER_MS = 5_000;
const MS_PER_SECOND = 1_000;

/** Of one that is under way, the first look that saw it loading: what was loaded since tells how fast it goes. */
interface FirstSeen {
  readonly id: string;
  readonly snapshot: string | undefined;
  readonly rows: number;
  readonly atMs: number;
}

export class BootstrapGate {
  readonly #options: GatewayOptions;
  readonly #patience: StorePatience;
  readonly #store: Pick<RegionStore, "readBootstraps">;
  readonly #look: SharedLook;
  #known: readonly Bootstrap[] = [];
  readonly #first = new Map<number, FirstSeen>();
  /** When what is known was asked for; undefined before the first look. */
  #askedAtMs: number | undefined;
  /** When the region was last known not to answer. */
  #closedAtMs = -Infinity;

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

  /** Why the region is not ready; empty where it is. */
  get reasons(): readonly string[] {
    return this.#known.filter(isClosing).map((bootstrap) => this.#describe(bootstrap));
  }

  /** @throws {GatewayError} bootstrapping. */
  check(): void {
    const closing = this.#known.find(isClosing);
    if (closing === undefined) return;
    const { region } = this.#options;
    const message = `region ${region} loads its state from another one and answers no requests: send it to another region`;
    throw new GatewayError("bootstrapping", message, { retryAfterMs: RETRY_AFTER_MS });
  }

  /** Before a request is worked on. @throws {GatewayError} bootstrapping. @throws {StoreUnavailableError} it can't be known. */
  async enter(deadlineAtMs: number): Promise<void> {
    this.check();
    while (!this.#isFresh) {
      await this.#look.askUntil(deadlineAtMs, this.#patience);
      this.check();
      if (!this.#isFresh) await this.#options.clock.sleep(LOOK_AGAIN_MS);
    }
  }

  /** Whether a request can be worked on without any wait. @throws {GatewayError} bootstrapping. */
  get isOpen(): boolean {
    this.check();
    return this.#isFresh;
  }

  /**
   * Reads, and makes sure that what was read was a whole state.
   * @throws {GatewayError} bootstrapping. @throws {StoreUnavailableError} it can't be known.
   */
  async read<T>(deadlineAtMs: number, reading: () => Promise<T>): Promise<T> {
    if (!this.isOpen) await this.enter(deadlineAtMs);
    const beganAtMs = this.#nowMs;
    const answer = await reading();
    if (!this.isOpen) await this.enter(deadlineAtMs);
    // It was closed meanwhile, and is open again: what was read may be from in between.
    return this.#closedAtMs < beganAtMs ? answer : reading();
  }

  /** @throws {StoreUnavailableError} */
  look(): Promise<void> {
    return this.#look.ask();
  }

  async #lookAnew(): Promise<void> {
    const askedAtMs = this.#nowMs;
    const known = await this.#store.readBootstraps();
    // A look that took long must not overwrite what a later one has told.
    if (askedAtMs < (this.#askedAtMs ?? -Infinity)) return;
    this.#askedAtMs = askedAtMs;
    this.#known = known;
    if (known.some(isClosing)) this.#closedAtMs = this.#nowMs;
    for (const bootstrap of known) this.#noteRate(bootstrap);
  }

  /** Looks until stopped. Never rejects: whoever wants something looks again. */
  async watch(stop: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    while (!stop.aborted) {
      await clock.sleep(LOOK_EVERY_MS, stop);
      try {
        if (!stop.aborted) await this.look();
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        logger.debug({ error: describeError(error) }, "whether the region is bootstrapping can't be read");
      }
    }
  }

  report(partition: number): BootstrapReport | undefined {
    const bootstrap = this.#known.find((one) => one.partition === partition);
    if (bootstrap === undefined) return undefined;
    const { id, stage, reason, source, startedAtMs, progress } = bootstrap;
    const rows = source && sumOf(source.counts);
    const rowsLoaded = progress && sumOf(progress.loaded);
    const rowsPerSecond = stage === "loading" ? this.#rate(bootstrap) : undefined;
    const left =
      rows === undefined || rowsLoaded === undefined || !rowsPerSecond
        ? undefined
        : (rows - rowsLoaded) / rowsPerSecond;
    return {
      id,
      stage,
      reason,
      startedAtMs,
      source: source?.name,
      rows,
      rowsLoaded,
      bytesLoaded: progress?.bytes,
      rowsPerSecond,
      secondsLeft: left,
    };
  }

  get #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  get #isFresh(): boolean {
    return this.#askedAtMs === undefined || this.#nowMs - this.#askedAtMs < STALE_AFTER_MS;
  }

  #noteRate({ partition, id, stage, source, progress }: Bootstrap): void {
    const first = this.#first.get(partition);
    if (stage !== "loading" || progress === undefined) return void this.#first.delete(partition);
    if (first?.id === id && first.snapshot === source?.snapshot) return;
    const rows = sumOf(progress.loaded);
    this.#first.set(partition, { id, snapshot: source?.snapshot, rows, atMs: this.#nowMs });
  }

  #rate({ partition, progress }: Bootstrap): number | undefined {
    const first = this.#first.get(partition);
    if (first === undefined || progress === undefined || this.#askedAtMs === undefined) return undefined;
    const seconds = (this.#askedAtMs - first.atMs) / MS_PER_SECOND;
    return seconds < 1 ? undefined : (sumOf(progress.loaded) - first.rows) / seconds;
  }

  #describe({ partition, stage, source }: Bootstrap): string {
    const { rows, rowsLoaded, secondsLeft } = this.report(partition)!;
    const from = source === undefined ? "" : ` from ${source.name}`;
    const what = `partition ${partition} is bootstrapped${from}: ${stage}`;
    if (stage !== "loading" || rows === undefined) return what;
    const left = secondsLeft === undefined ? "" : `, about ${Math.ceil(secondsLeft)} s left`;
    return `${what}, ${rowsLoaded ?? 0} of ${rows} rows${left}`;
  }
}

function isClosing({ stage }: Bootstrap): boolean {
  return stage !== "ordered";
}

function sumOf(counts: StateCounts): number {
  return counts.records + counts.operations + counts.conflicts;
}
