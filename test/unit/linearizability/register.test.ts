import { describe, expect, it } from "vitest";
import { checkLinearizability } from "../../linearizability/checker.ts";
import { registerModel, type RegisterOperation } from "../../linearizability/register.ts";
import { isRegisterHistory } from "./brute-force.ts";
import { done, lost, NO_EFFECT, READ, REJECTED, saw, swap, write, WRITTEN } from "./operations.ts";

type Case = readonly [what: string, history: readonly RegisterOperation[]];

const LINEARIZABLE: readonly Case[] = [
  ["nothing", []],
  ["a read of what was never written: null", [done([1, 2], READ, saw(null))]],
  ["a write and a read after it", [done([1, 2], write(1), WRITTEN), done([3, 4], READ, saw(1))]],
  ["a read during a write, of the new value", [done([1, 9], write(1), WRITTEN), done([3, 4], READ, saw(1))]],
  [
    "a read during a write, of the old value",
    [done([1, 9], write(1), WRITTEN), done([3, 4], READ, saw(null))],
  ],
  [
    "reads that touch a write's completion at the same time",
    [done([1, 5], write(1), WRITTEN), done([5, 6], READ, saw(null)), done([5, 6], READ, saw(1))],
  ],
  [
    "writes at the same time, seen in the order of neither's call",
    [
      done([1, 9], write(1), WRITTEN),
      done([2, 9], write(2), WRITTEN),
      done([3, 4], READ, saw(2)),
      done([5, 6], READ, saw(1)),
    ],
  ],
  [
    "one of two compare-and-sets from the same value",
    [done([1, 5], swap(null, 1), WRITTEN), done([1, 5], swap(null, 2), REJECTED), done([6, 7], READ, saw(1))],
  ],
  [
    "a rejected compare-and-set, which the value allowed only before the write",
    [done([1, 2], write(1), WRITTEN), done([3, 8], write(2), WRITTEN), done([4, 9], swap(2, 3), REJECTED)],
  ],
  [
    "two compare-and-sets from the same value, which came back in between",
    [
      done([1, 5], swap(null, 1), WRITTEN),
      done([1, 5], write(null), WRITTEN),
      done([1, 5], swap(null, 2), WRITTEN),
    ],
  ],
  ["an unknown write that is never seen", [lost(1, write(1)), done([3, 4], READ, saw(null))]],
  [
    "an unknown write that is seen much later",
    [lost(1, write(1)), done([3, 4], READ, saw(null)), done([50, 51], READ, saw(1))],
  ],
  [
    "an unknown write that is seen between two known ones",
    [
      lost(1, write(1)),
      done([2, 3], write(2), WRITTEN),
      done([4, 5], READ, saw(1)),
      done([6, 7], write(3), WRITTEN),
      done([8, 9], READ, saw(3)),
    ],
  ],
  [
    "an unknown compare-and-set that is seen",
    [done([1, 2], write(1), WRITTEN), lost(3, swap(1, 2)), done([5, 6], READ, saw(2))],
  ],
  ["a write without effect, not seen", [done([1, 2], write(1), NO_EFFECT), done([3, 4], READ, saw(null))]],
  ["a compare-and-set without effect, whatever the value is", [done([1, 2], swap(null, 1), NO_EFFECT)]],
  [
    "two unknown writes of one value, the second asked for when the first was seen and overwritten",
    [
      lost(1, write(1)),
      done([2, 3], READ, saw(1)),
      done([4, 5], write(2), WRITTEN),
      lost(6, write(1)),
      done([7, 8], READ, saw(1)),
    ],
  ],
  [
    "two writes of one value, of which the one that may last longer came back",
    [
      done([1, 4], write(1), WRITTEN),
      done([1, 20], write(1), WRITTEN),
      done([2, 3], READ, saw(1)),
      done([5, 6], write(2), WRITTEN),
      done([7, 8], READ, saw(2)),
      done([9, 10], READ, saw(1)),
    ],
  ],
  [
    "a value that only three unknown operations together can have made",
    [lost(1, swap(2, 3)), lost(1, swap(1, 2)), lost(1, write(1)), done([5, 6], READ, saw(3))],
  ],
  [
    "two unknown writes of one value, seen twice",
    [
      lost(1, write(1)),
      lost(1, write(1)),
      done([2, 3], READ, saw(1)),
      done([4, 5], write(2), WRITTEN),
      done([6, 7], READ, saw(1)),
    ],
  ],
];

