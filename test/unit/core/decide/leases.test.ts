import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkProperty } from "../../property.ts";
import { explain, START_MS, TestLog } from "./test-log.ts";
import { acquire, release, renew, set } from "./writes.ts";

const TTL_MS = 1_000;

function held(): { log: TestLog; token: number } {
  const log = new TestLog();
  log.propose(acquire("job", "ada", TTL_MS));
  return { log, token: log.position };
}

describe("acquiring a lease", () => {
  it("gives the log position as its token, and the time by the log until which it holds", () => {
    const { log, token } = held();
    expect(log.lease("job")).toEqual({ holder: "ada", token, expiresAtMs: START_MS + TTL_MS });
    expect(log.store.outcomes.at(-1)).toMatchObject({
      status: "committed",
      results: [{ token, expiresAtMs: START_MS + TTL_MS }],
    });
  });

  it("is refused while another holds it, to the very instant of expiry", () => {
    const { log, token } = held();
    expect(log.propose(acquire("job", "bob", TTL_MS))).toBe("lease-held");
    log.nowMs = START_MS + TTL_MS;
    expect(log.propose(acquire("job", "bob", TTL_MS))).toBe("lease-held");
    expect(log.lease("job")).toEqual({ holder: "ada", token, expiresAtMs: START_MS + TTL_MS });
    log.nowMs += 1;
    expect(log.propose(acquire("job", "bob", TTL_MS))).toBe("committed");
    expect(log.lease("job")).toMatchObject({ holder: "bob", token: log.position });
  });

  it("by its holder gives a higher token, and counts its time anew", () => {
    const { log, token } = held();
    log.nowMs += 400;
    expect(log.propose(acquire("job", "ada", TTL_MS))).toBe("committed");
    expect(log.lease("job")).toEqual({ holder: "ada", token: log.position, expiresAtMs: log.nowMs + TTL_MS });
    expect(log.position).toBeGreaterThan(token);
  });

  it("by its holder twice in one entry gives two tokens: one of the two has to be fenced off", () => {
    const log = new TestLog();
    const both = [acquire("job", "ada", TTL_MS), acquire("job", "ada", TTL_MS)].map((write) =>
      log.proposal(write),
    );
    const { outcomes } = log.proposeAll(both);
    const [first, second] = outcomes.map(({ results }) => (results![0] as { token: number }).token);
    expect(second).toBeGreaterThan(first!);
    expect(log.propose(set("one", { note: 1 }), { fences: [{ lease: "job", token: first! }] })).toBe("fence");
    log.nowMs += TTL_MS + 1;
    log.propose(acquire("job", "bob", TTL_MS));
    expect(log.lease("job")!.token).toBeGreaterThan(second!);
  });

  it("of two holders in one entry gives it to the first", () => {
    const log = new TestLog();
    const both = ["ada", "bob"].map((holder) => log.proposal(acquire("job", holder, TTL_MS)));
    expect(log.proposeAll(both).outcomes.map(explain)).toEqual(["committed", "lease-held"]);
    expect(log.lease("job")?.holder).toBe("ada");
  });

  it("keeps names and tenants apart", () => {
    const { log } = held();
    expect(log.propose(acquire("constructor", "bob", TTL_MS))).toBe("committed");
    expect(log.propose(acquire("job", "bob", TTL_MS), { tenant: "other" })).toBe("committed");
    expect(log.lease("job")?.holder).toBe("ada");
  });
});

describe("renewing a lease", () => {
  it("keeps holder and token, and counts from the log time of the renewal", () => {
    const { log, token } = held();
    log.nowMs = START_MS + TTL_MS;
    expect(log.propose(renew("job", token, 50))).toBe("committed");
    expect(log.lease("job")).toEqual({ holder: "ada", token, expiresAtMs: START_MS + TTL_MS + 50 });
    expect(log.store.outcomes.at(-1)?.results).toEqual([{ token, expiresAtMs: START_MS + TTL_MS + 50 }]);
  });

  it("comes too late after expiry, although nobody else has it", () => {
    const { log, token } = held();
    log.nowMs = START_MS + TTL_MS + 1;
    expect(log.propose(renew("job", token, TTL_MS))).toBe("lease-lost");
    expect(log.lease("job")?.expiresAtMs).toBe(START_MS + TTL_MS);
  });

  it("is refused with another token, for a released lease, and for one that there never was", () => {
    const { log, token } = held();
    expect(log.propose(renew("job", token - 1, TTL_MS))).toBe("lease-lost");
    expect(log.propose(renew("other", token, TTL_MS))).toBe("lease-lost");
    log.propose(release("job", token));
    expect(log.propose(renew("job", token, TTL_MS))).toBe("lease-lost");
  });

  it("is refused with the token from before the same holder acquired it again", () => {
    const { log, token } = held();
    log.propose(acquire("job", "ada", TTL_MS));
    expect(log.propose(renew("job", token, TTL_MS))).toBe("lease-lost");
  });
});

