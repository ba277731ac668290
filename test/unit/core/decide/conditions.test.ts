import { describe, expect, it } from "vitest";
import type { Condition } from "../../../../services/core/proposal.ts";
import { explain, TestLog } from "./test-log.ts";
import { change, COLLECTION, erase, restore, set } from "./writes.ts";

const SET = { set: { note: "changed" } };

/** "one" was written twice and so has the version that is given; "gone" is deleted; "never" was never written. */
function started(): { log: TestLog; version: number } {
  const log = new TestLog();
  log.propose(set("one", { note: "first" }));
  log.propose(set("gone", { note: "first" }));
  log.propose(erase("gone"));
  log.propose(change("one", { set: { note: { b: [1, null], a: "é" }, born: "1815" }, add: { tags: ["x"] } }));
  return { log, version: log.position };
}

describe("a condition on the version", () => {
  const CASES: readonly (readonly [string, string, (version: number) => number | null | "*", string])[] = [
    ["the version that it has", "one", (version) => version, "committed"],
    ["an older version", "one", (version) => version - 3, "precondition"],
    ["a later version", "one", (version) => version + 1, "precondition"],
    ["that there is no such record, where there is", "one", () => null, "precondition"],
    ["that there is one, where there is", "one", () => "*", "committed"],
    ["a version, where there is no such record", "never", (version) => version, "precondition"],
    ["version 0, where there is no such record", "never", () => 0, "precondition"],
    ["that there is no such record, where there is none", "never", () => null, "committed"],
    ["that there is one, where there is none", "never", () => "*", "precondition"],
  ];
  for (const [name, key, versionOf, said] of CASES) {
    it(`is ${said} for ${name}`, () => {
      const { log, version } = started();
      expect(log.propose(change(key, SET, { version: versionOf(version) }))).toBe(said);
      expect(log.shown(key)["note"] === "changed").toBe(said === "committed");
    });
  }

  it("alone, without changes, takes a deleted record as none", () => {
    const { log, version } = started();
    expect(log.propose(change("gone", {}, { version: null }))).toBe("committed");
    expect(log.propose(change("gone", {}, { version: "*" }))).toBe("precondition");
    expect(log.propose(change("gone", {}, { version: version - 1 }))).toBe("precondition");
    expect(log.propose(change("gone", {}, { fields: { note: null } }))).toBe("committed");
    expect(log.propose(change("gone", {}, { fields: { note: "first" } }))).toBe("precondition note");
  });

  it("is about the deleted record where that is to come back", () => {
    const { log, version } = started();
    expect(log.propose(restore("gone", [], { version: null }))).toBe("precondition");
    expect(log.propose(restore("gone", [], { version: version - 2 }))).toBe("precondition");
    expect(log.propose(restore("gone", [], { fields: { note: "other" } }))).toBe("precondition note");
    expect(
      log.propose(restore("gone", [], { version: version - 1, fields: { note: "first", status: "new" } })),
    ).toBe("committed");
    expect(log.shown("gone")).toEqual({ note: "first", status: "new" });
  });

  it("decides a delete as it does a change", () => {
    const { log, version } = started();
    expect(log.propose(erase("one", { version: version - 3 }))).toBe("precondition");
    expect(log.propose(erase("one", { version }))).toBe("committed");
  });
});

describe("a condition on fields", () => {
  const CASES: readonly (readonly [string, string, NonNullable<Condition["fields"]>, string])[] = [
    ["a value", "one", { born: "1815" }, "committed"],
    ["a value whose members come in another order", "one", { note: { a: "é", b: [1, null] } }, "committed"],
    ["another value", "one", { born: "1816" }, "precondition born"],
    ["a value of another type", "one", { born: 1815 }, "precondition born"],
    ["another element of a list in it", "one", { note: { a: "é", b: [null, 1] } }, "precondition note"],
    ["null where nothing was ever set", "one", { email: null }, "committed"],
    ["null where something is", "one", { born: null }, "precondition born"],
    ["the initial state that nobody has written", "one", { status: "new" }, "committed"],
    ["null where there is an initial state", "one", { status: null }, "precondition status"],
    ["what a merge field shows", "one", { tags: ["x"] }, "committed"],
    ["the first of two that does not hold", "one", { born: "1815", tags: [] }, "precondition tags"],
    ["a name of the prototype", "one", { constructor: null, toString: null }, "committed"],
    ["null of a record that there is not", "never", { born: null }, "committed"],
    ["the initial state of a record that there is not", "never", { status: "new" }, "precondition status"],
    ["null as the state of a record that there is not", "never", { status: null }, "committed"],
  ];
  for (const [name, key, fields, said] of CASES) {
    it(`is ${said} for ${name}`, () => {
      const { log } = started();
      expect(log.propose(change(key, SET, { fields }))).toBe(said);
    });
  }

  it("takes an unset field for null", () => {
    const { log } = started();
    log.propose(change("one", { unset: { note: null } }));
    expect(log.propose(change("one", SET, { fields: { note: null } }))).toBe("committed");
  });

  it("sees local writes that were ordered before it", () => {
    const { log } = started();
    log.write("us", { key: "one", operators: { set: { name: "Ada" }, inc: { visits: 2 } } });
    expect(log.propose(change("one", SET, { fields: { name: "Ada", visits: 2 } }))).toBe("committed");
  });

  it("holds next to one on the version, or the write does not take effect", () => {
    const { log, version } = started();
    expect(log.propose(change("one", SET, { version, fields: { born: "1816" } }))).toBe("precondition born");
    expect(log.propose(change("one", SET, { version: 1, fields: { born: "1815" } }))).toBe("precondition");
    expect(log.propose(change("one", SET, { version, fields: { born: "1815" } }))).toBe("committed");
  });

  it("says what is there and what was asked for, and cuts long values short", () => {
    const { log } = started();
    log.propose(change("one", SET, { fields: { born: "x".repeat(1_000) } }));
    const { message } = log.store.outcomes.at(-1)!.rejection!;
    expect(message).toContain('"born" is "1815"');
    expect(message.length).toBeLessThan(200);
  });
});

describe("a condition that does not hold", () => {
  it("leaves the record with its version as it is, and keeps the outcome", () => {
    const { log, version } = started();
    const before = log.record("one");
    log.propose(change("one", SET, { version: 1 }));
    expect(log.record("one")).toEqual(before);
    expect(before?.version).toBe(version);
    expect(log.store.outcomes.at(-1)).toMatchObject({ status: "rejected", position: log.position });
  });

  it("of two compare-and-sets in one entry stops the second", () => {
    const { log, version } = started();
    const both = ["eu", "us"].map((note) =>
      log.proposal(change("one", { set: { note } }, { version, fields: { born: "1815" } })),
    );
    expect(log.proposeAll(both).outcomes.map(explain)).toEqual(["committed", "precondition"]);
    expect(log.shown("one")["note"]).toBe("eu");
  });

  it("alone changes nothing when it holds either", () => {
    const { log, version } = started();
    const before = log.record("one");
    expect(log.propose(change("one", {}, { version }))).toBe("committed");
    expect(log.record("one")).toEqual(before);
    expect(
      log.propose({ collection: COLLECTION, key: "never", action: { type: "change", changes: [] } }),
    ).toBe("committed");
    expect(log.record("never")).toBeUndefined();
  });
});
