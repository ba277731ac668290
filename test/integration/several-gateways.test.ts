/** Several processes on one region: one dense WAL, one relay and one applier at a time, and a quick change of hands. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, startBed, withStores, type Bed } from "./cluster/bed.ts";
import { createCollection, Load } from "./cluster/load.ts";

let bed: Bed;

beforeAll(async () => {
  bed = await startBed("several-gateways", 4);
  await createCollection(bed);
});

afterAll(() => bed.stop());

async function walSequences(region: string, partition: number): Promise<number[]> {
  return withStores(bed, async (stores) => {
    const store = stores.get(region)!;
    const sequences: number[] = [];
    let stamp = "";
    for (let after = 0; ; after = sequences.at(-1)!) {
      const rows = await store.readWal({ partition, after, rowsMax: 1_000, bytesMax: 1 << 24 });
      if (rows.length === 0) return sequences;
      for (const { sequence, hlc } of rows) {
        sequences.push(sequence);
        expect(hlc > stamp).toBe(true);
        stamp = hlc;
      }
    }
  });
}

describe("several gateways on one region", () => {
  it("write one dense WAL, with rising stamps (I2)", async () => {
    const second = await bed.cluster.addGateway("eu");
    const third = await bed.cluster.addGateway("eu");
    const load = new Load(bed);
    load.start({ clients: 8, urls: [() => bed.cluster.region("eu").url, () => second.url, () => third.url] });
    await load.untilAcknowledged(3_000);
    await load.verify();
    let rows = 0;
    for (let partition = 0; partition < bed.partitions; partition += 1) {
      const sequences = await walSequences("eu", partition);
      expect(sequences).toEqual(sequences.map((_, index) => index + 1));
      rows += sequences.length;
    }
    expect(rows).toBe(load.acknowledged);
    await second.stop();
    await third.stop();
  });

  it("hand relay and applier over when their holder dies", async () => {
    const second = await bed.cluster.addGateway("us");
    await bed.cluster.killRegion("us");
    const load = new Load(bed);
    load.start({ clients: 4, urls: [() => second.url] });
    await load.untilAcknowledged(200);
    await load.verify();
    await bed.cluster.startRegion("us");
    await second.stop();
  });

  it("fence a holder that was paused beyond its time and wakes up again", async () => {
    const second = await bed.cluster.addGateway("ap");
    const paused = bed.cluster.region("ap").pid!;
    process.kill(paused, "SIGSTOP");
    try {
      const load = new Load(bed);
      load.start({ clients: 4, urls: [() => second.url] });
      await load.untilAcknowledged(200);
      await load.verify();
      process.kill(paused, "SIGCONT");
      const again = new Load(bed);
      again.start({ clients: 4, urls: [() => second.url, () => bed.cluster.region("ap").url] });
      await again.untilAcknowledged(200);
      await again.stop();
    } finally {
      process.kill(paused, "SIGCONT");
    }
    await eventually("the woken process is ready", async () =>
      (await fetch(`${bed.cluster.region("ap").url}/readyz`)).status === 200 ? true : undefined,
    );
    await second.stop();
  });
});
