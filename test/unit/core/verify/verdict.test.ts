/** The verdict claims damage only where two regions were seen to differ, and equality only where all were compared. */
import { expect, it } from "vitest";
import { judge, type Compared, type Found } from "../../../../services/core/verify/verdict.ts";

const NOTHING: Found = { records: 0, rest: [], outvoted: [], sameInOtherWords: 0 };
const eu: Compared = { region: "eu", problem: undefined, rows: 5 };
const us: Compared = { region: "us", problem: undefined, rows: 5 };
const ap: Compared = { region: "ap", problem: undefined, rows: 5 };
const silent = { kind: "unreachable", text: "does not answer" } as const;
const other = { kind: "schema-mismatch", text: "digests in another way" } as const;

it.each([
  [
    "all hold the same",
    [[eu, us, ap], NOTHING],
    ["match", "eu, us, ap hold the same at position 9: 5 records"],
  ],
  [
    "rows are stored as other texts",
    [[eu, us], { ...NOTHING, sameInOtherWords: 2 }],
    ["match", "2 of them stored as other texts"],
  ],
  ["a record differs", [[eu, us, ap], { ...NOTHING, records: 1 }], ["diverged", "1 record differs"]],
  ["only the rest differs", [[eu, us], { ...NOTHING, rest: ["origin us"] }], ["diverged", "origin us"]],
  [
    "the rest differs in one of three",
    [[eu, us, ap], { ...NOTHING, rest: ["operations"], outvoted: ["ap"] }],
    ["diverged", "ap says otherwise than most, and should load the state of another region"],
  ],
  [
    "the rest differs, and none is in a majority",
    [[eu, us], { ...NOTHING, rest: ["operations"] }],
    ["diverged", "no repair sets what is no record: no majority says whose is right"],
  ],
  [
    "one is silent",
    [[eu, us, { ...ap, problem: silent }], NOTHING],
    ["unreachable", "ap does not answer; eu, us hold the same"],
  ],
  [
    "one is silent, and the others differ",
    [[eu, us, { ...ap, problem: silent }], { ...NOTHING, records: 2 }],
    ["diverged", "ap does not answer"],
  ],
  [
    "one is of another version",
    [[eu, { ...us, problem: silent }, { ...ap, problem: other }], NOTHING],
    ["schema-mismatch", "ap digests in another way"],
  ],
  [
    "only one was left",
    [[eu, { ...us, problem: silent }], { ...NOTHING, records: 3 }],
    ["unreachable", "us does not answer"],
  ],
  ["nobody was left", [[{ ...eu, problem: silent }], NOTHING], ["unreachable", "eu does not answer"]],
] as const)("where %s", (_, [regions, found], [verdict, reason]) => {
  const judged = judge(regions, 9, found);
  expect(judged.verdict).toBe(verdict);
  expect(judged.reason).toContain(reason);
});
