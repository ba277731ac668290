/** What regions keep besides records: what differs, and who says otherwise than most. */
import { expect, it } from "vitest";
import { differingRest, outvotedRegions } from "../../../services/reconciler/rest.ts";

const told = (digests: Readonly<Record<string, Readonly<Record<string, string>>>>) =>
  Object.entries(digests).map(([region, entries]) => ({ region, entries: Object.entries(entries) }));

it.each([
  ["none where all say the same", { eu: { a: "1" }, us: { a: "1" }, ap: { a: "1" } }, []],
  ["the one that differs", { eu: { a: "1" }, us: { a: "2" }, ap: { a: "1" } }, ["us"]],
  ["one that lacks something", { eu: { a: "1", b: "1" }, us: { a: "1", b: "1" }, ap: { a: "1" } }, ["ap"]],
  ["one that has something more", { eu: { a: "1" }, us: { a: "1" }, ap: { a: "1", b: "1" } }, ["ap"]],
  ["two, each in something else", { eu: { a: "2", b: "1" }, us: { a: "1", b: "2" }, ap: { a: "1", b: "1" } }, ["eu", "us"]], // prettier-ignore
  ["none where three say three things", { eu: { a: "1" }, us: { a: "2" }, ap: { a: "3" } }, []],
  ["none where two of three were compared", { eu: { a: "1" }, us: { a: "2" } }, []],
] as const)("outvoted is %s", (_, digests, outvoted) => {
  const regions = told(digests);
  const names = differingRest(regions.map(({ entries }) => entries));
  expect(outvotedRegions(regions, { names, members: 3 })).toEqual(outvoted);
});
