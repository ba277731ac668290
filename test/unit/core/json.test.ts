import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  canonicalJson,
  isObject,
  isStorableText,
  JSON_DEPTH_MAX,
  own,
  unstorableReason,
} from "../../../services/core/json.ts";
import { checkProperty } from "../property.ts";

/** JSON as a request carries it: own `__proto__` members, and no value that JSON has no text for. */
const json = fc
  .oneof(
    fc.jsonValue({ maxDepth: 5 }),
    fc.dictionary(fc.constantFrom("__proto__", "constructor", "a", "10", "9", "é", "😀"), fc.jsonValue()),
  )
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown);

/** The same value with the members of all objects in the opposite order. */
function turnedRound(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turnedRound);
  if (!isObject(value)) return value;
  const members = Object.entries(value).toReversed();
  return Object.fromEntries(members.map(([name, member]) => [name, turnedRound(member)]));
}

describe("canonicalJson", () => {
  it("is JSON of the same value", () => {
    checkProperty(
      fc.property(json, (value) => {
        expect(isDeepStrictEqual(JSON.parse(canonicalJson(value)), value)).toBe(true);
      }),
    );
  });

  it("is the same for the same value, in whatever order its members are", () => {
    checkProperty(
      fc.property(json, (value) => {
        expect(canonicalJson(turnedRound(value))).toBe(canonicalJson(value));
      }),
    );
  });

  it("is its own canonical text", () => {
    checkProperty(
      fc.property(json, (value) => {
        expect(canonicalJson(JSON.parse(canonicalJson(value)))).toBe(canonicalJson(value));
      }),
    );
  });

  it("differs for different values", () => {
    checkProperty(
      fc.property(json, json, (one, other) => {
        expect(canonicalJson(one) === canonicalJson(other)).toBe(isDeepStrictEqual(one, other));
      }),
    );
  });

  it("sorts by code unit, not by language or number, and has no spaces", () => {
    const value = JSON.parse(
      '{"b": 1, "a": [1, 2], "B": {}, "10": 0, "9": 0, "é": 0, "__proto__": null}',
    ) as unknown;
    expect(canonicalJson(value)).toBe('{"10":0,"9":0,"B":{},"__proto__":null,"a":[1,2],"b":1,"é":0}');
  });

  it("leaves out members that are undefined, as JSON does", () => {
    expect(canonicalJson({ b: undefined, a: 1 })).toBe('{"a":1}');
  });
});

describe("own", () => {
  it("finds what the object has itself, and nothing of its prototype", () => {
    expect(own({ a: 1 }, "a")).toBe(1);
    for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"])
      expect(own<unknown>({}, name)).toBeUndefined();
    expect(own(JSON.parse('{"__proto__": 7}') as { [name: string]: unknown }, "__proto__")).toBe(7);
  });
});

describe("unstorableReason", () => {
  const nested = (depth: number): unknown =>
    Array.from({ length: depth }).reduce<unknown>((inner) => ({ inner }), 1);

  it("finds nothing in what JSON has and PostgreSQL stores", () => {
    for (const value of [
      null,
      true,
      0,
      -1.5,
      1e300,
      "",
      "😀",
      [],
      {},
      [[{ a: [null] }]],
      nested(JSON_DEPTH_MAX),
    ])
      expect(unstorableReason(value)).toBeUndefined();
  });

  it("says why anything else can't be stored, however deep it hides", () => {
    const hidden = (value: unknown): unknown => ({ a: [{ b: value }] });
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      ["\u0000", /NUL/],
      ["\udc00", /surrogate/],
      [Number.POSITIVE_INFINITY, /range/],
      [Number.NaN, /range/],
      [undefined, /undefined/],
      [1n, /bigint/],
      [() => 1, /function/],
      [{ "\u0000": 1 }, /name/],
      [{ "\ud800": 1 }, /name/],
      [nested(JSON_DEPTH_MAX + 1), /deeper/],
    ];
    for (const [value, reason] of wrong) {
      expect(unstorableReason(value)).toMatch(reason);
      expect(unstorableReason(hidden(value))).toMatch(reason);
    }
  });

  it("agrees with isStorableText on text", () => {
    checkProperty(
      fc.property(fc.string({ unit: fc.constantFrom("a", "\u0000", "\ud83d", "\ude00", "é") }), (text) => {
        expect(unstorableReason(text) === undefined).toBe(isStorableText(text));
      }),
    );
  });
});
