/** Writes of a gateway that is under pressure: its WAL nearly full, or too many waiting for the log. */
import { describe, expect, it } from "vitest";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import { Refusals, type Refusal } from "../../../services/gateway/admission/refusals.ts";
import { WalPressure } from "../../../services/gateway/admission/wal-pressure.ts";
import { makeParts } from "./admissions.ts";
import { Bed, read, write } from "./bed.ts";

const WITH_CREDIT: CollectionSchema = {
  fields: { name: { class: "lww" }, credit: { class: "authoritative", type: "integer" } },
};
const TOO_MANY: Refusal = { reason: "requests-waiting", retryAfterMs: 1_500 };

async function startedBed(): Promise<Bed> {
  const bed = new Bed();
  await bed.startAll(WITH_CREDIT);
  return bed;
}

describe("a WAL that is nearly full", () => {
  it("takes no more writes, says why and when to come back, and tells the status", async () => {
    const bed = await startedBed();
    bed.first.stopRoles();
    await bed.pass(5_000);
    const head = bed.first.database.walHead(0);
    const parts = makeParts({ refused: [], sampled: [], nowMs: 0 });
    const { clock } = bed.first.options;
    const refusals = new Refusals(clock);
    const limits = { rowsMax: 10, bytesMax: 1e9, ageMsMax: 1e9 };
    const walPressure = new WalPressure({ ...parts, clock, refusals, partitions: 1, limits });
    walPressure.asked(0);
    walPressure.observed(0, head);
    const gateway = bed.first.anotherGateway({ walPressure, refusals });
    for (let row = 0; row < 9 - head.pendingRows; row += 1) await bed.run(gateway.write(write()));
    const { code, details } = await bed.refused(gateway.write(write()));
    expect({ code, ...details }).toEqual({ code: "wal-full", reason: "wal-rows", retryAfterMs: 7_500 });
    expect(bed.first.database.walHead(0).pendingRows).toBe(9);
    expect((await bed.run(gateway.status())).admission).toEqual({ state: "shedding", reason: "wal-rows" });
  });
});

describe("a write that would have to wait for the log, as too many do", () => {
  it("is refused where the log is to decide, and leaves no trace", async () => {
    const bed = await startedBed();
    const body = { set: { credit: 1 } };
    const { gateway } = bed.first;
    const { code, details } = await bed.refused(gateway.write(write({ body, onWait: () => TOO_MANY })));
    expect({ code, ...details }).toEqual({ code: "overloaded", ...TOO_MANY });
    await bed.pass(3_000);
    expect((await bed.refused(gateway.read(read()))).code).toBe("record-not-found");
    const decided = await bed.run(gateway.write(write({ body, onWait: () => undefined })));
    expect(decided.status).toBe("committed");
  });

  it("is accepted and not waited for where the region takes it", async () => {
    const bed = await startedBed();
    let asked = 0;
    const onWait = () => {
      asked += 1;
      return TOO_MANY;
    };
    const result = await bed.run(bed.first.gateway.write(write({ waitCommitted: true, onWait })));
    expect([result.status, asked]).toEqual(["accepted", 1]);
    const waited = await bed.run(bed.first.gateway.write(write({ waitCommitted: true })));
    expect(waited.status).toBe("committed");
    await bed.run(bed.first.gateway.write(write({ onWait })));
    expect(asked).toBe(1);
  });
});
