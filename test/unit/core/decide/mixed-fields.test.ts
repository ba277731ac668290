import { describe, expect, it } from "vitest";
import { decidedOrigin, FIELD_ENTRIES_MAX } from "../../../../services/core/fields/kind.ts";
import { hlcFromMilliseconds, MAX_OFFSET_MS } from "../../../../services/core/hlc.ts";
import { START_MS, TestLog } from "./test-log.ts";
import { change } from "./writes.ts";

const LATER = hlcFromMilliseconds(START_MS + 3_600_000);
const EU_LOG = decidedOrigin("eu");
const name = (value: string) => ({ set: { name: value } });
const choice = (value: string) => ({ set: { choice: value } });

describe("the stamp of a decision", () => {
  it("is the proposer's, where that is after everything folded", () => {
    const log = new TestLog();
    const hlc = hlcFromMilliseconds(START_MS + MAX_OFFSET_MS);
    log.propose(change("one", name("Ada")), { hlc });
    expect(log.store.outcomes.at(-1)?.hlc).toBe(hlc);
  });

  it("does not follow a clock that is too far ahead of log time", () => {
    const log = new TestLog();
    log.propose(change("one", name("Ada")), { hlc: hlcFromMilliseconds(START_MS + MAX_OFFSET_MS + 1) });
    expect(log.store.outcomes.at(-1)!.hlc < hlcFromMilliseconds(START_MS)).toBe(true);
  });

  it("beats every local write that was folded before, however far ahead its region's clock was", () => {
    const log = new TestLog();
    log.write("us", { key: "one", operators: name("Eve"), hlc: LATER });
    log.write("eu", { key: "one", operators: name("Bob") });
    expect(log.propose(change("one", { set: { name: "Ada", note: "n" } }))).toBe("committed");
    expect(log.shown("one")).toMatchObject({ name: "Ada", note: "n" });
    // And does not carry that clock on to every later decision.
    expect(log.store.outcomes.at(-1)!.hlc < LATER).toBe(true);
  });

  it("rises from decision to decision, also within an entry and behind a clock that goes back", () => {
    const log = new TestLog();
    const proposals = ["Ada", "Eve"].map((value) => log.proposal(change("one", name(value))));
    log.proposeAll(proposals);
    log.propose(change("one", name("Bob")), { hlc: hlcFromMilliseconds(1) });
    expect(log.shown("one")["name"]).toBe("Bob");
    const stamps = log.store.outcomes.slice(1).map(({ hlc }) => hlc);
    expect(stamps).toEqual([...new Set(stamps)].sort());
  });

  it("is after what another record's writes had, so that the log's order is that of the stamps", () => {
    const log = new TestLog();
    const ahead = hlcFromMilliseconds(log.nowMs + MAX_OFFSET_MS);
    log.write("us", { key: "other", operators: name("Eve"), hlc: ahead });
    log.propose(change("one", name("Ada")));
    expect(log.store.outcomes.at(-1)!.hlc > ahead).toBe(true);
  });
});

describe("a decision on an lww field", () => {
  it("leaves no conflict with what was ordered before it: the log has decided", () => {
    const log = new TestLog();
    log.write("us", { key: "one", operators: name("Eve"), hlc: LATER });
    log.propose(change("one", name("Ada")));
    expect(log.store.conflicts).toEqual([]);
  });

  it("wins over a local write of its own region that was accepted before it was folded, as over a concurrent one", () => {
    const log = new TestLog();
    const seen = log.position;
    log.propose(change("one", name("Ada")), { origin: "eu" });
    const hlc = hlcFromMilliseconds(START_MS - 1);
    const late = log.write("eu", { key: "one", operators: name("Bob"), seen, hlc });
    expect(late.status).toBe("superseded");
    expect(log.shown("one")["name"]).toBe("Ada");
    expect(log.store.conflicts).toMatchObject([
      {
        reason: "concurrent",
        loser: { origin: "eu", value: "Bob" },
        winner: { origin: EU_LOG, value: "Ada" },
      },
    ]);
  });

  it("loses to a later stamp of such a write, and that is a conflict as well", () => {
    const log = new TestLog();
    const seen = log.position;
    log.propose(change("one", name("Ada")), { origin: "eu" });
    log.write("eu", { key: "one", operators: name("Bob"), seen, hlc: LATER });
    expect(log.shown("one")["name"]).toBe("Bob");
    expect(log.store.conflicts).toMatchObject([{ reason: "concurrent", loser: { origin: EU_LOG } }]);
  });

  it("is overwritten without a conflict by a region that has seen it", () => {
    const log = new TestLog();
    log.propose(change("one", name("Ada")), { origin: "eu" });
    for (const region of ["eu", "us"] as const) {
      expect(log.write(region, { key: "one", operators: name(region) }).status).toBe("committed");
    }
    expect(log.store.conflicts).toEqual([]);
  });

  it("stays taken away where it was unset, against older writes", () => {
    const log = new TestLog();
    log.write("us", { key: "one", operators: name("Eve") });
    const seen = log.position;
    log.propose(change("one", { unset: { name: null } }));
    log.tick("us");
    const hlc = hlcFromMilliseconds(START_MS - 1);
    expect(log.write("ap", { key: "one", operators: name("Bob"), seen, hlc }).status).toBe("superseded");
    expect(log.shown("one")).not.toHaveProperty("name");
  });
});

