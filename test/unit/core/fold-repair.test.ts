import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { rowHash } from "../../../services/core/digest.ts";
import type { RecordRepair, RepairEntry } from "../../../services/core/entry.ts";
import { foldEntries } from "../../../services/core/fold/fold.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import { recordIdText } from "../../../services/core/operation.ts";
import { CLAIMS_COLLECTION, claimRecord } from "../../../services/core/reserved.ts";
import { checkProperty } from "../property.ts";
import { START_MS, TENANT, TestLog } from "./decide/test-log.ts";
import { change, COLLECTION, erase, PEOPLE, set } from "./decide/writes.ts";
import {
  contentOf,
  idOf,
  repairCases,
  runRepair,
  type FoldingRegion,
  type RepairRun,
} from "./repair-histories.ts";

function hashOf(region: FoldingRegion, id: string): string | undefined {
  const row = region.rows.get(id);
  return row && rowHash(row);
}

/** A region that was right is never changed by a repair, whatever was written since: what a race must not break. */
function checkRightRegion({ regions, untouched }: RepairRun): void {
  const [right] = regions as [FoldingRegion];
  expect(right.digest()).toBe(untouched.digest());
  expect(right.repairs).toEqual([]);
}

describe("folding a repair", () => {
  it("puts right what nobody has written since, in every region, and touches nothing else", () => {
    checkProperty(
      fc.property(repairCases, (given) => {
        const run = runRepair(foldEntries, given);
        const [right, ...drifted] = run.regions as [FoldingRegion, ...FoldingRegion[]];
        checkRightRegion(run);
        for (const region of drifted) {
          for (const id of new Set([...right.rows.keys(), ...region.rows.keys()])) {
            const key = id.split("\n")[2]!;
            if (!run.overtaken.has(key)) expect(hashOf(region, id)).toBe(hashOf(right, id));
          }
        }
      }),
      { runs: 500 },
    );
  });

  it("tells what it has changed here, from what to what, under the same name in every region", () => {
    checkProperty(
      fc.property(repairCases, (given) => {
        const { regions, repair, place } = runRepair(foldEntries, given);
        for (const region of regions) {
          for (const { position, ordinal, before, after, ...made } of region.repairs) {
            const asked = repair!.records[ordinal]!;
            expect(position).toBe(place);
            expect(recordIdText(made)).toBe(recordIdText(asked));
            expect(made.repair).toBe(repair!.id);
            expect(after && contentOf(after)).toEqual(asked.record);
            expect(asked.expected).toContain(before && rowHash(before));
            expect(before && rowHash(before)).not.toBe(after && rowHash(after));
          }
        }
      }),
    );
  });

  it("twice is the same as once", () => {
    checkProperty(
      fc.property(repairCases, (given) => {
        const once = runRepair(foldEntries, given);
        const twice = runRepair(foldEntries, given, 2);
        for (const [index, region] of twice.regions.entries()) {
          expect(region.digest()).toBe(once.regions[index]!.digest());
          expect(region.repairs).toEqual(once.regions[index]!.repairs);
        }
      }),
    );
  });
});

describe("a repair without its guard", () => {
  const guard = "../../../services/core/fold/repair-guard.ts";
  afterEach(() => {
    vi.doUnmock(guard);
    vi.resetModules();
  });

  it("overwrites what was written since, and the race shows it", async () => {
    vi.resetModules();
    vi.doMock(guard, async (importOriginal) => ({
      ...(await importOriginal<object>()),
      isStillExpected: () => true,
    }));
    const { foldEntries: planted } = await import("../../../services/core/fold/fold.ts");
    const race = () =>
      checkProperty(
        fc.property(repairCases, (given) => checkRightRegion(runRepair(planted, given))),
        { runs: 500 },
      );
    expect(race).toThrow(/Property failed/);
  });
});

/** A repair of one record, as a reconciler makes it that finds the row missing in a region. */
function bringBack(log: TestLog, { rows, at, atMs }: { rows: RecordRepair[]; at: number; atMs: number }) {
  const entry: RepairEntry = {
    kind: "repair", origin: "eu", id: uuidOf("repair"), at, atMs, reason: "majority", records: rows,
  }; // prettier-ignore
  return log.put(entry);
}

function missing(log: TestLog, collection: string, key: string): RecordRepair {
  const id = { tenant: TENANT, collection, key };
  const row = log.store.records.get(recordIdText(id))!;
  return { ...id, expected: [null, rowHash(row)], record: contentOf(row) };
}

