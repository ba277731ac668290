import { describe, expect, it } from "vitest";
import { decidedOrigin } from "../../../../services/core/fields/kind.ts";
import { TestLog } from "./test-log.ts";
import { change, erase, restore, set } from "./writes.ts";

const EMAIL = { field: "email", value: "a@x" } as const;
const CLAIM = 'people email "a@x"';

/** "one" has a unique value and fields of other classes, and was deleted by "us". */
function deleted(): { log: TestLog; before: object } {
  const log = new TestLog();
  log.propose(change("one", { set: { email: "a@x", note: "n", name: "Ada" }, add: { tags: ["x"] } }));
  const before = log.shown("one");
  expect(log.propose(erase("one"), { origin: "us" })).toBe("committed");
  return { log, before };
}

describe("a delete", () => {
  it("keeps the fields under a tombstone that says when, at a new version", () => {
    const { log, before } = deleted();
    const { hlc } = log.store.outcomes.at(-1)!;
    expect(log.record("one")).toMatchObject({
      version: log.position,
      tombstone: { hlc, origin: decidedOrigin("us"), logTimeMs: log.nowMs },
    });
    expect(log.shown("one")).toEqual(before);
  });

  it("is refused where there is no record, and where it is deleted already", () => {
    const { log } = deleted();
    expect(log.propose(erase("never"))).toBe("missing");
    expect(log.propose(erase("one"))).toBe("deleted");
  });

  it("refuses every change that comes after it, and takes no part of it", () => {
    const { log } = deleted();
    const record = log.record("one");
    expect(log.propose(set("one", { note: "again" }))).toBe("deleted");
    expect(log.propose(change("one", { inc: { visits: 1 } }))).toBe("deleted");
    expect(log.record("one")).toEqual(record);
  });

  it("takes a record that local writes alone have made", () => {
    const log = new TestLog();
    log.write("us", { key: "one", operators: { set: { name: "Ada" } } });
    expect(log.propose(erase("one"))).toBe("committed");
    expect(log.record("one")?.tombstone).toBeDefined();
  });
});

describe("a local write that is ordered after a tombstone (I8)", () => {
  it("is superseded, changes nothing, and leaves a conflict for each of its changes", () => {
    const { log } = deleted();
    const record = log.record("one");
    const { tombstone } = record!;
    const operators = { set: { name: "Eve" }, inc: { visits: 2 }, add: { tags: ["y"] } };
    const outcome = log.write("ap", { key: "one", operators });
    expect(outcome.status).toBe("superseded");
    expect(log.record("one")).toEqual(record);
    const loser = { origin: "ap", hlc: outcome.hlc, operation: outcome.id };
    const winner = { origin: decidedOrigin("us"), hlc: tombstone!.hlc, value: null };
    const place = { reason: "deleted", collection: "people", key: "one", position: log.position, winner };
    expect(log.store.conflicts).toMatchObject([
      { ...place, ordinal: 0, field: "name", loser: { ...loser, operator: "set", value: "Eve" } },
      { ...place, ordinal: 1, field: "visits", loser: { ...loser, operator: "inc", value: 2 } },
      { ...place, ordinal: 2, field: "tags", loser: { ...loser, operator: "add", value: ["y"] } },
    ]);
  });

  it("loses whatever its stamp is, and whether its region had seen the delete or not", () => {
    const { log } = deleted();
    const ahead = "00000fffffff0000" as typeof log.store.state.hlc;
    const operators = { set: { name: "Eve" } };
    expect(log.write("ap", { key: "one", operators, hlc: ahead }).status).toBe("superseded");
    expect(log.write("us", { key: "one", operators, seen: 0 }).status).toBe("superseded");
    expect(log.shown("one")["name"]).toBe("Ada");
  });

  it("takes effect where it is ordered before it, although its region did not know of it either", () => {
    const log = new TestLog();
    log.propose(set("one", { note: "n" }));
    const seen = log.position;
    expect(log.write("ap", { key: "one", operators: { set: { name: "Ada" } }, seen }).status).toBe(
      "committed",
    );
    log.propose(erase("one"));
    expect(log.store.conflicts).toEqual([]);
    log.propose(restore("one"));
    expect(log.shown("one")["name"]).toBe("Ada");
  });

  it("takes effect again after a restore, also one from before the delete", () => {
    const { log } = deleted();
    const seen = log.position - 1;
    log.propose(restore("one", [EMAIL]));
    expect(log.write("ap", { key: "one", operators: { inc: { visits: 3 } }, seen }).status).toBe("committed");
    expect(log.shown("one")["visits"]).toBe(3);
  });

  it("does not make a record of another key or tenant", () => {
    const { log } = deleted();
    const keys = [...log.store.records.keys()];
    log.write("ap", { key: "one", operators: { set: { name: "Eve" } } });
    expect([...log.store.records.keys()]).toEqual(keys);
  });
});

