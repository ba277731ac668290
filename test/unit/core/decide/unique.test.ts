import { describe, expect, it } from "vitest";
import { explain, TestLog } from "./test-log.ts";
import { change, COLLECTION, erase, PEOPLE, set } from "./writes.ts";

const EMAIL_A = 'people email "a"';
const EMAIL_B = 'people email "b"';

describe("a unique value", () => {
  it("is claimed when it is set, by the record that has it", () => {
    const log = new TestLog();
    expect(log.propose(set("one", { email: "a", badge: 7 }))).toBe("committed");
    expect(log.claims()).toEqual({ [EMAIL_A]: "one", "people badge 7": "one" });
  });

  it("is refused to another record, which is told whose it is", () => {
    const log = new TestLog();
    log.propose(set("one", { email: "a" }));
    expect(log.propose(set("two", { email: "a", note: "n" }))).toBe("unique email");
    expect(log.store.outcomes.at(-1)?.rejection?.message).toContain('"one"');
    expect(log.record("two")).toBeUndefined();
    expect(log.propose(set("one", { email: "a", note: "n" }))).toBe("committed");
    expect(log.claims()).toEqual({ [EMAIL_A]: "one" });
  });

  it("is freed when the field changes", () => {
    const log = new TestLog();
    log.propose(set("one", { email: "a" }));
    log.propose(set("one", { email: "b" }));
    expect(log.claims()).toEqual({ [EMAIL_B]: "one" });
    expect(log.propose(set("two", { email: "a" }))).toBe("committed");
    expect(log.propose(set("two", { email: "b" }))).toBe("unique email");
  });

  it("is freed when the field is unset", () => {
    const log = new TestLog();
    log.propose(set("one", { email: "a" }));
    expect(log.propose(change("one", { unset: { email: null } }))).toBe("committed");
    expect(log.claims()).toEqual({});
    expect(log.propose(set("two", { email: "a" }))).toBe("committed");
  });

  it("is freed when the record is deleted", () => {
    const log = new TestLog();
    log.propose(set("one", { email: "a", badge: 7 }));
    log.propose(erase("one"));
    expect(log.claims()).toEqual({});
    expect(log.propose(set("two", { email: "a", badge: 7 }))).toBe("committed");
  });

  it("stays claimed where a change of it is refused", () => {
    const log = new TestLog();
    log.propose(set("one", { email: "a" }));
    expect(log.propose(set("one", { email: "b", credit: 11 }))).toBe("bound credit");
    expect(log.claims()).toEqual({ [EMAIL_A]: "one" });
  });

  it("counts by what a write ends with", () => {
    const log = new TestLog();
    log.propose(set("one", { email: "a" }));
    expect(log.propose(change("two", { set: { email: "a" }, unset: { email: null } }))).toBe("committed");
    expect(log.propose(change("one", { unset: { email: null }, set: { email: "a" } }))).toBe("committed");
    expect(log.claims()).toEqual({ [EMAIL_A]: "one" });
  });

  it("can't be counted up: nobody could have looked up whose the sum is", () => {
    const log = new TestLog();
    log.propose(set("one", { badge: 7 }));
    log.propose(set("two", { badge: 6 }));
    expect(log.propose(change("two", { inc: { badge: 1 } }))).toBe("schema badge");
    expect(log.propose(change("three", { set: { badge: 5 }, inc: { badge: 2 } }))).toBe("schema badge");
    expect(log.claims()).toEqual({ "people badge 7": "one", "people badge 6": "two" });
  });

  it("is one of its field, its collection and its tenant", () => {
    const log = new TestLog();
    log.schema("others", PEOPLE);
    log.propose(set("one", { email: "7", badge: 7 }));
    expect(log.propose(set("two", { email: "8", badge: 8 }))).toBe("committed");
    expect(log.propose({ ...set("one", { email: "7" }), collection: "others" })).toBe("committed");
    expect(Object.keys(log.claims()).sort()).toEqual([
      'others email "7"',
      "people badge 7",
      "people badge 8",
      'people email "7"',
      'people email "8"',
    ]);
  });

  it("is compared as a value: text with line feeds and quotes is one like any other", () => {
    const log = new TestLog();
    const values = ['a\nb"c', "__proto__", "constructor", "a", "A", "\u00e1", "a\u0301", ""];
    const verdicts = values.map((email, index) => log.propose(set(`key ${index}`, { email })));
    expect(new Set(verdicts)).toEqual(new Set(["committed"]));
    expect(log.propose(set("last", { email: 'a\nb"c' }))).toBe("unique email");
    expect(log.propose(set("last", { email: "__proto__" }))).toBe("unique email");
  });

  it("of a field that was added later is unique from then on", () => {
    const log = new TestLog();
    const phone = { class: "authoritative", type: "string", unique: true } as const;
    log.schema(COLLECTION, { ...PEOPLE, fields: { ...PEOPLE.fields, phone } });
    expect(log.propose(set("one", { phone: "1" }))).toBe("committed");
    expect(log.propose(set("two", { phone: "1" }))).toBe("unique phone");
  });
});

