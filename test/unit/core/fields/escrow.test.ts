/** The operators of an escrow: who holds which rights afterwards, and what is refused. */
import { describe, expect, it } from "vitest";
import {
  applyChange,
  forgetMarkers,
  showField,
  type FieldState,
} from "../../../../services/core/fields/index.ts";
import type { Change, Operator, WriteContext } from "../../../../services/core/fields/kind.ts";
import {
  emptyEscrow,
  reclaimRights,
  withMembers,
  type EscrowState,
  type Rights,
} from "../../../../services/core/fields/merge/escrow.ts";
import { hlcFromMilliseconds } from "../../../../services/core/hlc.ts";
import type { JsonValue } from "../../../../services/core/json.ts";

const MEMBERS = ["ap", "eu", "us"];
const MAX = Number.MAX_SAFE_INTEGER;
const HLC = hlcFromMilliseconds(7);

const held = (rights: Rights, min = 0): EscrowState => ({ kind: "escrow", min, rights });
const change = (operator: Operator, argument: JsonValue): Change => ({
  field: "seats",
  kind: "escrow",
  operator,
  argument,
});
const by = (origin: string): WriteContext => ({ operation: "one", origin, hlc: HLC, position: 3, seen: 2 });

function apply(
  state: FieldState | undefined,
  operator: Operator,
  written: [argument: JsonValue, origin: string],
) {
  return applyChange(state, change(operator, written[0]), by(written[1]));
}

function rightsAfter(state: EscrowState, operator: Operator, written: [argument: JsonValue, origin: string]) {
  const { state: after, effective, losses } = apply(state, operator, written);
  expect({ effective, losses }).toEqual({ effective: true, losses: [] });
  return (after as EscrowState).rights;
}

describe("give", () => {
  it("splits evenly among the members while nothing is left, and the origin has the remainder", () => {
    const empty = emptyEscrow(0, MEMBERS);
    expect(rightsAfter(empty, "give", [9, "eu"])).toEqual({ ap: 3, eu: 3, us: 3 });
    expect(rightsAfter(empty, "give", [11, "eu"])).toEqual({ ap: 3, eu: 5, us: 3 });
    expect(rightsAfter(empty, "give", [2, "us"])).toEqual({ ap: 0, eu: 0, us: 2 });
    expect(rightsAfter(empty, "give", [MAX, "ap"])).toEqual({
      ap: Math.floor(MAX / 3) + (MAX % 3),
      eu: Math.floor(MAX / 3),
      us: Math.floor(MAX / 3),
    });
  });

  it("goes to the origin as long as any region has something left", () => {
    expect(rightsAfter(held({ ap: 0, eu: 0, us: 1 }), "give", [9, "eu"])).toEqual({ ap: 0, eu: 9, us: 1 });
    expect(rightsAfter(held({ ap: 4, eu: 5, us: 1 }), "give", [9, "ap"])).toEqual({ ap: 13, eu: 5, us: 1 });
  });

  it("splits again once everything was taken, whatever the bound", () => {
    const taken = apply(held({ ap: 0, eu: 2, us: 0 }, -7), "take", [2, "eu"]).state;
    expect(showField(taken)).toBe(-7);
    expect(rightsAfter(taken as EscrowState, "give", [4, "us"])).toEqual({ ap: 1, eu: 1, us: 2 });
  });

  it("by way of the log is for the region that proposed it", () => {
    expect(rightsAfter(held({ ap: 0, eu: 1, us: 0 }), "give", [3, "eu@log"])).toEqual({
      ap: 0,
      eu: 4,
      us: 0,
    });
    expect(rightsAfter(emptyEscrow(0, MEMBERS), "give", [4, "us@log"])).toEqual({ ap: 1, eu: 1, us: 2 });
  });

  it("is all the origin's where nobody else is known", () => {
    const { state } = apply(undefined, "give", [5, "eu"]);
    expect(state).toEqual(held({ eu: 5 }));
  });

  it("is refused where the number would be none that JSON can carry", () => {
    const full = held({ ap: 0, eu: MAX, us: 0 });
    expect(apply(full, "give", [1, "us"])).toEqual({
      state: full,
      effective: false,
      losses: [
        {
          reason: "overflow",
          loser: { origin: "us", hlc: HLC, operation: "one", operator: "give", value: 1 },
          winner: { origin: "us", hlc: HLC, value: MAX },
        },
      ],
    });
    expect(apply(emptyEscrow(1, MEMBERS), "give", [MAX, "us"]).losses).toMatchObject([
      { reason: "overflow" },
    ]);
    expect(rightsAfter(emptyEscrow(1, ["us"]), "give", [MAX - 1, "us"])).toEqual({ us: MAX - 1 });
  });

  it("is refused where the rights would not be exact, although the number above a low bound would be", () => {
    const full = held({ ap: 0, eu: MAX, us: 0 }, -MAX);
    expect(showField(full)).toBe(0);
    const lost = apply(full, "give", [2, "eu"]);
    expect(lost).toMatchObject({ state: full, effective: false, losses: [{ reason: "overflow" }] });
    expect(apply(held({ eu: MAX, us: 0 }, -MAX), "give", [1, "us"]).effective).toBe(false);
  });
});

