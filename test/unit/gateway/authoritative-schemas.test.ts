/** Schemas with authoritative fields: where their records are, and who has to be able to read them first. */
import { describe, expect, it } from "vitest";
import { partitionOf } from "../../../services/core/partition.ts";
import { decodeEntry } from "../../../services/protocol/entry-codec.ts";
import { Bed, COLLECTION, CONTEXT, list, overriding, read, SCHEMA, TENANT, write } from "./bed.ts";
import {
  acquire,
  credit,
  ending,
  lease,
  life,
  ORDERED,
  orderedBed,
  pay,
  tickReading,
  transaction,
  twoOrderedRegions,
  UNIQUE,
} from "./ordered.ts";

const email = (key: string, value: string) => write({ key, body: { set: { email: value } } });
const WHOLE = partitionOf({ tenant: TENANT, key: COLLECTION }, 4);

describe("a schema with unique fields", () => {
  const { partitionBy: _, ...spread } = UNIQUE;

  it("is refused where its records would be in several partitions, with the reason and the way out", async () => {
    const bed = await orderedBed({ partitions: 4 });
    const putting = bed.first.gateway.putCollection({ ...CONTEXT, name: "people", schema: spread });
    const error = await bed.refused(putting);
    expect(error.code).toBe("invalid-schema");
    expect(error.message).toContain("email can be unique only within one partition");
    expect(error.message).toContain('"partitionBy": "collection"');
    expect(await bed.run(bed.first.gateway.listCollections(TENANT))).toHaveLength(1);
  });

  it("needs nothing else in a cluster of one partition", async () => {
    const bed = await orderedBed({ schema: spread });
    await bed.run(bed.first.gateway.write(email("ada", "a@b")));
    expect(await bed.refusal(bed.first.gateway.write(email("grace", "a@b")))).toBe("not-unique");
  });

  it("can't be placed otherwise afterwards: the records are where they are", async () => {
    const bed = await orderedBed({ partitions: 4 });
    const schema = { ...ORDERED, partitionBy: "collection" } as const;
    const putting = bed.first.gateway.putCollection({ ...CONTEXT, name: COLLECTION, schema });
    const error = await bed.refused(putting);
    expect(error.code).toBe("schema-rejected");
    expect(error.message).toContain("placed by key");
  });
});

describe("a schema's deadline", () => {
  it("is in log time: a gateway whose clock is an hour behind it is heard all the same", async () => {
    const bed = await orderedBed({ partitions: 4 });
    const { clock } = bed.first.options;
    const behind = overriding(clock, { nowMs: () => clock.nowMs() - 3_600_000 });
    const schema = { ...ORDERED, fields: { ...ORDERED.fields, added: { class: "lww" } } } as const;
    const gateway = bed.first.anotherGateway({ clock: behind });
    expect(await bed.run(gateway.putCollection({ ...CONTEXT, name: COLLECTION, schema }))).toMatchObject({
      version: 2,
    });
  });
});

describe("records that are placed by collection", () => {
  const KEYS = ["a", "b", "c", "d", "{tag}:1"];

  it("are all in the collection's partition, whichever way they are written", async () => {
    const { bed, eu, us } = await twoOrderedRegions({ partitions: 4, schema: UNIQUE });
    for (const key of KEYS) {
      const { position } = await bed.run(us.gateway.write(email(key, `${key}@x`)));
      expect(position!.partition).toBe(WHOLE);
      const local = await bed.run(eu.gateway.write(write({ key, waitCommitted: true })));
      expect(local.position!.partition).toBe(WHOLE);
    }
  });

  it("are read, listed, deleted and restored in every region", async () => {
    const { bed, eu, us } = await twoOrderedRegions({ partitions: 4, schema: UNIQUE });
    for (const key of KEYS) await bed.run(eu.gateway.write(email(key, `${key}@x`)));
    await bed.run(us.gateway.remove(life({ key: "b" })));
    await bed.run(eu.gateway.remove(life({ key: "c" })));
    await bed.run(us.gateway.restore(life({ key: "c" })));
    const left = KEYS.filter((key) => key !== "b");
    for (const { gateway } of [eu, us]) {
      for (const consistency of ["local", "linearizable"] as const) {
        await bed.pass(100);
        for (const key of left) {
          const { fields, asOf } = await bed.run(gateway.read(read({ key, consistency })));
          expect([fields["email"], asOf.partition]).toEqual([`${key}@x`, WHOLE]);
        }
        expect(await bed.refusal(gateway.read(read({ key: "b", consistency })))).toBe("record-deleted");
        const { records } = await bed.run(gateway.list(list({ consistency })));
        expect(records.map(({ key }) => key)).toEqual(left);
      }
    }
  });

  it("have unique values across all regions, however close the writes are", async () => {
    const { bed, eu, us } = await twoOrderedRegions({ partitions: 4, schema: UNIQUE });
    const writes = [eu, us, eu, us].map(({ gateway }, number) =>
      ending(gateway.write(email(`k${number}`, "a@b"))),
    );
    const answers = await bed.run(Promise.all(writes));
    const codes = answers.map((answer) => ("code" in answer ? answer.code : "committed"));
    expect(codes.toSorted()).toEqual(["committed", "not-unique", "not-unique", "not-unique"]);
    const { records } = await bed.run(us.gateway.list(list({ consistency: "linearizable" })));
    expect(records).toHaveLength(1);
  });

  it("free their unique value with a change and with a delete", async () => {
    const bed = await orderedBed({ partitions: 4, schema: UNIQUE });
    const { gateway } = bed.first;
    await bed.run(gateway.write(email("ada", "a@b")));
    const error = await bed.refused(gateway.write(email("grace", "a@b")));
    expect(error).toMatchObject({ code: "not-unique", details: { field: "email" } });
    await bed.run(gateway.write(email("ada", "c@d")));
    await bed.run(gateway.write(email("grace", "a@b")));
    await bed.run(gateway.remove(life({ key: "grace" })));
    expect(await bed.run(gateway.write(email("alan", "a@b")))).toMatchObject({ status: "committed" });
  });

  it("can be changed together, and with those of another collection that its name places beside them", async () => {
    const bed = await orderedBed({ partitions: 4, schema: UNIQUE });
    const { gateway } = bed.first;
    await bed.run(gateway.putCollection({ ...CONTEXT, name: "orders", schema: ORDERED }));
    const writes = [
      ...KEYS.map((key) => ({ key, set: { email: `${key}@x` } })),
      { collection: "orders", key: `{${COLLECTION}}:1`, inc: { credit: 1 } },
    ];
    const { position } = await bed.run(gateway.transact(transaction(writes)));
    expect(position!.partition).toBe(WHOLE);
    expect((await bed.run(gateway.list(list()))).records).toHaveLength(KEYS.length);
  });
});

