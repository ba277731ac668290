import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CHANGES_MAX } from "../../../services/core/accept/changes.ts";
import { planWrite } from "../../../services/core/accept/write.ts";
import { checkKey, KEY_BYTES_MAX } from "../../../services/core/accept/key.ts";
import { RefusedWriteError, type RefusalCode } from "../../../services/core/accept/refused-write.ts";
import { argumentProblem } from "../../../services/core/fields/argument.ts";
import { OPERATORS } from "../../../services/core/fields/kind.ts";
import { JSON_DEPTH_MAX } from "../../../services/core/json.ts";
import {
  operatorsOfField,
  type CollectionSchema,
  type FieldDefinition,
} from "../../../services/core/schema.ts";
import { checkProperty } from "../property.ts";

const ANYTHING: FieldDefinition = { class: "lww" };
const SCHEMA: CollectionSchema = {
  fields: {
    name: { class: "lww", type: "string" },
    age: { class: "lww", type: "integer" },
    weight: { class: "lww", type: "number" },
    isActive: { class: "lww", type: "boolean" },
    anything: { class: "lww" },
    likes: { class: "merge", kind: "counter" },
    tags: { class: "merge", kind: "set" },
    settings: { class: "merge", kind: "map" },
    choice: { class: "merge", kind: "register", type: "string" },
    highest: { class: "merge", kind: "max" },
    lowest: { class: "merge", kind: "min", type: "integer" },
    latest: { class: "merge", kind: "max", type: "string" },
    seats: { class: "merge", kind: "escrow" },
    constructor: ANYTHING,
  },
};

