/** A link between two regions is cut, both ways and one way, and healed: local writes go on everywhere. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { eventually, startBed, type Bed } from "../integration/cluster/bed.ts";
import { createCollection, Load } from "../integration/cluster/load.ts";

let bed: Bed;

beforeAll(async () => {
  bed = await startBed("link-cut");
  await createCollection(bed);
});

afterAll(() => bed.stop());

async function pendingRows(region: string): Promise<number> {
  const response = await fetch(`${bed.cluster.region(region).url}/v1/status`);
  const { partitions } = (await response.json()) as { partitions: { wal: { pending_rows: number } }[] };
  return partitions.reduce((sum, { wal }) => sum + wal.pending_rows, 0);
}

describe("a cut link", () => {
  it("costs no write, and is forgotten once it is healed", async () => {
    const load = new Load(bed);
    load.start({ clients: 3 });
    await load.untilAcknowledged(50);
    bed.cluster.cutLink("eu", "us");
    await load.untilAcknowledged(300);
    bed.cluster.healLink("eu", "us");
    await load.untilAcknowledged(100);
    await load.verify();
  });

  it("costs no write when it is cut one way", async () => {
    const load = new Load(bed);
    load.start({ clients: 3 });
    bed.cluster.cutLink("ap", "us", { oneWay: true });
    await load.untilAcknowledged(300);
    bed.cluster.healLink("ap", "us");
    await load.verify();
  });

  it("costs no write when a region is cut off from both others", async () => {
    const load = new Load(bed);
    load.start({ clients: 3 });
    await load.untilAcknowledged(50);
    bed.cluster.cutLink("eu", "us");
    bed.cluster.cutLink("eu", "ap");
    await eventually("the region's buffer fills, since nothing leaves it", async () => {
      const pending = await pendingRows("eu");
      return pending > 500 ? pending : undefined;
    });
    await load.untilAcknowledged(100);
    bed.cluster.healLink("eu", "us");
    bed.cluster.healLink("eu", "ap");
    await load.verify();
  });
});
