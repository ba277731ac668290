import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../../../services/core/json.ts";
import { checkProperty } from "../../property.ts";
import { TestLog } from "./test-log.ts";
import { acquire, change, erase, restore, set } from "./writes.ts";

/** What the store holds of records, claims and leases; not what the log has done to get there. */
const rows = (log: TestLog) => new Map(log.store.records);

function started(): TestLog {
  const log = new TestLog();
  log.propose(set("one", { credit: 5, email: "a" }));
  log.propose(set("two", { credit: 5, status: "closed" }));
  log.propose(set("gone", { email: "g" }));
  log.propose(erase("gone"));
  log.propose(acquire("job", "ada", 1_000));
  return log;
}

describe("a transaction", () => {
  it("changes all of its records at one position", () => {
    const log = started();
    const writes = [
      change("one", { inc: { credit: -3 } }),
      change("two", { inc: { credit: 3 } }),
      set("new", { email: "n" }),
      restore("gone", [{ field: "email", value: "g" }]),
    ];
    expect(log.propose(writes)).toBe("committed");
    expect(["one", "two", "new", "gone"].map((key) => log.record(key)?.version)).toEqual(
      Array.from({ length: 4 }).fill(log.position),
    );
    expect(log.store.outcomes.at(-1)?.results).toEqual([
      { fields: { credit: 2 } },
      { fields: { credit: 8 } },
      null,
      null,
    ]);
  });

  const SPOILERS: readonly (readonly [string, ReturnType<typeof set>])[] = [
    ["bound #1 credit", change("two", { inc: { credit: 6 } })],
    ["transition #1 status", set("two", { status: "open" })],
    ["schema #1 email", set("two", { email: 7 })],
    ["unique #1 email", set("two", { email: "b" })],
    ["precondition #1", change("two", {}, { version: null })],
    ["precondition #1 credit", change("two", {}, { fields: { credit: 4 } })],
    ["deleted #1", set("gone", { note: 1 })],
    ["deleted #1", erase("gone")],
    ["missing #1", erase("never")],
    ["missing #1", restore("never")],
    ["not-deleted #1", restore("two")],
    ["precondition #1", restore("gone")],
    ["lease-held #1", acquire("job", "bob", 1_000)],
  ];
  for (const [said, spoiler] of SPOILERS) {
    it(`takes no effect at all for ${said} (${spoiler.action.type} of ${spoiler.key})`, () => {
      const log = started();
      const before = rows(log);
      const first = set("one", { credit: 1, email: "b", note: "n" });
      const last = acquire("second", "ada", 1_000);
      expect(log.propose([first, spoiler, last])).toBe(said);
      expect(rows(log)).toEqual(before);
      expect(log.propose([first, last])).toBe("committed");
    });
  }

  it("looks at all records as they were before it: no write sees what another does", () => {
    const log = started();
    const condition = { fields: { credit: 5 } };
    const writes = [change("one", { set: { credit: 1 } }), change("two", { set: { credit: 2 } }, condition)];
    expect(log.propose(writes)).toBe("committed");
    expect(log.propose([erase("one"), change("two", {}, { version: "*" })])).toBe("committed");
  });

  it("checks conditions of all writes before it changes the first", () => {
    const log = started();
    const broken = change("two", {}, { version: null });
    expect(log.propose([set("one", { credit: 11 }), broken])).toBe("precondition #1");
    expect(log.propose([set("gone", { note: 1 }), broken])).toBe("deleted #0");
  });

  it("checks unique values last", () => {
    const log = started();
    expect(log.propose([set("two", { email: "a" }), set("new", { credit: 11 })])).toBe("bound #1 credit");
  });

  it("of one write names no write in its rejection", () => {
    const log = started();
    expect(log.propose([set("one", { credit: 11 })])).toBe("bound credit");
    expect(log.store.outcomes.at(-1)?.rejection).not.toHaveProperty("write");
  });

  it("of conditions alone decides, and writes nothing", () => {
    const log = started();
    const before = rows(log);
    const holds = [change("one", {}, { version: "*" }), change("never", {}, { version: null })];
    expect(log.propose(holds)).toBe("committed");
    expect(log.store.outcomes.at(-1)).not.toHaveProperty("results");
    expect(log.propose([...holds, change("gone", {}, { version: "*" })])).toBe("precondition #2");
    expect(rows(log)).toEqual(before);
  });

  it("guards a write of one record by the state of another", () => {
    const log = started();
    const ifClosed = change("two", {}, { fields: { status: "closed" } });
    expect(log.propose([ifClosed, set("one", { note: "paid" })])).toBe("committed");
    const ifOpen = change("two", {}, { fields: { status: "open" } });
    expect(log.propose([ifOpen, set("one", { note: "open" })])).toBe("precondition #0 status");
    expect(log.shown("one")["note"]).toBe("paid");
  });
});

describe("a bank of transfers", () => {
  const ACCOUNTS = ["one", "two", "three"] as const;
  const transfer = fc.record({
    from: fc.constantFrom(...ACCOUNTS),
    to: fc.constantFrom(...ACCOUNTS),
    amount: fc.integer({ min: 1, max: 7 }),
    isGathered: fc.boolean(),
  });

  it("keeps its sum and never lends, whatever is transferred in whatever entries", () => {
    const sum = (values: readonly JsonValue[]) => (values as number[]).reduce((all, one) => all + one, 0);
    checkProperty(
      fc.property(fc.array(transfer, { maxLength: 25 }), (transfers) => {
        const log = new TestLog();
        for (const key of ACCOUNTS) log.propose(set(key, { credit: 5 }));
        let waiting: ReturnType<TestLog["proposal"]>[] = [];
        for (const { from, to, amount, isGathered } of transfers) {
          if (from === to) continue;
          const writes = [
            change(from, { inc: { credit: -amount } }),
            change(to, { inc: { credit: amount } }),
          ];
          waiting.push(log.proposal(writes));
          if (isGathered) continue;
          log.proposeAll(waiting);
          waiting = [];
          const credits = ACCOUNTS.map((key) => log.shown(key)["credit"]!);
          expect(sum(credits)).toBe(15);
          for (const credit of credits) expect(credit).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
