/** Consoles whose clocks differ: who finds out that its own is off, and who is never told so wrongly. */
import { describe, expect, it } from "vitest";
import { Air, consoleOf, TurnedClock } from "./fakes.ts";

const REGIONS = ["eu", "us", "ap"];

const LOOK_MS = 200;
const SECOND_LOOKS = 5;
const HOUR_MS = 3_600_000;

/** One that shows another time than the others, while as much of it goes by. */
class OffsetClock extends TurnedClock {
  aheadMs = 0;

  override nowMs(): number {
    return super.nowMs() + this.aheadMs;
  }
}

function rig(regions: readonly string[] = REGIONS) {
  const air = new Air();
  const clocks = new Map(regions.map((region) => [region, new OffsetClock()]));
  const consoles = new Map(
    regions.map((region) => [
      region,
      consoleOf({ region, regions, partitions: 1, clock: clocks.get(region)!, air }),
    ]),
  );
  for (const one of consoles.values()) void one.run(AbortSignal.abort());
  const look = (seconds: number, during: (looked: number) => void = () => undefined) => {
    for (let looked = 0; looked < seconds * SECOND_LOOKS; looked += 1) {
      for (const clock of clocks.values()) clock.ms += LOOK_MS;
      during(looked);
      for (const one of consoles.values()) one.look();
    }
  };
  const skewsMs = () => regions.map((region) => consoles.get(region)!.clockSkewMs);
  return { air, look, skewsMs, clock: (region: string) => clocks.get(region)! };
}

describe("a region process", () => {
  it.each([HOUR_MS, 700, -700, -HOUR_MS])(
    "whose clock goes off by %i ms finds out, and it alone",
    (offMs) => {
      const { look, skewsMs, clock } = rig();
      look(10);
      expect(skewsMs()).toEqual([0, 0, 0]);
      clock("us").aheadMs = offMs;
      look(4);
      expect(skewsMs()).toEqual([0, offMs, 0]);
      clock("us").aheadMs = 0;
      // At once: a clock that is right must not be corrected by what it was.
      expect(skewsMs()).toEqual([0, 0, 0]);
      look(1);
      expect(skewsMs()).toEqual([0, 0, 0]);
    },
  );

  it("whose clock was off when it started finds out", () => {
    const { look, skewsMs, clock } = rig();
    clock("ap").aheadMs = -HOUR_MS;
    look(4);
    expect(skewsMs()).toEqual([0, 0, -HOUR_MS]);
  });

  it("is not told so by messages that come late, or by its own pauses", () => {
    const { air, look, skewsMs } = rig();
    look(10);
    for (const paused of REGIONS) {
      air.hold(paused);
      look(6);
      air.release(paused);
      look(2);
      expect(skewsMs(), paused).toEqual([0, 0, 0]);
    }
    // All that it hears is two seconds old.
    look(20, (looked) => {
      if (looked % (2 * SECOND_LOOKS) !== 0) return;
      air.release("us");
      air.hold("us");
      expect(skewsMs()).toEqual([0, 0, 0]);
    });
  });

  it("that knows its clock to be off knows it on while nobody is heard, until the clock is set", () => {
    const { air, look, skewsMs, clock } = rig();
    look(4);
    clock("us").aheadMs = HOUR_MS;
    look(4);
    for (const other of ["eu", "ap"]) for (const cut of [`us ${other}`, `${other} us`]) air.cut.add(cut);
    look(30);
    expect(skewsMs()).toEqual([0, HOUR_MS, 0]);
    clock("us").aheadMs = 0;
    look(1);
    expect(skewsMs()).toEqual([0, 0, 0]);
  });

  it("of two regions stops where it is ahead: neither can tell who is right, and one has to go on", () => {
    const { look, skewsMs, clock } = rig(["eu", "us"]);
    look(4);
    clock("us").aheadMs = 900;
    look(4);
    expect(skewsMs()).toEqual([0, 900]);
    clock("us").aheadMs = -900;
    look(8);
    expect(skewsMs()).toEqual([900, 0]);
  });

  it("of two regions goes on once the other one is gone, whoever of them was wrong", () => {
    const { air, look, skewsMs, clock } = rig(["eu", "us"]);
    look(4);
    clock("us").aheadMs = -HOUR_MS;
    look(4);
    expect(skewsMs()).toEqual([HOUR_MS, 0]);
    air.cut.add("us eu");
    look(15);
    expect(skewsMs()).toEqual([0, 0]);
  });

  it("is not told so by regions that were wrong one after the other, the first of which is gone", () => {
    const { air, look, skewsMs, clock } = rig();
    look(4);
    clock("us").aheadMs = -HOUR_MS;
    look(4);
    for (const other of ["eu", "ap"]) for (const cut of [`us ${other}`, `${other} us`]) air.cut.add(cut);
    look(15);
    clock("ap").aheadMs = -HOUR_MS;
    look(10);
    expect(skewsMs()[0]).toBe(0);
  });

  it("goes on where all clocks differ from each other only by what the allowed offset covers", () => {
    const { look, skewsMs, clock } = rig();
    clock("us").aheadMs = 390;
    clock("ap").aheadMs = -390;
    look(10);
    expect(skewsMs()).toEqual([0, 0, 0]);
  });
});
