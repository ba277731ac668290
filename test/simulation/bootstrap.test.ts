/** A region whose log was trimmed away: it loads another one's state, under crashes on either side, and nothing is lost. */
import { describe, expect, it } from "vitest";
import { GatewayError } from "../../services/gateway/errors.ts";
import type { PartitionSnapshot } from "../../services/ports/partition-snapshot.ts";
import { ENTRY_VERSION } from "../../services/protocol/entry-codec.ts";
import type { RegionStore } from "../../services/ports/region-store.ts";
import { silentLogger } from "../../services/runtime/logger.ts";
import { AWAY_MS_MAX, CalmCluster, CONTEXT } from "./calm-cluster.ts";
import type { ClusterOptions } from "./cluster.ts";
import { overriding } from "./overriding.ts";
import { firstSeed } from "./seeds.ts";

const KEYS = 7;
const LIMIT_MS = 120_000;

class Away {
  readonly calm: CalmCluster;
  /** Taken by ap alone, and acknowledged. */
  readonly operations: string[] = [];
  /** What a client found that should not be. */
  readonly seen: string[] = [];
  /** Of the bootstrap, as they came. */
  readonly stages = new Set<string>();
  #isOver = false;

  constructor(options: Partial<ClusterOptions> = {}, seed = 7) {
    this.calm = new CalmCluster({ isBootstrapping: true, processesPerRegion: 2, ...options }, seed);
  }

  /** Cuts ap off for so long that the log is trimmed past it, with writes of its own that nobody has. */
  async start(): Promise<void> {
    const { calm } = this;
    await calm.start();
    await calm.writeFor(3_000, ["eu", "us", "ap"]);
    await calm.world.run(calm.world.nowMs + 2_000);
    calm.cluster.servers.cutOff.add("ap");
    const at = calm.position("ap");
    for (let count = 0; count < 5; count += 1) this.operations.push(await calm.write("ap"));
    await calm.writeFor(AWAY_MS_MAX + 10_000, ["eu", "us"]);
    expect(calm.first).toBeGreaterThan(at + 1);
  }

  /** From here on ap can be reached, and a client of it looks at what is there all the time. */
  comeBack(): void {
    this.calm.cluster.servers.cutOff.clear();
    void this.#look();
  }

  async #look(): Promise<void> {
    const { calm } = this;
    const { world } = calm;
    while (!this.#isOver) {
      const serving = calm.region("ap").processes.filter(({ isServing }) => isServing);
      const gateway = serving.length === 0 ? undefined : world.random.pick(serving).gateway;
      for (let number = 0; number < KEYS; number += 1) {
        const read = { ...CONTEXT, collection: "notes", key: `key-${number}`, consistency: "local" } as const;
        gateway?.read(read).catch((error: unknown) => this.#noteFailure(error));
      }
      const { bootstrap } = this;
      if (bootstrap !== undefined) this.stages.add(bootstrap.stage);
      // A small state is loaded within milliseconds.
      await new Promise<void>((resolve) => void world.after(bootstrap === undefined ? 50 : 2, resolve));
    }
  }

  #noteFailure(error: unknown): void {
    const isWrong =
      !(error instanceof GatewayError) ||
      error.code === "record-not-found" ||
      error.code === "unknown-collection";
    if (isWrong) this.seen.push(`${String(error)} at ${this.calm.world.nowMs}`);
  }

  get bootstrap() {
    return this.calm.region("ap").database.bootstraps.read()[0];
  }

  get isCaughtUp(): boolean {
    const { calm } = this;
    return this.bootstrap === undefined && calm.position("ap") >= calm.position("eu") - 3;
  }

  async end(limitMs = LIMIT_MS): Promise<void> {
    const { calm } = this;
    const { world } = calm;
    await world.runUntil(() => this.isCaughtUp, { limitMs, what: "ap has caught up" });
    // Each process looks by itself whether it is over; one that was killed comes back.
    await world.run(world.nowMs + 4_000);
    this.operations.push(await calm.write("ap"));
    await calm.writeFor(3_000, ["eu", "us", "ap"]);
    this.#isOver = true;
    await world.run(world.nowMs + 10_000);
    const held = (name: string) => {
      const { database } = calm.region(name);
      return JSON.stringify([database.records(0).toSorted(byKey), database.conflicts(0).length]);
    };
    expect(held("ap")).toBe(held("eu"));
    expect(held("us")).toBe(held("eu"));
    for (const operation of this.operations)
      expect(calm.region("us").database.outcomes(0).get(operation)?.status).toMatch(/committed|superseded/);
    expect(this.seen).toEqual([]);
  }
}

function byKey(one: { key: string }, other: { key: string }): number {
  return one.key < other.key ? -1 : 1;
}

