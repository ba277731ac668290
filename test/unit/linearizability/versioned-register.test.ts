import { describe, expect, it } from "vitest";
import { checkLinearizability } from "../../linearizability/checker.ts";
import { versionedRegisterModel, type VersionedOperation } from "../../linearizability/versioned-register.ts";
import { isVersionedHistory } from "./brute-force.ts";
import { done, lost, NO_EFFECT, READ, REJECTED, sawAt, write, writeIf, writtenAt } from "./operations.ts";

type Case = readonly [what: string, history: readonly VersionedOperation[]];

const LINEARIZABLE: readonly Case[] = [
  ["a read of no record", [done([1, 2], READ, sawAt(null, null))]],
  [
    "a write and a read of its version",
    [done([1, 2], write(1), writtenAt(7)), done([3, 4], READ, sawAt(7, 1))],
  ],
  [
    "writes at the same time, in the order of their versions",
    [
      done([1, 9], write(1), writtenAt(8)),
      done([2, 8], write(2), writtenAt(7)),
      done([10, 11], READ, sawAt(8, 1)),
    ],
  ],
  [
    "conditions on versions, on a record and on none",
    [
      done([1, 2], writeIf(null, 1), writtenAt(3)),
      done([3, 4], writeIf(3, 2), writtenAt(5)),
      done([5, 6], writeIf("*", 3), writtenAt(6)),
      done([7, 8], writeIf(5, 4), REJECTED),
      done([7, 8], writeIf(null, 4), REJECTED),
      done([9, 10], READ, sawAt(6, 3)),
    ],
  ],
  ["a condition on a record where there is none, rejected", [done([1, 2], writeIf("*", 1), REJECTED)]],
  [
    "one of two writes on the same version",
    [
      done([1, 2], write(1), writtenAt(3)),
      done([3, 8], writeIf(3, 2), REJECTED),
      done([3, 8], writeIf(3, 3), writtenAt(4)),
    ],
  ],
  [
    "an unknown write, seen with a version that nobody else was given",
    [done([1, 2], write(1), writtenAt(3)), lost(3, write(2)), done([5, 6], READ, sawAt(9, 2))],
  ],
  [
    "an unknown write whose version only a condition tells",
    [lost(1, write(1)), done([3, 4], writeIf(5, 2), writtenAt(6)), done([5, 6], READ, sawAt(6, 2))],
  ],
  [
    "an unknown write that a condition on another version met",
    [
      done([1, 2], write(1), writtenAt(3)),
      lost(3, write(2)),
      done([5, 6], writeIf(3, 3), REJECTED),
      done([7, 8], writeIf(5, 4), REJECTED),
      done([9, 10], READ, sawAt(4, 2)),
    ],
  ],
  [
    "an unknown write that is ordered much later",
    [
      lost(1, write(1)),
      done([3, 4], write(2), writtenAt(3)),
      done([5, 6], READ, sawAt(3, 2)),
      done([7, 8], READ, sawAt(4, 1)),
    ],
  ],
  [
    "an unknown write on a version that was there",
    [done([1, 2], write(1), writtenAt(3)), lost(3, writeIf(3, 2)), done([5, 6], READ, sawAt(4, 2))],
  ],
  [
    "two unknown writes between two known ones, with versions to spare",
    [
      done([1, 2], write(1), writtenAt(3)),
      lost(3, write(2)),
      lost(3, write(3)),
      done([4, 5], READ, sawAt(4, 2)),
      done([6, 7], READ, sawAt(5, 3)),
      done([8, 9], write(4), writtenAt(6)),
    ],
  ],
  [
    "two unknown writes of one value, one of which is not at a version that the other is at",
    [
      lost(1, write(1)),
      done([3, 4], writeIf(null, 2), REJECTED),
      done([5, 6], writeIf(5, 2), REJECTED),
      lost(7, write(1)),
      done([8, 9], READ, sawAt(5, 1)),
    ],
  ],
  [
    "an unknown write that only another unknown one can have made possible",
    [
      done([1, 2], write(1), writtenAt(3)),
      lost(3, writeIf(5, 2)),
      lost(3, write(3)),
      done([5, 6], READ, sawAt(7, 2)),
    ],
  ],
  [
    "a write without effect, whatever its condition is",
    [done([1, 2], writeIf(null, 1), NO_EFFECT), done([3, 4], READ, sawAt(null, null))],
  ],
];

