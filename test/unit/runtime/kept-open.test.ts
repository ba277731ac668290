/** What is kept open for others: for as long as it is asked for, and never for longer than its life. */
import { beforeEach, describe, expect, it } from "vitest";
import { KeptOpen } from "../../../services/runtime/kept-open.ts";
import { Process, SimulatedClock, World } from "../../simulation/world.ts";

const LIMITS = { idleMsMax: 1_000, lifeMsMax: 10_000, lookEveryMs: 100 };

let world: World;
let kept: KeptOpen<string>;
let expired: string[];

beforeEach(() => {
  world = new World(1);
  expired = [];
  kept = new KeptOpen({
    clock: new SimulatedClock(new Process(world, "eu")),
    ...LIMITS,
    expired: (name, value, why) => void expired.push(`${name} ${value} ${why}`),
  });
});

describe("what is kept open", () => {
  it("stays while it is asked for, and ends once nobody has for a time", async () => {
    kept.keep("a", "one");
    for (let atMs = 900; atMs <= 3_600; atMs += 900) {
      await world.run(atMs);
      expect(kept.ask("a")).toBe("one");
    }
    await world.run(4_500);
    expect(kept.size).toBe(1);
    await world.run(4_800);
    expect([kept.ask("a"), kept.size, expired]).toEqual([undefined, 0, ["a one idle"]]);
  });

  it("ends with its life, however often it is asked for", async () => {
    kept.keep("a", "one");
    for (let atMs = 900; atMs <= 9_900; atMs += 900) {
      await world.run(atMs);
      kept.ask("a");
    }
    await world.run(10_200);
    expect(expired).toEqual(["a one old"]);
  });

  it("ends what was kept under its name before", async () => {
    kept.keep("a", "one");
    await world.run(500);
    kept.keep("a", "two");
    expect(expired).toEqual(["a one old"]);
    await world.run(1_300);
    expect(kept.ask("a")).toBe("two");
  });

  it("that was let go of is whoever's let go of it, and does not end twice", async () => {
    kept.keep("a", "one");
    kept.keep("b", "two");
    expect(kept.entries()).toEqual([
      ["a", "one"],
      ["b", "two"],
    ]);
    expect([kept.letGo("a"), kept.letGo("a"), kept.has("a")]).toEqual(["one", undefined, false]);
    // Another of the same name has a life of its own.
    await world.run(800);
    kept.keep("a", "three");
    await world.run(1_500);
    expect(expired).toEqual(["b two idle"]);
    await world.run(2_000);
    expect(expired).toEqual(["b two idle", "a three idle"]);
  });
});
