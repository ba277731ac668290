import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Pace, pacesOf } from "../../../infra/load/pace.ts";

describe("a pace", () => {
  it("has requests due at fixed times", () => {
    const pace = new Pace({ ratePerSecond: 4, offsetMs: 100 });
    expect([0, 1, 2].map((number) => pace.dueAtMs(number))).toEqual([100, 350, 600]);
    expect([0, 99, 100, 349, 350, 5_100].map((ms) => pace.dueBy(ms))).toEqual([0, 0, 1, 1, 2, 21]);
  });

  it("has exactly those requests due by a time whose time is not after it", () => {
    const rates = fc.double({ min: 0.1, max: 50_000, noNaN: true });
    const times = fc.double({ min: 0, max: 300_000, noNaN: true });
    fc.assert(
      fc.property(
        rates,
        times,
        fc.double({ min: 0, max: 50, noNaN: true }),
        (ratePerSecond, ms, offsetMs) => {
          const pace = new Pace({ ratePerSecond, offsetMs });
          const due = pace.dueBy(ms);
          expect(pace.dueAtMs(due)).toBeGreaterThan(ms);
          if (due > 0) expect(pace.dueAtMs(due - 1)).toBeLessThanOrEqual(ms);
        },
      ),
    );
  });

  it("leaves none out and repeats none, however late one asks", () => {
    const pace = new Pace({ ratePerSecond: 1_000 / 3 });
    let sent = 0;
    for (const ms of [0, 1, 2, 3, 50, 50, 51, 1_000, 1_001, 9_000])
      sent += Math.max(0, pace.dueBy(ms) - sent);
    expect(sent).toBe(3_001);
  });

  it("is shifted for each stream of a load", () => {
    const [one, other] = pacesOf([{ ratePerSecond: 100 }, { ratePerSecond: 100 }]);
    expect([one!.dueAtMs(0), other!.dueAtMs(0)]).toEqual([0, 5]);
  });

  it("is refused without a rate", () => {
    for (const ratePerSecond of [0, -1, Number.NaN, Infinity]) {
      expect(() => new Pace({ ratePerSecond })).toThrow(RangeError);
    }
  });
});
