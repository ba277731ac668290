import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LOCAL_KINDS } from "../../../services/core/fields/kind.ts";
import {
  COLLECTION_NAME_PATTERN,
  FIELD_NAME_PATTERN,
  FIELDS_MAX,
  kindOfField,
  MERGE_KINDS,
  operatorsOfField,
  VALUE_TYPES,
  valueTypeOf,
  type CollectionSchema,
  type FieldDefinition,
  type ValueType,
} from "../../../services/core/schema.ts";
import { evolutionProblems, sameSchema } from "../../../services/core/schema-evolution.ts";
import { schemaProblems } from "../../../services/core/schema-problems.ts";
import { checkProperty } from "../property.ts";

const one = (definition: FieldDefinition): CollectionSchema => ({ fields: { it: definition } });

const definition: fc.Arbitrary<FieldDefinition> = fc.oneof(
  fc.constantFrom<FieldDefinition>(
    { class: "lww" },
    ...VALUE_TYPES.map((type) => ({ class: "lww", type }) as const),
  ),
  fc.constantFrom<FieldDefinition>(...MERGE_KINDS.map((kind) => ({ class: "merge", kind }) as const)),
  fc.constantFrom<FieldDefinition>(
    { class: "merge", kind: "max", type: "string" },
    { class: "merge", kind: "register", type: "boolean" },
    { class: "merge", kind: "escrow", min: 5 },
    { class: "merge", kind: "escrow", type: "integer", min: -5 },
  ),
);
const schema: fc.Arbitrary<CollectionSchema> = fc
  .dictionary(fc.constantFrom("a", "b", "c", "constructor", "toString"), definition, {
    minKeys: 1,
    noNullPrototype: true,
  })
  .map((fields) => ({ fields }));

describe("a schema's fields", () => {
  it("have a kind, operators and a type of values each", () => {
    expect(kindOfField({ class: "lww" })).toBe("lww");
    expect(operatorsOfField({ class: "lww" })).toEqual(["set", "unset"]);
    expect(valueTypeOf({ class: "lww" })).toBe("json");
    expect(valueTypeOf({ class: "lww", type: "boolean" })).toBe("boolean");
    expect(valueTypeOf({ class: "merge", kind: "counter" })).toBe("integer");
    expect(valueTypeOf({ class: "merge", kind: "max" })).toBe("number");
    expect(valueTypeOf({ class: "merge", kind: "min", type: "string" })).toBe("string");
    expect(valueTypeOf({ class: "merge", kind: "register" })).toBe("json");
  });

  it("have at least one operator, whatever the kind", () => {
    for (const kind of MERGE_KINDS)
      expect(operatorsOfField({ class: "merge", kind }).length).toBeGreaterThan(0);
    expect([...MERGE_KINDS, "lww"].toSorted()).toEqual(LOCAL_KINDS.toSorted());
  });
});

