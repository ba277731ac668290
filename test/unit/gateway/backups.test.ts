/** Backups that nobody reads any more let go of the database. */
import { describe, expect, it } from "vitest";
import { Process, SimulatedClock, World } from "../../simulation/world.ts";
import { StubBackups } from "../gateway-http/stub-backups.ts";

const MINUTE_MS = 60_000;
const RECORDS = { part: "records", after: undefined } as const;

describe("a backup that is open", () => {
  it("stays for as long as it is asked for, and is closed two minutes after that", async () => {
    const world = new World(1);
    const clock = new SimulatedClock(new Process(world, "eu"));
    const backups = new StubBackups({ clock, random: world.random });
    const { id } = await backups.service.open(0);
    for (let minutes = 1; minutes <= 10; minutes += 1) {
      await world.run(minutes * MINUTE_MS);
      await backups.service.page({ backup: id, ...RECORDS });
    }
    expect(backups.closed).toBe(0);
    await world.run(12.2 * MINUTE_MS);
    expect(backups.closed).toBe(1);
    await expect(backups.service.page({ backup: id, ...RECORDS })).rejects.toThrow(/no backup .* open/);
  });

  it("is closed with the process", async () => {
    const world = new World(1);
    const clock = new SimulatedClock(new Process(world, "eu"));
    const backups = new StubBackups({ clock, random: world.random });
    await backups.service.open(0);
    await backups.service.closeAll();
    expect(backups.closed).toBe(1);
  });
});
