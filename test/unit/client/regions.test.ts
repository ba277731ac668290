/** Which region gets a request: the nearest that works; and when one is gone back to. */
import { describe, expect, it } from "vitest";
import {
  chooseRegion,
  startRegion,
  stepRegion,
  type RegionState,
} from "../../../services/client/regions/health.ts";
import {
  counter,
  createClient,
  defineCollection,
  type ClientOptions,
} from "../../../services/client/index.ts";
import {
  accepted,
  problem,
  REGIONS,
  SimulatedWorld,
  withLooks,
  type Asked,
  type Behaviour,
} from "./simulated.ts";

const posts = defineCollection("posts", { likes: counter() });
const RECORD: Behaviour = {
  body: { key: "a", fields: {}, version: "1", pending: 0, session: "s1.0-1.signature" },
};

function recordsIn(world: SimulatedWorld, options: Partial<ClientOptions> = {}) {
  return createClient({ regions: REGIONS, platform: world.platform, ...options }).collection(posts);
}

const state = (name: string, roundTripMs: number | undefined): RegionState => ({
  ...startRegion(name),
  roundTripMs,
});

describe("the choice of a region", () => {
  it("is the nearest, by measured round trips", async () => {
    const world = new SimulatedWorld(withLooks(() => RECORD, { eu: 150, us: 90, ap: 12 }));
    await world.until(recordsIn(world).get("a"));
    expect(world.requests.map(({ region }) => region)).toEqual(["ap"]);
  });

  it("is that of the app's order where no region has answered a look", async () => {
    const world = new SimulatedWorld((asked) => (asked.path === "/readyz" ? "hang" : RECORD));
    await world.until(recordsIn(world).get("a"));
    expect(world.requests.map(({ region }) => region)).toEqual(["eu"]);
  });

  it("stays where another is not clearly nearer", () => {
    const open = { current: "eu", tried: [] };
    expect(chooseRegion([state("eu", 20), state("us", 17)], open)).toBe("eu");
    expect(chooseRegion([state("eu", 20), state("us", 9)], open)).toBe("us");
  });

  it("leaves out what had its turn, until all had", () => {
    const states = [state("eu", 5), state("us", 50)];
    expect(chooseRegion(states, { current: "eu", tried: ["eu"] })).toBe("us");
    expect(chooseRegion(states, { current: "us", tried: ["eu", "us"] })).toBe("eu");
  });

  it("goes to what is away only where nothing else is left", () => {
    const at = { nowMs: 0, fraction: 0.5 };
    const away = stepRegion(state("eu", 5), { type: "missed" }, at);
    expect(chooseRegion([away, state("us", 500)], { current: undefined, tried: [] })).toBe("us");
    expect(chooseRegion([away], { current: undefined, tried: [] })).toBe("eu");
  });

  it("looks at what is away ever less often, and never rarer than twice a minute", () => {
    let region = state("eu", 5);
    const pauses = Array.from({ length: 12 }, () => {
      region = stepRegion(region, { type: "missed" }, { nowMs: 0, fraction: 1 });
      return region.lookAtMs;
    });
    expect(pauses).toEqual(pauses.toSorted((one, other) => one - other));
    expect(pauses[0]).toBe(500);
    expect(pauses.at(-1)).toBe(30_000);
  });
});

describe("a region that has come back", () => {
  /** It refuses the connection while it is down; then it is ready, and behind the session until it has caught up. */
  class Comeback {
    state: "down" | "behind" | "up" = "up";

    behave = (asked: Asked): Behaviour => {
      if (asked.region !== "eu" || this.state === "up") return this.#answer(asked);
      if (this.state === "down") return "refuse";
      const isBehind =
        asked.path.includes("consistency=session") && asked.headers["forebay-session"] !== undefined;
      return isBehind ? problem("session-behind", 503) : this.#answer(asked);
    };

    #answer({ path, method, region }: Asked): Behaviour {
      const roundTripMs = { eu: 5, us: 80, ap: 200 }[region]!;
      if (path === "/readyz") return { body: { ready: true }, delayMs: roundTripMs };
      return method === "PATCH" ? { ...(accepted(region) as object), delayMs: roundTripMs } : RECORD;
    }
  }

  it("is gone back to once it has folded what the session has seen, and not before", async () => {
    const comeback = new Comeback();
    const world = new SimulatedWorld(comeback.behave);
    const records = recordsIn(world);
    const regionOfNext = async () => {
      await world.until(records.get("a"));
      return world.requests.at(-1)!.region;
    };
    await world.until(records.write("a", { inc: { likes: 1 } }));
    expect(await regionOfNext()).toBe("eu");
    comeback.state = "down";
    expect(await regionOfNext()).toBe("us");
    comeback.state = "behind";
    const before = world.requests.length;
    for (let second = 0; second < 60; second += 1) {
      await world.pass(1_000);
      expect(await regionOfNext()).toBe("us");
    }
    // Not even to be refused: a write does not wait for its session, and would be made on what is old.
    expect(world.requests.slice(before).filter(({ region }) => region === "eu")).toEqual([]);
    comeback.state = "up";
    for (let second = 0; second < 35; second += 1) {
      await world.pass(1_000);
      await regionOfNext();
    }
    expect(await regionOfNext()).toBe("eu");
  });

  it("is looked at by one request at a time, and not by every request", async () => {
    const world = new SimulatedWorld(withLooks(() => RECORD));
    const records = recordsIn(world);
    await world.until(Promise.all(Array.from({ length: 100 }, () => records.get("a"))));
    await world.pass(40_000);
    await world.until(Promise.all(Array.from({ length: 100 }, () => records.get("a"))));
    await world.pass(1_000);
    const looks = world.asked.filter(({ path }) => path === "/readyz");
    expect(looks.length).toBe(6);
  });
});

describe("a client with one region", () => {
  it("never looks at it, and sends at once", async () => {
    const world = new SimulatedWorld(() => RECORD);
    await world.until(recordsIn(world, { regions: { eu: "http://eu" } }).get("a"));
    expect(world.asked.map(({ path }) => path)).toEqual([
      "/v1/collections/posts/records/a?consistency=session",
    ]);
  });
});

describe("requests beyond what a region takes at once", () => {
  it("wait in order, and are refused where too many do", async () => {
    let inFlight = 0;
    let inFlightMax = 0;
    const world = new SimulatedWorld(() => {
      inFlight += 1;
      inFlightMax = Math.max(inFlightMax, inFlight);
      return { ...(accepted() as object), delayMs: 10 };
    });
    const platform = {
      ...world.platform,
      fetch: async (url: string, init: RequestInit) => {
        const response = await world.platform.fetch(url, init);
        inFlight -= 1;
        return response;
      },
    };
    const limits = { inFlightMax: 4, waitingMax: 10, gatherMax: 1 };
    const records = recordsIn(world, { regions: { eu: "http://eu" }, limits, platform });
    const calls = Array.from({ length: 20 }, (_, index) =>
      records.write(String(index), { inc: { likes: 1 } }),
    );
    const ended = await world.until(Promise.allSettled(calls));
    expect(inFlightMax).toBe(4);
    expect(ended.map(({ status }) => status)).toEqual([
      ...Array.from({ length: 14 }, () => "fulfilled"),
      ...Array.from({ length: 6 }, () => "rejected"),
    ]);
    expect(ended.at(-1)).toMatchObject({ reason: { code: "client-overloaded", retry: "same" } });
    expect(world.requests.map(({ path }) => path.split("/").at(-1))).toEqual(
      Array.from({ length: 14 }, (_, index) => String(index)),
    );
  });
});
