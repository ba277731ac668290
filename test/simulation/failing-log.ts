/**
 * A cluster whose log fails while clients write. They remember what was acknowledged: local writes by the region alone, others
 * once they were committed. Afterwards every region must hold each of them, once, and all regions the same.
 */
import { EMPTY_SESSION } from "../../services/core/session.ts";
import { showFields } from "../../services/core/record.ts";
import type { LogRebuildRequest, PartitionLog } from "../../services/gateway/log-keeper.ts";
import { decodeEntry } from "../../services/protocol/entry-codec.ts";
import { silentLogger } from "../../services/runtime/logger.ts";
import { NO_BUS_FAULTS } from "./bus.ts";
import { SimulatedCluster, type ClusterOptions, type SimulatedRegion } from "./cluster.ts";
import { NO_LOG_FAULTS } from "./global-log.ts";
import { require } from "./require.ts";
import { Process, World } from "./world.ts";

const TENANT = "default";
const COLLECTION = "things";
const SCHEMA = {
  fields: {
    total: { class: "merge", kind: "counter" },
    note: { class: "lww" },
    serial: { class: "authoritative", type: "integer" },
  },
} as const;
const CONTEXT = { tenant: TENANT, session: EMPTY_SESSION, deadlineMs: 2_500 };
const KEYS = ["a", "b", "c"];
const LIMIT_MS = 120_000;
const REQUEST: LogRebuildRequest = {
  partition: undefined,
  isDryRun: false,
  without: [],
  from: undefined,
  isForced: false,
};

export type Failure = "lost-tail" | "deleted" | "made-empty";

export class FailingLog {
  readonly world: World;
  readonly cluster: SimulatedCluster;
  /** Of local increments: what each key must add up to; what is not known is tried until it is. */
  readonly #totals = new Map<string, number>();
  /** Ids of decided writes that were told to be committed. */
  readonly #committed = new Set<string>();
  #acknowledged = 0;
  #clients = 0;
  #isOver = false;
  #stillWriting = 0;

  constructor(seed: number, options: Partial<ClusterOptions> = {}) {
    this.world = new World(seed);
    this.cluster = new SimulatedCluster(this.world, {
      regions: ["eu", "us", "ap"],
      partitions: 1,
      processesPerRegion: 1,
      crashes: 0,
      pendingRowsMax: 10_000,
      trim: {
        everyMs: 1_000,
        awayMsMax: 3_600_000,
        walRetentionMs: 1_000,
        logRetentionMs: 1_000,
        operationRetentionMs: 3_600_000,
        changesRetentionMs: 3_600_000,
      },
      logger: silentLogger,
      logFaults: { ...NO_LOG_FAULTS, jitterMs: 30, lostAcknowledgements: 0.05, duplicates: 0.05 },
      busFaults: { ...NO_BUS_FAULTS },
      ...options,
    });
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  region(name: string): SimulatedRegion {
    return this.cluster.regions.find((region) => region.name === name)!;
  }

  position(name: string): number {
    return this.region(name).database.loadPartition(0).position;
  }

  async start(): Promise<void> {
    this.cluster.startAll();
    let isMade = false;
    const make = async () => {
      const { gateway } = this.region("eu").processes[0]!;
      for (;;) {
        const made = await gateway
          .putCollection({ ...CONTEXT, deadlineMs: 5_000, name: COLLECTION, schema: SCHEMA })
          .catch(() => undefined);
        if (made !== undefined) break;
      }
      isMade = true;
    };
    void make();
    await this.until(() => isMade, "the collection");
    await this.pass(2_000);
    for (const { name } of this.cluster.regions) for (let one = 0; one < 2; one += 1) void this.#client(name);
  }

  pass(durationMs: number): Promise<void> {
    return this.world.run(this.world.nowMs + durationMs);
  }

  async until(isSo: () => boolean, what: string): Promise<void> {
    try {
      await this.world.runUntil(isSo, { limitMs: LIMIT_MS, what });
    } catch (error) {
      const places = this.cluster.regions.map(({ name }) => `${name} at ${this.position(name)}`);
      const said = `${what}: ${places.join(", ")}; they say ${this.stopReasons().join(" | ")}`;
      throw new Error(said, { cause: error });
    }
  }

  async #client(region: string): Promise<void> {
    const process = new Process(this.world, `client-${(this.#clients += 1)}`);
    const { random } = this.world;
    this.#stillWriting += 1;
    for (let number = 0; !this.#isOver; number += 1) {
      await process.pass(random.integer(20, 200));
      const name = `${process.name}-${number}`;
      if (random.chance(0.3)) await this.#decide(process, region, name);
      else await this.#increment(process, region, name);
    }
    this.#stillWriting -= 1;
  }

