/**
 * Publishes of which nobody knows what became: the client is told just that, and until when it is open. Afterwards it is
 * one or the other, for good (I7).
 */
import { describe, expect, it } from "vitest";
import { idempotentOperationId } from "../../../services/core/operation-id.ts";
import type { OperationReport } from "../../../services/gateway/gateway.ts";
import { FoldFeed } from "../../../services/runtime/fold-feed.ts";
import { overriding, read, TENANT, wallClock, write, type Bed, type RegionBed } from "./bed.ts";
import {
  credit,
  ending,
  fated,
  orderedBed,
  pay,
  standStill,
  transaction,
  twoOrderedRegions,
  type FatedLog,
} from "./ordered.ts";

/** An operation whose outcome is unknown to the client that sent it. */
async function lostWrite(bed: Bed, region: RegionBed, deadlineMs = 1_500) {
  const { gateway, log } = fated(region);
  log.fate = "lost";
  const error = await bed.refused(gateway.write(credit(1, { deadlineMs })));
  expect(error.code).toBe("outcome-unknown");
  const { operation: id, expiresAtMs } = error.details;
  return { log, error, id: id!, expiresAtMs: expiresAtMs! };
}

function statusIn(bed: Bed, region: RegionBed, operation: { id: string; expiresAtMs?: number }) {
  const { id, expiresAtMs } = operation;
  return bed.run(region.gateway.operation({ tenant: TENANT, id, expiresAtMs })).then(({ status }) => status);
}

/** What was lost has only been late. */
function landLate(bed: Bed, log: FatedLog): void {
  for (const { partition, data } of log.lost) bed.servers.store(partition, data);
}

describe("a publish that is not acknowledged", () => {
  it("is committed, if the region folds it: the log's word counts, not the acknowledgement's", async () => {
    const bed = await orderedBed();
    const { gateway, log } = fated(bed.first);
    log.fate = "taken";
    expect(await bed.run(gateway.write(pay()))).toMatchObject({ status: "committed", isReplayed: false });
    await bed.pass(500);
    expect(await bed.refusal(gateway.write(credit(-1)))).toBe("out-of-bounds");
  });

  it("is not refused when it times out before the client's deadline: it may land yet", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const { gateway, log } = fated(eu);
    log.fate = "lost";
    const writing = ending(gateway.write(pay({ deadlineMs: 12_000 })));
    await bed.pass(8_000);
    landLate(bed, log);
    expect(await bed.run(writing)).toMatchObject({ status: "committed" });
    await bed.pass(100);
    for (const region of [eu, us]) {
      expect((await bed.run(region.gateway.read(read()))).fields).toEqual({ status: "paid" });
    }
  });

  it("is unknown at the deadline, with the operation and the time after which it is dead", async () => {
    const bed = await orderedBed();
    const startedAtMs = wallClock(bed);
    const { error, expiresAtMs } = await lostWrite(bed, bed.first);
    expect(error.details.retryAfterMs).toBeGreaterThan(0);
    expect(error.details).not.toHaveProperty("position");
    expect(expiresAtMs).toBeGreaterThanOrEqual(startedAtMs + 1_500);
    expect(expiresAtMs).toBeLessThanOrEqual(startedAtMs + 1_600);
    expect(wallClock(bed)).toBeLessThanOrEqual(expiresAtMs + 100);
  });

  it("of a transaction is unknown as a whole", async () => {
    const bed = await orderedBed();
    const { gateway, log } = fated(bed.first);
    log.fate = "lost";
    const writes = ["ada", "grace"].map((key) => ({ key, inc: { credit: 1 } }));
    const error = await bed.refused(gateway.transact(transaction(writes, { deadlineMs: 6_500 })));
    expect(error.code).toBe("outcome-unknown");
    await bed.pass(2_000);
    const { operation: id, expiresAtMs } = error.details;
    expect(await statusIn(bed, bed.first, { id: id!, expiresAtMs: expiresAtMs! })).toBe("expired");
    landLate(bed, log);
    await bed.pass(500);
    for (const key of ["ada", "grace"]) {
      expect(await bed.refusal(bed.first.gateway.read(read({ key })))).toBe("record-not-found");
    }
  });
});

