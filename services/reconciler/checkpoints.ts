/**
 * The checkpoints of this process: one is made at each barrier of a verification that its appliers come to, and answers other
 * regions until nobody has asked for a while. Few at a time, since a database can't tidy up behind an open snapshot.
 */
import type { PartitionSnapshot } from "../ports/partition-snapshot.ts";
import type { BarrierEntry } from "../core/entry.ts";
import { LEAVES_MAX } from "../core/verify/digest-tree.ts";
import { scanRestMs } from "../core/verify/scan-pace.ts";
import type { Bus } from "../ports/bus.ts";
import type { Clock } from "../ports/clock.ts";
import type { Positions, RegionStore } from "../ports/region-store.ts";
import {
  checkpointService,
  decodeVerifyRequest,
  encodeVerifyAnswer,
  encodeVerifyRefusal,
  OtherVersionError,
  PLACE_SERVICE,
} from "../protocol/verify-message.ts";
import { describeError } from "../runtime/describe-error.ts";
import { KeptOpen } from "../runtime/kept-open.ts";
import type { Logger } from "../runtime/logger.ts";
import { Checkpoint, type CheckpointPlace } from "./checkpoint.ts";
import type { ReconcilerMetrics } from "./metrics.ts";

/** Longer than a coordinator waits for the slowest region. */
const IDLE_MS_MAX = 180_000;
const LIFE_MS_MAX = 600_000;
const LOOK_EVERY_MS = 10_000;
/** Of one partition; an older one is closed for a newer. */
const CHECKPOINTS_MAX = 2;

/** What barriers of verifications are for: of one that somebody waits for, and of one that may take its time. */
export const VERIFY_PURPOSE = "verify";
export const VERIFY_GENTLY_PURPOSE = "verify-gently";
const PURPOSES: readonly string[] = [VERIFY_PURPOSE, VERIFY_GENTLY_PURPOSE];

/** Where the applier stands, as it tells its observer. */
export interface Stop {
  readonly partition: number;
  readonly position: number;
  readonly logTimeMs: number;
  readonly barrier: BarrierEntry;
  readonly passed: AbortSignal;
}

export interface CheckpointsOptions {
  readonly region: string;
  readonly store: Pick<RegionStore, "openSnapshot" | "readPositions">;
  readonly bus: Pick<Bus, "serve">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ReconcilerMetrics;
  /** The same in all regions. Default `LEAVES_MAX`. */
  readonly leaves?: number | undefined;
}

interface Served {
  readonly checkpoint: Checkpoint;
  readonly end: () => void;
}

export class Checkpoints {
  readonly #options: CheckpointsOptions;
  /** By barrier. */
  readonly #kept: KeptOpen<Served>;
  readonly #over = new AbortController();
  /** One is digested at a time: a scan of all rows takes a core of the database. */
  #digesting: Promise<void> = Promise.resolve();

