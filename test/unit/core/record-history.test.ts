/** What entries have to do with one record, and that they have nothing to do with others. */
import { describe, expect, it } from "vitest";
import type { Entry, OrderedEntry } from "../../../services/core/entry.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import { appearancesIn } from "../../../services/core/record-history.ts";
import { TENANT, TestLog } from "./decide/test-log.ts";
import { acquire, COLLECTION, erase, set } from "./decide/writes.ts";

const recordOf = (key: string) => ({ tenant: TENANT, collection: COLLECTION, key });
const ordered = (entry: Entry): OrderedEntry => ({ position: 7, storedAtMs: 9, checksum: "", entry });

function inLog({ entries }: TestLog, key: string): string[] {
  return entries
    .flatMap((entry) => appearancesIn(entry, recordOf(key)))
    .map(({ kind, action, origin, changes }) => `${kind} ${action} ${origin} ${changes.length}`);
}

describe("what the log has of a record", () => {
  it("is each write that names it, alone or among others", () => {
    const log = new TestLog();
    log.write("us", { key: "a", operators: { inc: { visits: 1 }, set: { name: "A" } } });
    log.propose([set("a", { email: "x" }), set("b", { email: "y" })], { origin: "ap" });
    log.propose(erase("a"));
    log.propose(acquire("a", "me", 1_000));
    log.tick("eu");
    expect(inLog(log, "a")).toEqual(["local change us 2", "decided change ap 1", "decided delete eu 0"]);
    expect(inLog(log, "b")).toEqual(["decided change ap 1"]);
    expect(inLog(log, "c")).toEqual([]);
  });

  it("is each sweep and repair of it", () => {
    const sweep = ordered({ kind: "sweep", origin: "eu", records: [recordOf("a"), recordOf("b")] });
    const repaired = { ...recordOf("a"), expected: [null], record: null };
    const about = { origin: "us", id: uuidOf("repair"), at: 3, atMs: 1, reason: "test" };
    const repair = ordered({ kind: "repair", ...about, records: [repaired] });
    const place = { position: 7, storedAtMs: 9, changes: [] };
    expect(appearancesIn(sweep, recordOf("a"))).toEqual([
      { ...place, origin: "eu", kind: "swept", operation: undefined, action: "sweep" },
    ]);
    expect(appearancesIn(repair, recordOf("a"))).toEqual([
      { ...place, origin: "us", kind: "repaired", operation: about.id, action: "repair" },
    ]);
    expect(appearancesIn(repair, recordOf("b"))).toEqual([]);
  });

  it("is nothing of another tenant's record of the same name", () => {
    const sweep = ordered({ kind: "sweep", origin: "eu", records: [recordOf("a")] });
    expect(appearancesIn(sweep, { ...recordOf("a"), tenant: "other" })).toEqual([]);
  });
});