describe("a decision on a set", () => {
  it("removes every addition that was ordered before it, seen by its gateway or not", () => {
    const log = new TestLog();
    for (const region of ["ap", "eu", "us"] as const) {
      log.write(region, { key: "one", operators: { add: { tags: ["x", region] } }, seen: 0 });
    }
    log.propose(change("one", { remove: { tags: ["x"] } }));
    expect(log.shown("one")["tags"]).toEqual(["ap", "eu", "us"]);
  });

  it("adds what a local removal takes away only where its region had folded the decision", () => {
    for (const region of ["eu", "us"] as const) {
      const log = new TestLog();
      const seen = log.position;
      log.propose(change("one", { add: { tags: ["x"] } }), { origin: "eu" });
      log.write(region, { key: "one", operators: { remove: { tags: ["x"] } }, seen });
      expect(log.shown("one")["tags"]).toEqual(["x"]);
      log.write(region, { key: "one", operators: { remove: { tags: ["x"] } } });
      expect(log.shown("one")["tags"]).toEqual([]);
    }
  });

  it("does not remove what is added after it", () => {
    const log = new TestLog();
    const seen = log.position;
    log.propose(change("one", { remove: { tags: ["x"] } }));
    log.write("eu", { key: "one", operators: { add: { tags: ["x"] } }, seen });
    expect(log.shown("one")["tags"]).toEqual(["x"]);
  });

  it("that is full is rejected whole, not in part", () => {
    const log = new TestLog();
    const many = Array.from({ length: FIELD_ENTRIES_MAX - 1 }, (_, index) => index);
    log.write("us", { key: "one", operators: { add: { tags: many } } });
    expect(log.propose(change("one", { add: { tags: ["a", "b"] }, set: { note: "n" } }))).toBe("bound tags");
    expect(log.shown("one")).not.toHaveProperty("note");
    expect(log.shown("one")["tags"]).toHaveLength(FIELD_ENTRIES_MAX - 1);
    expect(log.propose(change("one", { add: { tags: ["a"] }, set: { note: "n" } }))).toBe("committed");
  });
});

describe("a decision on a register", () => {
  it("writes over all values that were ordered before it", () => {
    const log = new TestLog();
    log.write("ap", { key: "one", operators: choice("a"), seen: 0 });
    log.write("us", { key: "one", operators: choice("b"), seen: 0 });
    expect(log.shown("one")["choice"]).toHaveLength(2);
    log.propose(change("one", choice("c")));
    expect(log.shown("one")["choice"]).toEqual(["c"]);
  });

  it("stands next to a local write of its own region that was accepted before it was folded", () => {
    const log = new TestLog();
    const seen = log.position;
    log.propose(change("one", choice("decided")), { origin: "eu" });
    log.write("eu", { key: "one", operators: choice("local"), seen, hlc: hlcFromMilliseconds(1) });
    expect(log.shown("one")["choice"]).toEqual(["local", "decided"]);
    log.write("us", { key: "one", operators: choice("both seen") });
    expect(log.shown("one")["choice"]).toEqual(["both seen"]);
  });
});

describe("a decision on a counter", () => {
  it("adds to what local writes have counted, and they to it", () => {
    const log = new TestLog();
    log.write("us", { key: "one", operators: { inc: { visits: 2 } } });
    log.propose(change("one", { inc: { visits: 3, credit: 1 } }, { fields: { visits: 2 } }));
    log.write("eu", { key: "one", operators: { inc: { visits: 4 } }, seen: 0 });
    expect(log.shown("one")).toMatchObject({ visits: 9, credit: 1 });
  });

  it("that would lose exactness is rejected, with everything else of the write", () => {
    const log = new TestLog();
    log.write("us", { key: "one", operators: { inc: { visits: Number.MAX_SAFE_INTEGER } } });
    expect(log.propose(change("one", { inc: { visits: 1, credit: 1 } }))).toBe("bound visits");
    expect(log.shown("one")).not.toHaveProperty("credit");
  });
});

describe("a decision that is rejected", () => {
  it("leaves local fields of the same write alone, and no conflict", () => {
    const log = new TestLog();
    log.write("us", { key: "one", operators: { set: { name: "Ada" }, inc: { visits: 1 } } });
    const before = log.record("one");
    const write = { set: { name: "Eve", credit: 11 }, inc: { visits: 1 }, add: { tags: ["x"] } };
    expect(log.propose(change("one", write))).toBe("bound credit");
    expect(log.record("one")).toEqual(before);
    expect(log.store.conflicts).toEqual([]);
  });
});
