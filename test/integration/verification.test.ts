/** Verification and repair on a whole cluster that takes writes: what is planted is found and mended, and nothing else touched. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { RecordId } from "../../services/core/operation.ts";
import { partitionOf } from "../../services/core/partition.ts";
import type { StoredRecord } from "../../services/core/record.ts";
import type { Verification } from "../../services/ports/reconciliation.ts";
import { eventually, startBed, withStores, type Bed } from "./cluster/bed.ts";
import { startCoordinator, type Coordinator } from "./cluster/coordinator.ts";
import { COLLECTION, createCollection, Load } from "./cluster/load.ts";
import { readMetrics } from "./cluster/metrics.ts";
import { send } from "./cluster/request.ts";
import { editRow } from "./postgres/edit-row.ts";

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
  return withStores(bed, async (stores) => {
    const { committed } = await stores.get(region)!.readRecord({ partition: 0, ...idOf(key) });
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
  await plant("eu");
  await eventually("the regions have mended it", async () => {
    const repairs = await withStores(bed, (stores) => stores.get("eu")!.listRepairs({ limit: 9 }));
    return repairs.length === 4 ? true : undefined;
  });
  expect(await verify()).toMatchObject({ verdict: "match" });
  const samples = await readMetrics(bed.cluster.region("us").url);
  const counted = samples.filter(({ name }) => name === "forebay_repairs_published_records_total");
  expect(counted.reduce((sum, { value }) => sum + value, 0)).toBeGreaterThanOrEqual(4);
}, 180_000);
