/** A gateway whose process knows its clock to be off: what stamps decide it refuses, and all else goes on. */
import { describe, expect, it } from "vitest";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import { EMPTY_SESSION } from "../../../services/core/session.ts";
import type { GatewayService } from "../../../services/gateway/gateway-service.ts";
import { Bed, COLLECTION, read, TENANT, write } from "./bed.ts";

const SCHEMA: CollectionSchema = {
  fields: {
    name: { class: "lww", type: "string" },
    labels: { class: "merge", kind: "map" },
    likes: { class: "merge", kind: "counter" },
    credit: { class: "authoritative", type: "integer" },
  },
};

async function skewedBed(): Promise<{
  bed: Bed;
  gateway: GatewayService;
  isOff: (skewMs: number) => void;
}> {
  const bed = new Bed({ regions: ["eu", "us"] });
  await bed.startAll(SCHEMA);
  let skewMs = 0;
  const gateway = bed.first.anotherGateway({
    clockDoubt: () =>
      skewMs === 0
        ? undefined
        : { what: "this process's clock" as const, aheadMs: skewMs, of: "those of most regions" as const },
  });
  return { bed, gateway, isOff: (ms) => (skewMs = ms) };
}

describe("a gateway whose clock is off", () => {
  it("refuses what the later stamp decides, and says which way and by how much", async () => {
    const { bed, gateway, isOff } = await skewedBed();
    for (const [skewMs, way] of [
      [3_600_000, "3600.0 s ahead of"],
      [-900, "0.9 s behind"],
    ] as const) {
      isOff(skewMs);
      for (const [field, body] of [
        ["name", { set: { name: "Ada" } }],
        ["name", { unset: ["name"], inc: { likes: 1 } }],
        ["labels", { put: { labels: { a: 1 } } }],
      ] as const) {
        const refused = await bed.refused(gateway.write(write({ body })));
        expect(refused).toMatchObject({ code: "clock-skew", details: { field, retryAfterMs: 5_000 } });
        expect(refused.message).toContain(`${way} those of most regions, and "${field}"`);
      }
    }
    expect(bed.first.database.walRows(0)).toHaveLength(0);
  });

  it("takes what merges whatever the clocks show, and what the log decides", async () => {
    const { bed, gateway, isOff } = await skewedBed();
    isOff(3_600_000);
    const counted = await bed.run(gateway.write(write({ body: { inc: { likes: 1 } } })));
    const decided = await bed.run(gateway.write(write({ body: { set: { name: "Ada", credit: 3 } } })));
    expect([counted.status, decided.status]).toEqual(["accepted", "committed"]);
    await bed.converge();
    const found = await bed.run(gateway.read(read()));
    expect(found.fields).toEqual({ likes: 1, name: "Ada", credit: 3 });
  });

  it("refuses many writes as a whole where one is of these, so that none overtakes another", async () => {
    const { bed, gateway, isOff } = await skewedBed();
    const lines = [
      { id: "1", key: "a", body: { inc: { likes: 1 } } },
      { id: "2", key: "a", body: { set: { name: "Ada" } } },
    ];
    const request = {
      tenant: TENANT,
      collection: COLLECTION,
      session: EMPTY_SESSION,
      deadlineMs: 5_000,
      lines,
    };
    isOff(-900);
    expect(await bed.refusal(gateway.writeMany(request))).toBe("clock-skew");
    expect(bed.first.database.walRows(0)).toHaveLength(0);
    isOff(0);
    const { lines: done } = await bed.run(gateway.writeMany(request));
    expect(done).toMatchObject([{ status: "accepted" }, { status: "accepted" }]);
  });
});
