/** Verification and repair on a whole cluster that takes writes: what is planted is found and mended, and nothing else touched. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { EscrowState } from "../../services/core/fields/merge/escrow.ts";
import { recordIdText, type RecordId } from "../../services/core/operation.ts";
import { partitionOf } from "../../services/core/partition.ts";
import type { StoredRecord } from "../../services/core/record.ts";
import { CLAIM_FIELD, claimRecord, LEASE_FIELD, leaseRecord } from "../../services/core/reserved.ts";
import type { Verification } from "../../services/ports/reconciliation.ts";
import { eventually, startBed, withStores, type Bed } from "./cluster/bed.ts";
import { startCoordinator, type Coordinator } from "./cluster/coordinator.ts";
import { COLLECTION, createCollection, Load } from "./cluster/load.ts";
import { readMetrics } from "./cluster/metrics.ts";
import { send } from "./cluster/request.ts";
import { editRow } from "./postgres/edit-row.ts";
import { queryOnce } from "./postgres/server.ts";

const KEYS = ["edited", "deleted", "inside", "kept"];
const VERIFICATIONS_UNDER_LOAD = 20;

let bed: Bed;
let coordinator: Coordinator;
let load: Load | undefined;

beforeAll(async () => {
  bed = await startBed("verification", 1, { FOREBAY_VERIFY_EVERY_SECONDS: "0" });
  await createCollection(bed);
  coordinator = await startCoordinator(bed, "eu");
  for (const key of KEYS) await write("us", key);
}, 120_000);

afterEach(async () => {
  await load?.stop();
  load = undefined;
});

afterAll(async () => {
  await coordinator?.close();
  await bed.stop();
});

function idOf(key: string): RecordId {
  return { tenant: "default", collection: COLLECTION, key };
}

function place(key: string): { partition: number; id: RecordId } {
  return { partition: partitionOf({ tenant: "default", key }, bed.partitions), id: idOf(key) };
}

async function write(region: string, key: string): Promise<void> {
  const url = `${bed.cluster.region(region).url}/v1/collections/${COLLECTION}/records/${key}`;
  const body = { set: { last: region }, inc: { total: 1 }, add: { tags: [key] } };
  await eventually(`${region} takes a write`, async () =>
    (await send(url, { method: "PATCH", body }))?.status === 202 ? true : undefined,
  );
}

async function rowOf(region: string, key: string): Promise<StoredRecord | undefined> {
  return readRow(region, idOf(key));
}

async function readRow(region: string, id: RecordId): Promise<StoredRecord | undefined> {
  return withStores(bed, async (stores) => {
    const { committed } = await stores.get(region)!.readRecord({ partition: 0, ...id });
    return committed;
  });
}

async function verify(): Promise<Verification> {
  return coordinator.reconciler.verifyToEnd(0);
}

async function edit(region: string, key: string, row: StoredRecord | undefined): Promise<void> {
  await editRow(bed.cluster.region(region).postgres.url, place(key), row);
}

/** One row of each kind, in one region. @returns the keys. */
async function plant(region: string): Promise<string[]> {
  const row = async (key: string) =>
    eventually(`${region} has ${key}`, async () => (await rowOf(region, key)) ?? undefined);
  const edited = await row("edited");
  await edit(region, "edited", {
    ...edited,
    fields: { ...edited.fields, total: { kind: "counter", sum: 77 } },
  });
  await row("deleted");
  await edit(region, "deleted", undefined);
  const inside = await row("inside");
  await edit(region, "inside", {
    ...inside,
    fields: {
      ...inside.fields,
      tags: { kind: "set", elements: { '"planted"': { us: 1 } } },
    } as StoredRecord["fields"],
  });
  const { version, fields } = await row("kept");
  await edit(region, "inserted", { ...idOf("inserted"), version, fields });
  return ["deleted", "edited", "inserted", "inside"];
}

const HELD = "held";
const HELD_FIELDS = {
  stock: { class: "merge", kind: "escrow" },
  email: { class: "authoritative", type: "string", unique: true },
};
const STOCK: RecordId = { tenant: "default", collection: HELD, key: "lamp" };
const LEASE = leaseRecord("default", "kept");
const GHOST = claimRecord({ tenant: "default", collection: HELD, field: "email", value: "ghost@x" });

