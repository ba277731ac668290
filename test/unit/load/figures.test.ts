import { describe, expect, it } from "vitest";
import {
  figuresOf,
  latencyFigures,
  percentile,
  secondBySecond,
  unavailableMs,
} from "../../../infra/load/figures.ts";
import { Pace } from "../../../infra/load/pace.ts";
import { StreamRecord, type Outcome } from "../../../infra/load/record.ts";

const NAME = { name: "eu.local", region: "eu", class: "local" };

/** One request every 100 ms. */
function recordOf(results: readonly (readonly [Outcome, number])[]): StreamRecord {
  const record = new StreamRecord(NAME, new Pace({ ratePerSecond: 10 }));
  for (const [outcome, latencyMs] of results) {
    const detail = outcome === "succeeded" ? "202" : "503 no-quorum";
    record.finish(record.begin(), { outcome, latencyMs, detail, tries: 1 });
  }
  return record;
}

describe("percentiles", () => {
  it("are values by the nearest rank", () => {
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([0.5, 0.99, 0.999, 1].map((share) => percentile(hundred, share))).toEqual([50, 99, 100, 100]);
    expect(percentile([7], 0.01)).toBe(7);
    expect(percentile([], 0.99)).toBe(0);
  });

  it("sort by size, not as text", () => {
    expect(latencyFigures([100, 9, 20])).toMatchObject({ count: 3, p50Ms: 20, worstMs: 100 });
  });
});

describe("the figures of a record", () => {
  const record = recordOf([
    ["succeeded", 1],
    ["refused", 5],
    ["unknown", 900],
    ["not-sent", 0],
    ["succeeded", 3],
  ]);

  it("count every request once", () => {
    const { due, succeeded, refused, unknown, notSent, waiting, latency, failures } = figuresOf([record]);
    expect({ due, succeeded, refused, unknown, notSent, waiting }).toEqual({
      due: 5,
      succeeded: 2,
      refused: 1,
      unknown: 1,
      notSent: 1,
      waiting: 0,
    });
    expect(latency).toMatchObject({ count: 2, p50Ms: 1, worstMs: 3 });
    expect(failures).toEqual({ "503 no-quorum": 3 });
  });

  it("are of the requests that were due in the window", () => {
    expect(figuresOf([record], { fromMs: 100, toMs: 400 })).toMatchObject({ due: 3, succeeded: 0 });
    expect(figuresOf([record, record], { fromMs: 350, toMs: Infinity })).toMatchObject({
      due: 2,
      succeeded: 2,
    });
  });

  it("are told second by second", () => {
    const long = recordOf(Array.from({ length: 25 }, () => ["succeeded", 1] as const));
    expect(secondBySecond([long]).map(({ due }) => due)).toEqual([10, 10, 5]);
  });

  it("survive the way from thread to thread", () => {
    const many = recordOf(Array.from({ length: 10_000 }, (_, index) => ["succeeded", index % 7] as const));
    many.noteExpiry(3, 1_000);
    many.noteExpiry(3, 900);
    const copy = StreamRecord.from(structuredClone(many.toData()));
    expect(copy.count).toBe(10_000);
    expect(copy.result(9_999)).toEqual(many.result(9_999));
    expect(copy.expiresAtMs(3)).toBe(1_000);
    expect(figuresOf([copy])).toEqual(figuresOf([many]));
  });
});

describe("the time without success after a fault", () => {
  it("lasts until the first answer to what was due after it", () => {
    const record = recordOf([
      // Under way at the fault: its late success is none of the time after.
      ["succeeded", 160],
      ["unknown", 5_000],
      ["refused", 2],
      // Due at 300 and 400: the later one is answered first.
      ["succeeded", 500],
      ["succeeded", 150],
    ]);
    expect(unavailableMs(record, { faultAtMs: 50, untilMs: Infinity })).toBe(500);
    expect(unavailableMs(record, { faultAtMs: 50, untilMs: 300 })).toBeUndefined();
  });
});