const NOT_LINEARIZABLE: readonly Case[] = [
  [
    "a version that does not grow",
    [done([1, 2], write(1), writtenAt(3)), done([3, 4], write(2), writtenAt(2))],
  ],
  ["one version of two writes", [done([1, 9], write(1), writtenAt(3)), done([1, 9], write(2), writtenAt(3))]],
  [
    "a stale read",
    [
      done([1, 2], write(1), writtenAt(3)),
      done([3, 4], write(2), writtenAt(4)),
      done([5, 6], READ, sawAt(3, 1)),
    ],
  ],
  ["a lost write", [done([1, 2], write(1), writtenAt(3)), done([5, 6], READ, sawAt(null, null))]],
  [
    "another value at the version of a write",
    [done([1, 2], write(1), writtenAt(3)), lost(3, write(2)), done([5, 6], READ, sawAt(3, 2))],
  ],
  [
    "a version that nobody was given",
    [done([1, 2], write(1), writtenAt(3)), done([5, 6], READ, sawAt(4, 1))],
  ],
  [
    "two writes on the same version",
    [
      done([1, 2], write(1), writtenAt(3)),
      done([3, 9], writeIf(3, 2), writtenAt(4)),
      done([3, 9], writeIf(3, 3), writtenAt(5)),
    ],
  ],
  [
    "two writes on no record",
    [done([1, 9], writeIf(null, 1), writtenAt(3)), done([1, 9], writeIf(null, 2), writtenAt(4))],
  ],
  [
    "a condition rejected without reason",
    [done([1, 2], write(1), writtenAt(3)), done([3, 4], writeIf(3, 2), REJECTED)],
  ],
  [
    "a condition on a record, rejected although there is one",
    [done([1, 2], write(1), writtenAt(3)), done([3, 4], writeIf("*", 2), REJECTED)],
  ],
  ["a condition on no record, rejected although there is none", [done([1, 2], writeIf(null, 1), REJECTED)]],
  [
    "a condition on a record, met although there is none",
    [done([1, 2], writeIf("*", 1), writtenAt(3)), done([3, 4], READ, sawAt(3, 1))],
  ],
  [
    "a lost update between reading and writing on what was read",
    [
      done([1, 2], write(1), writtenAt(3)),
      done([3, 4], READ, sawAt(3, 1)),
      done([5, 6], write(2), writtenAt(4)),
      done([7, 8], writeIf(3, 3), writtenAt(5)),
    ],
  ],
  [
    "an unknown write seen and then unseen",
    [
      done([1, 2], write(1), writtenAt(3)),
      lost(3, write(2)),
      done([5, 6], READ, sawAt(4, 2)),
      done([7, 8], READ, sawAt(3, 1)),
    ],
  ],
  [
    "an unknown write at two versions",
    [lost(1, write(1)), done([3, 4], READ, sawAt(4, 1)), done([5, 6], READ, sawAt(5, 1))],
  ],
  [
    "an unknown write at a version that a condition found not to be",
    [
      lost(1, write(1)),
      done([3, 4], writeIf(null, 2), REJECTED),
      done([5, 6], writeIf(5, 2), REJECTED),
      done([7, 8], READ, sawAt(5, 1)),
    ],
  ],
  [
    "two unknown writes between two known ones, without a version to spare",
    [
      done([1, 2], write(1), writtenAt(3)),
      lost(3, write(2)),
      lost(3, write(3)),
      done([4, 5], READ, sawAt(4, 2)),
      done([6, 7], READ, sawAt(5, 3)),
      done([8, 9], write(4), writtenAt(5)),
    ],
  ],
  [
    "an unknown write for which every version in between is excluded",
    [
      done([1, 2], write(1), writtenAt(3)),
      lost(3, write(2)),
      done([4, 5], writeIf(3, 9), REJECTED),
      done([6, 7], writeIf(4, 9), REJECTED),
      done([8, 9], write(4), writtenAt(5)),
    ],
  ],
  ["a rejected write", [done([1, 2], write(1), REJECTED)]],
];

describe("the versioned register takes", () => {
  for (const [what, history] of LINEARIZABLE) {
    it(what, () => {
      expect(checkLinearizability(versionedRegisterModel(), history).verdict).toBe("linearizable");
      expect(isVersionedHistory(history)).toBe(true);
    });
  }
});

describe("the versioned register refuses", () => {
  for (const [what, history] of NOT_LINEARIZABLE) {
    it(what, () => {
      expect(checkLinearizability(versionedRegisterModel(), history).verdict).toBe("violation");
      expect(isVersionedHistory(history)).toBe(false);
    });
  }
});

it("the versioned register begins with a record", () => {
  const history = [done([1, 2], READ, sawAt(3, 1)), done([3, 4], writeIf(3, 2), writtenAt(4))];
  const verdict = (version: number): string =>
    checkLinearizability(versionedRegisterModel({ value: 1, version }), history).verdict;
  expect(verdict(3)).toBe("linearizable");
  expect(verdict(4)).toBe("violation");
});
