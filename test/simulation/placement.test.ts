/** The production placement of three regions in virtual time: elections, noise, holds, drains, and regions that fall silent. */
import { describe, expect, it } from "vitest";
import { PLACEMENT_DEFAULTS } from "../../services/core/placement/decide.ts";
import { Placement } from "../../services/placement/placement.ts";
import {
  decodePlacementAnswer,
  encodePlacementMessage,
  placementService,
  type PlacementHold,
} from "../../services/protocol/placement-message.ts";
import { silentLogger } from "../../services/runtime/logger.ts";
import { SimulatedBus, SimulatedBusNetwork } from "./bus.ts";
import { SimulatedDatabase } from "./database.ts";
import { SimulatedLog, SimulatedLogServers } from "./global-log.ts";
import { silentMetrics } from "./metrics.ts";
import { SimulatedRegionStore, type StoreFaults } from "./region-store.ts";
import { Process, SimulatedClock, wallClockMs, World } from "./world.ts";

const REGIONS = ["eu", "us", "ap"] as const;
type Name = (typeof REGIONS)[number];
const LOCAL: { readonly [pair: string]: number } = { "eu us": 85, "ap eu": 125, "ap us": 145 };
const MINUTE_MS = 60_000;

interface SimulatedRegion {
  readonly database: SimulatedDatabase;
  readonly faults: StoreFaults;
  readonly stop: AbortController;
  readonly bus: SimulatedBus;
}

class Bed {
  readonly world: World;
  readonly servers: SimulatedLogServers;
  readonly network: SimulatedBusNetwork;
  /** What servers measure; without an entry nothing. */
  measured: { [pair: string]: number } = {};
  /** Spread of each measurement. */
  noiseMs = 0;
  readonly #regions = new Map<Name, SimulatedRegion>();
  readonly #isAutomatic: boolean;

  constructor(options: { seed?: number; leader?: Name; isAutomatic?: boolean } = {}) {
    this.world = new World(options.seed ?? 1);
    this.servers = new SimulatedLogServers(this.world, { leader: options.leader ?? "ap", members: REGIONS });
    this.network = new SimulatedBusNetwork(this.world, { cutOff: this.servers.cutOff });
    this.#isAutomatic = options.isAutomatic ?? true;
    for (const name of REGIONS) this.start(name);
  }

  region(name: Name): SimulatedRegion {
    return this.#regions.get(name)!;
  }

