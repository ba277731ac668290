/** What a record should be: what more than half of all members hold, and never what only most of those that answered do. */
import { expect, it } from "vitest";
import { rowHash } from "../../../../services/core/digest.ts";
import type { StoredRecord } from "../../../../services/core/record.ts";
import { expectedHashes, isDiffering, provenRow } from "../../../../services/core/verify/majority.ts";

function row(sum: number): StoredRecord {
  const id = { tenant: "acme", collection: "users", key: "ada" };
  return {
    ...id,
    version: 7,
    fields: { name: { kind: "counter", sum: 1 }, likes: { kind: "counter", sum } },
  };
}

/** The same row with its fields in another order, as a database may hold it. */
function inOtherWords(record: StoredRecord): StoredRecord {
  return { ...record, fields: Object.fromEntries(Object.entries(record.fields).toReversed()) };
}

it("is what two of three hold, and says who does", () => {
  const proven = provenRow({ eu: row(1), us: row(2), ap: row(1) }, 3);
  expect(proven).toEqual({ record: row(1), by: "majority", reason: "2 of 3 regions hold this row: eu, ap" });
});

it("is no row where most hold none", () => {
  const proven = provenRow({ eu: null, us: row(2), ap: null }, 3);
  expect(proven).toEqual({ record: null, by: "majority", reason: "2 of 3 regions hold no such row: eu, ap" });
});

it.each([
  ["each holds another", { eu: row(1), us: row(2), ap: row(3) }, 3],
  ["two differ, and the third was not asked", { eu: row(1), us: row(2) }, 3],
  ["half is not more than half", { eu: row(1), us: row(1), ap: row(2), sa: row(2) }, 4],
  ["two of five that were asked do", { eu: row(1), us: row(1), ap: row(2) }, 5],
] as const)("is not known where %s", (_, rows, members) => {
  expect(provenRow(rows, members)).toBeUndefined();
});

it("is not decided by the text that a row is stored as", () => {
  const rows = { eu: row(1), us: inOtherWords(row(1)), ap: row(2) };
  expect(provenRow(rows, 3)?.reason).toContain("2 of 3");
  expect(isDiffering({ eu: row(1), us: inOtherWords(row(1)) })).toBe(false);
  expect(isDiffering(rows)).toBe(true);
  expect(isDiffering({ eu: row(1), us: null })).toBe(true);
});

it("expects each row that was held once, rising, and no row first", () => {
  const rows = { eu: row(1), us: null, ap: inOtherWords(row(1)), sa: row(2) };
  expect(expectedHashes(rows)).toEqual([null, ...[rowHash(row(1)), rowHash(row(2))].toSorted()]);
});
