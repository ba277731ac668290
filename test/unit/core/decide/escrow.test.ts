/** What the log decides about escrows: it gives, it never takes, and it hands over the rights of lost regions. */
import { describe, expect, it } from "vitest";
import { LOST_AFTER_MS } from "../../../../services/core/decide/reclaim.ts";
import type { Change } from "../../../../services/core/fields/kind.ts";
import type { EscrowState } from "../../../../services/core/fields/merge/escrow.ts";
import { TestLog } from "./test-log.ts";
import { acquire, change, COLLECTION, erase, PEOPLE_WITH_SEATS, reclaim, restore, set } from "./writes.ts";

function openLog(): TestLog {
  return new TestLog({ schema: PEOPLE_WITH_SEATS });
}

function rightsOf(log: TestLog, key = "one") {
  const { rights, min } = log.record(key)!.fields["seats"] as EscrowState;
  expect(min).toBe(-3);
  return rights;
}

const give = (seats: number) => change("one", { give: { seats } });

describe("a decision on an escrow", () => {
  it("gives to all members at first, and then to the region that proposed it", () => {
    const log = openLog();
    expect(log.propose(give(10), { origin: "us" })).toBe("committed");
    expect(rightsOf(log)).toEqual({ ap: 3, eu: 3, us: 4 });
    expect(log.propose([give(5), set("two", { note: 1 })], { origin: "ap" })).toBe("committed");
    expect(rightsOf(log)).toEqual({ ap: 8, eu: 3, us: 4 });
  });

  it("does not take, and does not move", () => {
    const log = openLog();
    log.propose(give(10));
    const move: Change = {
      field: "seats",
      kind: "escrow",
      operator: "move",
      argument: { to: "us", amount: 1 },
    };
    expect(log.propose(change("one", { take: { seats: 1 } }))).toBe("schema seats");
    expect(
      log.propose({ collection: COLLECTION, key: "one", action: { type: "change", changes: [move] } }),
    ).toBe("schema seats");
    expect(log.propose([set("two", { note: 1 }), change("one", { take: { seats: 1 } })])).toBe(
      "schema #1 seats",
    );
    expect(rightsOf(log)).toEqual({ ap: 3, eu: 4, us: 3 });
  });

  it("rejects what no number could hold, and gives nothing of it", () => {
    const log = openLog();
    expect(log.propose(give(Number.MAX_SAFE_INTEGER))).toBe("committed");
    expect(log.propose(change("one", { give: { seats: 4 }, set: { note: 1 } }))).toBe("bound seats");
    expect(log.record("one")!.fields["note"]).toBeUndefined();
  });

  it("can rest on the number, which begins at its bound", () => {
    const log = openLog();
    const whenAt = (seats: number) => change("one", { set: { note: seats } }, { fields: { seats } });
    log.propose(set("one", { note: 0 }));
    expect(log.propose(whenAt(-3))).toBe("committed");
    log.propose(give(10));
    expect(log.propose(whenAt(-3))).toBe("precondition seats");
    expect(log.propose(whenAt(7))).toBe("committed");
  });
});

