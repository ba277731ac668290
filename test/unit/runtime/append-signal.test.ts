/** Whether this process has appended rows of late. */
import { expect, it } from "vitest";
import { AppendSignal } from "../../../services/runtime/append-signal.ts";

it("has, for two seconds after an append has begun", () => {
  const signal = new AppendSignal();
  expect(signal.isRecent(0)).toBe(false);
  signal.began(100);
  signal.ended();
  expect([signal.isRecent(100), signal.isRecent(2_100), signal.isRecent(2_101)]).toEqual([true, true, false]);
  signal.began(5_000);
  expect(signal.isRecent(5_000)).toBe(true);
});

it("has, for as long as one hangs", () => {
  const signal = new AppendSignal();
  signal.began(100);
  signal.began(200);
  signal.ended();
  expect(signal.isRecent(60_000)).toBe(true);
  signal.ended();
  expect(signal.isRecent(60_000)).toBe(false);
});
