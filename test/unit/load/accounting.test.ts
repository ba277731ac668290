import { describe, expect, it } from "vitest";
import { sumBounds, sumProblems } from "../../../infra/load/accounting.ts";
import { Pace } from "../../../infra/load/pace.ts";
import { OUTCOMES, StreamRecord, type Outcome } from "../../../infra/load/record.ts";

function recordOf(outcomes: readonly Outcome[]): StreamRecord {
  const name = { name: "eu", region: "eu", class: "local" };
  const record = new StreamRecord(name, new Pace({ ratePerSecond: 10 }));
  for (const outcome of outcomes) {
    record.finish(record.begin(), { outcome, detail: outcome, latencyMs: 1, tries: 1 });
  }
  return record;
}

const boundsOf = (outcomes: readonly Outcome[], amount: number) =>
  sumBounds([recordOf(outcomes)], () => ({ key: "a", amount })).get("a");

describe("bounds of sums", () => {
  it("are moved by an outcome as it proves something", () => {
    const lower = OUTCOMES.map((outcome) => boundsOf([outcome], 3)?.lower);
    const upper = OUTCOMES.map((outcome) => boundsOf([outcome], 3)?.upper);
    // waiting, succeeded, refused, unknown, not-sent
    expect(lower).toEqual([0, 3, 0, 0, 0]);
    expect(upper).toEqual([3, 3, 0, 3, 0]);
  });

  it("go down for what takes away", () => {
    expect(boundsOf(["succeeded", "unknown"], -2)).toEqual({ lower: -4, upper: -2 });
  });

  it("are kept by key, over all streams", () => {
    const streams = [recordOf(["succeeded", "succeeded"]), recordOf(["succeeded", "unknown"])];
    const bounds = sumBounds(streams, (_, number) => ({ key: `key-${number}`, amount: 1 }));
    expect([...bounds]).toEqual([
      ["key-0", { lower: 2, upper: 2 }],
      ["key-1", { lower: 1, upper: 2 }],
    ]);
  });
});

describe("a check of sums", () => {
  const bounds = new Map([
    ["exact", { lower: 2, upper: 2 }],
    ["doubtful", { lower: 1, upper: 2 }],
  ]);
  const problems = (held: Record<string, number>) => sumProblems(bounds, (key) => held[key] ?? 0);

  it("finds what was lost, and what took effect twice", () => {
    expect(problems({ exact: 2, doubtful: 1 })).toEqual([]);
    expect(problems({ exact: 2, doubtful: 2 })).toEqual([]);
    expect(problems({ exact: 1, doubtful: 1 })).toEqual(["exact holds 1, and 2 was acknowledged"]);
    expect(problems({ exact: 3, doubtful: 3 })).toHaveLength(2);
  });

  it("does not tell a bug a thousand times", () => {
    const many = new Map(Array.from({ length: 100 }, (_, index) => [`${index}`, { lower: 1, upper: 1 }]));
    expect(sumProblems(many, () => 0, 3)).toHaveLength(3);
  });
});
