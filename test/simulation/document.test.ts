/** The database of the simulation hands documents back as a real one does. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { canonicalJson } from "../../services/core/json.ts";
import { checkProperty } from "../unit/property.ts";
import { roundTrip } from "./document.ts";

it("comes back as from its text, members in the same order", () => {
  checkProperty(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      expect(JSON.stringify(roundTrip(value))).toBe(JSON.stringify(JSON.parse(canonicalJson(value))));
    }),
  );
});

it("has the same members whatever they are called, and none that are undefined", () => {
  const value = JSON.parse('{"b":1,"__proto__":{"c":[1,{"a":null}]}}') as object;
  const back = roundTrip({ ...value, none: undefined });
  expect(JSON.stringify(back)).toBe('{"__proto__":{"c":[1,{"a":null}]},"b":1}');
  expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
});

it("has one zero", () => {
  expect(Object.is(roundTrip({ zero: -0 }).zero, 0)).toBe(true);
});

it("is a copy", () => {
  const value = { inner: { list: [{ deep: 1 }] } };
  const back = roundTrip(value);
  back.inner.list[0]!.deep = 2;
  expect(value.inner.list[0]!.deep).toBe(1);
});

it("takes nothing that has no text", () => {
  for (const value of [Number.NaN, Infinity, 1n, undefined, () => 1])
    expect(() => roundTrip([value])).toThrow();
});