  constructor(options: CheckpointsOptions) {
    this.#options = options;
    this.#kept = new KeptOpen({
      clock: options.clock,
      idleMsMax: IDLE_MS_MAX,
      lifeMsMax: LIFE_MS_MAX,
      lookEveryMs: LOOK_EVERY_MS,
      expired: (_, served) => close(served),
    });
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Tells other regions how far this one is. @returns ends it. */
  servePlace(): () => void {
    return this.#options.bus.serve(PLACE_SERVICE, (data) => this.tellPlace(data));
  }

  async tellPlace(data: Uint8Array): Promise<Uint8Array> {
    try {
      const request = decodeVerifyRequest(data);
      if (request.ask !== "place") return encodeVerifyRefusal("only its place is told here");
      const { position } = await this.#options.store.readPositions(request.partition);
      return encodeVerifyAnswer<"place">({ position });
    } catch (error) {
      if (error instanceof OtherVersionError) return encodeVerifyRefusal(error.message);
      throw error;
    }
  }

  /** Opens a snapshot while the applier stands still, and digests it afterwards. */
  async atBarrier(stop: Stop): Promise<void> {
    const { partition, barrier, position, logTimeMs } = stop;
    if (!PURPOSES.includes(barrier.purpose) || this.#kept.has(barrier.id)) return;
    const { store, logger } = this.#options;
    const about = { partition, barrier: barrier.id, position, logTimeMs, forgotten: 0 };
    try {
      const snapshot = await store.openSnapshot({ partition, holdMsMax: LIFE_MS_MAX });
      const { forgotten, origins, chain } = await this.#readPositions(partition, snapshot);
      if (stop.passed.aborted || snapshot.position !== position) {
        await snapshot.close();
        this.#keepVoid(about, "has folded on before its checkpoint was made");
        return;
      }
      const restMs = scanRestMs({ isGentle: barrier.purpose === VERIFY_GENTLY_PURPOSE, origins });
      this.#keep({ ...about, chain, forgotten: forgotten.position }, { snapshot, restMs });
    } catch (error) {
      logger.warn({ ...about, error: describeError(error) }, "a checkpoint could not be made");
      this.#keepVoid(about, `could not open a snapshot: ${describeError(error)}`);
    }
  }

  /** Undefined where this process has no such checkpoint. */
  answer(barrier: string, data: Uint8Array): Promise<Uint8Array> | undefined {
    const kept = this.#kept.ask(barrier);
    if (kept === undefined) return undefined;
    if (isRelease(data)) {
      this.#drop(barrier);
      return Promise.resolve(encodeVerifyAnswer<"release">({}));
    }
    return kept.checkpoint.answer(data);
  }

  close(): void {
    this.#over.abort();
    for (const [barrier] of this.#kept.entries()) this.#drop(barrier);
  }

  /** Before the applier goes on: what is read later may be of a later position. */
  async #readPositions(partition: number, snapshot: PartitionSnapshot): Promise<Positions> {
    try {
      return await this.#options.store.readPositions(partition);
    } catch (error) {
      await snapshot.close();
      throw error;
    }
  }

  #keepVoid(place: CheckpointPlace, voided: string): void {
    this.#options.metrics.checkpoint(place.partition, "void");
    this.#add(new Checkpoint(place, { leaves: 1, voided }));
  }

  #keep(place: CheckpointPlace, digesting: { snapshot: PartitionSnapshot; restMs: number }): void {
    const { leaves = LEAVES_MAX, logger, metrics } = this.#options;
    const checkpoint = new Checkpoint(place, { leaves, ...digesting });
    this.#add(checkpoint);
    this.#digesting = this.#digesting.then(async () => {
      const recordsMs = await this.#timed(() => checkpoint.digest());
      const isReady = checkpoint.status === "ready";
      metrics.checkpoint(place.partition, isReady ? "digested" : "void");
      if (!isReady) return logger.info(place, "a checkpoint could not be digested");
      const otherMs = await this.#timed(() => checkpoint.digestRest());
      metrics.digested({ partition: place.partition, part: "records", durationMs: recordsMs });
      metrics.digested({ partition: place.partition, part: "rest", durationMs: otherMs });
      logger.info({ ...place, recordsMs, otherMs, restMs: digesting.restMs }, "a checkpoint was digested");
    });
  }

  async #timed(work: () => Promise<void>): Promise<number> {
    const { clock } = this.#options;
    const startedAtMs = clock.monotonicMs();
    await work();
    return clock.monotonicMs() - startedAtMs;
  }

  #add(checkpoint: Checkpoint): void {
    const { barrier, partition } = checkpoint.place;
    if (this.#over.signal.aborted) return void checkpoint.close();
    const ofPartition = this.#kept
      .entries()
      .filter(([, kept]) => kept.checkpoint.place.partition === partition);
    for (const [older] of ofPartition.slice(0, Math.max(0, ofPartition.length + 1 - CHECKPOINTS_MAX)))
      this.#drop(older);
    const end = this.#options.bus.serve(checkpointService(barrier), (data) => {
      return this.answer(barrier, data) ?? Promise.resolve(encodeVerifyRefusal("the checkpoint is closed"));
    });
    this.#kept.keep(barrier, { checkpoint, end });
  }

  #drop(barrier: string): void {
    const served = this.#kept.letGo(barrier);
    if (served !== undefined) close(served);
  }
}

function close({ checkpoint, end }: Served): void {
  end();
  void checkpoint.close();
}

function isRelease(data: Uint8Array): boolean {
  try {
    return decodeVerifyRequest(data).ask === "release";
  } catch {
    // The checkpoint says what is wrong with it.
    return false;
  }
}
