/**
 * Clients in three regions claim the same names at the same time while links are cut and a region is cut off: each name has
 * one owner, the same in every region, and everybody else is told (I9). A name that is freed is anybody's again, but one's.
 * FOREBAY_SEED puts the clients in other orders.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { partitionOfRecord } from "../../services/core/partition.ts";
import { digests, startBed, withStores, type Bed } from "../integration/cluster/bed.ts";
import { createCollection } from "../integration/cluster/load.ts";
import { send } from "../integration/cluster/request.ts";
import { settle, type Settled } from "../integration/cluster/settle.ts";
import { foldedAlike, snapshotOf } from "../integration/cluster/snapshots.ts";
import { SeededRandom } from "../simulation/random.ts";

const SEED = Number(process.env["FOREBAY_SEED"] ?? "1");
const REGIONS = ["eu", "us", "ap"];
const CLIENTS_PER_REGION = 4;
const COLLECTION = "people";
/** Unique values need all records in one partition. */
const SCHEMA = {
  partitionBy: "collection",
  fields: { name: { class: "authoritative", type: "string", unique: true } },
} as const;
const PARTITIONS = 4;
const ROUNDS = 4;

interface Claim {
  readonly key: string;
  readonly settled: Settled;
}

/** Who has which name, by name; in one region. */
type Owners = Record<string, string[]>;

const random = new SeededRandom(SEED);
/** The names that have an owner, with the owner's key. */
const expected = new Map<string, string>();
let bed: Bed;
let attempts = 0;

beforeAll(async () => {
  bed = await startBed("names", PARTITIONS);
  await createCollection(bed, COLLECTION, SCHEMA);
});

afterAll(() => bed.stop());

const recordPath = (key: string): string => `/v1/collections/${COLLECTION}/records/${key}`;

async function change(key: string, region: string, body: object): Promise<Settled> {
  const idempotencyKey = `attempt-${(attempts += 1)}`;
  return settle(bed, { method: "PATCH", path: recordPath(key), body, idempotencyKey }, { first: region });
}

/** All clients of all regions at once, each for a record of its own. */
async function claimAtOnce(name: string): Promise<Claim[]> {
  const regions = REGIONS.flatMap((region) => Array.from({ length: CLIENTS_PER_REGION }, () => region));
  const inOrder = regions
    .map((region) => ({ region, rank: random.fraction() }))
    .sort((one, other) => one.rank - other.rank);
  return Promise.all(
    inOrder.map(async ({ region }) => {
      const key = `person-${(attempts += 1)}`;
      return { key, settled: await change(key, region, { set: { name } }) };
    }),
  );
}

/** One has the name, and all others were told that they have not; every region says so of their operations. */
async function expectOneOwner(name: string, claims: readonly Claim[]): Promise<string> {
  const seed = `seed ${SEED}, name ${name}`;
  const verdicts = claims.map(({ settled }) => settled.verdict);
  const owners = claims.filter(({ settled }) => settled.verdict.status === "committed");
  expect(owners.length, `${seed}: ${JSON.stringify(verdicts)}`).toBe(1);
  const owner = owners[0]!.key;
  for (const { key, settled } of claims) {
    if (key === owner) continue;
    expect(settled.verdict, seed).toEqual({ status: "rejected", code: "not-unique" });
    await expectRejectedAlike(settled.operation);
  }
  expected.set(name, owner);
  return owner;
}

async function expectRejectedAlike(operation: string): Promise<void> {
  const receipts = await Promise.all(
    REGIONS.map(async (region) => {
      const url = `${bed.cluster.region(region).url}/v1/operations/${operation}`;
      const { applied_by: _, ...receipt } = (await send(url, { method: "GET" }))?.body ?? {};
      return receipt;
    }),
  );
  expect(receipts[0]).toMatchObject({ status: "rejected", code: "unique", field: "name" });
  for (const receipt of receipts) expect(receipt).toEqual(receipts[0]);
}

