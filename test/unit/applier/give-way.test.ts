/** How long folding rests after a commit, for the sake of clients' writes. */
import { describe, expect, it } from "vitest";
import {
  BUDGET_MS,
  GiveWay,
  LARGE_OPERATIONS,
  REST_MS_MAX,
  SLOW_MS,
} from "../../../services/applier/give-way.ts";

const LARGE = 1_024;

/** How long is rested after a commit that has begun a while ago. */
function restAfter(giveWay: GiveWay, commit: { operations?: number; durationMs: number }, nowMs = 0): number {
  giveWay.committed({ operations: LARGE, ...commit });
  return giveWay.restMs(nowMs);
}

describe("a large commit", () => {
  it("that took long is followed by a rest as long as it took, up to a bound", () => {
    const giveWay = new GiveWay();
    expect([SLOW_MS, 70, 100, 5_000].map((durationMs) => restAfter(giveWay, { durationMs }))).toEqual([
      SLOW_MS,
      70,
      REST_MS_MAX,
      REST_MS_MAX,
    ]);
  });

  it("that took no longer than it does alone is followed by none, whatever was before", () => {
    const giveWay = new GiveWay();
    expect(restAfter(giveWay, { durationMs: 90 })).toBe(90);
    expect(restAfter(giveWay, { durationMs: SLOW_MS - 1 })).toBe(0);
  });
});

it("a commit that is no backlog's is followed by none, however long it took", () => {
  const giveWay = new GiveWay();
  expect(restAfter(giveWay, { operations: LARGE_OPERATIONS - 1, durationMs: 900 })).toBe(0);
  expect(restAfter(giveWay, { operations: LARGE_OPERATIONS, durationMs: 900 })).toBe(REST_MS_MAX);
});

it("there is no rest before the first commit", () => {
  expect(new GiveWay().restMs(5_000)).toBe(0);
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
      const restMs = restAfter(giveWay, { durationMs: 80 }, nowMs);
      if (restMs > 0) giveWay.rested(restMs, nowMs);
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
