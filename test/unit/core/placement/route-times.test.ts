import { describe, expect, it } from "vitest";
import {
  measuredMs,
  NO_ROUTE_TIMES,
  observeRoutes,
  ROUTE_STALE_AFTER_MS,
  type RouteTimes,
} from "../../../../services/core/placement/route-times.ts";

const PAIR = { one: "eu", other: "us" };

function observing(rows: readonly (readonly [string, string, number, number])[]): RouteTimes {
  return rows.reduce(
    (times, [region, other, ms, nowMs]) =>
      observeRoutes(times, { region, roundTripsMs: { [other]: ms } }, nowMs),
    NO_ROUTE_TIMES,
  );
}

describe("measured round trips", () => {
  it("are not known of a pair that nobody has measured", () => {
    expect(measuredMs(observing([["eu", "ap", 125, 0]]), PAIR, 0)).toBeUndefined();
  });

  it("count from both ends, and one that is off by far does not", () => {
    const times = observing([
      ["eu", "us", 84, 0],
      ["us", "eu", 86, 1],
      ["eu", "us", 900, 2],
      ["us", "eu", 85, 3],
    ]);
    expect(measuredMs(times, PAIR, 3)).toBe(86);
    expect(measuredMs(times, { one: "us", other: "eu" }, 3)).toBe(86);
  });

  it("are forgotten when they are stale, also where nothing newer came", () => {
    const times = observing([["eu", "us", 84, 0]]);
    expect(measuredMs(times, PAIR, ROUTE_STALE_AFTER_MS)).toBe(84);
    expect(measuredMs(times, PAIR, ROUTE_STALE_AFTER_MS + 1)).toBeUndefined();
    const late = observeRoutes(times, { region: "us", roundTripsMs: { eu: 200 } }, 90_000);
    expect(measuredMs(late, PAIR, 90_000)).toBe(200);
  });

  it("follow a link that has changed, and don't grow without bound", () => {
    const before = Array.from({ length: 50 }, (_, index) => ["eu", "us", 85, index * 1_000] as const);
    const after = Array.from({ length: 3 }, (_, index) => ["eu", "us", 20, 50_000 + index] as const);
    const times = observing([...before, ...after]);
    expect(measuredMs(times, PAIR, 50_010)).toBe(20);
    expect([...times.values()].map((samples) => samples.length)).toEqual([5]);
  });

  it("pass over what a server has not measured yet, and over a way to itself", () => {
    const times = observing([
      ["eu", "us", 0, 0],
      ["eu", "eu", 5, 0],
    ]);
    expect(measuredMs(times, PAIR, 0)).toBeUndefined();
    expect(measuredMs(times, { one: "eu", other: "eu" }, 0)).toBeUndefined();
  });
});
