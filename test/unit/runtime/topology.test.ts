import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import {
  InvalidTopologyError,
  linkBetween,
  parseTopology,
  readTopology,
} from "../../../services/runtime/topology.ts";

const GOOD = `
name: test
partitions: 4
regions: [{ name: eu, location: Frankfurt }, { name: us }, { name: ap }]
links:
  - { between: [eu, us], round_trip_ms: 85, jitter_ms: 4 }
  - { between: [ap, eu], round_trip_ms: 125.5 }
`;

function problem(text: string): string {
  try {
    parseTopology(text, "test.yaml");
  } catch (error) {
    if (error instanceof InvalidTopologyError) return error.message;
    throw error;
  }
  return "nothing";
}

const withRegions = (regions: string): string => `name: test\npartitions: 1\nregions: ${regions}\n`;
const withLinks = (links: string): string =>
  `${withRegions("[{ name: eu }, { name: us }]")}links: ${links}\n`;
const manyRegions = (count: number): string =>
  withRegions(`[${Array.from({ length: count }, (_, index) => `{ name: r${index} }`).join(", ")}]`);

describe("topology", () => {
  it("is read with its units spelled out, and with defaults", () => {
    expect(parseTopology(GOOD, "test.yaml")).toEqual({
      name: "test",
      partitions: 4,
      regions: [{ name: "eu", location: "Frankfurt" }, { name: "us" }, { name: "ap" }],
      links: [
        { between: ["eu", "us"], roundTripMs: 85, jitterMs: 4 },
        { between: ["ap", "eu"], roundTripMs: 125.5, jitterMs: 0 },
      ],
    });
    expect(parseTopology(withRegions("[{ name: eu }]"), "test.yaml").links).toEqual([]);
  });

  it("of the default cluster is a good one", () => {
    const topology = readTopology(join(packageRoot(), "regions/local.yaml"));
    expect(topology.regions.map(({ name }) => name)).toEqual(["eu", "us", "ap"]);
    expect(topology.links).toHaveLength(3);
  });

  it("knows the link between two regions in either direction, and one without an entry has no latency", () => {
    const topology = parseTopology(GOOD, "test.yaml");
    expect(linkBetween(topology, "us", "eu")).toBe(linkBetween(topology, "eu", "us"));
    expect(linkBetween(topology, "eu", "ap").roundTripMs).toBe(125.5);
    expect(linkBetween(topology, "us", "ap")).toEqual({ between: ["us", "ap"], roundTripMs: 0, jitterMs: 0 });
  });

  it("names the file in every complaint", () => {
    for (const text of ["", "[", "name: x", withRegions("[]"), withRegions("[{ name: eu }, { name: eu }]")])
      expect(problem(text)).toContain("test.yaml");
    expect(() => readTopology("/nowhere/topology.yaml")).toThrow(/\/nowhere\/topology.yaml can't be read/);
    expect(() => readTopology("/nowhere/topology.yaml")).toThrow(InvalidTopologyError);
  });

  const WRONG: readonly (readonly [string, string, RegExp])[] = [
    ["text that is no YAML", "regions: [", /is not YAML/],
    ["an empty file", "", /test\.yaml: \//],
    ["a list", "[]", /test\.yaml: \//],
    ["no name", "partitions: 1\nregions: [{ name: eu }]", /name/],
    ["no regions", "name: test\npartitions: 1", /regions/],
    ["an empty list of regions", withRegions("[]"), /\/regions/],
    ["no partition", GOOD.replace("partitions: 4", "partitions: 0"), /\/partitions/],
    ["too many partitions", GOOD.replace("partitions: 4", "partitions: 65"), /\/partitions/],
    ["half a partition", GOOD.replace("partitions: 4", "partitions: 1.5"), /\/partitions/],
    ["partitions as text", GOOD.replace("partitions: 4", "partitions: four"), /\/partitions/],
    ["a member that nobody knows", `${GOOD}colour: red`, /test\.yaml: /],
    ["a misspelt member of a link", withLinks("[{ between: [eu, us], roundTripMs: 5 }]"), /\/links\/0/],
    ["two regions of one name", withRegions("[{ name: eu }, { name: eu }]"), /same name/],
    ["a region in capitals", withRegions("[{ name: EU }]"), /\/regions\/0\/name/],
    ["a region that would break a subject", withRegions('[{ name: "eu.west" }]'), /\/regions\/0\/name/],
    ["a region that is too long", withRegions(`[{ name: ${"e".repeat(17)} }]`), /\/regions\/0\/name/],
    ["a region without a name", withRegions("[{ location: Frankfurt }]"), /\/regions\/0/],
    ["too many regions", manyRegions(17), /\/regions/],
    ["a link to nowhere", withLinks("[{ between: [eu, mars], round_trip_ms: 5 }]"), /mars.*known are eu, us/],
    [
      "a link with itself",
      withLinks("[{ between: [eu, eu], round_trip_ms: 5 }]"),
      /joins a region with itself/,
    ],
    ["a link of one end", withLinks("[{ between: [eu], round_trip_ms: 5 }]"), /\/links\/0\/between/],
    [
      "a link of three ends",
      withLinks("[{ between: [eu, us, eu], round_trip_ms: 5 }]"),
      /\/links\/0\/between/,
    ],
    ["a negative latency", withLinks("[{ between: [eu, us], round_trip_ms: -1 }]"), /round_trip_ms/],
    ["an endless latency", withLinks("[{ between: [eu, us], round_trip_ms: .inf }]"), /round_trip_ms/],
    ["a link without latency", withLinks("[{ between: [eu, us] }]"), /\/links\/0/],
  ];
  for (const [what, text, reason] of WRONG) {
    it(`refuses ${what}`, () => {
      expect(problem(text)).toMatch(reason);
    });
  }

  it("takes as many regions as are allowed, and says all that is wrong at once", () => {
    expect(problem(manyRegions(16))).toBe("nothing");
    const both = problem("name: TEST\npartitions: 0\nregions: [{ name: eu }]");
    expect(both).toMatch(/\/name/);
    expect(both).toMatch(/\/partitions/);
  });
});
