/** When entries of proposals go to the log: few where it is busy, several at once where it is far. */
import { describe, expect, it } from "vitest";
import { ProposalPace } from "../../../services/gateway/decisions/proposal-pace.ts";

function paceAfter(durationsMs: readonly number[]): ProposalPace {
  const pace = new ProposalPace();
  for (const durationMs of durationsMs) pace.acknowledged(durationMs);
  return pace;
}

const FAR = [85, 84, 130, 86];
/** Busy: it has been quicker of late. */
const NEAR = [6, 45, 80, 60];

describe("entries beside one that is on its way", () => {
  it("go soon to a log that is far, or that nothing is known of", () => {
    expect(paceAfter(FAR).laneAfterMs).toBe(20);
    expect(paceAfter([]).laneAfterMs).toBe(20);
  });

  it("wait for a log that is near and slow, but not for ever", () => {
    expect(paceAfter(NEAR).laneAfterMs).toBe(100);
  });

  it("go by what was measured of late: a log that was near may have moved away", () => {
    expect(paceAfter([...NEAR, ...Array.from({ length: 15 }, () => 85)]).laneAfterMs).toBe(20);
    expect(paceAfter([...NEAR, ...Array.from({ length: 12 }, () => 85)]).laneAfterMs).toBe(100);
  });
});

describe("an entry after the last one", () => {
  it("gathers while that one is folded, and shortly where nobody here tells so", () => {
    const pace = paceAfter(NEAR);
    expect(pace.foldingMs(5_000)).toBe(5);
    pace.heard(5_000);
    expect(pace.foldingMs(5_000)).toBe(25);
    expect(pace.foldingMs(7_000)).toBe(25);
    expect(pace.foldingMs(7_001)).toBe(5);
  });

  it("waits for those who were answered: from the first on half as long as they have waited, and 10 ms at most", () => {
    const pace = paceAfter(NEAR);
    const few = { until: 43, firstMs: 25, othersMs: 3 };
    expect(pace.returning(3, { proposals: 40, tookMs: 6 })).toEqual(few);
    expect(pace.returning(3, { proposals: 40, tookMs: 60 })).toEqual({ ...few, othersMs: 10 });
    expect(pace.returning(250, { proposals: 40, tookMs: 60 }).until).toBe(256);
  });

  it("does not wait for a few, nor where the log is far", () => {
    const none = { firstMs: 0, othersMs: 0 };
    expect(paceAfter(NEAR).returning(0, { proposals: 3, tookMs: 60 })).toEqual({ until: 3, ...none });
    expect(paceAfter(FAR).returning(0, { proposals: 40, tookMs: 90 })).toEqual({ until: 40, ...none });
  });
});