const NOT_LINEARIZABLE: readonly Case[] = [
  ["a value that was never written", [done([1, 2], write(1), WRITTEN), done([3, 4], READ, saw(2))]],
  ["a value read before it was written", [done([1, 2], READ, saw(1)), done([3, 4], write(1), WRITTEN)]],
  [
    "a stale read",
    [done([1, 2], write(1), WRITTEN), done([3, 4], write(2), WRITTEN), done([5, 6], READ, saw(1))],
  ],
  ["a lost write", [done([1, 2], write(1), WRITTEN), done([3, 4], READ, saw(null))]],
  [
    "a value seen and then unseen",
    [done([1, 9], write(1), WRITTEN), done([2, 3], READ, saw(1)), done([4, 5], READ, saw(null))],
  ],
  [
    "two orders of the same writes",
    [
      done([1, 2], write(1), WRITTEN),
      done([1, 2], write(2), WRITTEN),
      done([3, 4], READ, saw(1)),
      done([5, 6], READ, saw(2)),
    ],
  ],
  [
    "two compare-and-sets from the same value",
    [done([1, 5], swap(null, 1), WRITTEN), done([1, 5], swap(null, 2), WRITTEN)],
  ],
  [
    "a compare-and-set from a value that was not there",
    [done([1, 2], write(1), WRITTEN), done([3, 4], swap(2, 3), WRITTEN)],
  ],
  [
    "a compare-and-set rejected without reason",
    [done([1, 2], write(1), WRITTEN), done([3, 4], swap(1, 2), REJECTED)],
  ],
  ["a rejected write", [done([1, 2], write(1), REJECTED)]],
  ["a write without effect, seen", [done([1, 2], write(1), NO_EFFECT), done([3, 4], READ, saw(1))]],
  [
    "an unknown write seen and then unseen",
    [lost(1, write(1)), done([3, 4], READ, saw(1)), done([5, 6], READ, saw(null))],
  ],
  ["an unknown write seen before it was asked for", [done([1, 2], READ, saw(1)), lost(3, write(1))]],
  [
    "an unknown write that comes back",
    [
      lost(1, write(1)),
      done([2, 3], READ, saw(1)),
      done([4, 5], write(2), WRITTEN),
      done([6, 7], READ, saw(1)),
    ],
  ],
  [
    "an unknown compare-and-set whose condition never held",
    [done([1, 2], write(1), WRITTEN), lost(3, swap(2, 3)), done([5, 6], READ, saw(3))],
  ],
  [
    "a value that three unknown operations together can't have made in time",
    [lost(1, swap(2, 3)), lost(1, write(1)), done([5, 6], READ, saw(3)), lost(7, swap(1, 2))],
  ],
  ["an answer of another operation", [done([1, 2], READ, WRITTEN)]],
];

describe("the register takes", () => {
  for (const [what, history] of LINEARIZABLE) {
    it(what, () => {
      expect(checkLinearizability(registerModel(), history).verdict).toBe("linearizable");
      expect(isRegisterHistory(history)).toBe(true);
    });
  }
});

describe("the register refuses", () => {
  for (const [what, history] of NOT_LINEARIZABLE) {
    it(what, () => {
      expect(checkLinearizability(registerModel(), history).verdict).toBe("violation");
      expect(isRegisterHistory(history)).toBe(false);
    });
  }
});

describe("the register", () => {
  it("begins with a value", () => {
    const history = [done([1, 2], READ, saw(7)), done([3, 4], swap(7, 8), WRITTEN)];
    expect(checkLinearizability(registerModel(7), history).verdict).toBe("linearizable");
    expect(checkLinearizability(registerModel(8), history).verdict).toBe("violation");
  });

  it("compares objects by what is in them, whatever the order of their members", () => {
    const value = { one: [1], other: "x" };
    const same = { other: "x", one: [1] };
    const history: readonly RegisterOperation[] = [
      done([1, 2], { type: "write", value }, WRITTEN),
      done([3, 4], { type: "compare-and-set", expected: same, value: [] }, WRITTEN),
      done([5, 6], READ, { type: "read", value: [] }),
    ];
    expect(checkLinearizability(registerModel(), history).verdict).toBe("linearizable");
    const [first, second] = history;
    const stale = done([5, 6], READ, { type: "read", value: same } as const);
    expect(checkLinearizability(registerModel(), [first!, second!, stale]).verdict).toBe("violation");
  });

  it("is not confused by values that look like those that stand for others", () => {
    const history = (seen: string): readonly RegisterOperation[] => [
      done([1, 2], write("unobserved"), WRITTEN),
      done([3, 4], write("anything"), WRITTEN),
      done([5, 6], READ, saw(seen)),
    ];
    expect(checkLinearizability(registerModel(), history("anything")).verdict).toBe("linearizable");
    expect(checkLinearizability(registerModel(), history("unobserved")).verdict).toBe("violation");
  });
});
