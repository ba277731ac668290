/** A process takes on what it can, by class and by tenant, and counts right whatever happens. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Ticket } from "../../../services/gateway/admission/admission.ts";
import { WalPressure } from "../../../services/gateway/admission/wal-pressure.ts";
import type { WalHead } from "../../../services/ports/region-store.ts";
import { checkProperty } from "../property.ts";
import { enter, enterWaiting, isRefusal, makeAdmission, makeParts, MEGABYTE, refusal } from "./admissions.ts";

const CALM = { eventLoopDelayMs: 0, memoryBytes: 0, elapsedMs: 200 };

describe("a process that has all the requests it may have", () => {
  it("refuses writes, then reads, and never a probe", () => {
    const rig = makeAdmission();
    const writes = enter(rig, 400, "write");
    expect(refusal(rig, "write")?.reason).toBe("requests-in-flight");
    expect(refusal(rig, "read")).toBeUndefined();
    enter(rig, 100, "read");
    expect(refusal(rig, "read")?.reason).toBe("requests-in-flight");
    expect(refusal(rig, "vital")).toBeUndefined();
    writes.slice(0, 101).forEach((ticket) => ticket.leave());
    expect(refusal(rig, "write")).toBeUndefined();
  });

  it("counts what waits for the log apart: it is no reason to refuse what the region takes by itself", () => {
    const rig = makeAdmission();
    enterWaiting(rig, 500);
    expect(refusal(rig, "ordered")?.reason).toBe("requests-waiting");
    const writes = enter(rig, 400, "write");
    expect(refusal(rig, "write")?.reason).toBe("requests-in-flight");
    expect(writes[0]!.waits()?.reason).toBe("requests-waiting");
    expect(rig.admission.inFlight).toEqual({ working: 400, waiting: 500 });
  });

  it("refuses what the log decides before the region's own writes, also where nothing else is asked for", () => {
    const rig = makeAdmission();
    const flood = enter(rig, 360, "ordered");
    expect(refusal(rig, "ordered")?.reason).toBe("requests-in-flight");
    expect(refusal(rig, "write")).toBeUndefined();
    expect(flood[0]!.waits()).toBeUndefined();
    expect(refusal(rig, "ordered")).toBeUndefined();
    expect(rig.admission.inFlight).toEqual({ working: 359, waiting: 1 });
  });

  it("lets a tenant that waits for more than its part wait for no more", () => {
    const rig = makeAdmission();
    refusal(rig, "write", "small");
    enterWaiting(rig, 375, "flood");
    const [write] = enter(rig, 1, { kind: "write", tenant: "flood" });
    expect(write!.waits()?.reason).toBe("tenant-share");
    enterWaiting(rig, 125, "small");
  });

  it("moves a write that turns out to wait for the log", () => {
    const rig = makeAdmission();
    const [write] = enter(rig, 400, "write");
    expect(write!.waits()).toBeUndefined();
    expect(refusal(rig, "write")).toBeUndefined();
    expect(rig.admission.inFlight).toEqual({ working: 399, waiting: 1 });
    write!.waits();
    write!.leave();
    write!.leave();
    expect(rig.admission.inFlight).toEqual({ working: 399, waiting: 0 });
  });

  it("says so for a while, with the last reason", () => {
    const rig = makeAdmission({ requestsMax: 5 });
    expect(rig.refusals.status()).toEqual({ state: "open" });
    const [write] = enter(rig, 2, "write");
    refusal(rig, "write");
    expect(rig.refusals.status()).toEqual({ state: "shedding", reason: "requests-in-flight" });
    expect(rig.refused).toEqual([{ reason: "requests-in-flight", class: "write" }]);
    write!.leave();
    rig.nowMs += 5_001;
    expect(rig.refusals.status()).toEqual({ state: "open" });
  });
});

describe("a process that feels bad", () => {
  it("takes on less while its event loop is late, and more again when it is not", () => {
    const rig = makeAdmission({ requestsMax: 10_000 });
    enter(rig, 3_000, "write");
    for (let sample = 0; sample < 3; sample += 1) {
      rig.admission.sampled({ ...CALM, eventLoopDelayMs: 100 });
    }
    expect(refusal(rig, "write")?.reason).toBe("event-loop-delay");
    for (let sample = 0; sample < 100; sample += 1) rig.admission.sampled(CALM);
    expect(refusal(rig, "write")).toBeUndefined();
    expect(rig.sampled.at(-1)!.limit).toBe(4_000);
  });

  it("refuses while memory is short, but for the few that show when it is there again", () => {
    const rig = makeAdmission();
    rig.admission.sampled({ ...CALM, memoryBytes: 95 * MEGABYTE });
    const few = enter(rig, 16, "write");
    expect(refusal(rig, "write")?.reason).toBe("memory");
    expect(refusal(rig, "read")?.reason).toBe("memory");
    expect(refusal(rig, "vital")).toBeUndefined();
    few[0]!.leave();
    expect(refusal(rig, "write")).toBeUndefined();
    enter(rig, 1, "write");
    rig.admission.sampled({ ...CALM, memoryBytes: 80 * MEGABYTE });
    expect(refusal(rig, "write")).toBeUndefined();
  });

  it("sends those away for longer who come when many were refused", () => {
    const rig = makeAdmission({ requestsMax: 250 });
    const writes = enter(rig, 100, "write");
    writes.slice(0, 20).forEach((ticket) => ticket.leave());
    rig.admission.sampled(CALM);
    enter(rig, 20, "write");
    expect(refusal(rig, "write")!.retryAfterMs).toBe(1_515);
    for (let count = 0; count < 400; count += 1) refusal(rig, "write");
    expect(refusal(rig, "write")!.retryAfterMs).toBeGreaterThan(7_000);
  });
});

describe("tenants", () => {
  it("find their share when they come back, however much another one asks", () => {
    const rig = makeAdmission();
    const flood = enter(rig, 400, { kind: "write", tenant: "flood" });
    expect(refusal(rig, "write", "small")?.reason).toBe("requests-in-flight");
    // What gets free the flood would take again at once.
    for (const ticket of flood.slice(0, 10)) {
      ticket.leave();
      expect(refusal(rig, "write", "flood")?.reason).toBe("tenant-share");
    }
    enter(rig, 10, { kind: "write", tenant: "small" });
  });

  it("have their own share taken by what turns out to be theirs, and not that of all who are not known", () => {
    const rig = makeAdmission();
    refusal(rig, "write", "small");
    const cold = enter(rig, 300, { kind: "write", tenant: "$unknown" });
    const known = enter(rig, 10, { kind: "write", tenant: "small" });
    // The process is crowded: a third of its limit of 400 is what one of three has, and no more.
    const reasons = cold.slice(0, 200).map((ticket) => ticket.belongsTo("flood", "write")?.reason);
    expect(reasons.filter((reason) => reason === undefined)).toHaveLength(134);
    expect(reasons.at(-1)).toBe("tenant-share");
    expect(refusal(rig, "write", "flood")?.reason).toBe("tenant-share");
    expect(cold[201]!.belongsTo("small", "write")).toBeUndefined();
    expect(rig.admission.inFlight).toEqual({ working: 310, waiting: 0 });
    for (const ticket of known) ticket.leave();
    for (const ticket of cold) ticket.leave();
    expect(rig.admission.inFlight).toEqual({ working: 0, waiting: 0 });
    expect(refusal(rig, "write", "flood")).toBeUndefined();
  });

  it("have all of it for themselves once the others have been silent for long", () => {
    const rig = makeAdmission();
    refusal(rig, "write", "small");
    enter(rig, 300, { kind: "write", tenant: "flood" });
    expect(refusal(rig, "write", "flood")?.reason).toBe("tenant-share");
    for (let sample = 0; sample < 51; sample += 1) rig.admission.sampled(CALM);
    expect(refusal(rig, "write", "flood")).toBeUndefined();
  });

  it("all get their share under a flood of one of them", () => {
    checkProperty(
      fc.property(fc.integer({ min: 2, max: 20 }), fc.nat(2 ** 31), (tenants, seed) => {
        const rig = makeAdmission();
        const share = Math.floor(400 / tenants);
        const names = Array.from({ length: tenants }, (_, index) => `t${index}`);
        const held = new Map<string, Ticket[]>(names.map((name) => [name, []]));
        names.forEach((name) => refusal(rig, "write", name));
        let state = seed;
        // The first asks 9 times out of 10; of all that are held, a random one leaves at each step.
        for (let step = 0; step < 6_000; step += 1) {
          state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
          const name = state % 10 < 9 ? names[0]! : names[(state >>> 8) % tenants]!;
          const entered = rig.admission.enter("write", name);
          if (!isRefusal(entered)) held.get(name)!.push(entered);
          else if (name !== names[0]) expect(held.get(name)!.length).toBeGreaterThanOrEqual(share);
          if (step > 300)
            held
              .get(names[(state >>> 16) % tenants]!)!
              .pop()
              ?.leave();
        }
      }),
      { runs: 20 },
    );
  });

  it("are only so many that are told apart", () => {
    const rig = makeAdmission({ requestsMax: 100_000 });
    for (let index = 0; index < 20_000; index += 1) refusal(rig, "write", `t${index}`);
    enter(rig, 100, { kind: "write", tenant: "late" });
    expect(rig.admission.inFlight.working).toBe(100);
  });
});

describe("what is counted", () => {
  it("comes back to nothing, and never exceeds its bounds", () => {
    const anyStep = fc.record({
      kind: fc.constantFrom("read", "write", "ordered", "wait", "leave", "sample"),
      tenant: fc.constantFrom("a", "b", "c"),
      pick: fc.nat(),
      delayMs: fc.nat(200),
    });
    checkProperty(
      fc.property(fc.array(anyStep, { maxLength: 400 }), (steps) => {
        const rig = makeAdmission({ requestsMax: 50 });
        const held: Ticket[] = [];
        for (const { kind, tenant, pick, delayMs } of steps) {
          if (kind === "sample") rig.admission.sampled({ ...CALM, eventLoopDelayMs: delayMs });
          else if (kind === "wait") held[pick % held.length]?.waits();
          else if (kind === "leave") held[pick % held.length]?.leave();
          else {
            const entered = rig.admission.enter(kind, tenant);
            if (!isRefusal(entered)) held.push(entered);
          }
          const { working, waiting } = rig.admission.inFlight;
          expect(working).toBeLessThanOrEqual(25);
          expect(waiting).toBeLessThanOrEqual(25);
        }
        for (const ticket of held) ticket.leave();
        expect(rig.admission.inFlight).toEqual({ working: 0, waiting: 0 });
      }),
    );
  });
});

function makeWal(limits: { rowsMax?: number; bytesMax?: number; ageMsMax?: number }) {
  const rig = { refused: [], sampled: [], nowMs: 0 };
  const parts = makeParts(rig);
  const all = { rowsMax: 1_000, bytesMax: 1e9, ageMsMax: 3_600_000, ...limits };
  const pressure = new WalPressure({ ...parts, partitions: 2, limits: all });
  const observed = (head: Partial<WalHead>) =>
    pressure.observed(0, {
      sequence: 0,
      hlc: "0" as never,
      pendingRows: 0,
      pendingBytes: 0,
      oldestPendingAtMs: undefined,
      nowMs: rig.nowMs,
      ...head,
    });
  const look = (head: Partial<WalHead>) => {
    pressure.asked(0);
    observed(head);
  };
  return { rig, pressure, look, observed };
}

describe("the WAL's pressure", () => {
  it("counts what was appended since the last look, and what is on its way, by partition", () => {
    const { pressure, look } = makeWal({ rowsMax: 10 });
    look({ sequence: 5, pendingRows: 5 });
    for (let row = 0; row < 4; row += 1) expect(pressure.begin(0, "write", 1)).toBeUndefined();
    pressure.ended(0, 1, true);
    expect(pressure.begin(0, "write", 1)?.reason).toBe("wal-rows");
    expect(pressure.begin(1, "write", 1)).toBeUndefined();
    pressure.ended(0, 1, false);
    expect(pressure.begin(0, "write", 1)).toBeUndefined();
    look({ sequence: 6, pendingRows: 0 });
    expect(pressure.begin(0, "chore", 1)).toBeUndefined();
  });

  it("refuses chores first", () => {
    const { pressure, look } = makeWal({ rowsMax: 10 });
    look({ sequence: 8, pendingRows: 8 });
    expect(pressure.begin(0, "chore", 1)?.reason).toBe("wal-rows");
    expect(pressure.begin(0, "write", 1)).toBeUndefined();
  });

  it("knows how old the oldest row is also while the database can't be looked at", () => {
    const { rig, pressure, look } = makeWal({ ageMsMax: 10_000 });
    look({ pendingRows: 1, sequence: 1, oldestPendingAtMs: -5_000 });
    expect(pressure.begin(0, "write", 1)).toBeUndefined();
    rig.nowMs += 4_000;
    expect(pressure.begin(0, "write", 1)?.reason).toBe("wal-age");
  });

  it("says when to come back by how fast it drains", () => {
    const { rig, pressure, look } = makeWal({ rowsMax: 10_000 });
    look({ sequence: 9_500, pendingRows: 9_500 });
    expect(pressure.begin(0, "write", 1)!.retryAfterMs).toBe(7_500);
    for (let second = 1; second <= 20; second += 1) {
      rig.nowMs += 1_000;
      look({ sequence: 9_500 + second * 100, pendingRows: 9_500 });
    }
    const { retryAfterMs } = pressure.begin(0, "write", 1)!;
    expect(retryAfterMs / (15 * 1_500)).toBeCloseTo(1, 2);
  });

  it("counts what was appended while a look was on its way until the next", () => {
    const { pressure, look, observed } = makeWal({ rowsMax: 10 });
    const append = () => {
      const refusal = pressure.begin(0, "write", 1);
      if (refusal === undefined) pressure.ended(0, 1, true);
      return refusal?.reason;
    };
    look({ sequence: 7, pendingRows: 7 });
    pressure.asked(0);
    expect([append(), append()]).toEqual([undefined, undefined]);
    // The database had looked before the two were there.
    observed({ sequence: 7, pendingRows: 7 });
    expect(append()).toBe("wal-rows");
    look({ sequence: 9, pendingRows: 8 });
    expect([append(), append()]).toEqual([undefined, "wal-rows"]);
  });

  it("forgets nothing that was appended before a look which failed", () => {
    const { pressure, look, observed } = makeWal({ rowsMax: 10 });
    look({ sequence: 8, pendingRows: 8 });
    expect(pressure.begin(0, "write", 1)).toBeUndefined();
    pressure.ended(0, 1, true);
    pressure.asked(0);
    expect(pressure.begin(0, "write", 1)?.reason).toBe("wal-rows");
    pressure.asked(0);
    expect(pressure.begin(0, "write", 1)?.reason).toBe("wal-rows");
    observed({ sequence: 9, pendingRows: 8 });
    expect(pressure.begin(0, "write", 1)).toBeUndefined();
  });

  it("lets no process alone fill the WAL beyond nine tenths, whenever the database is looked at", () => {
    // Folded seldom, and then much, so that it fills up again and again.
    const appends = ["begin", "begin", "begin", "begin", "commit", "commit", "commit", "commit", "fail"];
    const looks = ["ask", "ask", "snapshot", "snapshot", "answer", "answer"];
    const anyStep = fc.constantFrom(...appends, ...looks, "fold");
    checkProperty(
      fc.property(
        fc.integer({ min: 2, max: 30 }),
        fc.array(anyStep, { minLength: 100, maxLength: 300 }),
        (rowsMax, steps) => {
          const { pressure, observed } = makeWal({ rowsMax });
          const taken = Math.max(1, Math.floor(rowsMax * 0.9));
          let [appending, sequence, folded] = [0, 0, 0];
          // One look at a time: asked for, taken by the database, and heard of, each at a time of its own.
          let [isAsked, snapshot]: [boolean, Partial<WalHead> | undefined] = [false, undefined];
          for (const step of steps) {
            if (step === "begin") appending += pressure.begin(0, "write", 1) === undefined ? 1 : 0;
            else if (step === "ask") {
              if (isAsked) continue;
              pressure.asked(0);
              [isAsked, snapshot] = [true, undefined];
            } else if (step === "snapshot") {
              if (isAsked) snapshot ??= { sequence, pendingRows: sequence - folded };
            } else if (step === "answer") {
              if (snapshot === undefined) continue;
              observed(snapshot);
              [isAsked, snapshot] = [false, undefined];
            } else if (step === "fold") folded = Math.min(sequence, folded + 10);
            else if (appending > 0) {
              appending -= 1;
              if (step === "commit") sequence += 1;
              pressure.ended(0, 1, step === "commit");
            }
            expect(sequence - folded + appending).toBeLessThanOrEqual(taken);
          }
        },
      ),
    );
  });
});
