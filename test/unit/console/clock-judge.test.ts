import { describe, expect, it } from "vitest";
import { ClockJudge } from "../../../services/console/clock-judge.ts";

describe("what was found of a clock", () => {
  const found = (regions: number, apartMs: readonly number[]) => {
    const judge = new ClockJudge();
    const look = { regions, apartMs, sets: 0, nowMs: 10_000 };
    expect(judge.judge(look)).toBe(900);
    return { judge, look };
  };

  it("stays for three seconds: who has just started has not heard this process yet", () => {
    const { judge, look } = found(3, [900, 950]);
    const quiet = { ...look, apartMs: [900, 0] };
    expect(judge.judge({ ...quiet, nowMs: 13_000 })).toBe(900);
    expect(judge.judge({ ...quiet, nowMs: 13_001 })).toBe(0);
  });

  it("stays while fewer are heard than could find it, however long, until the clock is set", () => {
    const { judge, look } = found(3, [900, 950]);
    const cut = { ...look, apartMs: [0], nowMs: 10_000_000 };
    expect(judge.judge(cut)).toBe(900);
    expect(judge.judge({ ...cut, sets: 1 })).toBe(0);
  });

  it("does not stay where the only other region is gone", () => {
    const { judge, look } = found(2, [900]);
    expect(judge.judge({ ...look, apartMs: [], nowMs: 13_001 })).toBe(0);
  });
});