describe("a row that is gone", () => {
  const claim = claimRecord({ tenant: TENANT, collection: COLLECTION, field: "email", value: "a" });
  const claimOf = (log: TestLog) => missing(log, CLAIMS_COLLECTION, claim.key);

  it("comes back where it was missing: a record, its claim, a lease", () => {
    const log = new TestLog();
    log.propose(set("one", { email: "a" }));
    const rows = [claimOf(log), missing(log, COLLECTION, "one")];
    const at = log.position;
    for (const row of rows) log.store.records.delete(recordIdText(row));
    log.tick("eu");
    expect(bringBack(log, { rows, at, atMs: START_MS }).counts).toMatchObject({ repaired: 2, overtaken: 0 });
    expect(log.claims()).toEqual({ 'people email "a"': "one" });
    expect(log.propose(set("two", { email: "a" }))).toBe("unique email");
  });

  it.each([
    ["changed its value", (log: TestLog) => log.propose(set("one", { email: "b" }))],
    ["unset it", (log: TestLog) => log.propose(change("one", { unset: { email: null } }))],
    ["was deleted", (log: TestLog) => log.propose(erase("one"))],
  ])("stays away where it is a claim and its record %s since", (_, write) => {
    const log = new TestLog();
    log.propose(set("one", { email: "a" }));
    const rows = [claimOf(log)];
    const at = log.position;
    expect(write(log)).toBe("committed");
    expect(bringBack(log, { rows, at, atMs: START_MS }).counts).toMatchObject({ repaired: 0, overtaken: 1 });
    expect(log.claims()).not.toHaveProperty(['people email "a"']);
    expect(log.propose(set("two", { email: "a" }))).toBe("committed");
  });

  it("does not take the place of a wrong claim once its record has another value", () => {
    const log = new TestLog();
    log.propose(set("one", { email: "a" }));
    const right = claimOf(log);
    const id = recordIdText(right);
    const wrong = { ...log.store.records.get(id)!, version: 99 };
    log.store.records.set(id, wrong);
    const rows = [{ ...right, expected: [rowHash(wrong), ...right.expected.slice(1)] }];
    const at = log.position;
    // The claim that it frees is not this one any more.
    log.store.records.delete(idOfPerson("one"));
    log.tick("eu");
    expect(bringBack(log, { rows, at, atMs: START_MS }).counts).toMatchObject({ repaired: 0, overtaken: 1 });
    expect(log.store.records.get(id)).toEqual(wrong);
  });

  it("stays away where another record has the value by now", () => {
    const log = new TestLog();
    log.propose(set("one", { email: "a" }));
    const rows = [claimOf(log)];
    const at = log.position;
    log.propose(erase("one"));
    log.propose(set("two", { email: "a" }));
    expect(bringBack(log, { rows, at, atMs: START_MS }).counts.overtaken).toBe(1);
    expect(log.claims()).toEqual({ 'people email "a"': "two" });
  });

  it("stays away where a sweep may have removed it, or what came after it", () => {
    const { email: _, badge: __, ...fields } = PEOPLE.fields;
    const log = new TestLog({ schema: { ...PEOPLE, fields, ttlMs: 1_000 } });
    log.propose(set("one", { note: "a" }));
    const rows = [missing(log, COLLECTION, "one")];
    const at = log.position;
    log.store.records.delete(idOfPerson("one"));
    log.nowMs += 1_001;
    expect(bringBack(log, { rows, at, atMs: START_MS }).counts.overtaken).toBe(1);
    const lasting = rows.map((row) => ({
      ...row,
      record: { ...row.record!, expiresAtMs: START_MS + 60_000 },
    }));
    expect(bringBack(log, { rows: lasting, at, atMs: START_MS }).counts.overtaken).toBe(1);
    expect(bringBack(log, { rows: lasting, at, atMs: START_MS + 1 }).counts.repaired).toBe(1);
  });
});

describe("a repair", () => {
  it("whose comparison is still to come, or that is a stranger's, changes nothing", () => {
    const log = new TestLog();
    log.propose(set("one", { note: "a" }));
    const [row] = [missing(log, COLLECTION, "one")];
    const rows = [{ ...row, record: null }];
    const next = log.position + 1;
    expect(bringBack(log, { rows, at: next, atMs: START_MS }).counts.overtaken).toBe(1);
    const entry = {
      kind: "repair",
      id: uuidOf("r"),
      at: 3,
      atMs: START_MS,
      reason: "r",
      records: rows,
    } as const;
    expect(log.put({ ...entry, origin: "mars" }).counts).toMatchObject({ strangers: 1, repaired: 0 });
    expect(log.put({ ...entry, origin: "us" }).counts.repaired).toBe(1);
    expect(log.record("one")).toBeUndefined();
  });
});

function idOfPerson(key: string): string {
  return recordIdText({ tenant: TENANT, collection: COLLECTION, key });
}

it("the keys of the histories are those of their records", () => {
  expect(idOf("one").split("\n")[2]).toBe("one");
});
