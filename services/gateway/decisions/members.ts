/** What the other regions' ticks say that they can read: an entry that one of them can't decode would stop it. */
import type { Clock } from "../../ports/clock.ts";
import type { StateReader } from "../../ports/region-store.ts";
import { GatewayError } from "../errors.ts";

/** Software may be upgraded, or rolled back. */
const LOOK_EVERY_MS = 5_000;

interface Look {
  readonly isStarted: boolean;
  /** Regions and the highest entry version that they read. */
  readonly reads: ReadonlyMap<string, number>;
  readonly members: readonly string[];
  readonly atMs: number;
}

export class Members {
  readonly #store: Pick<StateReader, "readPositions">;
  readonly #clock: Clock;
  readonly #looks = new Map<number, Look>();

  constructor(options: { store: Pick<StateReader, "readPositions">; clock: Clock }) {
    this.#store = options.store;
    this.#clock = options.clock;
  }

  /**
   * @throws {GatewayError} starting: nothing may be published before the genesis is folded; not-supported-yet: a member
   * runs software that can't read entries of this version.
   */
  async checkReading(partition: number, version: number): Promise<void> {
    const { isStarted, reads } = await this.#look(partition);
    if (!isStarted) {
      const message = `partition ${partition} is not joined to its log yet`;
      throw new GatewayError("starting", message, { retryAfterMs: 1_000 });
    }
    const older = [...reads].filter(([, highest]) => highest < version).map(([region]) => region);
    if (older.length === 0) return;
    const message = `${older.join(", ")} still runs software that can't read such entries of the log: upgrade it first`;
    throw new GatewayError("not-supported-yet", message, { retryAfterMs: LOOK_EVERY_MS });
  }

  /** Whether all members read entries of this version. */
  async read(partition: number, version: number): Promise<boolean> {
    const { isStarted, reads, members } = await this.#look(partition);
    return isStarted && members.every((member) => (reads.get(member) ?? 0) >= version);
  }

  /** Whether a region is one of the cluster's. */
  async has(partition: number, region: string): Promise<boolean> {
    const { members } = await this.#look(partition);
    return members.includes(region);
  }

  async #look(partition: number): Promise<Look> {
    const last = this.#looks.get(partition);
    const nowMs = this.#clock.monotonicMs();
    if (last?.isStarted === true && nowMs - last.atMs < LOOK_EVERY_MS) return last;
    const { cluster, origins, members } = await this.#store.readPositions(partition);
    const reads = new Map<string, number>();
    for (const [region, { tick }] of Object.entries(origins))
      if (tick !== null) reads.set(region, tick.reads);
    const look = { isStarted: cluster !== null, reads, members, atMs: nowMs };
    this.#looks.set(partition, look);
    return look;
  }
}
