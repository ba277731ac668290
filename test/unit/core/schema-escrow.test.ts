/** Escrows in schemas: their bound, their type, and what may not change. */
import { describe, expect, it } from "vitest";
import { evolutionProblems, sameSchema } from "../../../services/core/schema-evolution.ts";
import { schemaProblems } from "../../../services/core/schema-problems.ts";
import {
  defaultsOf,
  MERGE_KINDS,
  operatorsOfField,
  valueTypeOf,
  type CollectionSchema,
  type MergeField,
} from "../../../services/core/schema.ts";

const ESCROW: MergeField = { class: "merge", kind: "escrow" };
const one = (more: Partial<MergeField> = {}): CollectionSchema => ({
  fields: { it: { ...ESCROW, ...more } },
});

describe("an escrow's definition", () => {
  it("has integers, gives and takes, and shows its bound where nothing was given", () => {
    expect(valueTypeOf(ESCROW)).toBe("integer");
    expect(operatorsOfField(ESCROW)).toEqual(["give", "take"]);
    expect(defaultsOf(one())).toEqual({ it: 0 });
    expect(defaultsOf(one({ min: -5 }))).toEqual({ it: -5 });
    expect(defaultsOf(one({ kind: "counter" }))).toEqual({});
  });

  it("may have any exact bound, and the type integer", () => {
    for (const min of [0, 5, -5, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER])
      expect(schemaProblems(one({ min, type: "integer" }))).toEqual([]);
  });

  it("has a bound that is an integer, and no other type", () => {
    for (const min of [0.5, 2 ** 53, Infinity, NaN])
      expect(schemaProblems(one({ min }))[0]).toMatch(/the min of an escrow is an integer/);
    for (const type of ["number", "string", "boolean", "json"] as const)
      expect(schemaProblems(one({ type }))[0]).toMatch(/an escrow counts in integers, not/);
  });

  it("is the only one of the merge class with a bound", () => {
    for (const kind of MERGE_KINDS.filter((other) => other !== "escrow"))
      expect(schemaProblems(one({ kind, min: 0 }))).toEqual([
        `field it: a ${kind} has no min; an escrow has`,
      ]);
  });

  it("is in no records that expire; tombstones may", () => {
    expect(schemaProblems({ ...one(), ttlMs: 1_000 })).toEqual([
      "records with escrow fields (it) can't expire: a region may take from what another takes for expired",
    ]);
    expect(schemaProblems({ ...one(), tombstoneRetentionMs: 1_000 })).toEqual([]);
  });
});

describe("an escrow's evolution", () => {
  it("keeps the bound, down to which regions hold rights", () => {
    expect(evolutionProblems(one({ min: 1 }), one({ min: 2 }))[0]).toMatch(
      /was bounded by 1 and can't be by 2/,
    );
    expect(evolutionProblems(one({ min: 1 }), one({ min: 0 }))).toHaveLength(1);
    expect(evolutionProblems(one({ min: 1 }), one())).toHaveLength(1);
    expect(evolutionProblems(one(), one({ min: -1 }))).toHaveLength(1);
  });

  it("takes a bound of 0 and none for the same", () => {
    expect(evolutionProblems(one(), one({ min: 0, type: "integer" }))).toEqual([]);
    expect(evolutionProblems(one({ min: 0 }), one())).toEqual([]);
    expect(sameSchema(one(), one({ min: 0, type: "integer" }))).toBe(true);
    expect(sameSchema(one(), one({ min: 1 }))).toBe(false);
  });

  it("leads to no other kind, and from none", () => {
    expect(evolutionProblems(one(), one({ kind: "counter" }))).toHaveLength(1);
    expect(evolutionProblems(one({ kind: "counter" }), one())).toHaveLength(1);
    expect(evolutionProblems(one(), one({ deprecated: true }))).toEqual([]);
  });
});