describe("a region that the log was trimmed past", () => {
  it("loads another's state, answers nobody meanwhile, and ships what it had taken alone", async () => {
    const away = new Away();
    await away.start();
    away.comeBack();
    await away.end();
    expect([...away.stages]).toEqual(expect.arrayContaining(["announced", "loading", "verifying"]));
  });

  it("loads it when it is told to, although it could fold on", async () => {
    const away = new Away();
    const { calm } = away;
    await calm.start();
    await calm.writeFor(3_000, ["eu", "us", "ap"]);
    const order = { partition: 0, id: calm.world.random.uuid(), reason: "an operator wants it" };
    calm.region("ap").database.bootstraps.order(order);
    await calm.world.runUntil(() => away.bootstrap?.stage === "announced", {
      limitMs: 10_000,
      what: "it begins",
    });
    await away.end();
  });

  it("goes on taking local writes while nobody gives its state", async () => {
    const away = new Away();
    await away.start();
    for (const name of ["eu", "us"])
      for (const { process } of away.calm.region(name).processes) process.kill();
    away.comeBack();
    const { calm } = away;
    await calm.world.run(calm.world.nowMs + 40_000);
    expect(away.bootstrap?.stage).toBe("ordered");
    away.operations.push(await calm.write("ap"));
    for (const name of ["eu", "us"]) {
      const region = calm.region(name);
      region.processes.splice(0);
      calm.cluster.start(region);
    }
    await away.end();
  });

  it("is given no state that it can't read, and says what to run", async () => {
    const newer = { partition: 0, version: ENTRY_VERSION + 1, software: "9.0.0" };
    const told: string[] = [];
    const logger = { ...silentLogger, warn: (fields: object) => void told.push(JSON.stringify(fields)) };
    const away = new Away({ logger });
    await away.start();
    for (const name of ["eu", "us"]) away.calm.region(name).database.entryVersions.need(newer);
    away.comeBack();
    const { calm } = away;
    await calm.world.run(calm.world.nowMs + 40_000);
    expect(away.bootstrap?.stage).toBe("ordered");
    await calm.write("ap");
    expect(told.join("\n")).toContain(`reads up to ${ENTRY_VERSION}: run 9.0.0 or later`);
  });

  for (let seed = firstSeed; seed < firstSeed + 8; seed += 1) {
    it(
      `and that is killed again and again, as its sources are, seed ${seed}`,
      { timeout: 60_000 },
      async () => {
        const away = new Away({ busFaults: { lostRequests: 0.05, lostAnswers: 0.05, jitterMs: 40 } }, seed);
        await away.start();
        away.comeBack();
        const { world, cluster } = away.calm;
        for (let kills = 0; kills < 12 && !away.isCaughtUp; kills += 1) {
          await world.run(world.nowMs + world.random.integer(100, 2_500));
          const region = away.calm.region(world.random.pick(["ap", "ap", "eu", "us"]));
          const victims = region.processes.filter(() => world.random.chance(0.7));
          for (const { process } of victims) cluster.kill(region, process, "half-way");
        }
        await away.end(240_000);
      },
    );
  }
});

/** Puts something between the donors and their snapshots. */
function snapshots(change: (snapshot: PartitionSnapshot) => Partial<PartitionSnapshot>) {
  return (store: RegionStore): RegionStore =>
    overriding(store, {
      openSnapshot: async (options) => {
        const snapshot = await store.openSnapshot(options);
        const changed = change(snapshot) as Record<string | symbol, unknown>;
        return new Proxy(snapshot, {
          get(target, name) {
            if (name in changed) return changed[name];
            const member = Reflect.get(target, name) as unknown;
            return typeof member === "function" ? (member.bind(target) as unknown) : member;
          },
        });
      },
    });
}

describe("planted bugs of a bootstrap are caught", () => {
  it("a page is skipped: what is loaded never counts as all", async () => {
    const away = new Away({
      wrapStore: snapshots((snapshot) => ({
        readPage: async (options) => {
          const page = await snapshot.readPage(options);
          const isSkipped = options.part === "records" && options.after === undefined;
          return isSkipped ? { ...page, rows: 0, lines: new Uint8Array() } : page;
        },
      })),
    });
    await away.start();
    away.comeBack();
    await expect(away.end(30_000)).rejects.toThrow("not within");
    expect(["clearing", "loading"]).toContain(away.bootstrap?.stage);
  });

  it("operations are forgotten: verification finds it, and the region stays closed", async () => {
    const away = new Away({
      wrapStore: snapshots((snapshot) => ({
        readPage: (options) =>
          options.part === "operations"
            ? Promise.resolve({ rows: 0, lines: new Uint8Array(), next: undefined })
            : snapshot.readPage(options),
        readHead: async () => {
          const head = await snapshot.readHead();
          return { ...head, counts: { ...head.counts, operations: 0 } };
        },
      })),
      // Nothing is forgotten by itself meanwhile.
      trim: {
        everyMs: 500,
        logRetentionMs: 1_000,
        walRetentionMs: 500,
        operationRetentionMs: 1e9,
        changesRetentionMs: 3_600_000,
        awayMsMax: AWAY_MS_MAX,
      },
    });
    await away.start();
    away.comeBack();
    await expect(away.end(60_000)).rejects.toThrow("not within");
    expect(away.bootstrap?.stage).toBe("verifying");
  });

  it("the gate is ignored: a client finds half a state", async () => {
    const away = new Away({
      wrapStore: (store, { name }) =>
        overriding(store, {
          // The gateways alone ask while nothing of the bootstrap is under way here.
          readBootstraps: async () => {
            const isAsked = new Error("who asks").stack?.includes("bootstrap-gate") === true;
            return isAsked && name === "ap" ? [] : store.readBootstraps();
          },
        }),
    });
    await away.start();
    away.comeBack();
    await expect(away.end()).rejects.toThrow();
    expect(away.seen.join(" ")).toContain("no record");
  });
});
