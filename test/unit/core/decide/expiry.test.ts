import { describe, expect, it } from "vitest";
import { hlcFromMilliseconds } from "../../../../services/core/hlc.ts";
import { REGIONS, START_MS, TENANT, TestLog } from "./test-log.ts";
import { change, COLLECTION, erase, restore } from "./writes.ts";

const TTL_MS = 5_000;
const RETENTION_MS = 10_000;
const SHORT_LIVED = {
  fields: {
    note: { class: "authoritative" },
    name: { class: "lww" },
    visits: { class: "merge", kind: "counter" },
  },
  ttlMs: TTL_MS,
  tombstoneRetentionMs: RETENTION_MS,
} as const;

/** Unique fields and expiry exclude each other: the collection is another one than in the tests of rules. */
function shortLived(): TestLog {
  const log = new TestLog({ schema: SHORT_LIVED });
  log.nowMs = START_MS;
  return log;
}

function sweep(log: TestLog, ...keys: string[]): number {
  const records = keys.map((key) => ({ tenant: TENANT, collection: COLLECTION, key }));
  return log.put({ kind: "sweep", origin: "eu", records }).counts.swept;
}

/** Every region says that nothing older than now can come from it. */
function allTick(log: TestLog): void {
  for (const origin of REGIONS) {
    const about = {
      walHead: 0,
      appliedPosition: log.position,
      chain: "0".repeat(64),
      software: "test",
      reads: 2,
    };
    log.put({ kind: "tick", origin, hlc: hlcFromMilliseconds(log.nowMs), ...about });
  }
}

describe("a record that expires", () => {
  it("lives on with every change, from either way in", () => {
    const log = shortLived();
    log.propose(change("one", { set: { note: "n" } }));
    expect(log.record("one")?.expiresAtMs).toBe(START_MS + TTL_MS);
    log.nowMs += TTL_MS;
    log.write("eu", { key: "one", operators: { inc: { visits: 1 } } });
    expect(log.record("one")?.expiresAtMs).toBe(START_MS + 2 * TTL_MS);
    expect(log.shown("one")).toMatchObject({ note: "n", visits: 1 });
  });

  it("is as if it had never been once log time has passed, whether or not it was swept", () => {
    const swept = shortLived();
    const kept = shortLived();
    for (const log of [swept, kept]) {
      log.propose(change("one", { set: { note: "n" } }));
      log.nowMs += TTL_MS + 1;
      expect(sweep(log, log === swept ? "one" : "other")).toBe(log === swept ? 1 : 0);
      expect(log.propose(change("one", { set: { note: "new" } }, { version: null }))).toBe("committed");
      log.write("us", { key: "one", operators: { inc: { visits: 1 } } });
      expect(log.shown("one")).toEqual({ status: "new", note: "new", visits: 1 });
    }
    expect(swept.record("one")).toEqual(kept.record("one"));
  });

  it("is there at the very instant, and is not swept then", () => {
    const log = shortLived();
    log.propose(change("one", { set: { note: "n" } }));
    log.nowMs += TTL_MS;
    expect(sweep(log, "one")).toBe(0);
    expect(log.propose(change("one", {}, { version: "*" }))).toBe("committed");
    log.nowMs += 1;
    expect(log.propose(change("one", {}, { version: "*" }))).toBe("precondition");
    expect(log.propose(erase("one"))).toBe("missing");
    expect(sweep(log, "one")).toBe(1);
    expect(log.record("one")).toBeUndefined();
  });
});

describe("a tombstone", () => {
  it("goes once its retention is over and every region's stamp is past it", () => {
    const log = shortLived();
    log.propose(change("one", { set: { note: "n" } }));
    log.propose(erase("one"));
    log.nowMs += RETENTION_MS + 1;
    expect(sweep(log, "one")).toBe(0);
    allTick(log);
    expect(sweep(log, "one")).toBe(1);
    expect(log.record("one")).toBeUndefined();
  });

  it("stays while a region may write that has not folded the delete, whatever its clock says", () => {
    const log = shortLived();
    log.propose(change("one", { set: { note: "n" } }));
    const seen = log.position;
    log.propose(erase("one"));
    log.nowMs += RETENTION_MS + 1;
    allTick(log);
    const behind = { walHead: 0, appliedPosition: seen, chain: "0".repeat(64), software: "test", reads: 2 };
    log.put({ kind: "tick", origin: "us", hlc: hlcFromMilliseconds(log.nowMs), ...behind });
    expect(sweep(log, "one")).toBe(0);
    expect(log.write("us", { key: "one", operators: { inc: { visits: 1 } }, seen }).status).toBe(
      "superseded",
    );
  });

  it("stays while its retention lasts, although its record would have expired", () => {
    const log = shortLived();
    log.propose(change("one", { set: { note: "n" } }));
    log.propose(erase("one"));
    log.nowMs += RETENTION_MS;
    allTick(log);
    expect(sweep(log, "one")).toBe(0);
    expect(log.write("us", { key: "one", operators: { inc: { visits: 1 } } }).status).toBe("superseded");
    expect(log.propose(restore("one"))).toBe("committed");
    expect(log.record("one")?.expiresAtMs).toBe(log.nowMs + TTL_MS);
  });
});

describe("a sweep", () => {
  it("removes nothing that lives, whoever asks", () => {
    const log = new TestLog();
    log.propose(change("one", { set: { note: "n" } }));
    log.propose(change("two", { set: { note: "n" } }));
    log.propose(erase("two"));
    log.nowMs += 1_000_000_000;
    allTick(log);
    expect(sweep(log, "one", "two", "never")).toBe(0);
    expect(log.record("one")).toBeDefined();
    expect(log.record("two")?.tombstone).toBeDefined();
  });
});
