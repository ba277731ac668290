import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffMs } from "../../../services/runtime/backoff.ts";
import { checkProperty } from "../property.ts";

const delay = (attempt: number, fraction: number, limits: { baseMs: number; maxMs: number }): number =>
  backoffMs({ attempt, ...limits, random: { fraction: () => fraction, uuid: () => "" } });
const LIMITS = { baseMs: 20, maxMs: 500 };

describe("backoffMs", () => {
  it("doubles up to its limit, and is never less than half of that", () => {
    const ranges = [1, 2, 3, 4, 5, 6, 99].map((attempt) => [
      delay(attempt, 0, LIMITS),
      delay(attempt, 1, LIMITS),
    ]);
    expect(ranges).toEqual([
      [20, 40],
      [40, 80],
      [80, 160],
      [160, 320],
      [250, 500],
      [250, 500],
      [250, 500],
    ]);
  });

  it("is a whole number of milliseconds within bounds for any attempt, however many there were", () => {
    const limits = fc.record({
      baseMs: fc.integer({ min: 1, max: 1_000 }),
      maxMs: fc.integer({ min: 1, max: 60_000 }),
    });
    const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    checkProperty(
      fc.property(fc.nat(), fraction, limits, (attempt, chance, given) => {
        const result = delay(attempt, chance, given);
        expect(Number.isSafeInteger(result)).toBe(true);
        expect(result).toBeGreaterThanOrEqual(1);
        expect(result).toBeLessThanOrEqual(given.maxMs);
        expect(result).toBeGreaterThanOrEqual(Math.min(given.maxMs, given.baseMs) / 2);
      }),
    );
  });

  it("does not fall with the number of attempts", () => {
    checkProperty(
      fc.property(fc.nat({ max: 40 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, chance) => {
        expect(delay(attempt + 1, chance, LIMITS)).toBeGreaterThanOrEqual(delay(attempt, chance, LIMITS));
      }),
    );
  });
});