  /** A process that knows nothing yet takes the place of the one before. */
  start(name: Name): void {
    const before = this.#regions.get(name);
    before?.stop.abort();
    const process = new Process(this.world, name);
    const database = before?.database ?? new SimulatedDatabase(name, () => wallClockMs(this.world));
    const faults = before?.faults ?? { isDown: false, lostAnswers: 0 };
    const bus = new SimulatedBus({ network: this.network, process, region: name });
    void bus.connect();
    const stop = new AbortController();
    const placement = new Placement({
      region: name,
      partition: 0,
      lookEveryMs: 5_000,
      isAutomatic: this.#isAutomatic,
      settings: PLACEMENT_DEFAULTS,
      expectedMs: (one, other) => LOCAL[[one, other].sort().join(" ")]!,
      routes: { measure: () => Promise.resolve(this.#measure(name)) },
      store: new SimulatedRegionStore({ database, process, faults }),
      log: new SimulatedLog({ servers: this.servers, process, region: name }),
      bus,
      clock: new SimulatedClock(process),
      random: this.world.random,
      logger: silentLogger,
      metrics: silentMetrics,
    });
    void placement.run(stop.signal);
    this.#regions.set(name, { database, faults, stop, bus });
  }

  #measure(from: Name): { [region: string]: number } {
    const { random } = this.world;
    return Object.fromEntries(
      REGIONS.flatMap((to) => {
        const roundTripMs = this.measured[[from, to].sort().join(" ")];
        return roundTripMs === undefined ? [] : [[to, roundTripMs + random.fraction() * this.noiseMs]];
      }),
    );
  }

  async pass(durationMs: number): Promise<void> {
    await this.world.run(this.world.nowMs + durationMs);
  }

  /** Who has led from when to when; elections without a leader in between are left out. */
  async leadersDuring(durationMs: number): Promise<string[]> {
    const seen: string[] = [];
    const untilMs = this.world.nowMs + durationMs;
    while (this.world.nowMs < untilMs) {
      await this.pass(100);
      const { leader } = this.servers;
      if (leader !== undefined && seen.at(-1) !== leader) seen.push(leader);
    }
    return seen;
  }

  /** Tells one region what an operator wants. */
  async hold(region: Name, hold: PlacementHold): Promise<void> {
    await this.#ask(region, hold);
  }

  async heldBy(region: Name): Promise<string | undefined> {
    return (await this.#ask(region)).hold?.id;
  }

  async #ask(region: Name, hold?: PlacementHold) {
    const data = encodePlacementMessage({ region: "eu", ...(hold === undefined ? {} : { hold }) });
    const asked = { region, service: placementService(0), data, timeoutMs: 1_000 };
    // Long enough for every bus to be connected.
    await this.pass(100);
    let answer: Uint8Array | undefined;
    void this.region("eu")
      .bus.request(asked)
      .then((given) => (answer = given));
    await this.world.runUntil(() => answer !== undefined, { limitMs: 5_000, what: `an answer of ${region}` });
    return decodePlacementAnswer(answer!);
  }
}

describe("leadership", () => {
  it("comes to the nearest region by the topology's figures, and stays", async () => {
    const bed = new Bed();
    expect(await bed.leadersDuring(MINUTE_MS)).toEqual(["ap", "eu"]);
    expect(await bed.leadersDuring(120 * MINUTE_MS)).toEqual(["eu"]);
  });

  it("comes by what was measured, although the topology says otherwise", async () => {
    const bed = new Bed({ leader: "eu" });
    bed.measured = { "eu us": 200, "ap eu": 220, "ap us": 20 };
    expect(await bed.leadersDuring(2 * MINUTE_MS)).toEqual(["eu", "ap"]);
    expect(await bed.leadersDuring(60 * MINUTE_MS)).toEqual(["ap"]);
  });

  it("goes by the topology again where measurements have ended", async () => {
    const bed = new Bed({ leader: "eu" });
    bed.measured = { "eu us": 200, "ap eu": 220, "ap us": 20 };
    await bed.pass(2 * MINUTE_MS);
    bed.measured = {};
    expect(await bed.leadersDuring(5 * MINUTE_MS)).toEqual(["ap", "eu"]);
  });

  it("is not moved for noise, whatever the seed", async () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const bed = new Bed({ seed });
      bed.measured = { ...LOCAL };
      bed.noiseMs = 15;
      await bed.pass(3 * MINUTE_MS);
      const { leader } = bed.servers;
      expect(["eu", "us"]).toContain(leader);
      expect(await bed.leadersDuring(60 * MINUTE_MS)).toEqual([leader]);
    }
  });

  it("does not go round while links swap all the time", async () => {
    const bed = new Bed({ seed: 7 });
    const seen: string[] = [];
    for (let minute = 0; minute < 120; minute += 1) {
      // Whoever leads is far from all.
      const { leader } = bed.servers;
      for (const pair of Object.keys(LOCAL)) bed.measured[pair] = pair.includes(leader ?? "") ? 300 : 20;
      const leaders = await bed.leadersDuring(MINUTE_MS);
      seen.push(...leaders.slice(seen.at(-1) === leaders[0] ? 1 : 0));
    }
    expect(seen.length - 1).toBeGreaterThan(3);
    expect(seen.length - 1).toBeLessThanOrEqual(2 * PLACEMENT_DEFAULTS.movesPerHourMax);
  });

