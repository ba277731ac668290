import { describe, expect, it } from "vitest";
import { Hold } from "../../../services/placement/hold.ts";

const ORDER = { id: "one", leader: "ap", ageMs: 0, holdMs: 1_000 };

describe("a hold", () => {
  it("is none before an order is heard", () => {
    const hold = new Hold();
    expect(hold.isHeld(0)).toBe(false);
    expect(hold.told(0)).toBeUndefined();
  });

  it("lasts from when the order was given, not from when it was heard", () => {
    const hold = new Hold();
    hold.hear({ ...ORDER, ageMs: 400 }, 10_000);
    expect([10_599, 10_600].map((nowMs) => hold.isHeld(nowMs))).toEqual([true, false]);
    expect(hold.told(10_100)).toEqual({ ...ORDER, ageMs: 500 });
  });

  it("does not get younger while regions tell it each other on and on", () => {
    const [one, other] = [new Hold(), new Hold()];
    one.hear(ORDER, 0);
    for (let nowMs = 0; nowMs < 1_000; nowMs += 20) {
      // Each message takes a while, and comes with the age that the order had when it was sent.
      other.hear(one.told(nowMs)!, nowMs + 10);
      one.hear(other.told(nowMs + 10)!, nowMs + 20);
    }
    expect(one.isHeld(1_000)).toBe(false);
    expect(other.isHeld(1_010)).toBe(false);
  });

  it("gives way to a later order, and not to an earlier one that comes late", () => {
    const hold = new Hold();
    hold.hear(ORDER, 1_000);
    hold.hear({ ...ORDER, id: "late", ageMs: 500, holdMs: 60_000 }, 1_100);
    expect(hold.told(1_100)!.id).toBe("one");
    hold.hear({ ...ORDER, id: "end", holdMs: 0 }, 1_200);
    expect(hold.isHeld(1_200)).toBe(false);
    hold.hear({ ...ORDER, ageMs: 300 }, 1_300);
    expect(hold.told(1_300)!.id).toBe("end");
  });

  it("is told for long after its end, for who knows an earlier one only, and then no more", () => {
    const hold = new Hold();
    hold.hear(ORDER, 0);
    expect(hold.told(3_600_000)).toBeDefined();
    expect(hold.told(3_602_000)).toBeUndefined();
  });
});
