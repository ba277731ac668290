/** Listings by a field: what is asked for, and keys that sort as values do. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RefusedWriteError } from "../../../services/core/accept/refused-write.ts";
import {
  indexKey,
  INDEX_KEY_CHARACTERS_MAX,
  KEYS_END,
  nextKey,
} from "../../../services/core/listing/index-key.ts";
import { compareTexts } from "../../../services/core/listing/text-order.ts";
import { planRange } from "../../../services/core/listing/where.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import { schemaProblems } from "../../../services/core/schema-problems.ts";
import { evolutionProblems, sameSchema } from "../../../services/core/schema-evolution.ts";
import { checkProperty } from "../property.ts";

const SCHEMA: CollectionSchema = {
  fields: {
    status: { class: "authoritative", type: "string", index: true },
    age: { class: "lww", type: "integer", index: true },
    isOn: { class: "lww", type: "boolean", index: true, default: false },
    name: { class: "lww", type: "string" },
    tags: { class: "merge", kind: "set" },
  },
};

const compareBytes = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other));
const texts = fc.string({ unit: "binary", maxLength: 6 });
const numbers = fc.oneof(fc.double({ noNaN: true }), fc.integer(), fc.constantFrom(0, -0, 1, -1));

describe("keys", () => {
  it("compare as the bytes of texts do", () => {
    checkProperty(
      fc.property(texts, texts, (one, other) => {
        expect(Math.sign(compareTexts(one, other))).toBe(compareBytes(one, other));
      }),
    );
  });

  it("sort as numbers do, equal ones alike", () => {
    checkProperty(
      fc.property(numbers, numbers, (one, other) => {
        const order = compareTexts(indexKey(one, "number")!, indexKey(other, "number")!);
        expect(Math.sign(order)).toBe(one === other ? 0 : one < other ? -1 : 1);
      }),
    );
  });

  it("keep as much of a text as the database does, and whole characters", () => {
    const key = indexKey("a" + "😀".repeat(400), "text")!;
    expect(Array.from(key)).toHaveLength(INDEX_KEY_CHARACTERS_MAX);
    expect(key.isWellFormed()).toBe(true);
    const full = "x".repeat(INDEX_KEY_CHARACTERS_MAX);
    expect(indexKey(full, "text")).toBe(full);
  });

  it("have nothing between one and the next, and an end", () => {
    expect(compareTexts("a", nextKey("a"))).toBeLessThan(0);
    expect(compareTexts(nextKey("a"), "a\u0001\u0001")).toBeLessThan(0);
    const last = indexKey("\u{10ffff}".repeat(500), "text")!;
    expect(compareTexts(last, KEYS_END)).toBeLessThan(0);
  });
});

describe("where and order", () => {
  const range = (where?: string, order?: string) => planRange(SCHEMA, { where, order });
  const key = (value: number) => indexKey(value, "number")!;

  it("ask for a range of one field's values", () => {
    expect(range("age:gte:18,age:lt:65")).toMatchObject({ field: "age", from: key(18), to: key(65) });
    expect(range("age:gt:18", "-age")).toMatchObject({ from: nextKey(key(18)), isDescending: true });
    expect(range("age:lte:-3")).toMatchObject({ from: "", to: nextKey(key(-3)) });
    expect(range("status:eq:paid", "status")).toMatchObject({ from: "paid", to: "paid\u0001" });
    expect(range("isOn:eq:true")).toMatchObject({ from: "1", to: "1\u0001", hasDefault: true });
    expect(range(undefined, "status")).toMatchObject({ from: "", to: KEYS_END, hasDefault: false });
  });

  it("take texts as they are, and with commas as JSON", () => {
    expect(range("status:eq:a:b c").from).toBe("a:b c");
    expect(range("status:eq:").from).toBe("");
    expect(range('status:gte:"a, \\"b\\"",status:lt:z')).toMatchObject({ from: 'a, "b"', to: "z" });
    expect(range('status:eq:5" pipe').from).toBe('5" pipe');
    expect(range("status:eq:a\nb").from).toBe("a\nb");
  });

  it.each([
    ["", undefined, "invalid-parameter", "status:eq:paid"],
    ["age", undefined, "invalid-parameter", "field:operator:value"],
    ["age:eq:1,", undefined, "invalid-parameter", '"" is no condition'],
    [",age:eq:1", undefined, "invalid-parameter", '"" is no condition'],
    ["age:near:1", undefined, "invalid-parameter", "eq, gt, gte, lt, lte"],
    ["age:eq:old", undefined, "invalid-parameter", "of type integer"],
    ["age:eq:1e999", undefined, "invalid-parameter", "of type integer"],
    ["isOn:eq:1", undefined, "invalid-parameter", "of type boolean"],
    ["age:gt:1,age:gte:2", undefined, "invalid-parameter", "twice"],
    ["age:eq:1,age:lt:2", undefined, "invalid-parameter", "twice"],
    ["age:eq:1,status:eq:x", undefined, "invalid-parameter", "age and status"],
    ["age:eq:1", "-status", "invalid-parameter", "age and status"],
    [undefined, "--age", "invalid-parameter", "order is the name of a field"],
    ['status:eq:"a', undefined, "invalid-parameter", "JSON text"],
    [`status:eq:${"x".repeat(256)}`, undefined, "invalid-parameter", "less than 256"],
    [`status:eq:${"x".repeat(9_000)}`, undefined, "invalid-parameter", "at most 4096"],
    ["constructor:eq:1", undefined, "unknown-field", "it has status, age"],
    ["name:eq:Ada", undefined, "not-indexed", "indexed are: status, age, isOn"],
    ["tags:eq:x", undefined, "not-indexed", "no order"],
  ])("are refused where they make no sense: %s %s", (...asked) => {
    const [where, order, code, message] = asked;
    try {
      planRange(SCHEMA, { where, order });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(RefusedWriteError);
      expect(error).toMatchObject({ code, message: expect.stringContaining(message) as string });
    }
  });
});

describe("schemas with indexed fields", () => {
  it("index values that have an order, and say why not others", () => {
    const problems = (field: object) => schemaProblems({ fields: { x: field } } as never);
    expect(problems({ class: "lww", type: "string", index: true })).toEqual([]);
    expect(problems({ class: "merge", kind: "counter", index: true })).toEqual([]);
    expect(problems({ class: "merge", kind: "escrow", index: true })).toEqual([]);
    expect(problems({ class: "merge", kind: "max", index: true })).toEqual([]);
    expect(problems({ class: "merge", kind: "set", index: true })[0]).toContain(
      "values of a set have no order",
    );
    expect(problems({ class: "lww", index: true })[0]).toContain("give it the type");
    const many = Array.from({ length: 9 }, (_, index) => [
      `f${index}`,
      { class: "lww", type: "string", index: true },
    ]);
    expect(schemaProblems({ fields: Object.fromEntries(many) as never })[0]).toContain("at most 8");
  });

  it("may begin and cease to index a field that is there", () => {
    const plain = { fields: { x: { class: "lww", type: "string" } } } as const;
    const indexed = { fields: { x: { class: "lww", type: "string", index: true } } } as const;
    expect(evolutionProblems(plain, indexed)).toEqual([]);
    expect(evolutionProblems(indexed, plain)).toEqual([]);
    expect(sameSchema(plain, indexed)).toBe(false);
    expect(sameSchema(plain, { fields: { x: { class: "lww", type: "string", index: false } } })).toBe(true);
  });
});
