/** What is kept for charts: the last quarter of an hour by seconds, a month by minutes, in bounded memory. */
import { describe, expect, it } from "vitest";
import { History } from "../../../services/console/history.ts";

const START_MS = 1_000_000;
const MINUTE_MS = 60_000;

function lineOf(history: History, request: { spanMs: number; points: number }, nowMs: number) {
  const read = history.read(request, { nowMs, wallMs: nowMs + 500 });
  return { ...read, values: read.series[0]?.values ?? [] };
}

describe("history", () => {
  it("gives the last seconds back as they were, and nothing where nothing was seen", () => {
    const history = new History();
    for (const [second, value] of [
      [0, 1],
      [1, 2],
      [4, 5],
    ] as const)
      // prettier-ignore
      history.record([{ name: "pending_rows", region: "eu", value }], START_MS + second * 1_000);
    const read = lineOf(history, { spanMs: 6_000, points: 6 }, START_MS + 4_000);
    expect(read.values).toEqual([null, 1, 2, null, null, 5]);
    expect(read.step_ms).toBe(1_000);
    expect(read.from).toBe(START_MS - 1_000 + 500);
  });

  it("merges points: of rates the mean, of all else the highest", () => {
    const history = new History();
    for (let second = 0; second < 10; second += 1) {
      const samples = ["pending_rows", "accepted_per_second"].map((name) => ({
        name,
        region: "eu",
        value: second,
      }));
      history.record(samples, START_MS + second * 1_000);
    }
    const { series } = history.read(
      { spanMs: 10_000, points: 2 },
      { nowMs: START_MS + 9_000, wallMs: START_MS },
    );
    expect(series.map(({ name, values }) => [name, values])).toEqual([
      ["pending_rows", [4, 9]],
      ["accepted_per_second", [2, 7]],
    ]);
  });

  it("forgets what is older than its tiers, and says null where the process slept", () => {
    const history = new History();
    history.record([{ name: "pending_rows", region: "eu", value: 7 }], START_MS);
    const laterMs = START_MS + 20 * MINUTE_MS;
    history.record([{ name: "pending_rows", region: "eu", value: 1 }], laterMs);
    expect(
      lineOf(history, { spanMs: 15 * MINUTE_MS, points: 900 }, laterMs).values.filter(
        (value) => value !== null,
      ),
    ).toEqual([1]);
    expect(
      lineOf(history, { spanMs: 60 * MINUTE_MS, points: 360 }, laterMs).values.filter(
        (value) => value !== null,
      ),
    ).toEqual([7, 1]);
    expect(lineOf(history, { spanMs: 30 * 24 * 60 * MINUTE_MS, points: 9_000 }, laterMs).step_ms).toBe(
      5 * MINUTE_MS,
    );
  });

  it("keeps lags of single partitions apart, and tells them of the one that is asked for", () => {
    const history = new History();
    const samples = [0, 1].map((partition) => ({
      name: "lag_ms",
      origin: "eu",
      region: "us",
      partition,
      value: partition,
    }));
    history.record([{ name: "lag_ms", origin: "eu", region: "us", value: 1 }, ...samples], START_MS);
    const now = { nowMs: START_MS, wallMs: START_MS };
    expect(history.read({ spanMs: 1_000, points: 1 }, now).series).toHaveLength(1);
    const asked = history.read({ spanMs: 1_000, points: 1, partition: 1 }, now).series;
    expect(asked.map(({ partition }) => partition)).toEqual([undefined, 1]);
  });

  it("takes some megabytes at nine regions and sixteen partitions, however long it runs", () => {
    const history = new History();
    const names = Array.from({ length: 9 }, (_, index) => `region-${index}`);
    const samples = names.flatMap((region) => [
      ...Array.from({ length: 8 }, (_, index) => ({ name: `figure-${index}`, region, value: 1 })),
      ...names.flatMap((origin) =>
        Array.from({ length: 17 }, (_, partition) => ({
          name: "lag_ms",
          origin,
          region,
          value: 1,
          ...(partition < 16 && { partition }),
        })),
      ),
    ]);
    history.record(samples, START_MS);
    const { bytes } = history;
    expect(bytes).toBeLessThan(16e6);
    for (let count = 0; count < 10_000; count += 1)
      history.record([{ name: `made-up-${count}`, region: "x", value: 1 }], START_MS + 1_000 + count);
    expect(history.bytes).toBeLessThan(40e6);
  });
});