/** Every region has folded all that clients were told of. */
async function untilAlike(): Promise<void> {
  await withStores(bed, (stores) => foldedAlike(stores, place().partition));
}

function place(): { partition: number; collection: string } {
  const record = { tenant: "default", collection: COLLECTION, key: "any" };
  const partition = partitionOfRecord(record, { partitions: PARTITIONS, partitionBy: SCHEMA.partitionBy });
  return { partition, collection: COLLECTION };
}

async function expectOwnersEverywhere(): Promise<void> {
  const wanted = Object.fromEntries([...expected].map(([name, key]) => [name, [key]]));
  await withStores(bed, async (stores) => {
    for (const [region, store] of stores) {
      const owners: Owners = {};
      for (const record of (await snapshotOf(store, place())).records.values()) {
        const name = record.fields["name"];
        if (record.tombstone !== undefined || name?.kind !== "value") continue;
        (owners[name.value as string] ??= []).push(record.key);
      }
      expect({ region, owners }, `seed ${SEED}`).toEqual({ region, owners: wanted });
    }
    expect(new Set(await digests(stores, place().partition)).size, `seed ${SEED}`).toBe(1);
  });
}

/**
 * Claims of one name after the other. The links are cut in the middle of the first round and healed in the middle of the
 * last; what was decided is looked at afterwards, when every region can know it.
 */
async function claimInRounds(what: string, links: readonly (readonly [string, string])[]): Promise<void> {
  const { cluster } = bed;
  const rounds = new Map<string, readonly Claim[]>();
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const name = `${what}-${round}`;
      const claiming = claimAtOnce(name);
      if (round === 0) for (const [one, other] of links) cluster.cutLink(one, other);
      if (round === ROUNDS - 1) for (const [one, other] of links) cluster.healLink(one, other);
      rounds.set(name, await claiming);
    }
  } finally {
    for (const [one, other] of links) cluster.healLink(one, other);
  }
  await untilAlike();
  for (const [name, claims] of rounds) await expectOneOwner(name, claims);
  await expectOwnersEverywhere();
}

/** A name that has an owner already. */
async function ownedName(name: string): Promise<string> {
  const claims = await claimAtOnce(name);
  await untilAlike();
  return expectOneOwner(name, claims);
}

/** Nobody has it now: of all who try at once one gets it, and not who had it. */
async function claimAgain(name: string, before: string): Promise<void> {
  expected.delete(name);
  const claims = await claimAtOnce(name);
  await untilAlike();
  expect(await expectOneOwner(name, claims)).not.toBe(before);
  await expectOwnersEverywhere();
}

describe("a name that many claim at once in three regions", () => {
  it("has one owner", async () => {
    await claimInRounds("whole", []);
  });

  it("has one owner while a link is cut", async () => {
    await claimInRounds("cut", [["eu", "us"]]);
  });

  for (const lonely of REGIONS) {
    it(`has one owner while ${lonely} is cut off`, async () => {
      const others = REGIONS.filter((region) => region !== lonely);
      await claimInRounds(
        `without-${lonely}`,
        others.map((other) => [lonely, other] as const),
      );
    });
  }
});

describe("a name that is freed", () => {
  it("by a delete has one owner again", async () => {
    const owner = await ownedName("deleted");
    const path = recordPath(owner);
    const deleted = await settle(bed, { method: "DELETE", path, idempotencyKey: "delete" }, { first: "us" });
    expect(deleted.verdict).toEqual({ status: "committed" });
    await claimAgain("deleted", owner);
  });

  it("by a change has one owner again", async () => {
    const owner = await ownedName("changed");
    const changed = await change(owner, "ap", { set: { name: "changed to this" } });
    expect(changed.verdict).toEqual({ status: "committed" });
    expected.set("changed to this", owner);
    await claimAgain("changed", owner);
  });
});
