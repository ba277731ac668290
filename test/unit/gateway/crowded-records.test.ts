/** A record with more pending writes than one read may look at: it is refused alone, and everything else goes on. */
import { describe, expect, it } from "vitest";
import { PENDING_BYTES_MAX } from "../../../services/ports/record-snapshot.ts";
import { Bed, COLLECTION, CONTEXT, list, read, SCHEMA, TENANT, write, type RegionBed } from "./bed.ts";
import { FeedClient } from "./feed-client.ts";

const RECORD = { tenant: TENANT, collection: COLLECTION, key: "grace" };
const NAME = "x".repeat(500_000);

/** One region whose log is out of reach, with pending writes of three records; of the second there are too many. */
async function crowdedBed(seed: number, { isRelayed = true } = {}): Promise<{ bed: Bed; eu: RegionBed }> {
  const bed = new Bed({ regions: ["eu", "us"], seed });
  await bed.startAll();
  const eu = bed.first;
  await put(bed, { key: "grace", body: { set: { name: "committed" }, inc: { likes: 1 } } });
  await bed.converge();
  // What a relay sends to a log that is out of reach may arrive there after all.
  if (!isRelayed) await stopRoles(bed);
  bed.servers.cutOff.add("eu");
  await put(bed, { key: "ada" });
  await crowd(bed);
  await put(bed, { key: "linus" });
  return { bed, eu };
}

async function stopRoles(bed: Bed): Promise<void> {
  bed.first.stopRoles();
  await bed.pass(5_000);
}

async function crowd(bed: Bed): Promise<void> {
  for (let bytes = 0; bytes <= PENDING_BYTES_MAX; bytes += NAME.length)
    await put(bed, { key: "grace", body: { set: { name: NAME }, inc: { likes: 1 } } });
}

function put(bed: Bed, changes: Parameters<typeof write>[0]) {
  return bed.run(bed.first.gateway.write(write(changes)));
}

const by = (order: string) => ({ order, where: undefined, after: undefined });
const WRITES = Math.floor(PENDING_BYTES_MAX / NAME.length) + 1;

