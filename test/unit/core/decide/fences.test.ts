import { describe, expect, it } from "vitest";
import { START_MS, TestLog } from "./test-log.ts";
import { acquire, change, release, renew, set } from "./writes.ts";

const TTL_MS = 1_000;

/** "ada" holds the lease "job" since START_MS, with the token that is given. */
function held(): { log: TestLog; token: number } {
  const log = new TestLog();
  log.propose(acquire("job", "ada", TTL_MS));
  return { log, token: log.position };
}

const fenced = (log: TestLog, token: number, lease = "job"): string =>
  log.propose(set("one", { note: token }), { fences: [{ lease, token }] });

describe("a fence", () => {
  it("lets the holder of the lease write", () => {
    const { log, token } = held();
    expect(fenced(log, token)).toBe("committed");
    expect(log.shown("one")["note"]).toBe(token);
  });

  it("refuses where there is no such lease", () => {
    const { log, token } = held();
    expect(fenced(log, token, "other")).toBe("fence");
    expect(fenced(log, token, "constructor")).toBe("fence");
    expect(log.record("one")).toBeUndefined();
  });

  it("does not see another tenant's lease", () => {
    const { log, token } = held();
    const fences = [{ lease: "job", token }];
    expect(log.propose(set("one", { note: 1 }), { fences, tenant: "other" })).toBe("fence");
  });

  it("refuses a token that was never granted", () => {
    const { log, token } = held();
    expect(fenced(log, token - 1)).toBe("fence");
    expect(fenced(log, token + 1)).toBe("fence");
  });

  it("refuses the token from before the lease passed on, also while the lease is held", () => {
    const { log, token } = held();
    log.nowMs += TTL_MS + 1;
    log.propose(acquire("job", "bob", TTL_MS));
    expect(fenced(log, token)).toBe("fence");
    expect(fenced(log, log.lease("job")!.token)).toBe("committed");
  });

  it("refuses the token from before the same holder acquired it again", () => {
    const { log, token } = held();
    log.propose(acquire("job", "ada", TTL_MS));
    expect(fenced(log, token)).toBe("fence");
    expect(fenced(log, log.lease("job")!.token)).toBe("committed");
  });

  it("holds up to the instant of expiry by log time, and not beyond", () => {
    const { log, token } = held();
    log.nowMs = START_MS + TTL_MS;
    expect(fenced(log, token)).toBe("committed");
    log.nowMs += 1;
    expect(fenced(log, token)).toBe("fence");
    expect(log.store.outcomes.at(-1)!.rejection!.message).toContain("has run out");
  });

  it("does not come back when an entry is stored with an earlier time", () => {
    const { log, token } = held();
    log.nowMs = START_MS + TTL_MS + 1;
    log.tick("us");
    log.nowMs = START_MS;
    expect(fenced(log, token)).toBe("fence");
  });

  it("goes on with the same token once the lease is renewed", () => {
    const { log, token } = held();
    log.nowMs = START_MS + TTL_MS;
    log.propose(renew("job", token, TTL_MS));
    log.nowMs = START_MS + TTL_MS + TTL_MS;
    expect(fenced(log, token)).toBe("committed");
  });

  it("ends with the lease's release", () => {
    const { log, token } = held();
    log.propose(release("job", token));
    expect(fenced(log, token)).toBe("fence");
    expect(log.store.outcomes.at(-1)!.rejection!.message).toContain("was released");
  });

  it("is one of several that all have to hold", () => {
    const { log, token } = held();
    log.propose(acquire("second", "bob", TTL_MS));
    const both = (second: number) => ({
      fences: [
        { lease: "job", token },
        { lease: "second", token: second },
      ],
    });
    expect(log.propose(set("one", { note: 1 }), both(token))).toBe("fence");
    expect(log.propose(set("one", { note: 1 }), both(token + 1))).toBe("committed");
  });

  it("refuses the whole transaction, before anything else is looked at, and so names no write", () => {
    const { log, token } = held();
    const writes = [set("one", { note: 1 }), change("two", { set: { note: 1 } }, { version: "*" })];
    expect(log.propose(writes, { fences: [{ lease: "job", token: token + 9 }] })).toBe("fence");
    expect(log.propose(writes, { fences: [{ lease: "job", token }] })).toBe("precondition #1");
    expect(log.record("one")).toBeUndefined();
  });

  it("is read before the lease that the same proposal acquires", () => {
    const log = new TestLog();
    const token = log.position + 1;
    expect(log.propose(acquire("job", "ada", TTL_MS), { fences: [{ lease: "job", token }] })).toBe("fence");
    expect(log.lease("job")).toBeUndefined();
  });
});