/** An escrow, a claim and a lease in every region. */
async function hold(): Promise<void> {
  await createCollection(bed, HELD, { fields: HELD_FIELDS });
  const { url } = bed.cluster.region("us");
  const accepted = async (path: string, method: "PATCH" | "POST", body: object) =>
    eventually(`us takes ${path}`, async () =>
      (await send(`${url}/v1/${path}`, { method, body }))?.status === 200 ? true : undefined,
    );
  const record = `collections/${HELD}/records`;
  await accepted(`${record}/ada`, "PATCH", { set: { email: "ada@x" } });
  await accepted(`${record}/lamp`, "PATCH", { give: { stock: 9 }, authoritative: true });
  await accepted("leases/kept", "POST", { holder: "me", ttl_ms: 600_000 });
  for (const { name } of bed.cluster.regions)
    await eventually(`${name} has the lease`, () => readRow(name, LEASE));
}

async function plantRow(region: string, row: StoredRecord): Promise<void> {
  await editRow(bed.cluster.region(region).postgres.url, { partition: 0, id: row }, row);
}

/** A claim of no record, rights too many, another holder. @returns the names. */
async function plantHeld(region: string, tooMany = 1, somebody = "somebody"): Promise<string[]> {
  const stock = (await readRow(region, STOCK))!;
  const escrow = stock.fields["stock"] as EscrowState;
  const rights = { ...escrow.rights, us: (escrow.rights["us"] ?? 0) + tooMany };
  await plantRow(region, { ...stock, fields: { ...stock.fields, stock: { ...escrow, rights } } });
  const lease = (await readRow(region, LEASE))!;
  const holder = { ...lease.fields[LEASE_FIELD], holder: somebody } as never;
  await plantRow(region, { ...lease, fields: { [LEASE_FIELD]: holder } });
  const { version } = stock;
  await plantRow(region, { ...GHOST, version, fields: { [CLAIM_FIELD]: { kind: "claim", key: somebody } } });
  return [STOCK, LEASE, GHOST].map(recordIdText).toSorted();
}

