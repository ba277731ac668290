import fc from "fast-check";
import { expect, it } from "vitest";
import { takeToken, type Bucket } from "../../../services/core/admission/rate.ts";
import { checkProperty } from "../property.ts";

const rate = fc.record({
  perSecond: fc.integer({ min: 1, max: 100 }),
  burst: fc.integer({ min: 1, max: 200 }),
});
const gaps = fc.array(fc.integer({ min: -50, max: 500 }), { maxLength: 300 });

it("in no stretch of time more are let through than the burst and what the time is worth", () => {
  checkProperty(
    fc.property(rate, gaps, (rules, steps) => {
      let bucket: Bucket | undefined;
      let nowMs = 0;
      const taken: number[] = [];
      for (const step of steps) {
        // A clock that goes back gives nothing.
        nowMs += Math.max(0, step);
        const result = takeToken(rules, bucket, nowMs);
        bucket = result.bucket;
        if (result.retryAfterMs === undefined) taken.push(nowMs);
      }
      for (let from = 0; from < taken.length; from += 7) {
        for (let to = from; to < taken.length; to += 5) {
          const worth = rules.burst + ((taken[to]! - taken[from]!) * rules.perSecond) / 1_000;
          expect(to - from + 1).toBeLessThanOrEqual(worth + 1e-6);
        }
      }
    }),
  );
});

it("whoever comes again when it was told to is let through", () => {
  checkProperty(
    fc.property(rate, fc.integer({ min: 1, max: 400 }), (rules, count) => {
      let bucket: Bucket | undefined;
      let nowMs = 0;
      for (let request = 0; request < count; request += 1) {
        const first = takeToken(rules, bucket, nowMs);
        bucket = first.bucket;
        if (first.retryAfterMs === undefined) continue;
        expect(first.retryAfterMs).toBeGreaterThan(0);
        nowMs += first.retryAfterMs;
        const again = takeToken(rules, bucket, nowMs);
        bucket = again.bucket;
        expect(again.retryAfterMs).toBeUndefined();
      }
    }),
  );
});
