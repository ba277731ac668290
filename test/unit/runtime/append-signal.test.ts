/** Whether this process has appended rows of late. */
import { expect, it } from "vitest";
import { AppendSignal } from "../../../services/runtime/append-signal.ts";

it("has, for two seconds after an append has begun, whatever becomes of it", () => {
  const signal = new AppendSignal();
  expect(signal.isRecent(0)).toBe(false);
  signal.began(100);
  expect([signal.isRecent(100), signal.isRecent(2_100), signal.isRecent(2_101)]).toEqual([true, true, false]);
  signal.began(5_000);
  expect(signal.isRecent(5_000)).toBe(true);
});
