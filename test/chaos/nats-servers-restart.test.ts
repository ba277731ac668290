/** Each nats-server is killed and started again under load, the leader's among them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBed, type Bed } from "../integration/cluster/bed.ts";
import { createCollection, Load } from "../integration/cluster/load.ts";

let bed: Bed;

beforeAll(async () => {
  bed = await startBed("nats-restarts", 4);
  await createCollection(bed);
});

afterAll(() => bed.stop());

describe("every nats-server in turn", () => {
  it("dies and comes back, and no write is lost or repeated", async () => {
    const { cluster } = bed;
    const load = new Load(bed);
    load.start({ clients: 3 });
    await load.untilAcknowledged(50);
    for (const { name } of cluster.regions) {
      await cluster.killNats(name);
      // A region whose own server is away still takes local writes.
      await load.untilAcknowledged(100);
      await cluster.startNats(name);
      await load.untilAcknowledged(100);
    }
    await load.verify();
    expect(load.acknowledged).toBeGreaterThan(500);
  });
});