describe("under load from three regions", () => {
  it("finds what was planted, says what it would do, mends it, and then matches", async () => {
    load = new Load(bed);
    load.start({ clients: 2 });
    expect(await verify()).toMatchObject({ verdict: "match", differences: { records: 0 } });
    const planted = await plant("ap");
    const found = await verify();
    expect(found.verdict).toBe("diverged");
    expect(found.differences.sample.map(({ key }) => key)).toEqual(planted);
    expect(found.differences.rest).toEqual([]);
    const request = { verification: found.id, isDryRun: true, reason: "planted" };
    const dry = await coordinator.reconciler.repair(request);
    expect(dry).toMatchObject({ id: undefined, records: 4, undecided: [], positions: [] });
    expect(dry.sample.map(({ key }) => key)).toEqual(planted);
    const done = await coordinator.reconciler.repair({ ...request, isDryRun: false });
    expect(done.records).toBe(4);
    expect(done.positions).toHaveLength(1);
    expect(await verify()).toMatchObject({ verdict: "match" });
    const audited = await withStores(bed, async (stores) =>
      Promise.all(["eu", "us", "ap"].map((region) => stores.get(region)!.listRepairs({ limit: 9 }))),
    );
    expect(audited.map((repairs) => repairs.length)).toEqual([0, 0, 4]);
    expect(audited[2]!.map(({ key }) => key).toSorted()).toEqual(planted);
    await load.verify();
  }, 120_000);

  it("finds and mends what the fold keeps in records: rights to an escrow, claims, leases", async () => {
    await hold();
    load = new Load(bed);
    load.start({ clients: 2 });
    const planted = await plantHeld("us");
    const found = await verify();
    expect(found.differences.sample.map(recordIdText).toSorted()).toEqual(planted);
    const request = { verification: found.id, isDryRun: false, reason: "planted" };
    expect(await coordinator.reconciler.repair(request)).toMatchObject({ records: 3, undecided: [] });
    expect(await verify()).toMatchObject({ verdict: "match" });
    expect((await readRow("us", STOCK))?.fields).toEqual((await readRow("ap", STOCK))?.fields);
    expect(await readRow("us", GHOST)).toBeUndefined();
    await load.verify();
  }, 120_000);

  it("asks the log what is right where all regions differ, and mends that", async () => {
    load = new Load(bed);
    load.start({ clients: 2 });
    await plantHeld("us", 1, "one");
    const planted = await plantHeld("eu", 2, "another");
    const found = await verify();
    expect(found.differences.sample.map(recordIdText).toSorted()).toEqual(planted);
    for (const { proven } of found.differences.sample)
      expect(proven).toMatchObject({ by: "log", reason: expect.stringContaining("as in ap") as string });
    const request = { verification: found.id, isDryRun: false, reason: "planted" };
    expect(await coordinator.reconciler.repair(request)).toMatchObject({ records: 3, undecided: [] });
    expect(await verify()).toMatchObject({ verdict: "match" });
    expect(await readRow("eu", GHOST)).toBeUndefined();
    await load.verify();
  }, 120_000);

  it("finds an operation that is gone, and says what to do about what no repair sets", async () => {
    load = new Load(bed);
    load.start({ clients: 2 });
    const { url } = bed.cluster.region("us").postgres;
    const dropped = "(select id from operations where partition = 0 order by position limit 1)";
    await queryOnce(url, `create table dropped as select * from operations where id = ${dropped}`);
    await queryOnce(url, "delete from operations where id in (select id from dropped)");
    const found = await verify();
    expect(found).toMatchObject({ verdict: "diverged", differences: { records: 0, rest: ["operations"] } });
    expect(found.reason).toMatch(/us says otherwise than most, and should load the state of another region/);
    await queryOnce(url, "insert into operations select * from dropped");
    expect(await verify()).toMatchObject({ verdict: "match" });
    await load.verify();
  }, 120_000);

  it("never says diverged of regions that only lag", async () => {
    load = new Load(bed);
    load.start({ clients: 2 });
    const verdicts: (string | undefined)[] = [];
    for (let round = 0; round < VERIFICATIONS_UNDER_LOAD; round += 1) {
      const { verdict, reason } = await verify();
      verdicts.push(verdict === "match" ? verdict : reason);
    }
    expect(verdicts).toEqual(Array.from({ length: VERIFICATIONS_UNDER_LOAD }, () => "match"));
    await load.verify();
  }, 180_000);
});

it("says that a stopped region does not answer, and what the others hold", async () => {
  await bed.cluster.stopRegion("ap");
  const stopped = await verify();
  expect(stopped.verdict).toBe("unreachable");
  expect(stopped.reason).toMatch(/ap does not answer; eu, us hold the same/);
  await bed.cluster.startRegion("ap");
  expect(await verify()).toMatchObject({ verdict: "match" });
}, 120_000);

it("is done by itself, and mends what a majority proves, where that is wanted", async () => {
  const environment = { FOREBAY_VERIFY_EVERY_SECONDS: "1", FOREBAY_REPAIR_AUTOMATIC: "on" };
  await bed.cluster.stopRegion("us");
  await bed.cluster.startRegion("us", { environment });
  const repairs = async () =>
    (await withStores(bed, (stores) => stores.get("eu")!.listRepairs({ limit: 99 }))).length;
  const before = await repairs();
  await plant("eu");
  await eventually("the regions have mended it", async () =>
    (await repairs()) === before + 4 ? true : undefined,
  );
  expect(await verify()).toMatchObject({ verdict: "match" });
  const samples = await readMetrics(bed.cluster.region("us").url);
  const counted = samples.filter(({ name }) => name === "forebay_repairs_published_records_total");
  expect(counted.reduce((sum, { value }) => sum + value, 0)).toBeGreaterThanOrEqual(4);
}, 180_000);

it("finds what a region believes of an origin, edited while its process was stopped", async () => {
  await bed.cluster.stopRegion("ap");
  const { url } = bed.cluster.region("ap").postgres;
  await queryOnce(url, "update origins set epoch = epoch + 1000 where partition = 0 and region = 'us'");
  await bed.cluster.startRegion("ap");
  await write("us", "kept");
  const found = await eventually("the verdict is in", async () => {
    const verification = await verify();
    return verification.verdict === "diverged" ? verification : undefined;
  });
  expect(found.differences.rest).toContain("origin us");
  expect(found.reason).toContain("ap says otherwise than most");
}, 120_000);
