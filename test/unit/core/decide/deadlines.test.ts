import { describe, expect, it } from "vitest";
import { explain, START_MS, TestLog, verdict } from "./test-log.ts";
import { change, set } from "./writes.ts";

const COUNT = change("one", { inc: { credit: 1 } });
const DEADLINE = { deadlineMs: START_MS + 100 };

describe("a proposal's deadline (I7)", () => {
  it("is by log time, and the instant itself is in time", () => {
    const log = new TestLog();
    log.nowMs = DEADLINE.deadlineMs;
    expect(log.propose(COUNT, DEADLINE)).toBe("committed");
  });

  it("once past leaves nothing: no row, no outcome, only a count", () => {
    const log = new TestLog();
    log.nowMs = DEADLINE.deadlineMs + 1;
    const { outcomes, records, counts } = log.proposeAll([log.proposal(COUNT, DEADLINE)]);
    expect(outcomes).toEqual([]);
    expect(records.size).toBe(0);
    expect(counts).toMatchObject({ expired: 1, proposals: 0, rejected: 0 });
  });

  it("has passed once the log has said so, also for an entry that is stored with an earlier time", () => {
    const log = new TestLog();
    log.nowMs = DEADLINE.deadlineMs + 1;
    log.tick("us");
    log.nowMs = START_MS;
    expect(log.propose(COUNT, DEADLINE)).toBe("expired");
  });

  it("comes before every other reason: the dead are not told why else they would fail", () => {
    const log = new TestLog();
    log.nowMs = DEADLINE.deadlineMs + 1;
    const fences = [{ lease: "job", token: 1 }];
    expect(log.propose(change("one", {}, { version: 1 }), { ...DEADLINE, fences })).toBe("expired");
  });

  it("concerns one proposal of an entry, not the others", () => {
    const log = new TestLog();
    const [early, late] = [log.proposal(COUNT, DEADLINE), log.proposal(COUNT)];
    log.nowMs = DEADLINE.deadlineMs + 1;
    const { outcomes, counts } = log.proposeAll([early, late]);
    expect(outcomes.map(({ id }) => id)).toEqual([late.id]);
    expect(counts).toMatchObject({ expired: 1, proposals: 1 });
    expect(log.shown("one")["credit"]).toBe(1);
  });

  it("leaves another try of the same request its chance, with a later deadline", () => {
    const log = new TestLog();
    const request = log.proposal(COUNT, DEADLINE);
    log.nowMs = DEADLINE.deadlineMs + 1;
    expect(log.propose(COUNT, request)).toBe("expired");
    expect(log.propose(COUNT, { ...request, deadlineMs: log.nowMs })).toBe("committed");
    expect(log.propose(COUNT, request)).toBe("duplicate");
    expect(log.shown("one")["credit"]).toBe(1);
  });

  it("leaves it that chance within the same entry too", () => {
    const log = new TestLog();
    const request = log.proposal(COUNT, DEADLINE);
    log.nowMs = DEADLINE.deadlineMs + 1;
    const { outcomes, counts } = log.proposeAll([request, { ...request, deadlineMs: log.nowMs }]);
    expect(outcomes.map(explain)).toEqual(["committed"]);
    expect(counts).toMatchObject({ expired: 1, proposals: 1, duplicates: 0 });
  });
});

describe("a proposal's id (I4)", () => {
  it("takes effect once, whichever region proposes it again", () => {
    const log = new TestLog();
    const request = log.proposal(COUNT);
    expect(log.propose(COUNT, { ...request, origin: "eu" })).toBe("committed");
    expect(log.propose(COUNT, { ...request, origin: "us" })).toBe("duplicate");
    expect(log.propose(COUNT, { ...request, origin: "eu" })).toBe("duplicate");
    expect(log.shown("one")["credit"]).toBe(1);
  });

  it("takes effect once within one entry", () => {
    const log = new TestLog();
    const request = log.proposal(COUNT);
    const { outcomes, counts } = log.proposeAll([request, request]);
    expect(outcomes.map(explain)).toEqual(["committed"]);
    expect(counts).toMatchObject({ proposals: 1, duplicates: 1 });
  });

  it("that was rejected stays so, although it would be committed by now", () => {
    const log = new TestLog();
    const guarded = change("one", { set: { credit: 1 } }, { version: "*" });
    const request = log.proposal(guarded);
    expect(log.propose(guarded, request)).toBe("precondition");
    log.propose(set("one", { note: "n" }));
    expect(log.propose(guarded, request)).toBe("duplicate");
    expect(log.shown("one")).not.toHaveProperty("credit");
  });

  it("is the same for both ways in", () => {
    const log = new TestLog();
    const write = { key: "one", operators: { inc: { visits: 1 } } } as const;
    const local = log.write("us", write);
    expect(log.propose(change("one", write.operators), { id: local.id })).toBe("duplicate");
    const request = log.proposal(change("one", write.operators));
    expect(log.proposeAll([request]).outcomes).toHaveLength(1);
    expect(log.ship("us", { ...write, id: request.id }).counts.duplicates).toBe(1);
    expect(log.shown("one")["visits"]).toBe(2);
  });

  it("keeps its outcome with the position, the request's hash, the origin and a stamp", () => {
    const log = new TestLog();
    const request = log.proposal(COUNT);
    const [outcome] = log.proposeAll([request], "us").outcomes;
    const { id, tenant, requestHash } = request;
    expect(outcome).toMatchObject({ id, tenant, requestHash, origin: "us", position: log.position });
    expect(outcome?.hlc).toBe(log.store.state.hlc);
  });
});

describe("an entry of proposals", () => {
  it("without any is a barrier: it takes a position and nothing else", () => {
    const log = new TestLog();
    const before = log.store.state;
    const result = log.proposeAll([]);
    expect(result).toMatchObject({ outcomes: [], conflicts: [], counts: { proposals: 0 } });
    expect(log.store.state).toMatchObject({ position: before.position + 1, hlc: before.hlc });
  });

  it("of a region that is no member is counted, and not listened to", () => {
    const log = new TestLog();
    for (const origin of ["mars", "constructor"]) {
      const result = log.proposeAll([log.proposal(COUNT)], origin);
      expect(verdict(result)).toBe("nothing");
      expect(result.counts.strangers).toBe(1);
    }
    expect(log.record("one")).toBeUndefined();
  });

  it("is decided in its own order, each proposal on what the one before has left", () => {
    const log = new TestLog();
    const proposals = [7, 7, -4, 7].map((by) => log.proposal(change("one", { inc: { credit: by } })));
    const { outcomes, counts } = log.proposeAll(proposals);
    expect(outcomes.map(explain)).toEqual(["committed", "bound credit", "committed", "committed"]);
    expect(counts).toMatchObject({ proposals: 4, rejected: 1 });
    expect(log.shown("one")["credit"]).toBe(10);
  });
});
