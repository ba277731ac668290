/** Maps that remember only so much forget what is oldest, many at once. */
import { describe, expect, it } from "vitest";
import { forgetOldest } from "../../../services/runtime/forget-oldest.ts";

const MAX = 64;

const mapOf = (count: number) =>
  new Map(Array.from({ length: count }, (_, number) => [number, `entry ${number}`]));

describe("forgetting the oldest", () => {
  it("leaves a map alone that is as large as it may be", () => {
    const entries = mapOf(MAX);
    forgetOldest(entries, MAX);
    expect(entries.size).toBe(MAX);
  });

  it("forgets a sixteenth at once, the oldest, and keeps what came last", () => {
    const entries = mapOf(MAX + 1);
    forgetOldest(entries, MAX);
    expect([...entries.keys()]).toEqual(Array.from({ length: 60 }, (_, index) => index + 5));
  });

  it("takes what was set again for new", () => {
    const entries = mapOf(MAX);
    entries.delete(0);
    entries.set(0, "again").set(MAX, "one more");
    forgetOldest(entries, MAX);
    expect(entries.has(0)).toBe(true);
    expect(entries.has(1)).toBe(false);
  });

  it("holds its bound however small, and whatever comes", () => {
    for (const entriesMax of [1, 2, 15, 17]) {
      const entries = new Map<number, string>();
      for (let number = 0; number < 100; number += 1) {
        entries.set(number, "");
        forgetOldest(entries, entriesMax);
        expect(entries.size).toBeLessThanOrEqual(entriesMax);
      }
    }
  });
});
