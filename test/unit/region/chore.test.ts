import { describe, expect, it } from "vitest";
import { repeatChore } from "../../../services/region/chore.ts";
import { silentLogger, type Logger } from "../../../services/runtime/logger.ts";
import { Process, SimulatedClock, World } from "../../simulation/world.ts";

const EVERY_MS = 1_000;

describe("a chore", () => {
  it("that fails is done again, and told after three times in a row", async () => {
    const world = new World(1);
    const stop = new AbortController();
    const told: string[] = [];
    const tell = (level: string) => (fields: object, text: string) =>
      void told.push(`${level} ${text} ${"failures" in fields ? String(fields.failures) : ""}`.trim());
    const logger: Logger = { ...silentLogger, info: tell("info"), warn: tell("warn") };
    const outcomes = [0, "fails", 0, "fails", "fails", "fails", "fails", "fails", "fails", 0, 7];
    let done = 0;
    const work = async () => {
      const outcome = outcomes[done++];
      if (outcome === undefined) stop.abort();
      if (outcome === "fails") throw new Error("the log is away");
      return (outcome ?? 0) as number;
    };
    const clock = new SimulatedClock(new Process(world, "eu"));
    const repeated = repeatChore(
      { name: "sweep", everyMs: EVERY_MS, work, clock, random: world.random, logger },
      stop.signal,
    );
    await world.run(20 * EVERY_MS);
    await repeated;
    expect(done).toBe(outcomes.length + 1);
    expect(told).toEqual([
      "warn chore not done; trying again 3",
      "warn chore not done; trying again 6",
      "info chore done again 6",
      "info chore done",
    ]);
  });
});
