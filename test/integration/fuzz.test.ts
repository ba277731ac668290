/** 10,000 bad bodies against a real region: each is refused with 4xx and a known code, and nothing changes. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import fc from "fast-check";
import { testSeed } from "../unit/property.ts";
import { digests, startBed, withStores, type Bed } from "./cluster/bed.ts";
import { createCollection } from "./cluster/load.ts";

const BODIES = 10_000;
const CONCURRENCY = 64;
const SCHEMA = {
  fields: {
    name: { class: "lww", type: "string" },
    total: { class: "merge", kind: "counter" },
    tags: { class: "merge", kind: "set" },
    settings: { class: "merge", kind: "map" },
    best: { class: "merge", kind: "max" },
  },
};

const operators = [
  "set",
  "unset",
  "inc",
  "add",
  "remove",
  "put",
  "drop",
  "raise",
  "lower",
  "take",
  "if",
  "fence",
  "x",
  "",
];
const fields = [
  "name",
  "total",
  "tags",
  "settings",
  "best",
  "none",
  "constructor",
  "__proto__",
  "toString",
  "",
];
/** No argument of any of these kinds is right for any operator on any of the fields. */
const wrong = fc.oneof(
  fc.constant(null),
  fc.double({ noInteger: true, noNaN: true }),
  fc.constant({ nested: { deeply: [] } }),
  fc.constant(["\u0000"]),
  fc.constant([[1]]),
  fc.constant("\ud800"),
);
const wrongBody = fc.oneof(
  fc.json().filter((text) => !text.startsWith("{") || text === "{}"),
  fc.string(),
  fc
    .tuple(fc.constantFrom(...operators), fc.constantFrom(...fields), wrong)
    // Fractions are right for a max, and any object of entries for a map.
    .filter(([operator, field]) => field !== "best" && !(operator === "put" && field === "settings"))
    .filter(([operator]) => operator !== "unset")
    .map(([operator, field, argument]) => `{"${operator}":{"${field}":${JSON.stringify(argument)}}}`)
    .filter((body) => !/^\{"(add|remove|drop)":\{"(tags|settings)":\[\]\}\}$/.test(body)),
  fc.constant(`{"set":${"[".repeat(5_000)}`),
  fc.constant(JSON.stringify({ set: { name: "x".repeat(70_000) } })),
);

let bed: Bed;

beforeAll(async () => {
  bed = await startBed("fuzz");
  await createCollection(bed, "fuzz", SCHEMA);
});

afterAll(() => bed.stop());

describe("bad input", () => {
  it(`is refused ${BODIES} times with 4xx, never 5xx, and changes nothing`, async () => {
    const { url } = bed.cluster.region("eu");
    const before = await withStores(bed, (stores) => digests(stores, 0));
    const head = await withStores(bed, (stores) => stores.get("eu")!.walHead(0));
    const bodies = fc.sample(wrongBody, { numRuns: BODIES, seed: testSeed() });
    const codes = new Map<string, number>();
    let next = 0;
    const worker = async () => {
      while (next < bodies.length) {
        const body = bodies[next++]!;
        const response = await fetch(`${url}/v1/collections/fuzz/records/key`, {
          method: "PATCH",
          headers: { "content-type": "application/json" },
          body,
        });
        const answer = await response.text();
        expect({
          body: body.slice(0, 200),
          refused: response.status >= 400 && response.status < 500,
          answer,
        }).toMatchObject({
          refused: true,
        });
        const { type } = JSON.parse(answer) as { type: string };
        codes.set(type, (codes.get(type) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    const known = JSON.stringify(await (await fetch(`${url}/openapi.json`)).json());
    for (const type of codes.keys()) expect(known).toContain(type.replace("urn:forebay:problem:", ""));
    expect(codes.size).toBeGreaterThan(5);
    expect((await withStores(bed, (stores) => stores.get("eu")!.walHead(0))).sequence).toBe(head.sequence);
    expect(await withStores(bed, (stores) => digests(stores, 0))).toEqual(before);
  });
});