describe("a reclaim", () => {
  /** `us` has spoken at the log's start, and `ap` never. */
  function openGiven(): TestLog {
    const log = openLog();
    log.propose(give(9));
    log.tick("us");
    return log;
  }

  /** Time passes, in which `eu` goes on to speak. */
  function passHeard(log: TestLog, durationMs: number): void {
    for (let leftMs = durationMs; leftMs > 0; leftMs -= 2_000) {
      log.tick("eu");
      log.nowMs += Math.min(leftMs, 2_000);
    }
    log.tick("eu");
  }

  it("hands a lost region's rights over, says how many, and is a change of the record", () => {
    const log = openGiven();
    passHeard(log, LOST_AFTER_MS);
    const { outcomes } = log.proposeAll([log.proposal(reclaim("one", "us"))], "eu");
    expect(outcomes).toMatchObject([{ status: "committed", results: [{ fields: { seats: 3 } }] }]);
    expect(rightsOf(log)).toEqual({ ap: 3, eu: 6, us: 0 });
    expect(log.record("one")!.version).toBe(log.position);
  });

  it("is refused of a region that has spoken since, and of the own one", () => {
    const log = openGiven();
    passHeard(log, LOST_AFTER_MS - 1);
    expect(log.propose(reclaim("one", "us"))).toBe("region-alive");
    passHeard(log, LOST_AFTER_MS);
    expect(log.propose(reclaim("one", "eu"))).toBe("region-alive");
    log.tick("us");
    expect(log.propose(reclaim("one", "us"))).toBe("region-alive");
    expect(rightsOf(log)).toEqual({ ap: 3, eu: 3, us: 3 });
  });

  it("is refused where the log was away: then nobody was heard", () => {
    const log = openGiven();
    passHeard(log, 2_000);
    log.nowMs += 1_000_000;
    expect(log.propose(reclaim("one", "us"))).toBe("region-alive");
    passHeard(log, LOST_AFTER_MS - 1);
    expect(log.propose(reclaim("one", "us"))).toBe("region-alive");
    passHeard(log, 1);
    expect(log.propose(reclaim("one", "us"))).toBe("committed");
  });

  it("may be of a region that has never spoken", () => {
    const log = openGiven();
    expect(log.propose(reclaim("one", "ap"))).toBe("committed");
    expect(rightsOf(log)).toEqual({ ap: 0, eu: 6, us: 3 });
  });

  it("of what is not there is missing: record, escrow, or region", () => {
    const log = openGiven();
    log.propose(set("two", { note: 1 }));
    expect(log.propose(reclaim("three", "ap"))).toBe("missing");
    expect(log.propose(reclaim("two", "ap"))).toBe("missing");
    expect(log.propose(reclaim("one", "mars"))).toBe("missing");
    expect(log.propose([give(1), reclaim("two", "ap")])).toBe("missing #1");
    expect(log.propose({ ...reclaim("one", "ap"), collection: "nothing" })).toBe("schema");
    expect(log.propose({ ...acquire("job", "ada", 1), action: { type: "reclaim", from: "ap" } })).toBe(
      "schema",
    );
  });

  it("of a deleted record is refused until it is restored", () => {
    const log = openGiven();
    log.propose(erase("one"));
    expect(log.propose(reclaim("one", "ap"))).toBe("deleted");
    log.propose(restore("one"));
    expect(log.propose(reclaim("one", "ap"))).toBe("committed");
  });

  it("hands nothing over twice, and keeps to its condition", () => {
    const log = openGiven();
    expect(log.propose(reclaim("one", "ap", { version: 1 }))).toBe("precondition");
    expect(log.propose(reclaim("one", "ap", { version: log.record("one")!.version }))).toBe("committed");
    expect(log.propose(reclaim("one", "ap"))).toBe("missing");
    expect(rightsOf(log)).toEqual({ ap: 0, eu: 6, us: 3 });
  });

  it("makes what the lost region took meanwhile insufficient when it returns, and the bound holds", () => {
    const log = openGiven();
    expect(log.propose(reclaim("one", "ap"))).toBe("committed");
    expect(log.write("ap", { key: "one", operators: { take: { seats: 3 } } }).status).toBe("superseded");
    expect(log.store.conflicts).toMatchObject([
      { field: "seats", reason: "insufficient", winner: { value: 6 } },
    ]);
    expect(rightsOf(log)).toEqual({ ap: 0, eu: 6, us: 3 });
  });
});

describe("a batch's take", () => {
  it("beyond the rights is superseded and kept as a conflict, and what else the operation does stays", () => {
    const log = openLog();
    log.write("eu", { key: "one", operators: { give: { seats: 9 } } });
    expect(rightsOf(log)).toEqual({ ap: 3, eu: 3, us: 3 });
    const both = { take: { seats: 4 }, set: { name: "Ada" } };
    expect(log.write("us", { key: "one", operators: both }).status).toBe("committed");
    expect(log.record("one")!.fields["name"]).toMatchObject({ kind: "lww", value: "Ada" });
    expect(log.store.conflicts).toMatchObject([
      { field: "seats", reason: "insufficient", loser: { operator: "take", value: 4 }, winner: { value: 6 } },
    ]);
    expect(log.write("us", { key: "one", operators: { take: { seats: 3 } } }).status).toBe("committed");
    expect(rightsOf(log)).toEqual({ ap: 3, eu: 3, us: 0 });
  });

  it("of a record that there is not makes none", () => {
    const log = openLog();
    expect(log.write("us", { key: "one", operators: { take: { seats: 1 } } }).status).toBe("superseded");
    expect(log.record("one")).toBeUndefined();
  });

  it("loses to a tombstone, and leaves the rights for a restore", () => {
    const log = openLog();
    log.propose(give(9));
    log.propose(erase("one"));
    expect(log.write("us", { key: "one", operators: { take: { seats: 1 } } }).status).toBe("superseded");
    expect(log.store.conflicts).toMatchObject([{ reason: "deleted" }]);
    log.propose(restore("one"));
    expect(rightsOf(log)).toEqual({ ap: 3, eu: 3, us: 3 });
  });
});
