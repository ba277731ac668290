/** How long folding rests between large commits, for the sake of clients' writes. */
import { describe, expect, it } from "vitest";
import { BUDGET_MS, GiveWay, REST_MS_MAX } from "../../../services/applier/give-way.ts";

const ENDED_AT_MS = 10_000;
const OPERATIONS = 1_000;
/** What they take at most where nobody competes with them. */
const ALONE_MS = 35;

/** How long is rested so long after a commit; undefined where nobody is given way to. */
function restAfter(durationMs: number, sinceMs = 0): number | undefined {
  const giveWay = new GiveWay();
  giveWay.committed({ operations: OPERATIONS, durationMs, endedAtMs: ENDED_AT_MS });
  const nowMs = ENDED_AT_MS + sinceMs;
  return giveWay.isDue(nowMs) ? giveWay.rest(nowMs) : undefined;
}

describe("a commit", () => {
  it("that took long is followed by a rest as long as it took, up to a bound", () => {
    expect([ALONE_MS + 1, 70, 100, 5_000].map((durationMs) => restAfter(durationMs))).toEqual([
      ALONE_MS + 1,
      70,
      REST_MS_MAX,
      REST_MS_MAX,
    ]);
  });

  it("that took no longer than it does alone is followed by none, whatever was before", () => {
    expect(restAfter(ALONE_MS)).toBeUndefined();
    const giveWay = new GiveWay();
    giveWay.committed({ operations: OPERATIONS, durationMs: 90, endedAtMs: ENDED_AT_MS });
    giveWay.committed({ operations: OPERATIONS, durationMs: 20, endedAtMs: ENDED_AT_MS });
    expect(giveWay.isDue(ENDED_AT_MS)).toBe(false);
    expect(giveWay.rest(ENDED_AT_MS)).toBe(0);
  });

  it("of fewer operations is slow sooner", () => {
    const giveWay = new GiveWay();
    giveWay.committed({ operations: OPERATIONS / 4, durationMs: 20, endedAtMs: ENDED_AT_MS });
    expect([giveWay.isDue(ENDED_AT_MS), giveWay.rest(ENDED_AT_MS)]).toEqual([true, 20]);
  });

  it("is not followed by a rest for time that has passed since, and is forgotten after a second", () => {
    expect([restAfter(80, 30), restAfter(80, 79), restAfter(80, 80), restAfter(80, 1_000)]).toEqual([
      50, 1, 0, 0,
    ]);
    expect(restAfter(80, 1_001)).toBeUndefined();
  });
});

it("there is no rest before the first commit", () => {
  expect(new GiveWay().isDue(5_000)).toBe(false);
  expect(new GiveWay().rest(5_000)).toBe(0);
});

it("rests come out of a budget, which a twentieth of the time fills again", () => {
  const giveWay = new GiveWay();
  let nowMs = 1_000;
  /** A commit after the other, each of 80 ms. */
  const restedWithin = (durationMs: number): number => {
    const untilMs = nowMs + durationMs;
    let sum = 0;
    while (nowMs < untilMs) {
      nowMs += 80;
      giveWay.committed({ operations: OPERATIONS, durationMs: 80, endedAtMs: nowMs });
      const restMs = giveWay.isDue(nowMs) ? giveWay.rest(nowMs) : 0;
      sum += restMs;
      nowMs += restMs;
    }
    return sum;
  };
  // Half of the time, until the budget is spent.
  expect(restedWithin(BUDGET_MS) / BUDGET_MS).toBeCloseTo(0.5, 1);
  expect(restedWithin(BUDGET_MS * 2)).toBeLessThan(BUDGET_MS * 0.75);
  expect(restedWithin(10 * BUDGET_MS) / (10 * BUDGET_MS)).toBeCloseTo(0.05, 2);
  nowMs += 19 * BUDGET_MS;
  expect(restedWithin(BUDGET_MS) / BUDGET_MS).toBeCloseTo(0.5, 1);
});

it("giving way costs some of the budget even where no rest is left to make", () => {
  const giveWay = new GiveWay();
  let nowMs = 1_000;
  /** The share of commits that are given way before: one each 100 ms, as late after the one before as that took. */
  const shareWithin = (durationMs: number): number => {
    const untilMs = nowMs + durationMs;
    let [all, given] = [0, 0];
    for (; nowMs < untilMs; nowMs += 100, all += 1) {
      giveWay.committed({ operations: OPERATIONS, durationMs: 80, endedAtMs: nowMs - 80 });
      if (!giveWay.isDue(nowMs)) continue;
      expect(giveWay.rest(nowMs)).toBe(0);
      given += 1;
    }
    return given / all;
  };
  expect(shareWithin(10 * BUDGET_MS)).toBe(1);
  shareWithin(11 * BUDGET_MS);
  expect(shareWithin(10 * BUDGET_MS)).toBeCloseTo(0.5, 1);
});
