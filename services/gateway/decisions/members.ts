/** What the other regions' ticks say that they can read: an entry that one of them can't decode would stop it. */
import type { Clock } from "../../ports/clock.ts";
import type { StateReader } from "../../ports/region-store.ts";
import { READS_UNTOLD } from "../../protocol/entry-codec.ts";
import { GatewayError } from "../errors.ts";

/** Software may be upgraded, or rolled back. */
const LOOK_EVERY_MS = 5_000;
/** A region says what it reads as soon as it has started. */
const STARTING_MS = 1_000;

interface Look {
  readonly isStarted: boolean;
  /** Of regions that have told: the highest entry version that they read. */
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
   * A member that has told nothing yet, as it has not started since the cluster was made, keeps nobody from what all software
   * reads, and everybody from what only newer software does.
   * @throws {GatewayError} starting: nothing may be published before the genesis is folded; not-supported-yet: a member
   * runs software that can't read entries of this version.
   */
  async checkReading(partition: number, version: number): Promise<void> {
    let look = await this.#look(partition);
    if (!look.isStarted) {
      const message = `partition ${partition} is not joined to its log yet`;
      throw new GatewayError("starting", message, { retryAfterMs: STARTING_MS });
    }
    // Who has just started has said it since: that is not believed to be as it was.
    if (silentOf(look).length > 0 && olderThan(version, look).length > 0)
      look = await this.#lookAnew(partition);
    const older = olderThan(version, look);
    if (older.length === 0) return;
    if (look.reads.size === 0) {
      const message = `the log has told this region nothing yet of what its members read, not even of itself`;
      throw new GatewayError("starting", message, { retryAfterMs: STARTING_MS });
    }
    const isStarting = older.every((member) => !look.reads.has(member));
    throw new GatewayError("not-supported-yet", whyNot(older, look.reads), {
      retryAfterMs: isStarting ? STARTING_MS : LOOK_EVERY_MS,
    });
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
    return this.#lookAnew(partition);
  }

  async #lookAnew(partition: number): Promise<Look> {
    const nowMs = this.#clock.monotonicMs();
    const { cluster, origins, members } = await this.#store.readPositions(partition);
    const reads = new Map<string, number>();
    for (const [region, { tick }] of Object.entries(origins))
      // A member that was added, or loads its state anew, may have come with other software since.
      if (tick !== null && tick.isAssumed !== true) reads.set(region, tick.reads);
    const look = { isStarted: cluster !== null, reads, members, atMs: nowMs };
    this.#looks.set(partition, look);
    return look;
  }
}

function silentOf({ members, reads }: Look): readonly string[] {
  return members.filter((member) => !reads.has(member));
}

function olderThan(version: number, { members, reads }: Look): readonly string[] {
  return members.filter((member) => (reads.get(member) ?? READS_UNTOLD) < version);
}

function whyNot(older: readonly string[], reads: Look["reads"]): string {
  const told = older.filter((member) => reads.has(member)).join(", ");
  const silent = older.filter((member) => !reads.has(member)).join(", ");
  const what = "such entries of the log";
  const reasons = [
    told && `${told} still runs software that can't read ${what}: upgrade it first`,
    silent && `${silent} has not started yet, and may run software that can't read ${what}: start it first`,
  ];
  return reasons.filter((reason) => reason !== "").join("; ");
}