describe("a restore", () => {
  it("brings all fields back, at a new version and without the tombstone", () => {
    const { log, before } = deleted();
    expect(log.propose(restore("one", [EMAIL]))).toBe("committed");
    expect(log.shown("one")).toEqual(before);
    expect(log.record("one")?.version).toBe(log.position);
    expect(log.record("one")).not.toHaveProperty("tombstone");
  });

  it("claims the record's unique values again", () => {
    const { log } = deleted();
    expect(log.claims()).toEqual({});
    log.propose(restore("one", [EMAIL]));
    expect(log.claims()).toEqual({ [CLAIM]: "one" });
    expect(log.propose(set("two", { email: "a@x" }))).toBe("unique email");
  });

  it("is refused where another has taken a unique value meanwhile, until that is free again", () => {
    const { log } = deleted();
    log.propose(set("two", { email: "a@x" }));
    expect(log.propose(restore("one", [EMAIL]))).toBe("unique email");
    expect(log.record("one")?.tombstone).toBeDefined();
    expect(log.claims()).toEqual({ [CLAIM]: "two" });
    log.propose(set("two", { email: "b@x" }));
    expect(log.propose(restore("one", [EMAIL]))).toBe("committed");
    expect(log.claims()).toEqual({ [CLAIM]: "one", 'people email "b@x"': "two" });
  });

  it("takes a unique value that another gives up in the same transaction, in either order of the writes", () => {
    for (const order of [0, 1]) {
      const { log } = deleted();
      log.propose(set("two", { email: "a@x" }));
      const writes = [restore("one", [EMAIL]), erase("two")];
      expect(log.propose(order === 0 ? writes : writes.toReversed())).toBe("committed");
      expect(log.claims()).toEqual({ [CLAIM]: "one" });
    }
  });

  it("is refused where the claims that it names are not those of the record", () => {
    const { log } = deleted();
    expect(log.propose(restore("one"))).toBe("precondition");
    expect(log.propose(restore("one", [{ field: "email", value: "b@x" }]))).toBe("precondition");
    expect(log.propose(restore("one", [{ field: "badge", value: "a@x" }]))).toBe("precondition");
    expect(log.record("one")?.tombstone).toBeDefined();
    expect(log.claims()).toEqual({});
    expect(log.propose(restore("one", [{ field: "badge", value: 7 }, EMAIL]))).toBe("committed");
    expect(log.claims()).toEqual({ [CLAIM]: "one" });
  });

  it("is refused where the record was restored, changed and deleted again since it was read", () => {
    const { log } = deleted();
    log.propose(restore("one", [EMAIL]));
    log.propose(set("one", { email: "b@x" }));
    log.propose(erase("one"));
    expect(log.propose(restore("one", [EMAIL]))).toBe("precondition");
    expect(log.propose(restore("one", [{ field: "email", value: "b@x" }]))).toBe("committed");
  });

  it("is refused where there is no record, and where it is not deleted", () => {
    const { log } = deleted();
    expect(log.propose(restore("never"))).toBe("missing");
    log.propose(restore("one", [EMAIL]));
    expect(log.propose(restore("one", [EMAIL]))).toBe("not-deleted");
  });

  it("goes on from the states and sums that the record had", () => {
    const log = new TestLog();
    log.propose(set("one", { status: "open", credit: 9, born: "1815" }));
    log.propose(erase("one"));
    log.propose(restore("one"));
    expect(log.propose(change("one", { inc: { credit: 2 } }))).toBe("bound credit");
    expect(log.propose(set("one", { status: "new" }))).toBe("transition status");
    expect(log.propose(set("one", { born: "1816" }))).toBe("immutable born");
  });
});