describe("an operation that was unknown", () => {
  it("is undecided until log time has passed its deadline, then expired, in every region", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const operation = await lostWrite(bed, eu);
    const seen: OperationReport["status"][] = [];
    for (const region of [eu, us]) {
      const { logTimeMs } = region.database.readPositions(0);
      const expected = logTimeMs > operation.expiresAtMs ? "expired" : "undecided";
      expect(await statusIn(bed, region, operation)).toBe(expected);
      seen.push(expected);
    }
    expect(seen).toContain("undecided");
    await bed.pass(2_500);
    for (const region of [eu, us]) expect(await statusIn(bed, region, operation)).toBe("expired");
  });

  it("and is told expired has no effect, however late it lands, and stays expired", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const operation = await lostWrite(bed, eu);
    await bed.pass(3_000);
    expect(await statusIn(bed, us, operation)).toBe("expired");
    landLate(bed, operation.log);
    await bed.pass(3_000);
    for (const region of [eu, us]) {
      expect(await statusIn(bed, region, operation)).toBe("expired");
      expect(await bed.refusal(region.gateway.read(read()))).toBe("record-not-found");
    }
  });

  it("and lands in time is committed, and every region tells so", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await standStill(bed, eu);
    const { gateway, log } = fated(eu);
    log.fate = "taken";
    const error = await bed.refused(gateway.write(credit(1, { deadlineMs: 1_000 })));
    expect(error.code).toBe("outcome-unknown");
    const operation = { id: error.details.operation!, expiresAtMs: error.details.expiresAtMs! };
    expect(await statusIn(bed, us, operation)).toBe("committed");
    // This region knows neither the operation nor how late it is.
    expect(await statusIn(bed, eu, operation)).toBe("undecided");
    eu.startApplier();
    await bed.pass(2_000);
    for (const region of [eu, us]) {
      expect(await statusIn(bed, region, operation)).toBe("committed");
      expect((await bed.run(region.gateway.read(read()))).fields["credit"]).toBe(1);
    }
  });

  it("and was rejected is told as that", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await standStill(bed, eu);
    const error = await bed.refused(eu.gateway.write(credit(-1, { deadlineMs: 1_000 })));
    expect(error.code).toBe("outcome-unknown");
    const operation = { id: error.details.operation!, expiresAtMs: error.details.expiresAtMs! };
    eu.startApplier();
    await bed.pass(2_000);
    for (const region of [eu, us]) expect(await statusIn(bed, region, operation)).toBe("rejected");
  });

  it("is called dead only by a region whose log time has passed the deadline in all partitions", async () => {
    const bed = await orderedBed({ partitions: 4 });
    const { id, expiresAtMs } = await lostWrite(bed, bed.first);
    await bed.pass(3_000);
    const { store } = bed.first.options;
    const behind = overriding(store, {
      readOutcomes: async (options) => {
        const folded = await store.readOutcomes(options);
        return options.partition === 3 ? { ...folded, logTimeMs: expiresAtMs } : folded;
      },
    });
    const gateway = bed.first.anotherGateway({ store: behind });
    expect((await bed.run(gateway.operation({ tenant: TENANT, id, expiresAtMs }))).status).toBe("undecided");
    expect(await statusIn(bed, bed.first, { id, expiresAtMs })).toBe("expired");
  });

  it("is not told of at all where nobody says until when it was open, or once what took effect then is forgotten", async () => {
    const bed = await orderedBed();
    const { id, expiresAtMs } = await lostWrite(bed, bed.first);
    await bed.pass(3_000);
    const { gateway, options } = bed.first;
    expect(await bed.refusal(gateway.operation({ tenant: TENANT, id }))).toBe("operation-not-found");
    const { store } = options;
    const forgetful = overriding(store, {
      readOutcomes: async (asked) => ({ ...(await store.readOutcomes(asked)), forgottenTimeMs: expiresAtMs }),
    });
    const later = bed.first.anotherGateway({ store: forgetful });
    const old = later.operation({ tenant: TENANT, id, expiresAtMs });
    expect(await bed.refusal(old)).toBe("operation-not-found");
  });

  it("of another tenant is as unknown as one that never was, also with a time (I14)", async () => {
    const bed = await orderedBed();
    const { operation: theirs } = await bed.run(bed.first.gateway.write(pay()));
    const { operation: buffered } = await bed.run(bed.first.gateway.write(write({ key: "grace" })));
    await bed.pass(3_000);
    const ask = (id: string, expiresAtMs: number) =>
      bed.run(bed.first.gateway.operation({ tenant: "other", id, expiresAtMs }));
    for (const expiresAtMs of [wallClock(bed) - 2_500, wallClock(bed) + 60_000]) {
      const absent = await ask(idempotentOperationId("a", "b"), expiresAtMs);
      for (const id of [theirs, buffered]) {
        expect(await ask(id, expiresAtMs)).toEqual({ ...absent, operation: id });
      }
    }
  });
});

describe("a gateway whose clock is behind the log's", () => {
  it("tells an operation dead that the log has ordered too late, and gives the next one its time", async () => {
    const bed = await orderedBed();
    const { clock } = bed.first.options;
    const late = overriding(clock, { nowMs: () => clock.nowMs() - 10_000 });
    const gateway = bed.first.anotherGateway({ clock: late, folded: new FoldFeed() });
    const error = await bed.refused(gateway.write(credit(1)));
    expect(error.code).toBe("expired");
    const { operation: id, expiresAtMs } = error.details;
    expect(expiresAtMs).toBeLessThan(wallClock(bed));
    expect(await bed.run(gateway.write(credit(1)))).toMatchObject({ status: "committed" });
    await bed.pass(2_000);
    expect(await statusIn(bed, bed.first, { id: id!, expiresAtMs: expiresAtMs! })).toBe("expired");
    expect((await bed.run(gateway.read(read()))).fields["credit"]).toBe(1);
  });
});