describe("take", () => {
  it("takes of the origin's rights alone, down to nothing", () => {
    expect(rightsAfter(held({ ap: 4, eu: 3, us: 2 }), "take", [2, "eu"])).toEqual({ ap: 4, eu: 1, us: 2 });
    expect(rightsAfter(held({ ap: 4, eu: 3, us: 2 }), "take", [3, "eu"])).toEqual({ ap: 4, eu: 0, us: 2 });
  });

  it("beyond them is insufficient, however much others have, and the winner is what the number stays at", () => {
    const state = held({ ap: 4, eu: 3, us: 2 }, 10);
    expect(apply(state, "take", [4, "eu"])).toEqual({
      state,
      effective: false,
      losses: [
        {
          reason: "insufficient",
          loser: { origin: "eu", hlc: HLC, operation: "one", operator: "take", value: 4 },
          winner: { origin: "eu", hlc: HLC, value: 19 },
        },
      ],
    });
  });

  it("by a region that has no place, or of what was never given to, is insufficient", () => {
    for (const state of [held({ us: 5 }), undefined]) {
      expect(apply(state, "take", [1, "eu"]).losses).toMatchObject([{ reason: "insufficient" }]);
    }
    // Names of the prototype are no regions.
    expect(apply(held({ us: 5 }), "take", [1, "constructor"]).effective).toBe(false);
  });
});

describe("move", () => {
  it("hands rights over and leaves the number as it is", () => {
    const state = held({ ap: 4, eu: 3, us: 2 });
    const after = apply(state, "move", [{ to: "us", amount: 3 }, "eu"]).state;
    expect(after).toEqual(held({ ap: 4, eu: 0, us: 5 }));
    expect(showField(after)).toBe(showField(state));
  });

  it("goes to a region that has had no place yet", () => {
    expect(rightsAfter(held({ eu: 3 }), "move", [{ to: "sa", amount: 2 }, "eu"])).toEqual({ eu: 1, sa: 2 });
  });

  it("to itself changes nothing", () => {
    expect(rightsAfter(held({ eu: 3 }), "move", [{ to: "eu", amount: 3 }, "eu"])).toEqual({ eu: 3 });
  });

  it("beyond the origin's rights is insufficient, and nobody gets anything", () => {
    const state = held({ ap: 4, eu: 3, us: 2 });
    const lost = apply(state, "move", [{ to: "us", amount: 4 }, "eu"]);
    expect(lost.state).toBe(state);
    expect(lost.losses).toMatchObject([
      {
        reason: "insufficient",
        loser: { operator: "move", value: { to: "us", amount: 4 } },
        winner: { value: 9 },
      },
    ]);
  });
});

describe("an escrow", () => {
  it("shows its bound and what is above it", () => {
    expect(showField(emptyEscrow(-4, MEMBERS))).toBe(-4);
    expect(showField(held({ ap: 1, eu: 2 }, -4))).toBe(-1);
  });

  it("has no markers to forget", () => {
    const state = held({ eu: 0 });
    expect(forgetMarkers(state, hlcFromMilliseconds(99))).toBe(state);
  });

  it("gets places for members that have joined, and keeps those that it has", () => {
    const state = held({ eu: 3 }, 2);
    expect(withMembers(state, ["eu"])).toBe(state);
    expect(withMembers(state, MEMBERS)).toEqual(held({ ap: 0, eu: 3, us: 0 }, 2));
    expect(withMembers(held({ sa: 1 }), ["eu"])).toEqual(held({ sa: 1, eu: 0 }));
  });

  it("hands all rights of a region over to another when they are reclaimed", () => {
    expect(reclaimRights(held({ ap: 4, eu: 3 }, 2), "ap", "eu")).toEqual(held({ ap: 0, eu: 7 }, 2));
    expect(reclaimRights(held({ ap: 4, eu: 3 }), "ap", "us")).toEqual(held({ ap: 0, eu: 3, us: 4 }));
  });
});