describe("a record with too many pending writes", () => {
  it("is not read, says when to try again, takes writes, and is read once the log has ordered them", async () => {
    const { bed, eu } = await crowdedBed(1);
    const refused = await bed.refused(eu.gateway.read(read({ key: "grace" })));
    expect(refused).toMatchObject({ code: "too-much-pending", details: { retryAfterMs: 5_000 } });
    expect(refused.message).toContain('region eu, record "grace"');
    const [ada, linus] = await bed.run(
      Promise.all(["ada", "linus"].map((key) => eu.gateway.read(read({ key })))),
    );
    expect([ada!.pending, linus!.pending]).toEqual([1, 1]);
    await put(bed, { key: "grace", body: { set: { name: "last" } } });
    bed.servers.cutOff.delete("eu");
    await bed.converge();
    const found = await bed.run(eu.gateway.read(read({ key: "grace" })));
    expect(found).toMatchObject({ fields: { name: "last", likes: 1 + WRITES }, pending: 0 });
  });

  it("ends the page of a listing before it, and what is behind it is listed", async () => {
    const { bed, eu } = await crowdedBed(2);
    const page = async (after?: string) => {
      const { records, next } = await bed.run(eu.gateway.list(list({ after })));
      return [records.map(({ key }) => key), next];
    };
    expect(await page()).toEqual([["ada"], "ada"]);
    expect(await bed.refusal(eu.gateway.list(list({ after: "ada" })))).toBe("too-much-pending");
    expect(await page("grace")).toEqual([["linus"], undefined]);
    bed.servers.cutOff.delete("eu");
    await bed.converge();
    expect(await page()).toEqual([["ada", "grace", "linus"], undefined]);
  });

  it("is shown as it is committed to who asks for that", async () => {
    const { bed, eu } = await crowdedBed(3, { isRelayed: false });
    bed.servers.cutOff.delete("eu");
    await bed.pass(5_000);
    eu.startApplier();
    const shown = await bed.run(eu.gateway.read(read({ key: "grace", consistency: "linearizable" })));
    expect(shown).toMatchObject({ fields: { name: "committed", likes: 1 }, pending: 0 });
    const { records } = await bed.run(eu.gateway.list(list({ consistency: "linearizable" })));
    expect(records.map(({ key }) => key)).toEqual(["grace"]);
  });

  it("ends the page of a listing by a field before it, where that is not what is pending", async () => {
    const bed = new Bed({ regions: ["eu", "us"], seed: 5 });
    await bed.startAll();
    const schema = {
      fields: { ...SCHEMA.fields, age: { class: "lww", type: "number", index: true } },
    } as const;
    await bed.run(bed.first.gateway.putCollection({ ...CONTEXT, name: COLLECTION, schema }));
    await bed.converge();
    const { first: eu } = bed;
    for (const [age, key] of ["ada", "grace", "linus"].entries())
      await put(bed, { key, body: { set: { age } } });
    await bed.converge();
    while ((await bed.run(eu.options.store.followIndexes({ rowsMax: 10 }))) > 0);
    bed.servers.cutOff.add("eu");
    await crowd(bed);
    const page = async (limit: number, order = "age") => {
      const { records, nextPlace } = await bed.run(eu.gateway.list(list({ limit, by: by(order) })));
      return [records.map(({ key }) => key), nextPlace?.key];
    };
    expect(await page(1)).toEqual([["ada"], "ada"]);
    expect(await page(3)).toEqual([["ada"], "ada"]);
    expect(await page(1, "-age")).toEqual([["linus"], "linus"]);
    await put(bed, { key: "grace", body: { set: { age: 7 } } });
    const refused = await bed.refused(eu.gateway.list(list({ limit: 1, by: by("age") })));
    expect(refused).toMatchObject({ code: "too-much-pending", details: { retryAfterMs: 5_000 } });
  });

  it("is deleted where the log has deleted it, whatever is pending", async () => {
    const { bed, eu } = await crowdedBed(6);
    const us = bed.regions[1]!;
    eu.stopRoles();
    bed.servers.cutOff.delete("eu");
    await bed.pass(5_000);
    eu.startApplier();
    await bed.run(
      us.gateway.remove({ ...CONTEXT, collection: COLLECTION, key: "grace", idempotencyKey: undefined }),
    );
    await bed.pass(1_000);
    expect(eu.database.readRecord({ partition: 0, ...RECORD })).toMatchObject({ isCrowded: true });
    expect(await bed.refusal(eu.gateway.read(read({ key: "grace" })))).toBe("record-deleted");
  });

  it("is told to subscribers as it is committed, and as it is in the end", async () => {
    const { bed, eu } = await crowdedBed(4);
    const before = new FeedClient(bed.world, { withPending: true });
    before.connect(eu.gateway);
    await bed.runUntil(() => before.cursor !== undefined, "the state");
    expect([...before.records.keys()].toSorted()).toEqual(["ada", "grace", "linus"]);
    expect(before.records.get("grace")).toMatchObject({ fields: { name: "committed", likes: 1 } });
    await put(bed, { key: "grace", body: { set: { name: "last" } } });
    bed.servers.cutOff.delete("eu");
    await bed.converge();
    const last = { pending: 0, fields: { name: "last", likes: 1 + WRITES } };
    await bed.runUntil(() => before.records.get("grace")?.fields?.["name"] === "last", "the last state");
    await bed.pass(1_000);
    expect(before.records.get("grace")).toMatchObject(last);
    expect(before.faults).toEqual([]);
    const told = before.frames.flatMap((frame) => ("records" in frame ? frame.records : []));
    const versions = told.flatMap(({ key, version }) => (key === "grace" ? [version] : []));
    expect(versions).toEqual([...new Set(versions)]);
    expect(versions.length).toBeGreaterThan(1);
  });
});
