/** How long a chunk is held: bounds, and the spread around the delay. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { conditionWith, heldMs, NO_FAULT, NO_LATENCY } from "../../../infra/local/faults/link-fault.ts";

it("5 ± 200 ms is between 0 and 205 ms, and reaches both ends", () => {
  const condition = conditionWith(NO_LATENCY, { ...NO_FAULT, latencyMs: 5, jitterMs: 200 });
  expect(heldMs(condition, [0, 0])).toBe(0);
  expect(heldMs(condition, [0, 0.5])).toBe(5);
  expect(heldMs(condition, [0, 0.999_999])).toBeCloseTo(205, 2);
});

it("stays within what latency and fault allow together", () => {
  const delay = fc.double({ min: 0, max: 60_000, noNaN: true });
  const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.tuple(delay, delay, delay, delay), fc.tuple(fraction, fraction), (delays, fractions) => {
      const [delayMs, jitterMs, latencyMs, spreadMs] = delays;
      const fault = { ...NO_FAULT, latencyMs, jitterMs: spreadMs };
      const held = heldMs(conditionWith({ delayMs, jitterMs }, fault), fractions);
      expect(held).toBeGreaterThanOrEqual(Math.max(0, delayMs + latencyMs - spreadMs - 1e-6));
      expect(held).toBeLessThanOrEqual(delayMs + latencyMs + jitterMs + spreadMs + 1e-6);
    }),
  );
});
