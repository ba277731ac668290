/** How long appends take of late. */
import { expect, it } from "vitest";
import { AppendSignal } from "../../../services/runtime/append-signal.ts";

it("is told by those of the last moments, and not at all once there was none for a second", () => {
  const signal = new AppendSignal();
  expect(signal.meanMs(0)).toBeUndefined();
  signal.committed({ durationMs: 8, endedAtMs: 100 });
  expect(signal.meanMs(100)).toBe(8);
  for (let append = 1; append <= 40; append += 1)
    signal.committed({ durationMs: 80, endedAtMs: 100 + append * 10 });
  expect(signal.meanMs(500)).toBeCloseTo(80, 0);
  expect(signal.meanMs(1_500)).toBeCloseTo(80, 0);
  expect(signal.meanMs(1_501)).toBeUndefined();
  signal.committed({ durationMs: 3, endedAtMs: 5_000 });
  expect(signal.meanMs(5_000)).toBe(3);
});

it("is told by one that hangs, for as long as it does", () => {
  const signal = new AppendSignal();
  expect(signal.underWayMs(100)).toBe(0);
  signal.began(100);
  signal.began(2_000);
  expect(signal.underWayMs(3_100)).toBe(3_000);
  signal.ended(100);
  expect(signal.underWayMs(3_100)).toBe(1_100);
  signal.ended(2_000);
  expect(signal.underWayMs(5_000)).toBe(0);
});