  it("stays where it is when it is switched off, except that a drained region does not lead", async () => {
    const bed = new Bed({ isAutomatic: false });
    expect(await bed.leadersDuring(30 * MINUTE_MS)).toEqual(["ap"]);
    bed.region("ap").database.drain.start();
    expect(await bed.leadersDuring(MINUTE_MS)).toEqual(["ap", "eu"]);
  });

  it("is not asked for by a region whose database is away, which cannot be heard of either", async () => {
    const bed = new Bed();
    bed.region("eu").faults.isDown = true;
    expect(await bed.leadersDuring(2 * MINUTE_MS)).toEqual(["ap", "us"]);
    bed.region("eu").faults.isDown = false;
    // As good as the other: nothing is won.
    expect(await bed.leadersDuring(30 * MINUTE_MS)).toEqual(["us"]);
  });

  it("is not asked for by a region whose fold is far behind", async () => {
    const bed = new Bed();
    for (let entry = 0; entry < 501; entry += 1) bed.servers.store(0, Buffer.from("entry"));
    expect(await bed.leadersDuring(5 * MINUTE_MS)).toEqual(["ap"]);
  });

  it("is not asked for by a region that is cut off, and comes back to it after a while", async () => {
    const bed = new Bed();
    bed.measured = { "eu us": 60, "ap eu": 65, "ap us": 145 };
    bed.servers.cutOff.add("eu");
    expect(await bed.leadersDuring(3 * MINUTE_MS)).toEqual(["ap"]);
    bed.servers.cutOff.delete("eu");
    bed.servers.leader = "ap";
    bed.measured = { "eu us": 85, "ap eu": 125, "ap us": 145 };
    expect(await bed.leadersDuring(3 * MINUTE_MS)).toEqual(["ap", "eu"]);
  });
});

describe("a region that is drained", () => {
  it("hands over within some looks, to the next best, and gets leadership back by need alone", async () => {
    const bed = new Bed({ leader: "eu" });
    await bed.pass(MINUTE_MS);
    bed.region("eu").database.drain.start();
    expect(await bed.leadersDuring(15_000)).toEqual(["eu", "us"]);
    expect(await bed.leadersDuring(30 * MINUTE_MS)).toEqual(["us"]);
    bed.region("eu").database.drain.end();
    expect(await bed.leadersDuring(30 * MINUTE_MS)).toEqual(["us"]);
  });

  it("is left again when an election falls on it", async () => {
    const bed = new Bed({ leader: "us" });
    bed.region("eu").database.drain.start();
    await bed.pass(MINUTE_MS);
    bed.servers.leader = "eu";
    expect(await bed.leadersDuring(15_000)).toEqual(["eu", "us"]);
  });
});

describe("a hold", () => {
  const order = (id: string, holdMs = 30 * MINUTE_MS) => ({ id, leader: "ap", ageMs: 0, holdMs });

  it("keeps leadership where it is until it is over, in regions that heard of it from another", async () => {
    const bed = new Bed();
    await bed.hold("ap", order("one"));
    expect(await bed.leadersDuring(29 * MINUTE_MS)).toEqual(["ap"]);
    expect(await bed.leadersDuring(5 * MINUTE_MS)).toEqual(["ap", "eu"]);
  });

  it("outlives the process that heard of it", async () => {
    const bed = new Bed();
    await bed.hold("eu", order("one"));
    await bed.pass(MINUTE_MS);
    bed.start("eu");
    expect(await bed.leadersDuring(20 * MINUTE_MS)).toEqual(["ap"]);
    expect(await bed.heldBy("eu")).toBe("one");
  });

  it("gives way to a later one, which also ends it", async () => {
    const bed = new Bed();
    await bed.hold("us", order("one"));
    await bed.pass(MINUTE_MS);
    await bed.hold("ap", order("two", 0));
    expect(await bed.leadersDuring(2 * MINUTE_MS)).toEqual(["ap", "eu"]);
    for (const region of REGIONS) expect(await bed.heldBy(region)).toBe("two");
    await bed.hold("us", { ...order("old"), ageMs: 10 * MINUTE_MS });
    expect(await bed.heldBy("us")).toBe("two");
  });
});
