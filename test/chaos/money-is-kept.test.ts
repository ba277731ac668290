/**
 * Money moves between accounts through three regions while a link is cut, the leader's nats-server dies and a region is cut
 * off: at every position of the log, in every region, the accounts hold the same sum (I4, I6, I7). FOREBAY_SEED gives
 * clients other transfers to make.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BALANCES_SUM, balancesIn, Bank, sumOf } from "../integration/cluster/bank.ts";
import {
  chainsAtOnePosition,
  digests,
  eventually,
  startBed,
  withStores,
  type Bed,
} from "../integration/cluster/bed.ts";
import { send } from "../integration/cluster/request.ts";
import { foldedAlike, snapshotOf, SnapshotWatch } from "../integration/cluster/snapshots.ts";

const SEED = Number(process.env["FOREBAY_SEED"] ?? "1");
const COLLECTION = "accounts";
const CLIENTS_PER_REGION = 3;
const AFTER_EACH_STRIKE = 100;

let bed: Bed;

beforeAll(async () => {
  bed = await startBed("money", 4);
});

afterAll(() => bed.stop());

/** Who leads a partition's log, by the first region that knows. */
async function leaderOf(partition: number): Promise<string> {
  return eventually(`partition ${partition} has a leader`, async () => {
    for (const { url } of bed.cluster.regions) {
      const status = await send(`${url}/v1/status`, { method: "GET" });
      const partitions = status?.body["partitions"] as { leader?: string }[] | undefined;
      const leader = partitions?.[partition]?.leader;
      if (leader !== undefined) return leader;
    }
    return undefined;
  });
}

/** One after the other, each as long as it takes to move money in spite of it. */
async function trouble(bank: Bank, watch: SnapshotWatch): Promise<void> {
  const { cluster } = bed;
  const goOn = () => bank.untilCommitted(AFTER_EACH_STRIKE, () => watch.problems.length > 0);
  await goOn();
  cluster.cutLink("eu", "us");
  await goOn();
  cluster.healLink("eu", "us");
  await goOn();
  const leader = await leaderOf(bank.partition);
  await cluster.killNats(leader);
  await goOn();
  await cluster.startNats(leader);
  await goOn();
  const lonely = await leaderOf(bank.partition);
  const others = cluster.regions.map(({ name }) => name).filter((name) => name !== lonely);
  for (const other of others) cluster.cutLink(lonely, other);
  await goOn();
  for (const other of others) cluster.healLink(lonely, other);
  await goOn();
}

/** As a client sees it: a list is one snapshot too. */
async function sumInList(region: string): Promise<number> {
  const path = `/v1/collections/${COLLECTION}/records?limit=100`;
  const answer = await send(`${bed.cluster.region(region).url}${path}`, { method: "GET" });
  const records = answer?.body["records"] as { key: string; fields: { balance: number } }[];
  return sumOf(Object.fromEntries(records.map(({ key, fields }) => [key, fields.balance])));
}

describe("transfers through three regions", () => {
  it(`keep the sum at every position while servers and links fail (seed ${SEED})`, async () => {
    const bank = new Bank(bed, { seed: SEED, collection: COLLECTION });
    await bank.open();
    const { partition } = bank;
    await withStores(bed, async (stores) => {
      await foldedAlike(stores, partition);
      const watch = new SnapshotWatch(stores, {
        partition,
        collection: COLLECTION,
        check: (snapshot) => {
          const balances = balancesIn(snapshot);
          const isRight =
            sumOf(balances) === BALANCES_SUM && Object.values(balances).every((one) => one >= 0);
          return isRight ? undefined : JSON.stringify(balances);
        },
      });
      watch.start();
      bank.start(CLIENTS_PER_REGION);
      try {
        await trouble(bank, watch);
      } finally {
        await bank.stop();
        await watch.stop();
      }
      const seed = `seed ${SEED}`;
      expect(bank.failures, seed).toEqual([]);
      expect(watch.problems, seed).toEqual([]);
      expect(watch.compared, "positions at which several regions were seen").toBeGreaterThan(10);

      await foldedAlike(stores, partition);
      for (const [region, store] of stores) {
        const balances = balancesIn(await snapshotOf(store, { partition, collection: COLLECTION }));
        expect({ region, balances }, seed).toEqual({ region, balances: bank.expected() });
        expect(await sumInList(region), region).toBe(BALANCES_SUM);
      }
      expect(new Set(await digests(stores, partition)).size, seed).toBe(1);
      expect(new Set(await chainsAtOnePosition(stores, partition)).size, seed).toBe(1);
    });
  });
});