describe("releasing a lease", () => {
  it("frees it at once for others, and says nothing more", () => {
    const { log, token } = held();
    expect(log.propose(release("job", token))).toBe("committed");
    expect(log.store.outcomes.at(-1)).not.toHaveProperty("results");
    expect(log.lease("job")).toMatchObject({ holder: null, token });
    expect(log.propose(acquire("job", "bob", TTL_MS))).toBe("committed");
    expect(log.lease("job")!.token).toBeGreaterThan(token);
  });

  it("is refused a second time, with another token, and after expiry", () => {
    const { log, token } = held();
    expect(log.propose(release("job", token + 1))).toBe("lease-lost");
    log.propose(release("job", token));
    expect(log.propose(release("job", token))).toBe("lease-lost");
    log.propose(acquire("job", "bob", TTL_MS));
    const second = log.lease("job")!.token;
    expect(log.propose(release("job", token))).toBe("lease-lost");
    log.nowMs += TTL_MS + 1;
    expect(log.propose(release("job", second))).toBe("lease-lost");
  });

  it("with a guessed token in the entry of the grant gives the next holder a higher one all the same", () => {
    const log = new TestLog();
    const token = log.position + 1;
    const writes = [acquire("job", "ada", TTL_MS), release("job", token), acquire("job", "bob", TTL_MS)];
    log.proposeAll(writes.map((write) => log.proposal(write)));
    expect(log.lease("job")?.holder).toBe("bob");
    expect(log.lease("job")!.token).toBeGreaterThan(token);
  });
});

describe("a lease", () => {
  it("and records are changed together, or neither", () => {
    const { log } = held();
    const token = log.position + 1;
    expect(log.propose([acquire("second", "ada", TTL_MS), set("one", { credit: 11 })])).toBe(
      "bound #1 credit",
    );
    expect(log.lease("second")).toBeUndefined();
    expect(log.propose([set("one", { credit: 1 }), acquire("job", "bob", TTL_MS)])).toBe("lease-held #1");
    expect(log.record("one")).toBeUndefined();
    expect(log.propose([set("one", { credit: 1 }), acquire("second", "ada", TTL_MS)])).toBe("committed");
    expect(log.store.outcomes.at(-1)?.results).toEqual([
      null,
      { token: token + 2, expiresAtMs: START_MS + TTL_MS },
    ]);
  });

  it("has one holder at a time and tokens that only rise, whoever asks and when", () => {
    const step = fc.record({
      holder: fc.constantFrom("ada", "bob", "eve"),
      what: fc.constantFrom("acquire", "acquire", "renew", "release"),
      waitMs: fc.constantFrom(0, 0, 1, 400, 1_001),
      isOld: fc.boolean(),
    });
    checkProperty(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const log = new TestLog();
        let highest = 0;
        for (const { holder, what, waitMs, isOld } of steps) {
          log.nowMs += waitMs;
          const before = log.lease("job");
          const isFree = before === undefined || before.holder === null || log.nowMs > before.expiresAtMs;
          const token = (before?.token ?? 1) - (isOld ? 1 : 0);
          if (what !== "acquire") {
            const said = log.propose(what === "renew" ? renew("job", token, TTL_MS) : release("job", token));
            expect(said).toBe(isFree || isOld ? "lease-lost" : "committed");
            continue;
          }
          const said = log.propose(acquire("job", holder, TTL_MS));
          expect(said).toBe(isFree || before.holder === holder ? "committed" : "lease-held");
          if (said !== "committed") continue;
          expect(log.lease("job")!.token).toBeGreaterThan(highest);
          highest = log.lease("job")!.token;
        }
      }),
      { runs: 100 },
    );
  });
});
