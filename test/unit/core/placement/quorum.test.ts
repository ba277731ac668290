import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quorumRoundTripMs, rankLeaders } from "../../../../services/core/placement/quorum.ts";
import { checkProperty } from "../../property.ts";

const LOCAL: { readonly [pair: string]: number } = { "eu us": 85, "ap eu": 125, "ap us": 145 };
const local = (one: string, other: string) => LOCAL[[one, other].sort().join(" ")] ?? Infinity;

describe("the quorum round trip", () => {
  it("is the way to the nearest of two others, of three", () => {
    const members = ["eu", "us", "ap"];
    expect(members.map((region) => quorumRoundTripMs(region, members, local))).toEqual([85, 85, 125]);
  });

  it.each([
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 2],
    [7, 3],
  ])("of %i members needs %i answers", (count, needed) => {
    const members = Array.from({ length: count }, (_, index) => String(index));
    const fromFirst = (one: string, other: string) => Math.abs(Number(one) - Number(other)) * 10;
    expect(quorumRoundTripMs("0", members, fromFirst)).toBe(needed * 10);
  });

  it("is infinite without a way to a majority", () => {
    const members = ["eu", "us", "ap"];
    expect(quorumRoundTripMs("eu", members, () => Infinity)).toBe(Infinity);
  });
});

describe("the ranking of leaders", () => {
  it("has the nearest first, and those that are alike by name", () => {
    expect(rankLeaders(["us", "ap", "eu"], local)).toEqual([
      { region: "eu", quorumRoundTripMs: 85 },
      { region: "us", quorumRoundTripMs: 85 },
      { region: "ap", quorumRoundTripMs: 125 },
    ]);
    expect(rankLeaders(["us", "eu"], () => Infinity).map(({ region }) => region)).toEqual(["eu", "us"]);
  });

  it("is what counting answers one by one finds, in any order of members", () => {
    const count = fc.integer({ min: 1, max: 7 });
    const figures = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 49, maxLength: 49 });
    checkProperty(
      fc.property(count, figures, fc.nat(), (size, table, turn) => {
        const members = Array.from({ length: size }, (_, index) => String(index));
        const way = (one: string, other: string) => table[Number(one) * 7 + Number(other)]!;
        const slow = (leader: string): number => {
          for (let ms = 0; ; ms += 1) {
            const stored = members.filter((member) => member === leader || way(leader, member) <= ms);
            if (stored.length * 2 > size) return ms;
          }
        };
        const turned = [...members.slice(turn % size), ...members.slice(0, turn % size)];
        const ranking = rankLeaders(turned, way);
        for (const { region, quorumRoundTripMs: found } of ranking) expect(found).toBe(slow(region));
        expect(ranking).toEqual(rankLeaders(members, way));
      }),
    );
  });
});