  /** Tried under one key until it is acknowledged. */
  async #increment(process: Process, region: string, name: string): Promise<void> {
    const key = this.world.random.pick(KEYS);
    const body = { inc: { total: 1 }, set: { note: name } };
    const target = { collection: COLLECTION, key, body, idempotencyKey: name, waitCommitted: false };
    for (;;) {
      const { gateway } = this.region(region).processes[0]!;
      const told = await gateway.write({ ...CONTEXT, ...target }).catch(() => undefined);
      if (told !== undefined) break;
      await process.pass(100);
    }
    this.#acknowledged += 1;
    this.#totals.set(key, (this.#totals.get(key) ?? 0) + 1);
  }

  /** Once: what becomes of it the log says, or nobody. */
  async #decide(process: Process, region: string, name: string): Promise<void> {
    const body = { set: { serial: this.world.random.integer(0, 999) } };
    const target = { collection: COLLECTION, key: `of ${region}`, body, waitCommitted: false };
    const { gateway } = this.region(region).processes[0]!;
    const deciding = gateway.write({ ...CONTEXT, ...target, idempotencyKey: name }).catch(() => undefined);
    const told = await Promise.race([deciding, process.pass(4_000).then(() => undefined)]);
    if (told?.status === "committed") this.#committed.add(told.operation);
  }

  /** Nothing gets into the log any more, and all regions that are not cut off have folded all of it. */
  async standStill(): Promise<number> {
    const { servers } = this.cluster;
    servers.isClosed = true;
    const end = () => servers.messages(0).length;
    const isThere = () =>
      this.cluster.regions.every(({ name }) => servers.cutOff.has(name) || this.position(name) === end());
    await this.until(isThere, "all regions at the end of the log");
    return end();
  }

  fail(kind: Failure): void {
    const { servers } = this.cluster;
    if (kind === "lost-tail") servers.loseTail(0, this.world.random.integer(1, 30));
    if (kind === "deleted") servers.remove(0);
    if (kind === "made-empty") servers.makeEmpty(0);
    servers.isClosed = false;
  }

  /** Of the entries that the log has now. */
  kindsInLog(): string[] {
    return this.cluster.servers.messages(0).map(({ data }) => decodeEntry(data).entry.kind);
  }

  stopReasons(): string[] {
    return this.cluster.regions.map(({ processes }) => processes[0]!.stopped.get(0) ?? "");
  }

  /** As an operator orders it in some region, again where the outcome is unknown. */
  async rebuild(change: Partial<LogRebuildRequest> = {}): Promise<PartitionLog> {
    const { gateway } = this.region(this.world.random.pick(["eu", "us", "ap"])).processes[0]!;
    let answer: readonly PartitionLog[] | undefined;
    let failure: unknown;
    const order = gateway.logKeeping().rebuildLogs({ ...REQUEST, ...change });
    order.then(
      (logs) => (answer = logs),
      (error: unknown) => (failure = error),
    );
    await this.until(() => answer !== undefined || failure !== undefined, "the answer to the order");
    if (failure !== undefined) throw failure as Error;
    return answer![0]!;
  }

  /** The clients end; then all regions must hold the same, and all that was acknowledged, once. */
  async finish(): Promise<void> {
    this.#isOver = true;
    await this.until(() => this.#stillWriting === 0, "the clients' last requests");
    const isFolded = () =>
      this.cluster.regions.every(({ name, database }) =>
        this.cluster.regions.every(
          (other) => (other.database.loadPartition(0).origins[name]?.watermark ?? -1) === database.walEnd(0),
        ),
      );
    await this.until(isFolded, "every region has folded every WAL");
    await this.until(
      () => new Set(this.cluster.regions.map(({ name }) => this.position(name))).size === 1,
      "one position",
    );
    this.#check();
  }

  #check(): void {
    const [first, ...others] = this.cluster.regions.map(({ database }) => contentOf(database));
    for (const other of others) require(other === first, "I6", "the regions differ at one position");
    for (const { name, database } of this.cluster.regions) {
      for (const [key, total] of this.#totals) {
        const { committed } = database.readRecord({
          partition: 0,
          tenant: TENANT,
          collection: COLLECTION,
          key,
        });
        const found = Number(showFields(committed?.fields ?? {})["total"] ?? 0);
        require(found === total, "I4", `${name} counts ${found} for ${key}, ${total} were acknowledged`);
      }
      const outcomes = database.outcomes(0);
      for (const id of this.#committed)
        require(outcomes.get(id)?.status ===
          "committed", "I12", `${name} has lost ${id}, which was committed`);
    }
  }
}

function contentOf(database: SimulatedRegion["database"]): string {
  const { chain, position, logEpoch } = database.loadPartition(0);
  const records = database.records(0).toSorted((one, other) => (one.key < other.key ? -1 : 1));
  return JSON.stringify({ chain, position, logEpoch, records });
}
