/** A second process of a region, with a cache of its own; and a list that waits for many partitions. */
import { describe, expect, it } from "vitest";
import { Bed, COLLECTION, CONTEXT, list, overriding, write } from "./bed.ts";

describe("a gateway", () => {
  it("a second process of the region takes a write of a field that was just added", async () => {
    const bed = new Bed({ regions: ["eu"] });
    await bed.startAll();
    const eu = bed.first;
    const second = eu.anotherGateway();
    // the second process has looked a moment ago
    await bed.run(second.write(write({ key: "one" })));
    await bed.world.run(bed.world.nowMs + 5_001);
    await bed.run(second.write(write({ key: "one" })));
    const put = eu.gateway.putCollection({
      ...CONTEXT,
      name: COLLECTION,
      schema: {
        fields: {
          name: { class: "lww", type: "string" },
          likes: { class: "merge", kind: "counter" },
          bio: { class: "lww" },
        },
      },
    });
    await bed.run(put);
    const answer = await bed.run(
      second.write(write({ key: "two", body: { set: { bio: 1 } } })).then(
        (r) => r.status,
        (e: { code: string }) => e.code,
      ),
    );
    expect(answer).toBe("accepted");
  });

  it("a list in a session keeps its deadline", async () => {
    const bed = new Bed({ regions: ["eu"], partitions: 4 });
    await bed.startAll();
    const eu = bed.first;
    // every partition is met just before its deadline, as when a region catches up after an outage
    const start = bed.world.nowMs;
    const late = (partition: number) => start + (partition + 1) * 1_900;
    const store = overriding(eu.options.store, {
      readPositions: async (partition: number) => {
        const positions = await eu.options.store.readPositions(partition);
        return bed.world.nowMs < late(partition) ? { ...positions, position: 0 } : positions;
      },
    });
    const gateway = eu.anotherGateway({ store });
    const session = { positions: { 0: 1, 1: 1, 2: 1, 3: 1 }, wal: {} };
    await bed.run(
      gateway.list(list({ consistency: "session", session, deadlineMs: 2_000 })).catch(() => undefined),
    );
    expect(bed.world.nowMs - start).toBeLessThan(2_500);
  });
});
