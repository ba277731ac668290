import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  advanceHlc,
  compareStamps,
  hlcFromInteger,
  hlcFromMilliseconds,
  hlcMilliseconds,
  hlcToInteger,
  isBeyondOffset,
  MAX_OFFSET_MS,
  nextHlc,
  ZERO_HLC,
  type Hlc,
} from "../../../services/core/hlc.ts";
import { checkProperty } from "../property.ts";

const milliseconds = fc.integer({ min: 0, max: 2 ** 41 });
const stamps = fc.bigInt({ min: 0n, max: 2n ** 57n }).map(hlcFromInteger);
/** A clock that runs, stands still, jumps back and jumps far ahead. */
const clock = fc
  .array(fc.integer({ min: -10_000_000, max: 10_000_000 }), { minLength: 1, maxLength: 50 })
  .map((steps) => {
    let nowMs = 1_700_000_000_000;
    return steps.map((step) => (nowMs = Math.max(0, nowMs + step)));
  });

describe("hybrid logical clock", () => {
  it("sorts as text the way it sorts as number", () => {
    checkProperty(
      fc.property(stamps, stamps, (one, other) => {
        expect(one < other).toBe(hlcToInteger(one) < hlcToInteger(other));
      }),
    );
  });

  it("keeps milliseconds through text and back", () => {
    checkProperty(
      fc.property(milliseconds, (ms) => {
        expect(hlcMilliseconds(hlcFromMilliseconds(ms))).toBe(ms);
      }),
    );
  });

  it("rises with every stamp, whatever the clock does", () => {
    checkProperty(
      fc.property(clock, (times) => {
        let last = ZERO_HLC;
        for (const nowMs of times) {
          const next = nextHlc({ nowMs, lastIssued: last, observed: [] });
          expect(next > last).toBe(true);
          expect(hlcMilliseconds(next)).toBeGreaterThanOrEqual(nowMs);
          last = next;
        }
      }),
    );
  });

  it("comes after every stamp that it observed within the offset", () => {
    checkProperty(
      fc.property(milliseconds, fc.array(stamps), (nowMs, observed) => {
        const next = nextHlc({ nowMs, lastIssued: ZERO_HLC, observed });
        for (const stamp of observed) {
          if (!isBeyondOffset(stamp, nowMs)) expect(next > stamp).toBe(true);
        }
      }),
    );
  });

  it("never absorbs a stamp beyond the offset", () => {
    checkProperty(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 41 }),
        fc.integer({ min: 1, max: 1_000_000_000 }),
        (nowMs, beyondMs) => {
          const far = hlcFromMilliseconds(nowMs + MAX_OFFSET_MS + beyondMs);
          const next = nextHlc({ nowMs, lastIssued: ZERO_HLC, observed: [far] });
          expect(next).toBe(hlcFromMilliseconds(nowMs));
        },
      ),
    );
  });

  it("carries a full counter into the milliseconds", () => {
    const full = hlcFromInteger((5n << 16n) | 0xffffn);
    expect(advanceHlc(full, 1)).toBe(hlcFromMilliseconds(6));
  });

  it("breaks ties by region, and orders stamps totally", () => {
    const hlc = hlcFromMilliseconds(1);
    expect(compareStamps({ hlc, origin: "eu" }, { hlc, origin: "us" })).toBeLessThan(0);
    const stamp = fc.record({
      hlc: fc.constantFrom<Hlc[]>(hlc, advanceHlc(hlc, 1)),
      origin: fc.constantFrom("a", "b"),
    });
    checkProperty(
      fc.property(stamp, stamp, stamp, (a, b, c) => {
        expect(Math.sign(compareStamps(a, b))).toBe(-Math.sign(compareStamps(b, a)) + 0);
        if (compareStamps(a, b) <= 0 && compareStamps(b, c) <= 0)
          expect(compareStamps(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});
