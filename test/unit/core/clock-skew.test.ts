import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clockSkewMs, SKEW_MS_LEAST } from "../../../services/core/clock-skew.ts";
import { certainlyApartMs, leadMs } from "../../../services/console/clock-comparison.ts";
import { checkProperty } from "../property.ts";

describe("a clock is off", () => {
  it.each([
    ["two of two others say so", { apartMs: [900, 700], skewMs: 700 }],
    ["it is behind two of two", { apartMs: [-900, -5_000], skewMs: -900 }],
    ["four of five others do", { apartMs: [500, 600, 700, 0, 800], skewMs: 500 }],
    ["it is ahead of the only other one", { apartMs: [900], skewMs: 900 }],
  ])("where %s", (_, { apartMs, skewMs }) => {
    expect(clockSkewMs(apartMs.length + 1, apartMs)).toBe(skewMs);
  });

  it.each([
    ["nobody is heard", 3, []],
    ["one of two others says so", 3, [3_600_000, 0]],
    ["one says ahead, and one behind", 3, [900, -900]],
    ["it is too little", 3, [SKEW_MS_LEAST - 1, 900]],
    ["two stand against two", 4, [900, 900, 0]],
    ["it is behind the only other one, which may be ahead", 2, [-900]],
    ["it is the only region", 1, []],
  ])("not where %s", (_, regions, apartMs) => {
    expect(clockSkewMs(regions, apartMs)).toBe(0);
  });
});

/** Clocks of regions with one process each, and how long messages take between them; nobody sees either. */
const cluster = fc.integer({ min: 2, max: 6 }).chain((regions) =>
  fc.record({
    offsetsMs: fc.array(fc.integer({ min: -5_000, max: 5_000 }), { minLength: regions, maxLength: regions }),
    delaysMs: fc.array(fc.integer({ min: 0, max: 10_000 }), {
      minLength: regions * regions,
      maxLength: regions * regions,
    }),
  }),
);

describe("what messages prove of clocks", () => {
  it("is true however long they take: no clock is judged that is right, and none is set beyond what is right", () => {
    checkProperty(
      fc.property(cluster, ({ offsetsMs, delaysMs }) => {
        const regions = offsetsMs.length;
        const seen = (by: number, of: number) =>
          offsetsMs[of]! - offsetsMs[by]! - delaysMs[by * regions + of]!;
        const judged = offsetsMs.map((_, one) => {
          const apartMs = offsetsMs.flatMap((_, other) => {
            if (other === one) return [];
            const leads = [{ process: "one", sets: 0, ahead_ms: Math.max(0, seen(other, one)) }];
            return [
              certainlyApartMs([{ offsetsMs: [seen(one, other)], clock: { sets: 0, leads } }], {
                process: "one",
                sets: 0,
              }),
            ];
          });
          return clockSkewMs(regions, apartMs);
        });
        judged.forEach((skewMs, one) => {
          if (skewMs === 0) return;
          const others = offsetsMs.filter((_, other) => other !== one);
          const apart = others.map((other) => offsetsMs[one]! - other);
          const agreeing = apart.filter((ms) => (skewMs > 0 ? ms >= skewMs : ms <= skewMs));
          expect(Math.abs(skewMs)).toBeGreaterThanOrEqual(SKEW_MS_LEAST);
          expect(agreeing.length).toBeGreaterThan(regions === 2 ? 0 : regions / 2);
        });
      }),
    );
  });

  it("is found in the end of a clock that is off, where messages come within a hundred milliseconds", () => {
    const offsetsMs = [0, 0, 900];
    const lead = (by: number, of: number) => offsetsMs[of]! - offsetsMs[by]! - 100;
    const apartMs = [0, 1].map((other) => {
      const leads = [{ process: "late", sets: 0, ahead_ms: lead(other, 2) }];
      return certainlyApartMs([{ offsetsMs: [lead(2, other)], clock: { sets: 0, leads } }], {
        process: "late",
        sets: 0,
      });
    });
    expect(clockSkewMs(3, apartMs)).toBe(800);
  });

  it("is what the quickest of the newest five says", () => {
    expect(leadMs([9_000, 1, 5, 2, 3, 4])).toBe(5);
    expect(leadMs([])).toBe(-Infinity);
  });

  it("is what all processes of a region say: one that is off among them proves nothing", () => {
    const own = { process: "own", sets: 3 };
    const clock = { sets: 0, leads: [{ process: "own", sets: 3, ahead_ms: 900 }] };
    const [right, off] = [
      { offsetsMs: [-950], clock },
      { offsetsMs: [-10], clock: { sets: 0, leads: [] } },
    ];
    expect(certainlyApartMs([right], own)).toBe(900);
    expect(certainlyApartMs([right, off], own)).toBe(0);
    // What was true before the clock was set is not any more.
    expect(certainlyApartMs([right], { ...own, sets: 4 })).toBe(0);
    expect(certainlyApartMs([right], { ...own, process: "another" })).toBe(0);
    expect(certainlyApartMs([{ offsetsMs: [700], clock: undefined }], own)).toBe(-700);
    expect(certainlyApartMs([], own)).toBe(0);
  });
});
