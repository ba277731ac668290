/**
 * One stock is sold in three regions while they are cut off from each other: each sells what it has the rights to and not
 * one piece more (I10), rights follow the demand once they can, and in the end every piece is sold. FOREBAY_SEED gives the
 * shops other customers.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { partitionOf } from "../../services/core/partition.ts";
import {
  converged,
  digests,
  eventually,
  startBed,
  withStores,
  type Bed,
} from "../integration/cluster/bed.ts";
import { createCollection } from "../integration/cluster/load.ts";
import { send } from "../integration/cluster/request.ts";
import { Shop, take, type Goods } from "../integration/cluster/shop.ts";
import { foldedAlike, SnapshotWatch, type Snapshot } from "../integration/cluster/snapshots.ts";
import { SeededRandom } from "../simulation/random.ts";

const SEED = Number(process.env["FOREBAY_SEED"] ?? "1");
const REGIONS = ["eu", "us", "ap"] as const;
const STOCK = 1_500;
const SCHEMA = { fields: { stock: { class: "merge", kind: "escrow", min: 0 } } };

let bed: Bed;

beforeAll(async () => {
  bed = await startBed("stock");
  await createCollection(bed, "goods", SCHEMA);
});

afterAll(() => bed.stop());

async function giveStock({ collection, key }: Goods, pieces: number): Promise<void> {
  const url = `${bed.cluster.region("eu").url}/v1/collections/${collection}/records/${key}`;
  const headers = { prefer: "wait=committed" };
  const answer = await send(url, { method: "PATCH", headers, body: { give: { stock: pieces } } });
  expect(answer?.status).toBe(200);
}

/** In any snapshot of any region: neither the sum nor any region's rights are below zero. */
function checkStock({ records }: Snapshot): string | undefined {
  for (const { key, fields } of records.values()) {
    const state = fields["stock"];
    if (state?.kind !== "escrow") continue;
    if (Object.values(state.rights).some((right) => right < 0))
      return `${key}: ${JSON.stringify(state.rights)}`;
  }
  return undefined;
}

async function stockIn(region: string, { collection, key }: Goods): Promise<number> {
  const url = `${bed.cluster.region(region).url}/v1/collections/${collection}/records/${key}`;
  const answer = await send(url, { method: "GET" });
  return (answer!.body["fields"] as { stock: number }).stock;
}

function separate(region: string, isCut: boolean): void {
  const { cluster } = bed;
  for (const other of REGIONS) {
    if (other === region) continue;
    if (isCut) cluster.cutLink(region, other);
    else cluster.healLink(region, other);
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

describe("one stock in three regions", () => {
  it("is sold by a region that is cut off as far as its rights go, and the rest where it is asked for", async () => {
    const goods = { collection: "goods", key: "lamp" };
    await giveStock(goods, 30);
    await eventually("ap knows of the stock", async () =>
      (await stockIn("ap", goods)) === 30 ? true : undefined,
    );
    separate("ap", true);
    const order = (region: string, pieces: number, name: string) =>
      take(bed, goods, { region, pieces, idempotencyKey: name });
    expect(await order("ap", 11, "too-many")).toMatchObject({ status: "insufficient", left: { here: 10 } });
    expect(await order("ap", 10, "all-here")).toEqual({ status: "sold" });
    expect(await order("ap", 1, "one-more")).toMatchObject({
      status: "insufficient",
      left: { here: 0, total: 20 },
    });
    expect(await order("eu", 3, "elsewhere")).toEqual({ status: "sold" });
    separate("ap", false);
    await eventually("ap can sell what is left anywhere", async () => {
      const sale = await order("ap", 17, "the-rest");
      return sale.status === "sold" ? true : undefined;
    });
    await withStores(bed, (stores) => converged(bed, stores));
    for (const region of REGIONS) expect(await stockIn(region, goods)).toBe(0);
  });

  it(`is never oversold while regions are cut off in turn, and sold to the last piece (seed ${SEED})`, async () => {
    const goods = { collection: "goods", key: "chair" };
    const random = new SeededRandom(SEED);
    const partition = partitionOf({ tenant: "default", key: goods.key }, bed.partitions);
    await giveStock(goods, STOCK);
    await withStores(bed, async (stores) => {
      await foldedAlike(stores, partition);
      const watch = new SnapshotWatch(stores, { partition, collection: "goods", check: checkStock });
      watch.start();
      const shops = REGIONS.flatMap((region) => [1, 2].map(() => new Shop(bed, goods, { region, random })));
      const selling = shops.map((shop, index) => shop.run(`shop-${index}`));
      const soldSoFar = () => sumOf(shops.map(({ sold }) => sold));
      for (const region of REGIONS) {
        const refusals = () =>
          sumOf(shops.filter((shop) => shop.region === region).map((shop) => shop.refusals));
        const before = refusals();
        separate(region, true);
        await eventually(`${region} has nothing left to sell, or nobody has`, () =>
          refusals() > before || soldSoFar() === STOCK ? true : undefined,
        );
        separate(region, false);
      }
      await Promise.all(selling);
      await converged(bed, stores);
      await foldedAlike(stores, partition);
      await watch.stop();
      const seed = `seed ${SEED}`;
      expect(watch.problems, seed).toEqual([]);
      expect(soldSoFar(), seed).toBe(STOCK);
      for (const region of REGIONS) expect(await stockIn(region, goods), seed).toBe(0);
      expect(new Set(await digests(stores, partition)).size, seed).toBe(1);
    });
  });
});