describe("schemaProblems", () => {
  it("finds nothing wrong with any field that has no type", () => {
    checkProperty(
      fc.property(fc.constantFrom(...MERGE_KINDS), (kind) => {
        expect(schemaProblems(one({ class: "merge", kind }))).toEqual([]);
      }),
    );
    for (const type of VALUE_TYPES) expect(schemaProblems(one({ class: "lww", type }))).toEqual([]);
    for (const type of VALUE_TYPES)
      expect(schemaProblems(one({ class: "merge", kind: "register", type }))).toEqual([]);
  });

  it("names each type that a kind can't hold, all at once", () => {
    const fields: { [name: string]: FieldDefinition } = {
      a: { class: "merge", kind: "max", type: "boolean" },
      b: { class: "merge", kind: "min", type: "json" },
      c: { class: "merge", kind: "counter", type: "number" },
      d: { class: "merge", kind: "set", type: "string" },
      e: { class: "merge", kind: "map", type: "json" },
      f: { class: "merge", kind: "counter", type: "integer" },
      g: { class: "merge", kind: "max", type: "string" },
    };
    const problems = schemaProblems({ fields });
    expect(problems.map((problem) => /^field (\w)/.exec(problem)?.[1])).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("bounds the number of fields", () => {
    const many = (count: number): CollectionSchema => ({
      fields: Object.fromEntries(
        Array.from({ length: count }, (_, index) => [`f${index}`, { class: "lww" } as const]),
      ),
    });
    expect(schemaProblems(many(FIELDS_MAX))).toEqual([]);
    expect(schemaProblems(many(FIELDS_MAX + 1))).toEqual([expect.stringContaining(String(FIELDS_MAX))]);
  });

  it("has patterns of names that leave out what no URL, table or prototype should get", () => {
    const collections = new RegExp(COLLECTION_NAME_PATTERN);
    for (const name of ["a", "users", "order-lines_2", "x".repeat(63)])
      expect(collections.test(name)).toBe(true);
    for (const name of ["", "A", "1a", "a/b", "a b", "ä", "a\n", "_a", "x".repeat(64)])
      expect(collections.test(name)).toBe(false);
    const fields = new RegExp(FIELD_NAME_PATTERN);
    for (const name of ["a", "displayName", "A1_"]) expect(fields.test(name)).toBe(true);
    for (const name of ["", "__proto__", "_a", "1", "a-b", "a.b", "ä", "a\n", "x".repeat(64)])
      expect(fields.test(name)).toBe(false);
  });
});

describe("evolution", () => {
  it("lets a schema stay as it is", () => {
    checkProperty(
      fc.property(schema, (same) => {
        expect(evolutionProblems(same, structuredClone(same))).toEqual([]);
        expect(sameSchema(same, structuredClone(same))).toBe(true);
      }),
    );
  });

  it("lets fields be added, and then it is not the same any more", () => {
    checkProperty(
      fc.property(schema, definition, (before, added) => {
        const after = { fields: { ...before.fields, added } };
        expect(evolutionProblems(before, after)).toEqual([]);
        expect(sameSchema(before, after)).toBe(false);
        expect(evolutionProblems(after, before)).toHaveLength(1);
      }),
    );
  });

  it("refuses another class, kind or type of a field, and its removal", () => {
    const after: CollectionSchema = {
      fields: { b: { class: "merge", kind: "register" }, c: { class: "lww", type: "string" } },
    };
    const before: CollectionSchema = {
      fields: { a: { class: "lww" }, b: { class: "lww" }, c: { class: "lww", type: "integer" } },
    };
    const problems = evolutionProblems(before, after);
    expect(problems).toHaveLength(3);
    expect(problems[0]).toMatch(/a is missing/);
    expect(problems[1]).toMatch(/b was lww of json and can't become merge register of json/);
    expect(problems[2]).toMatch(/c was lww of integer and can't become lww of string/);
  });

  it("does not find a missing field on the prototype", () => {
    const lww: FieldDefinition = { class: "lww" };
    const before: CollectionSchema = { fields: { constructor: lww, a: lww } };
    expect(evolutionProblems(before, one({ class: "lww" }))).toHaveLength(2);
  });

  it("takes a default and the same type spelled out for the same", () => {
    expect(sameSchema(one({ class: "lww" }), one({ class: "lww", type: "json" }))).toBe(true);
    const counter = { class: "merge", kind: "counter" } as const;
    expect(sameSchema(one(counter), one({ ...counter, type: "integer" }))).toBe(true);
  });

  it("lets types get wider, and nothing narrower", () => {
    const typed = (type: ValueType): CollectionSchema => one({ class: "lww", type });
    expect(evolutionProblems(typed("integer"), typed("number"))).toEqual([]);
    for (const type of VALUE_TYPES) expect(evolutionProblems(typed(type), typed("json"))).toEqual([]);
    expect(evolutionProblems(typed("number"), typed("integer"))[0]).toMatch(/only a wider type/);
    expect(evolutionProblems(typed("json"), typed("string"))).toHaveLength(1);
  });

  it("lets fields be deprecated and get defaults, which is another schema", () => {
    const before = one({ class: "lww" });
    for (const more of [{ deprecated: true }, { default: "none" }]) {
      expect(evolutionProblems(before, one({ class: "lww", ...more }))).toEqual([]);
      expect(sameSchema(before, one({ class: "lww", ...more }))).toBe(false);
    }
  });

  it("lets a last-write-wins field become authoritative, but for rules that its values may break", () => {
    const before = one({ class: "lww", type: "string" });
    const after = (rules: object): CollectionSchema =>
      one({ class: "authoritative", type: "string", ...rules });
    expect(evolutionProblems(before, after({}))).toEqual([]);
    expect(evolutionProblems(before, after({ immutable: true }))).toEqual([]);
    expect(evolutionProblems(before, after({ unique: true }))[0]).toMatch(/may be equal/);
    expect(evolutionProblems(before, after({ initial: "a", states: { a: [] } }))[0]).toMatch(/may be none/);
    expect(evolutionProblems(after({}), before)[0]).toMatch(/can't become lww/);
  });

  it("lets bounds get wider and states be added, not the other way round", () => {
    const bounded = (rules: object): CollectionSchema =>
      one({ class: "authoritative", type: "integer", ...rules });
    expect(evolutionProblems(bounded({ min: 0, max: 9 }), bounded({ min: -1 }))).toEqual([]);
    expect(evolutionProblems(bounded({ min: 0 }), bounded({ min: 1 }))[0]).toMatch(/narrower/);
    expect(evolutionProblems(bounded({}), bounded({ max: 1 }))[0]).toMatch(/narrower/);
    const staged = (states: object, initial = "a"): CollectionSchema =>
      one({ class: "authoritative", type: "string", initial, states: states as { a: string[] } });
    expect(evolutionProblems(staged({ a: ["b"] }), staged({ a: ["b", "c"], b: ["a"] }))).toEqual([]);
    expect(evolutionProblems(staged({ a: ["b"] }), staged({ a: [] }))[0]).toMatch(/no state b/);
    expect(evolutionProblems(staged({ a: ["b"], b: [] }), staged({ a: ["b"], b: [] }, "b"))).toHaveLength(1);
    expect(evolutionProblems(bounded({ unique: true }), bounded({}))[0]).toMatch(/unique/);
  });

  it("keeps records where they are", () => {
    const whole: CollectionSchema = { ...one({ class: "lww" }), partitionBy: "collection" };
    expect(evolutionProblems(one({ class: "lww" }), whole)[0]).toMatch(/placed by key/);
    expect(evolutionProblems(whole, { ...whole, ttlMs: 1_000, tombstoneRetentionMs: 1_000 })).toEqual([]);
  });
});