describe("unique values of several records", () => {
  function two(): TestLog {
    const log = new TestLog();
    log.propose(set("one", { email: "a" }));
    log.propose(set("two", { email: "b" }));
    return log;
  }

  it("can be swapped in one transaction", () => {
    const log = two();
    expect(log.propose([set("one", { email: "b" }), set("two", { email: "a" })])).toBe("committed");
    expect(log.claims()).toEqual({ [EMAIL_B]: "one", [EMAIL_A]: "two" });
    expect(log.propose(set("three", { email: "a" }))).toBe("unique email");
    expect(log.propose(set("two", { email: "a" }))).toBe("committed");
  });

  it("can go around in a ring, and be passed on by a delete", () => {
    const log = two();
    log.propose(set("three", { email: "c" }));
    const ring = [set("one", { email: "b" }), set("two", { email: "c" }), set("three", { email: "a" })];
    expect(log.propose(ring)).toBe("committed");
    expect(log.claims()).toEqual({ [EMAIL_A]: "three", [EMAIL_B]: "one", 'people email "c"': "two" });
    expect(log.propose([set("four", { email: "a" }), erase("three")])).toBe("committed");
    expect(log.claims()[EMAIL_A]).toBe("four");
  });

  it("can't be swapped in two", () => {
    const log = two();
    const both = [set("one", { email: "b" }), set("two", { email: "a" })].map((write) => log.proposal(write));
    expect(log.proposeAll(both).outcomes.map(explain)).toEqual(["unique email", "unique email"]);
    expect(log.claims()).toEqual({ [EMAIL_A]: "one", [EMAIL_B]: "two" });
  });

  it("are refused where two writes of a transaction want the same: the second is told", () => {
    const log = two();
    expect(log.propose([set("three", { email: "c" }), set("four", { email: "c" })])).toBe("unique #1 email");
    expect(log.propose([set("one", { email: "c" }), set("two", { email: "c" })])).toBe("unique #1 email");
    expect(log.record("three")).toBeUndefined();
    expect(log.claims()).toEqual({ [EMAIL_A]: "one", [EMAIL_B]: "two" });
  });

  it("are refused where one write wants what another keeps", () => {
    const log = two();
    expect(log.propose([set("three", { email: "a" }), set("one", { note: "n" })])).toBe("unique #0 email");
    expect(log.propose([set("one", { email: "a" }), set("three", { email: "a" })])).toBe("unique #1 email");
  });

  it("go to the first of two proposals in one entry", () => {
    const log = two();
    const both = ["three", "four"].map((key) => log.proposal(set(key, { email: "c" })));
    expect(log.proposeAll(both).outcomes.map(explain)).toEqual(["committed", "unique email"]);
  });

  it("can be freed and claimed by proposals of one entry", () => {
    const log = two();
    const writes = [erase("one"), set("two", { email: "a" }), set("three", { email: "b" })];
    const { outcomes } = log.proposeAll(writes.map((write) => log.proposal(write)));
    expect(outcomes.map(explain)).toEqual(["committed", "committed", "committed"]);
    expect(log.claims()).toEqual({ [EMAIL_A]: "two", [EMAIL_B]: "three" });
  });
});