describe("an initial state", () => {
  it("is shown and checked where nothing was written yet, and written by nobody", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    await bed.run(gateway.write(credit(1)));
    expect((await bed.run(gateway.read(read()))).fields).toEqual({ credit: 1, status: "pending" });
    const body = { set: { status: "paid" }, if: { fields: { status: "pending" } } };
    await bed.run(gateway.write(write({ body })));
    expect((await bed.run(gateway.read(read()))).fields["status"]).toBe("paid");
  });
});

describe("while a member reads version 1 of entries only", () => {
  async function behindBed() {
    const bed = new Bed({ regions: ["eu", "us"] });
    await bed.startAll();
    const [eu, us] = bed.regions as [Bed["first"], Bed["first"]];
    await bed.pass(2_000);
    // Its ticks would say again what this software reads.
    us.stopRoles();
    await bed.pass(3_500);
    us.startApplier();
    tickReading(bed, "us", 1);
    await bed.pass(6_000);
    return { bed, eu };
  }

  it("schemas with authoritative fields or a placement are refused, and it is named", async () => {
    const { bed, eu } = await behindBed();
    const end = bed.servers.messages(0).length;
    for (const schema of [ORDERED, UNIQUE, { ...SCHEMA, partitionBy: "collection" } as const]) {
      const putting = eu.gateway.putCollection({ ...CONTEXT, name: "orders", schema });
      const error = await bed.refused(putting);
      expect(error.code).toBe("not-supported-yet");
      expect(error.message).toContain("us still runs software");
      expect(error.details.retryAfterMs).toBeGreaterThan(0);
    }
    const sent = bed.servers.messages(0).slice(end);
    expect(sent.every(({ data }) => decodeEntry(data).entry.kind === "tick")).toBe(true);
  });

  it("so are all that would be a proposal, or a barrier", async () => {
    const { bed, eu } = await behindBed();
    const { gateway } = eu;
    await bed.run(gateway.write(write()));
    const body = { set: { name: "Ada" }, authoritative: true };
    const requests: readonly (() => Promise<unknown>)[] = [
      () => gateway.write(write({ body })),
      () => gateway.remove(life()),
      () => gateway.restore(life()),
      () => gateway.transact(transaction([{ key: "ada", set: { name: "A" } }])),
      () => gateway.lease(lease(acquire("one"))),
      () => gateway.readLease({ ...CONTEXT, name: "job" }),
      () => gateway.read(read({ consistency: "linearizable" })),
    ];
    for (const request of requests) expect(await bed.refusal(request())).toBe("not-supported-yet");
  });

  it("schemas and writes of local fields go on", async () => {
    const { bed, eu } = await behindBed();
    await bed.run(eu.gateway.putCollection({ ...CONTEXT, name: "orders", schema: SCHEMA }));
    const result = await bed.run(eu.gateway.write(write({ collection: "orders" })));
    expect(result).toMatchObject({ status: "accepted" });
  });

  it("it is waited for, and no longer than that", async () => {
    const { bed, eu } = await behindBed();
    const schema = ORDERED;
    const put = () => eu.gateway.putCollection({ ...CONTEXT, name: "orders", schema });
    expect(await bed.refusal(put())).toBe("not-supported-yet");
    tickReading(bed, "us", 2);
    await bed.pass(6_000);
    expect(await bed.run(put())).toMatchObject({ name: "orders", version: 1 });
    expect(await bed.run(eu.gateway.write(pay({ collection: "orders" })))).toMatchObject({
      status: "committed",
    });
  });
});
