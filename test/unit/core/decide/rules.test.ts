import { describe, expect, it } from "vitest";
import { UNIQUE_VALUE_BYTES_MAX } from "../../../../services/core/schema.ts";
import { TestLog } from "./test-log.ts";
import { change, COLLECTION, PEOPLE, set, type Operators } from "./writes.ts";

/** What each write of "one" becomes, one after the other. */
function said(...writes: readonly Operators[]): string[] {
  const log = new TestLog();
  return writes.map((operators) => log.propose(change("one", operators)));
}

describe("an immutable field", () => {
  it("is set once, and then stays", () => {
    expect(said({ set: { born: "1815" } }, { set: { born: "1816" } }, { unset: { born: null } })).toEqual([
      "committed",
      "immutable born",
      "immutable born",
    ]);
  });

  it("can be set to what it is, and can be set late", () => {
    expect(said({ set: { note: 1 } }, { set: { born: "1815" } }, { set: { born: "1815", note: 2 } })).toEqual(
      ["committed", "committed", "committed"],
    );
  });

  it("that was unset before it was ever set is still free", () => {
    expect(said({ unset: { born: null } }, { set: { born: "1815" } }, { set: { born: "1816" } })).toEqual([
      "committed",
      "committed",
      "immutable born",
    ]);
  });
});

describe("bounds", () => {
  it("hold for what is set, and are inclusive", () => {
    const values = [0, 10, -1, 11];
    const writes = values.map((credit) => ({ set: { credit } }));
    expect(said(...writes)).toEqual(["committed", "committed", "bound credit", "bound credit"]);
  });

  it("hold for fractions", () => {
    const values = [-1.5, 1.5, -1.6, 1.500001];
    const writes = values.map((weight) => ({ set: { weight } }));
    expect(said(...writes)).toEqual(["committed", "committed", "bound weight", "bound weight"]);
  });

  it("hold for what an increment makes, from 0 where nothing was set", () => {
    const steps = [10, 1, -10, -1, 3];
    const log = new TestLog();
    const verdicts = steps.map((by) => log.propose(change("one", { inc: { credit: by } })));
    expect(verdicts).toEqual(["committed", "bound credit", "committed", "bound credit", "committed"]);
    expect(log.shown("one")["credit"]).toBe(3);
  });

  it("look at the end of a write, not at its steps", () => {
    const log = new TestLog();
    expect(log.propose(change("one", { set: { credit: 11 }, inc: { credit: -1 } }))).toBe("committed");
    expect(log.shown("one")["credit"]).toBe(10);
  });

  it("let a field be unset, and count from 0 again afterwards", () => {
    expect(said({ set: { credit: 9 } }, { unset: { credit: null } }, { inc: { credit: 2 } })).toEqual([
      "committed",
      "committed",
      "committed",
    ]);
  });

  it("of what can be held exactly end an increment", () => {
    const log = new TestLog();
    log.propose(set("one", { note: Number.MAX_SAFE_INTEGER }));
    expect(log.propose(change("one", { inc: { note: 1 } }))).toBe("bound note");
    expect(log.propose(change("one", { inc: { note: -1 } }))).toBe("committed");
    log.propose(set("one", { note: "text" }));
    expect(log.propose(change("one", { inc: { note: 1 } }))).toBe("bound note");
    expect(log.shown("one")["note"]).toBe("text");
  });
});

describe("an increment", () => {
  it("tells its client the sum, which it could not know", () => {
    const log = new TestLog();
    log.propose(change("one", { inc: { credit: 3 }, set: { note: "n" } }));
    expect(log.store.outcomes.at(-1)?.results).toEqual([{ fields: { credit: 3 } }]);
    log.propose(change("one", { inc: { credit: 4, visits: 1 } }));
    expect(log.store.outcomes.at(-1)?.results).toEqual([{ fields: { credit: 7 } }]);
    log.propose(set("one", { credit: 1 }));
    expect(log.store.outcomes.at(-1)).not.toHaveProperty("results");
  });

  it("and an unset of the same field in one write shows null", () => {
    const log = new TestLog();
    log.propose(change("one", { inc: { credit: 3 }, unset: { credit: null } }));
    expect(log.store.outcomes.at(-1)?.results).toEqual([{ fields: { credit: null } }]);
  });
});

