/** A simulated cluster of three regions without trouble but that of the test, with a collection. */
import { EMPTY_SESSION } from "../../services/core/session.ts";
import { silentLogger } from "../../services/runtime/logger.ts";
import { NO_BUS_FAULTS } from "./bus.ts";
import { SimulatedCluster, type ClusterOptions, type SimulatedRegion } from "./cluster.ts";
import { NO_LOG_FAULTS } from "./global-log.ts";
import { World } from "./world.ts";

const TENANT = "default";
export const AWAY_MS_MAX = 30_000;

/** Three regions without any other trouble, with a collection. */
export class CalmCluster {
  readonly world: World;
  readonly cluster: SimulatedCluster;
  #writes = 0;

  constructor(options: Partial<ClusterOptions> = {}, seed = 7) {
    this.world = new World(seed);
    this.cluster = new SimulatedCluster(this.world, {
      regions: ["eu", "us", "ap"],
      partitions: 1,
      processesPerRegion: 1,
      crashes: 0,
      pendingRowsMax: 10_000,
      trim: {
        everyMs: 500,
        logRetentionMs: 1_000,
        walRetentionMs: 500,
        operationRetentionMs: 2_000,
        changesRetentionMs: 3_600_000,
        awayMsMax: AWAY_MS_MAX,
      },
      logger: silentLogger,
      logFaults: { ...NO_LOG_FAULTS },
      busFaults: { ...NO_BUS_FAULTS },
      ...options,
    });
  }

  region(name: string): SimulatedRegion {
    return this.cluster.regions.find((region) => region.name === name)!;
  }

  async start(): Promise<void> {
    this.cluster.startAll();
    await this.world.run(3_000);
    const schema = { fields: { note: { class: "lww" } } } as const;
    await this.call("eu", (gateway, context) => gateway.putCollection({ ...context, name: "notes", schema }));
    await this.world.run(this.world.nowMs + 3_000);
  }

  async call<T>(
    name: string,
    work: (gateway: SimulatedRegion["processes"][number]["gateway"], context: typeof CONTEXT) => Promise<T>,
  ): Promise<T> {
    let result: { value: T } | undefined;
    const working = work(this.region(name).processes[0]!.gateway, CONTEXT);
    working.then((value) => (result = { value })).catch(() => undefined);
    await this.world.runUntil(() => result !== undefined, { limitMs: 20_000, what: "the answer" });
    return result!.value;
  }

  async write(name: string): Promise<string> {
    this.#writes += 1;
    const body = { set: { note: this.#writes } };
    const target = {
      collection: "notes",
      key: `key-${this.#writes % 7}`,
      body,
      waitCommitted: false,
      idempotencyKey: undefined,
    };
    const { operation } = await this.call(name, (gateway, context) =>
      gateway.write({ ...context, ...target }),
    );
    return operation;
  }

  /** Writes in some regions, while time passes. */
  async writeFor(durationMs: number, regions: readonly string[]): Promise<void> {
    const untilMs = this.world.nowMs + durationMs;
    while (this.world.nowMs < untilMs) {
      for (const name of regions) await this.write(name);
      await this.world.run(this.world.nowMs + 400);
    }
  }

  get first(): number {
    return this.cluster.servers.firstPosition(0);
  }

  position(name: string): number {
    return this.region(name).database.loadPartition(0).position;
  }

  async trimStatus(name: string) {
    const { partitions } = await this.call(name, (gateway) => gateway.status());
    return partitions[0]!.trim;
  }
}

export const CONTEXT = { tenant: TENANT, session: EMPTY_SESSION, deadlineMs: 5_000 };
