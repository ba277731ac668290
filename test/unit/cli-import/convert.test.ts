import { describe, expect, it } from "vitest";
import { convert } from "../../../services/cli/import/convert.ts";
import type { FieldDefinition } from "../../../services/core/schema.ts";
import type { Operator } from "../../../services/core/fields/kind.ts";

const TEXT = { isText: true, isNullValue: false };
const JSON_VALUES = { isText: false, isNullValue: true };
const lww = (type: "string" | "integer" | "number" | "boolean" | "json"): FieldDefinition => ({
  class: "lww",
  type,
});
const merge = (kind: "counter" | "set" | "map" | "register" | "max" | "escrow"): FieldDefinition => ({
  class: "merge",
  kind,
});

function one(
  definition: FieldDefinition,
  value: unknown,
  more: { reading?: typeof TEXT; operator?: Operator } = {},
) {
  const { reading = TEXT, operator } = more;
  return convert({ field: "field", definition, operator }, value, reading);
}

describe("values of a file", () => {
  it.each<[string, FieldDefinition, unknown, unknown]>([
    ["text", lww("string"), "1", { operator: "set", argument: "1" }],
    ["an empty text in quotes", lww("string"), "", { operator: "set", argument: "" }],
    ["a whole number", lww("integer"), " -12 ", { operator: "set", argument: -12 }],
    ["a number", lww("number"), "1.5e3", { operator: "set", argument: 1500 }],
    ["true", lww("boolean"), "Yes", { operator: "set", argument: true }],
    ["false", lww("boolean"), "0", { operator: "set", argument: false }],
    ["JSON", lww("json"), '{"a":[1]}', { operator: "set", argument: { a: [1] } }],
    ["text that is no JSON", lww("json"), "ada", { operator: "set", argument: "ada" }],
    ["a number that is JSON", lww("json"), "-1.5", { operator: "set", argument: -1.5 }],
    [
      "a number that JSON can't hold",
      lww("json"),
      "12345678901234567890",
      { operator: "set", argument: "12345678901234567890" },
    ],
    ["a number with a meaning of its own", lww("json"), "1.10", { operator: "set", argument: "1.10" }],
    ["a counter", merge("counter"), "3", { operator: "inc", argument: 3 }],
    ["one element", merge("set"), "x", { operator: "add", argument: ["x"] }],
    ["elements", merge("set"), '["x",1]', { operator: "add", argument: ["x", 1] }],
    ["entries", merge("map"), '{"email":true}', { operator: "put", argument: { email: true } }],
    ["a max", merge("max"), "7", { operator: "raise", argument: 7 }],
    ["an escrow", { class: "merge", kind: "escrow", min: 2 }, "5", { operator: "give", argument: 3 }],
    ["an escrow at its bound", { class: "merge", kind: "escrow", min: 2 }, "2", undefined],
    [
      "an authoritative number",
      { class: "authoritative", type: "integer" },
      "5",
      { operator: "set", argument: 5 },
    ],
    ["nothing", lww("integer"), "", undefined],
    ["nothing at all", lww("string"), undefined, undefined],
  ])("become arguments: %s", (...[, definition, value, right]) => {
    expect(one(definition, value)).toEqual(right);
  });

  it.each<[FieldDefinition, unknown, RegExp]>([
    [lww("integer"), "1.5", /"1.5" is no whole number/],
    [lww("integer"), "9007199254740993", /no whole number between/],
    [lww("number"), "NaN", /is no number/],
    [lww("number"), "0x10", /is no number/],
    [lww("boolean"), "maybe", /neither true nor false/],
    [merge("set"), "[[1]]", /no list of texts/],
    [merge("map"), "[1]", /no JSON object/],
    [{ class: "merge", kind: "escrow", min: 2 }, "1", /below the escrow's bound of 2/],
  ])("are refused with the reason: %#", (definition, value, why) => {
    expect(() => one(definition, value)).toThrow(why);
  });

  it("are null where the source means null, in fields that hold it", () => {
    expect(one(lww("json"), null, { reading: JSON_VALUES })).toEqual({ operator: "set", argument: null });
    expect(one(lww("string"), null, { reading: JSON_VALUES })).toBeUndefined();
    expect(one(lww("json"), null)).toBeUndefined();
    expect(one(lww("json"), "null")).toEqual({ operator: "set", argument: null });
  });

  it("are taken as they are by an operator that is named", () => {
    expect(one({ class: "merge", kind: "escrow", min: 2 }, "5", { operator: "give" })).toEqual({
      operator: "give",
      argument: 5,
    });
    expect(one(lww("string"), "true", { operator: "unset" })).toEqual({ operator: "unset", argument: null });
    expect(one(lww("string"), "false", { operator: "unset" })).toBeUndefined();
  });
});
