/** A client that was not answered goes to another region, while the first try is still on its way there. */
import { describe, expect, it } from "vitest";
import { Applier } from "../../../services/applier/applier.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import { holdRole } from "../../../services/runtime/hold-role.ts";
import { silentMetrics } from "../../simulation/metrics.ts";
import { Bed, read, TENANT, write, type RegionBed } from "./bed.ts";

const SCHEMA: CollectionSchema = {
  fields: {
    name: { class: "lww", type: "string" },
    likes: { class: "merge", kind: "counter" },
    settings: { class: "merge", kind: "map" },
    tags: { class: "merge", kind: "set" },
    choice: { class: "merge", kind: "register" },
  },
};

async function started(regions: string[]) {
  const bed = new Bed({ regions });
  await bed.startAll(SCHEMA);
  return { bed, regions: bed.regions };
}

describe("a retry in another region", () => {
  it("a write retried in a second region is shown once", async () => {
    const { bed, regions } = await started(["eu", "us"]);
    const [eu, us] = regions as [RegionBed, RegionBed];
    const request = write({ key: "c", body: { inc: { likes: 1 } }, idempotencyKey: "k1" });
    // eu's answer is lost; the client goes to us, whose way to the log is cut for publishing only
    us.stopRoles();
    await bed.world.run(bed.world.nowMs + 4_000);
    const common = { ...us.options, metrics: silentMetrics, members: ["eu", "us"], partition: 0 };
    const stop = new AbortController();
    void holdRole(
      { ...common, role: "applier", holder: "us", work: (_, over) => new Applier(common).run(over) },
      stop.signal,
    );
    bed.servers.cutOff.add("us");
    await bed.run(eu.gateway.write(request));
    await bed.run(us.gateway.write(request));
    bed.servers.cutOff.delete("us");
    await bed.runUntil(
      () => (us.database.readPositions(0).origins["eu"]?.watermark ?? 0) >= 1,
      "eu folded in us",
    );
    const shown = await bed.run(us.gateway.read(read({ key: "c" })));
    expect(shown.fields["likes"]).toBe(1);
  });

  it("a session that waited for committed reads its earlier write elsewhere", async () => {
    const { bed, regions } = await started(["eu", "us", "ap"]);
    const [eu, us, ap] = regions as [RegionBed, RegionBed, RegionBed];
    const retried = write({ key: "x", body: { set: { name: "X" } }, idempotencyKey: "k1" });
    // us can neither publish nor fold for a moment
    bed.servers.cutOff.add("us");
    await bed.run(eu.gateway.write(retried)); // answer lost on its way to the client
    const w9 = await bed.run(us.gateway.write(write({ key: "w9", body: { set: { name: "W9" } } })));
    const waiting = us.gateway.write({
      ...retried,
      session: w9.session,
      waitCommitted: true,
      deadlineMs: 30_000,
    });
    await bed.world.run(bed.world.nowMs + 1_000);
    // ap folds eu's write and then stands still (its applier is slow)
    await bed.runUntil(() => (ap.database.readPositions(0).origins["eu"]?.watermark ?? 0) >= 1, "eu in ap");
    bed.servers.cutOff.add("ap");
    bed.servers.cutOff.delete("us");
    const done = await bed.run(waiting);
    expect(done.status).toBe("committed");
    let answer: unknown;
    try {
      answer = (
        await bed.run(ap.gateway.read(read({ key: "w9", consistency: "session", session: done.session })))
      ).fields;
    } catch (error) {
      answer = (error as { code?: string }).code;
    }
    // right: the write, or an honest "session-behind"
    expect(answer).toBe("session-behind");
  });

  it("another body under the same key, accepted in another region, is not called committed", async () => {
    const { bed, regions } = await started(["eu", "us"]);
    const [eu, us] = regions as [RegionBed, RegionBed];
    bed.servers.cutOff.add("us");
    const one = bed.run(
      eu.gateway.write(write({ key: "a", body: { inc: { likes: 1 } }, idempotencyKey: "same" })),
    );
    await one;
    const other = await bed.run(
      us.gateway.write(write({ key: "a", body: { set: { name: "lost" } }, idempotencyKey: "same" })),
    );
    expect(other.status).toBe("accepted");
    bed.servers.cutOff.delete("us");
    await bed.converge();
    const shown = await bed.run(us.gateway.read(read({ key: "a" })));
    const receipt = await bed.run(us.gateway.operation({ tenant: TENANT, id: other.operation }));
    expect({ shown: shown.fields, status: receipt.status }).not.toEqual({
      shown: { likes: 1 },
      status: "committed",
    });
  });
});
