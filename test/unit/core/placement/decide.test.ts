import { describe, expect, it } from "vitest";
import {
  decidePlacement,
  initialPlacement,
  PLACEMENT_DEFAULTS,
  type Member,
  type PlacementDecision,
  type PlacementObservation,
  type PlacementState,
} from "../../../../services/core/placement/decide.ts";

const LOOK_MS = 5_000;
const LOCAL: { readonly [pair: string]: number } = { "eu us": 85, "ap eu": 125, "ap us": 145 };
const REGIONS = ["eu", "us", "ap"];

function members(but: { readonly [region: string]: Partial<Member> } = {}): Member[] {
  return REGIONS.map((region) => ({
    region,
    isOnline: true,
    isFit: true,
    isDraining: false,
    ...but[region],
  }));
}

const CALM: PlacementObservation = {
  leader: "ap",
  leaderSince: 1,
  members: members(),
  roundTripMs: (one, other) => LOCAL[[one, other].sort().join(" ")]!,
  othersMovedAgoMs: [],
  isHeld: false,
};

class Region {
  state: PlacementState;
  nowMs = 1_000_000;

  constructor(name = "eu") {
    this.state = initialPlacement(name);
  }

  look(observation: Partial<PlacementObservation> = {}, afterMs = LOOK_MS): PlacementDecision {
    this.nowMs += afterMs;
    const seen = { ...CALM, ...observation };
    const step = decidePlacement(this.state, seen, { nowMs: this.nowMs, settings: PLACEMENT_DEFAULTS });
    this.state = step.state;
    return step.decision;
  }

  /** What so many looks decide, as one word each. */
  looks(count: number, observation: Partial<PlacementObservation> = {}): string[] {
    return Array.from({ length: count }, () => this.look(observation).reason);
  }
}

describe("a region that should lead", () => {
  it("asks once it was better for several looks, under a leader that has settled", () => {
    expect(new Region().looks(4)).toEqual(["not-sure-yet", "not-sure-yet", "not-settled", "nearer"]);
  });

  it("waits anew after every election, whoever it lands on", () => {
    const region = new Region();
    region.looks(3);
    expect(region.looks(2, { leaderSince: 2 })).toEqual(["not-sure-yet", "not-sure-yet"]);
    expect(region.looks(2, { leader: undefined })).toEqual(["no-leader", "no-leader"]);
    expect(region.looks(4, { leaderSince: 2 }).at(-1)).toBe("nearer");
  });

  it("is sure anew after a look that found it no better", () => {
    const region = new Region();
    region.looks(3);
    const hardlyBetter = (one: string, other: string) => ([one, other].sort().join() === "eu,us" ? 100 : 110);
    expect(region.look({ roundTripMs: hardlyBetter }).reason).toBe("good-enough");
    expect(region.looks(3)).toEqual(["not-sure-yet", "not-sure-yet", "nearer"]);
  });

  it("waits twice as long after each move, and no longer than until the budget of the hour is spent", () => {
    const region = new Region();
    const movedAtMs: number[] = [];
    const startMs = region.nowMs;
    while (region.nowMs - startMs < 3_600_000) {
      if (region.look().type === "move") movedAtMs.push(region.nowMs);
    }
    expect(movedAtMs).toHaveLength(PLACEMENT_DEFAULTS.movesPerHourMax);
    const waitsMs = movedAtMs.slice(1).map((atMs, index) => atMs - movedAtMs[index]!);
    expect(waitsMs).toEqual([30_000, 60_000, 120_000, 240_000, 480_000]);
    expect(region.look().reason).toBe("budget-spent");
    expect(region.look({}, 3_600_000).reason).toBe("nearer");
  });

  it("counts what other regions have moved", () => {
    const settled = () => {
      const region = new Region();
      region.looks(3);
      return region;
    };
    expect(settled().look({ othersMovedAgoMs: [29_000] }).reason).toBe("cool-down");
    expect(settled().look({ othersMovedAgoMs: [31_000] }).reason).toBe("nearer");
    expect(settled().look({ othersMovedAgoMs: [31_000, 500_000] }).reason).toBe("cool-down");
    const six = Array.from({ length: 6 }, () => 3_000_000);
    expect(settled().look({ othersMovedAgoMs: six }).reason).toBe("budget-spent");
    expect(settled().look({ othersMovedAgoMs: six.map(() => 3_700_000) }).reason).toBe("nearer");
  });
});

describe("a region stays", () => {
  it("where it leads, where another should, and where the leader is as good as it", () => {
    expect(new Region().look({ leader: "eu" }).reason).toBe("leads-here");
    expect(new Region("us").look().reason).toBe("another-is-better");
    expect(new Region().look({ leader: "us" }).reason).toBe("good-enough");
  });

  it.each([
    [80, 99],
    [10, 12],
    [2, 6],
  ])("for the difference between %i and %i ms", (own, leader) => {
    const roundTripMs = (one: string, other: string) =>
      [one, other].sort().join() === "eu,us" ? own : leader;
    const region = new Region();
    expect(region.looks(20, { roundTripMs }).every((reason) => reason === "good-enough")).toBe(true);
  });

  it("while an operator holds leadership", () => {
    expect(new Region().looks(10, { isHeld: true }).every((reason) => reason === "held")).toBe(true);
  });

  it.each([{ isFit: false }, { isOnline: false }, { isDraining: true }])("where it is %o itself", (but) => {
    const region = new Region();
    expect(region.looks(10, { members: members({ eu: but }) }).every((reason) => reason === "not-fit")).toBe(
      true,
    );
  });
});

describe("the next best region", () => {
  it.each([{ isFit: false }, { isDraining: true }])("asks where the best one is %o", (but) => {
    expect(new Region("us").looks(4, { members: members({ eu: but }) }).at(-1)).toBe("nearer");
  });

  it("has no reason to ask where only the leader is left to answer it", () => {
    const reasons = new Region("us").looks(10, { members: members({ eu: { isOnline: false } }) });
    expect(new Set(reasons)).toEqual(new Set(["another-is-better"]));
  });
});

describe("a leader whose region drains", () => {
  const draining = { leader: "eu", members: members({ eu: { isDraining: true } }) };

  it("is followed by the next best at once, also while an operator holds leadership, and by nobody else", () => {
    expect(new Region("us").look({ ...draining, isHeld: true })).toEqual({ type: "move", reason: "drain" });
    expect(new Region("ap").look(draining).reason).toBe("another-is-better");
    expect(new Region("eu").look(draining).reason).toBe("leads-here");
  });

  it("is not asked all the time when nothing comes of it", () => {
    const region = new Region("us");
    const movedAtMs: number[] = [];
    for (let count = 0; count < 300; count += 1) {
      if (region.look(draining, 1_000).type === "move") movedAtMs.push(region.nowMs);
    }
    const waitsMs = movedAtMs.slice(1).map((atMs, index) => atMs - movedAtMs[index]!);
    expect(waitsMs).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000]);
  });

  it("does not spend the budget of other moves", () => {
    const region = new Region("us");
    region.look(draining);
    expect(region.state.movedAtMs).toEqual([]);
  });

  it("stays where all regions drain", () => {
    const all = members({ eu: { isDraining: true }, us: { isDraining: true }, ap: { isDraining: true } });
    expect(new Region("us").look({ leader: "eu", members: all }).reason).toBe("not-fit");
  });
});
