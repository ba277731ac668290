import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Configurations,
  NOTHING_PLACED,
  placeKnown,
  placeUnknown,
} from "../../linearizability/configurations.ts";
import { checkProperty } from "../property.ts";

const numbers = fc.uniqueArray(fc.nat({ max: 80 }), { maxLength: 60 });

const setOf = (known: readonly number[], unknown: readonly number[] = []) =>
  unknown.reduce(placeUnknown, known.reduce(placeKnown, NOTHING_PLACED));

describe("a set of placed operations", () => {
  it("is the same in whatever order they were placed", () => {
    checkProperty(
      fc.property(numbers, numbers, (known, unknown) => {
        expect(setOf(known.toReversed(), unknown.toReversed())).toEqual(setOf(known, unknown));
      }),
    );
  });

  it("is another when they are others", () => {
    checkProperty(
      fc.property(numbers, numbers, (one, other) => {
        const isSame = one.length === other.length && one.every((number) => other.includes(number));
        const text = (known: readonly number[]) =>
          JSON.stringify(
            setOf(known),
            (_, value) => (typeof value === "bigint" ? `${value}` : value) as unknown,
          );
        expect(text(one) === text(other)).toBe(isSame);
      }),
    );
  });

  it("keeps no bits of a prefix", () => {
    const hundred = Array.from({ length: 100 }, (_, index) => index);
    expect(setOf(hundred)).toEqual({ gap: 100, window: 0n, unknown: 0n });
    expect(setOf(hundred.filter((index) => index !== 97))).toEqual({ gap: 97, window: 0b110n, unknown: 0n });
  });
});

describe("configurations", () => {
  it("are new once, by operations and state", () => {
    const reached = new Configurations();
    expect(reached.add(setOf([0, 2]), "a")).toBe(true);
    expect(reached.add(setOf([0, 2]), "a")).toBe(false);
    expect(reached.add(setOf([0, 2]), "b")).toBe(true);
    expect(reached.add(setOf([0, 1]), "a")).toBe(true);
    expect(reached.add(setOf([0]), "a")).toBe(true);
  });

  it("are new only with unknown operations that no earlier one of their kind was without", () => {
    const reached = new Configurations();
    expect(reached.add(setOf([0], [1, 2]), "a")).toBe(true);
    expect(reached.add(setOf([0], [1, 2, 3]), "a")).toBe(false);
    expect(reached.add(setOf([0], [1, 3]), "a")).toBe(true);
    expect(reached.add(setOf([0], [1]), "a")).toBe(true);
    expect(reached.add(setOf([0], [1, 3]), "a")).toBe(false);
    expect(reached.add(setOf([0], [3]), "a")).toBe(true);
    expect(reached.add(setOf([0], []), "a")).toBe(true);
    expect(reached.add(setOf([0], [7]), "a")).toBe(false);
    expect(reached.add(setOf([0], [7]), "b")).toBe(true);
  });

  it("remain right where there are more kinds than are kept", () => {
    const reached = new Configurations();
    for (let index = 0; index < 1_000; index += 1) expect(reached.add(setOf([], [index]), "a")).toBe(true);
    expect(reached.add(setOf([], [0, 999]), "a")).toBe(false);
  });
});
