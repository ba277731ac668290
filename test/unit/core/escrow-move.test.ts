/** How rights move: who is asked, and how much is handed over. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { donorsOf, isLow, rightsToGrant } from "../../../services/core/escrow-move.ts";
import { checkProperty } from "../property.ts";

const amount = fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 1_000_000_000 }));
/** Rights that were reclaimed while they were pending count below zero. */
const owed = fc.oneof(amount, fc.integer({ min: -20, max: -1 }));

describe("rightsToGrant", () => {
  it("grants whole rights, never more than the donor has, and nothing of what it owes", () => {
    checkProperty(
      fc.property(owed, owed, amount, (here, held, needed) => {
        const granted = rightsToGrant(here, { held, needed });
        expect(Number.isSafeInteger(granted)).toBe(true);
        expect(granted).toBeGreaterThanOrEqual(0);
        expect(granted).toBeLessThanOrEqual(Math.max(0, here));
      }),
      { runs: 1_000 },
    );
  });

  it("meets a need, or gives all that there is", () => {
    checkProperty(
      fc.property(amount, owed, amount, (here, held, needed) => {
        const granted = rightsToGrant(here, { held, needed });
        expect(held + granted >= needed || granted === here).toBe(true);
      }),
      { runs: 1_000 },
    );
  });

  it("leaves both with the same, where a need does not ask for more", () => {
    checkProperty(
      fc.property(amount, amount, (here, held) => {
        const granted = rightsToGrant(here, { held, needed: 0 });
        if (here <= held) expect(granted).toBe(0);
        else expect([0, 1]).toContain(here - granted - (held + granted));
      }),
    );
    expect(rightsToGrant(10, { held: 0, needed: 0 })).toBe(5);
    expect(rightsToGrant(10, { held: 0, needed: 3 })).toBe(5);
    expect(rightsToGrant(10, { held: 0, needed: 7 })).toBe(7);
    expect(rightsToGrant(10, { held: 3, needed: 20 })).toBe(10);
    expect(rightsToGrant(3, { held: 8, needed: 10 })).toBe(2);
    expect(rightsToGrant(1, { held: 0, needed: 0 })).toBe(0);
  });

  it("does not send rights to and fro: who has been granted some grants nothing back unless it is asked for more", () => {
    checkProperty(
      fc.property(amount, amount, (here, held) => {
        const granted = rightsToGrant(here, { held, needed: 0 });
        if (granted === 0) return;
        expect(rightsToGrant(held + granted, { held: here - granted, needed: 0 })).toBe(0);
      }),
    );
  });
});

describe("a region that nobody takes from", () => {
  it("hands over nearly all, also where only somebody runs low, and never more than it has", () => {
    const granted = (here: number, held: number, needed = 0) =>
      rightsToGrant(here, { held, needed }, { isIdle: true });
    expect([granted(16, 0), granted(16, 15), granted(16, 0, 16), granted(1, 0), granted(0, 0)]).toEqual([
      14, 14, 16, 0, 0,
    ]);
  });
});

describe("isLow", () => {
  it("is below an eighth of what is left of all, where there is something to ask for", () => {
    expect(isLow({ here: 1, total: 7 })).toBe(true);
    expect(isLow({ here: 1, total: 6 })).toBe(false);
    expect(isLow({ here: 0, total: 2 })).toBe(true);
    expect(isLow({ here: 0, total: 1 })).toBe(false);
    expect(isLow({ here: 0, total: 0 })).toBe(false);
    expect(isLow({ here: 8, total: 8 })).toBe(false);
  });

  it("is over once a single donor has answered it", () => {
    checkProperty(
      fc.property(amount, amount, (here, donor) => {
        const total = here + donor;
        if (!isLow({ here, total })) return;
        const granted = rightsToGrant(donor, { held: here, needed: 0 });
        expect(granted).toBeGreaterThan(0);
        expect(isLow({ here: here + granted, total })).toBe(false);
      }),
      { runs: 1_000 },
    );
  });
});

describe("donorsOf", () => {
  it("are the others that hold something, those that hold most first, and by name where they hold the same", () => {
    expect(donorsOf({ us: 3, ap: 7, eu: 9, sa: 3, me: 0, af: -1 }, "eu")).toEqual(["ap", "sa", "us"]);
    expect(donorsOf({ eu: 9 }, "eu")).toEqual([]);
    expect(donorsOf({}, "eu")).toEqual([]);
  });

  it("do not depend on the order in which a store gives the rights", () => {
    const region = fc.constantFrom("ap", "eu", "us", "sa");
    checkProperty(
      fc.property(fc.dictionary(region, fc.nat({ max: 3 }), { noNullPrototype: true }), (rights) => {
        const reversed = Object.fromEntries(Object.entries(rights).toReversed());
        expect(donorsOf(reversed, "eu")).toEqual(donorsOf(rights, "eu"));
        expect(donorsOf(rights, "eu")).not.toContain("eu");
      }),
    );
  });
});