describe("states", () => {
  const CASES: readonly (readonly [string, readonly string[], string])[] = [
    ["from the initial one, which nobody has written", ["open"], "committed"],
    ["the initial one itself", ["new"], "committed"],
    ["along the transitions", ["open", "closed"], "committed"],
    ["to the one that it is in", ["open", "open"], "committed"],
    ["to the last one again", ["closed", "closed"], "committed"],
    ["backwards", ["open", "new"], "transition status"],
    ["out of the last one", ["closed", "open"], "transition status"],
    ["to one that there is not", ["lost"], "transition status"],
    ["to a name of the prototype", ["constructor"], "transition status"],
  ];
  for (const [name, states, last] of CASES) {
    it(`${name}: ${last}`, () => {
      expect(said(...states.map((status) => ({ set: { status } }))).at(-1)).toBe(last);
    });
  }

  it("can't be unset, not even the initial one", () => {
    expect(
      said({ unset: { status: null } }, { set: { status: "open" } }, { unset: { status: null } }),
    ).toEqual(["transition status", "committed", "transition status"]);
  });

  it("can't be left for a value of another type or counted up", () => {
    expect(said({ set: { status: 1 } }, { set: { status: null } }, { inc: { status: 1 } })).toEqual([
      "transition status",
      "transition status",
      "bound status",
    ]);
  });

  it("show the initial one, and keep it only once it is written", () => {
    const log = new TestLog();
    log.propose(set("one", { note: 1 }));
    expect(log.shown("one")).toEqual({ note: 1, status: "new" });
    expect(Object.keys(log.record("one")!.fields)).toEqual(["note"]);
    log.propose(set("one", { status: "new" }));
    expect(log.shown("one")).toEqual({ note: 1, status: "new" });
  });
});

describe("the schema at the position", () => {
  it("decides on types, whatever the gateway knew", () => {
    expect(
      said(
        { set: { email: 1 } },
        { set: { badge: "1" } },
        { set: { badge: 1.5 } },
        { set: { badge: 2 ** 53 } },
        { set: { credit: null } },
        { set: { weight: "1" } },
        { set: { note: { any: ["thing"] } } },
      ),
    ).toEqual([
      "schema email",
      "schema badge",
      "schema badge",
      "schema badge",
      "schema credit",
      "schema weight",
      "committed",
    ]);
  });

  it("decides on collections: a write before its schema comes too early", () => {
    const log = new TestLog();
    const write = { ...set("one", { note: 1 }), collection: "late" };
    expect(log.propose(write)).toBe("schema");
    expect(log.propose({ ...write, action: { type: "delete" } })).toBe("schema");
    log.schema("late", { fields: { note: { class: "authoritative" } } });
    expect(log.propose(write)).toBe("committed");
    expect(log.propose(write, { tenant: "other" })).toBe("schema");
  });

  it("decides on fields: one that was added meanwhile is there, one of another kind is refused", () => {
    const log = new TestLog();
    const write = set("one", { nickname: "Ada" });
    expect(log.propose(write)).toBe("schema nickname");
    log.schema(COLLECTION, {
      ...PEOPLE,
      fields: { ...PEOPLE.fields, nickname: { class: "authoritative", type: "string", immutable: true } },
    });
    expect(log.propose(write)).toBe("committed");
    expect(log.propose(set("one", { nickname: "Eve" }))).toBe("immutable nickname");
    const asLww = { field: "nickname", kind: "lww", operator: "set", argument: "Eve" } as const;
    const action = { type: "change", changes: [asLww] } as const;
    expect(log.propose({ collection: COLLECTION, key: "one", action })).toBe("schema nickname");
  });

  it("knows no field by a name of the prototype", () => {
    expect(said({ set: { constructor: 1 } }, { set: { toString: 1 } })).toEqual([
      "schema constructor",
      "schema toString",
    ]);
  });

  it("bounds unique values in bytes of their JSON text", () => {
    const longest = "é".repeat((UNIQUE_VALUE_BYTES_MAX - 2) / 2);
    expect(said({ set: { email: longest } }, { set: { email: `${longest}a` } })).toEqual([
      "committed",
      "bound email",
    ]);
  });
});

describe("a write that breaks a rule", () => {
  it("takes no effect in any of its fields", () => {
    const log = new TestLog();
    log.propose(set("one", { credit: 5 }));
    const before = log.record("one");
    expect(log.propose(change("one", { set: { note: "n", name: "Ada" }, inc: { credit: 6 } }))).toBe(
      "bound credit",
    );
    expect(log.record("one")).toEqual(before);
    expect(log.propose(set("two", { note: "n", credit: 11 }))).toBe("bound credit");
    expect(log.record("two")).toBeUndefined();
  });
});

describe("a null that was set", () => {
  it("is a value: it can't be changed where values can't, and nothing is counted from it", () => {
    const log = new TestLog({
      schema: {
        fields: { once: { class: "authoritative", immutable: true }, sum: { class: "authoritative" } },
      },
    });
    expect(log.propose(set("one", { once: null, sum: null }))).toBe("committed");
    expect(log.propose(set("one", { once: 2 }))).toBe("immutable once");
    expect(log.propose(change("one", { inc: { sum: 1 } }))).toBe("bound sum");
    expect(log.propose(change("two", { inc: { sum: 1 } }))).toBe("committed");
  });
});