function refusal(act: () => unknown): RefusedWriteError {
  try {
    act();
  } catch (error) {
    if (error instanceof RefusedWriteError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

const refusalOf = (body: unknown): RefusedWriteError => refusal(() => planWrite(SCHEMA, body));
const parsed = (text: string): unknown => JSON.parse(text) as unknown;
const nested = (depth: number): unknown =>
  Array.from({ length: depth }).reduce<unknown>((inner) => [inner], "deep");

describe("planWrite refuses", () => {
  const CASES: readonly (readonly [string, RefusalCode, unknown, string | undefined])[] = [
    ["a body that is null", "malformed-body", null, undefined],
    ["a body that is missing", "malformed-body", undefined, undefined],
    ["a body that is a list", "malformed-body", [{ set: { name: "Ada" } }], undefined],
    ["a body that is text", "malformed-body", '{"set":{"name":"Ada"}}', undefined],
    ["an operator with a list of fields", "malformed-body", { set: ["name"] }, undefined],
    ["an operator with nothing", "malformed-body", { inc: null }, undefined],
    ["unset with an object", "malformed-body", { unset: { name: true } }, undefined],
    ["unset with something that is no name", "malformed-body", { unset: ["name", 1] }, undefined],
    ["an operator that there is not", "unknown-operator", { multiply: { likes: 2 } }, undefined],
    ["an operator in another case", "unknown-operator", { Set: { name: "Ada" } }, undefined],
    ["a name of the prototype as operator", "unknown-operator", { constructor: {} }, undefined],
    ["__proto__ as operator", "unknown-operator", parsed('{"__proto__":{"name":"Ada"}}'), undefined],
    ["a field that there is not", "unknown-field", { set: { nickname: "Ada" } }, "nickname"],
    ["a name of the prototype as field", "unknown-field", { set: { toString: "Ada" } }, "toString"],
    ["__proto__ as field", "unknown-field", parsed('{"set":{"__proto__":"Ada"}}'), "__proto__"],
    ["__proto__ as field to unset", "unknown-field", { unset: ["__proto__"] }, "__proto__"],
    ["set of a counter", "wrong-operator", { set: { likes: 1 } }, "likes"],
    ["inc of an lww field", "wrong-operator", { inc: { age: 1 } }, "age"],
    ["unset of a set", "wrong-operator", { unset: ["tags"] }, "tags"],
    ["raise of a min", "wrong-operator", { raise: { lowest: 1 } }, "lowest"],
    ["a number where a string belongs", "wrong-type", { set: { name: 1 } }, "name"],
    ["null where a string belongs", "wrong-type", { set: { name: null } }, "name"],
    ["a fraction where an integer belongs", "wrong-type", { set: { age: 1.5 } }, "age"],
    ["an integer that is not exact", "wrong-type", { set: { age: 2 ** 53 } }, "age"],
    ["text where a number belongs", "wrong-type", { set: { weight: "1" } }, "weight"],
    ["a number where a boolean belongs", "wrong-type", { set: { isActive: 1 } }, "isActive"],
    ["an increment by a fraction", "wrong-type", { inc: { likes: 0.5 } }, "likes"],
    ["an increment by text", "wrong-type", { inc: { likes: "1" } }, "likes"],
    ["one element instead of a list", "wrong-type", { add: { tags: "red" } }, "tags"],
    ["elements that are objects", "wrong-type", { add: { tags: [{}] } }, "tags"],
    ["elements that are null", "wrong-type", { remove: { tags: [null] } }, "tags"],
    ["a list of entries", "wrong-type", { put: { settings: ["email"] } }, "settings"],
    ["an entry name that is a number", "wrong-type", { drop: { settings: [1] } }, "settings"],
    ["text in a max of numbers", "wrong-type", { raise: { highest: "9" } }, "highest"],
    ["a number in a max of text", "wrong-type", { raise: { latest: 9 } }, "latest"],
    ["a fraction in a min of integers", "wrong-type", { lower: { lowest: 0.5 } }, "lowest"],
    ["a register's value of another type", "wrong-type", { set: { choice: [] } }, "choice"],
    ["a gift of nothing", "wrong-type", { give: { seats: 0 } }, "seats"],
    ["a negative gift", "wrong-type", { give: { seats: -1 } }, "seats"],
    ["a gift of a fraction", "wrong-type", { give: { seats: 1.5 } }, "seats"],
    ["a gift that is not exact", "wrong-type", { give: { seats: 2 ** 53 } }, "seats"],
    ["to take nothing", "wrong-type", { take: { seats: 0 } }, "seats"],
    ["to take a negative amount", "wrong-type", { take: { seats: -3 } }, "seats"],
    ["to take text", "wrong-type", { take: { seats: "1" } }, "seats"],
    ["to take null", "wrong-type", { take: { seats: null } }, "seats"],
    ["set of an escrow", "wrong-operator", { set: { seats: 1 } }, "seats"],
    ["inc of an escrow", "wrong-operator", { inc: { seats: 1 } }, "seats"],
    ["take of a counter", "wrong-operator", { take: { likes: 1 } }, "likes"],
    ["a move of rights", "unknown-operator", { move: { seats: { to: "us", amount: 1 } } }, undefined],
    ["NUL in text", "unstorable-value", { set: { name: "a\u0000b" } }, "name"],
    ["half a surrogate pair", "unstorable-value", { set: { name: "\ud83d" } }, "name"],
    ["half a surrogate pair in an entry's name", "unstorable-value", { put: { settings: { "\ude00": 1 } } }, "settings"],
    ["NUL in an entry to drop", "unstorable-value", { drop: { settings: ["\u0000"] } }, "settings"],
    ["a number beyond doubles", "unstorable-value", parsed('{"set":{"anything":[1e999]}}'), "anything"],
    ["too deep nesting", "unstorable-value", { set: { anything: nested(JSON_DEPTH_MAX + 1) } }, "anything"],
    ["a body without operators", "empty-write", {}, undefined],
    ["operators without fields", "empty-write", { set: {}, unset: [] }, undefined],
    ["a condition", "condition-on-local-write", { set: { name: "Ada" }, if: { version: "1" } }, undefined],
    ["a fence", "condition-on-local-write", { fence: { lease: "a", token: "1" } }, undefined],
  ]; // prettier-ignore

  for (const [what, code, body, field] of CASES) {
    it(`${what}: ${code}`, () => {
      const error = refusalOf(body);
      expect({ code: error.code, field: error.field }).toEqual({ code, field });
      expect(error.message.length).toBeGreaterThan(10);
    });
  }

  it("more changes than allowed, and takes just as many", () => {
    const names = Array.from({ length: CHANGES_MAX + 1 }, (_, index) => `field${index}`);
    const fields = Object.fromEntries(names.map((name) => [name, { class: "lww" } as const]));
    const body = (count: number) => ({
      set: Object.fromEntries(names.slice(0, count).map((name) => [name, 1])),
    });
    expect(planWrite({ fields }, body(CHANGES_MAX)).changes).toHaveLength(CHANGES_MAX);
    expect(refusal(() => planWrite({ fields }, body(CHANGES_MAX + 1))).code).toBe("too-many-changes");
  });

  it("every operator that the field's kind does not have, and says which it has", () => {
    for (const [field, definition] of Object.entries(SCHEMA.fields)) {
      const allowed = operatorsOfField(definition);
      for (const operator of OPERATORS) {
        if (allowed.includes(operator)) continue;
        const error = refusalOf(operator === "unset" ? { unset: [field] } : { [operator]: { [field]: 1 } });
        // Rights move between regions by themselves: no client knows of it.
        expect(error.code).toBe(operator === "move" ? "unknown-operator" : "wrong-operator");
        if (operator === "move") continue;
        for (const name of allowed) expect(error.message).toContain(name);
      }
    }
  });

  it("any JSON whatsoever with a refusal or a plan, never with another error", () => {
    const anyBody = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(
        fc.oneof(fc.constantFrom(...OPERATORS, "if", "__proto__"), fc.string()),
        fc.oneof(
          fc.jsonValue(),
          fc.dictionary(fc.constantFrom(...Object.keys(SCHEMA.fields), "__proto__"), fc.jsonValue()),
          fc.array(fc.constantFrom(...Object.keys(SCHEMA.fields))),
        ),
      ),
    );
    checkProperty(
      fc.property(anyBody, (body) => {
        try {
          for (const change of planWrite(SCHEMA, body).changes) {
            const definition = SCHEMA.fields[change.field]!;
            expect(operatorsOfField(definition)).toContain(change.operator);
            expect(argumentProblem(change.operator, change.argument)).toBeUndefined();
          }
        } catch (error) {
          if (!(error instanceof RefusedWriteError)) throw error;
        }
      }),
      { runs: 1_000 },
    );
  });
});

describe("planWrite plans", () => {
  it("one change per operator and field, in the body's order, with the field's kind", () => {
    const body = {
      inc: { likes: -2 },
      set: { name: "Ada", choice: "red" },
      add: { tags: ["x", 1, true] },
      put: { settings: { email: true } },
      raise: { highest: 1.5 },
      lower: { lowest: -3 },
      drop: { settings: ["sms"] },
      unset: ["age"],
      take: { seats: 2 },
      give: { seats: 1 },
    };
    expect(planWrite(SCHEMA, body).changes).toEqual([
      { field: "likes", kind: "counter", operator: "inc", argument: -2 },
      { field: "name", kind: "lww", operator: "set", argument: "Ada" },
      { field: "choice", kind: "register", operator: "set", argument: "red" },
      { field: "tags", kind: "set", operator: "add", argument: ["x", 1, true] },
      { field: "settings", kind: "map", operator: "put", argument: { email: true } },
      { field: "highest", kind: "max", operator: "raise", argument: 1.5 },
      { field: "lowest", kind: "min", operator: "lower", argument: -3 },
      { field: "settings", kind: "map", operator: "drop", argument: ["sms"] },
      { field: "age", kind: "lww", operator: "unset", argument: null },
      { field: "seats", kind: "escrow", operator: "take", argument: 2 },
      { field: "seats", kind: "escrow", operator: "give", argument: 1 },
    ]);
  });

  it("what is said twice once", () => {
    const body = {
      add: { tags: ["x", "y", "x", 1, "1"] },
      drop: { settings: ["a", "a"] },
      unset: ["age", "age"],
    };
    expect(planWrite(SCHEMA, body).changes.map((change) => change.argument)).toEqual([
      ["x", "y", 1, "1"],
      ["a"],
      null,
    ]);
  });

  it("a field that is named like a property of every object, when the schema has it", () => {
    const [change] = planWrite(SCHEMA, { set: { constructor: { nested: null } } }).changes;
    expect(change).toEqual({
      field: "constructor",
      kind: "lww",
      operator: "set",
      argument: { nested: null },
    });
  });

  it("a value of the deepest nesting that is allowed", () => {
    expect(planWrite(SCHEMA, { set: { anything: nested(JSON_DEPTH_MAX) } }).changes).toHaveLength(1);
  });

  it("members named __proto__ inside values, unchanged", () => {
    const value = parsed('{"__proto__":{"a":1},"b":[{"constructor":2}]}');
    const [change] = planWrite(SCHEMA, { set: { anything: value } }).changes;
    expect(JSON.stringify(change!.argument)).toBe('{"__proto__":{"a":1},"b":[{"constructor":2}]}');
  });
});

describe("checkKey", () => {
  it("takes keys of any script and shape", () => {
    for (const key of [
      "a",
      "users/1",
      "{tag}:1",
      "ключ-😀",
      " ",
      "é",
      "__proto__",
      "x".repeat(KEY_BYTES_MAX),
    ])
      checkKey(key);
  });

  it("refuses keys that can't be stored, listed or read", () => {
    const wrong = [
      "",
      "x".repeat(KEY_BYTES_MAX + 1),
      "é".repeat(KEY_BYTES_MAX / 2 + 1),
      "a\u0000",
      "a\nb",
      "\t",
      "\u007f",
      "\u0085",
      "\ud83d",
    ];
    for (const key of wrong) expect(refusal(() => checkKey(key)).code).toBe("invalid-key");
  });

  it("counts bytes, not characters", () => {
    checkKey("é".repeat(KEY_BYTES_MAX / 2));
    expect(refusal(() => checkKey(`${"é".repeat(KEY_BYTES_MAX / 2)}x`)).code).toBe("invalid-key");
  });
});
