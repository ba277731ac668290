/** Writes through a gateway on the simulated twin: what is answered, and what is answered to the same again. */
import { describe, expect, it } from "vitest";
import { RefusedWriteError } from "../../../services/core/accept/refused-write.ts";
import { idempotentOperationId } from "../../../services/core/operation-id.ts";
import { partitionOf } from "../../../services/core/partition.ts";
import { StoreUnavailableError } from "../../../services/ports/region-store.ts";
import { Bed, overriding, read, SCHEMA, TENANT, write } from "./bed.ts";

const KEYED = write({ idempotencyKey: "key-1" });

async function startedBed(options: ConstructorParameters<typeof Bed>[0] = {}): Promise<Bed> {
  const bed = new Bed(options);
  await bed.startAll();
  return bed;
}

/** Cuts the log off, so that nothing is folded any more. */
async function withoutLog(options: ConstructorParameters<typeof Bed>[0] = {}): Promise<Bed> {
  const bed = await startedBed(options);
  bed.servers.leader = undefined;
  return bed;
}

describe("a write", () => {
  it("is accepted by the region alone, while the log has no leader", async () => {
    const bed = await withoutLog();
    const result = await bed.run(bed.first.gateway.write(write()));
    expect(result).toMatchObject({ status: "accepted", region: "eu", isReplayed: false });
    expect(result.session.wal).toEqual({ eu: { "0": 1 } });
    expect(result).not.toHaveProperty("position");
    expect(bed.first.database.readOperation(result.operation)).toMatchObject({ accepted: { sequence: 1 } });
  });

  it("keeps what the session had already seen", async () => {
    const bed = await withoutLog();
    const session = { positions: { "0": 7, "3": 1 }, wal: { us: { "0": 9 }, eu: { "0": 5 } } };
    const result = await bed.run(bed.first.gateway.write(write({ session })));
    expect(result.session).toEqual(session);
  });

  it("of an unknown collection, field or key is refused, and nothing is kept of it", async () => {
    const bed = await startedBed();
    const { gateway, database } = bed.first;
    const before = database.walHead(0).sequence;
    expect(await bed.refusal(gateway.write(write({ collection: "nobody" })))).toBe("unknown-collection");
    expect(await bed.refusal(gateway.write(write({ tenant: "other" })))).toBe("unknown-collection");
    for (const wrong of [
      { body: { set: { nickname: "A" } } },
      { body: {} },
      { body: { inc: { name: 1 } } },
      { key: "" },
    ]) {
      await expect(bed.run(gateway.write(write(wrong)))).rejects.toThrow(RefusedWriteError);
    }
    expect(database.walHead(0).sequence).toBe(before);
  });

  it("goes to the partition of its key", async () => {
    const bed = await startedBed({ partitions: 4 });
    for (const key of ["a", "b", "c", "{tag}:1", "{tag}:2"]) {
      const { operation } = await bed.run(bed.first.gateway.write(write({ key })));
      const partition = partitionOf({ tenant: TENANT, key }, 4);
      expect(bed.first.database.readOperation(operation)).toMatchObject({ partition });
    }
  });

  it("that uses a field just added elsewhere is planned again with the newer schema", async () => {
    const bed = await startedBed({ regions: ["eu", "us"] });
    const [eu, us] = bed.regions as [Bed["first"], Bed["first"]];
    const body = { set: { nickname: "A" } };
    await expect(bed.run(us.gateway.write(write({ body })))).rejects.toThrow(/no field "nickname"/);
    const schema = { fields: { ...SCHEMA.fields, nickname: { class: "lww" } as const } };
    await bed.run(eu.gateway.putCollection({ ...write(), name: "users", schema }));
    await bed.runUntil(() => us.database.readCollections(0)[0]?.version === 2, "the schema in us");
    await bed.world.run(bed.world.nowMs + 300);
    expect(await bed.run(us.gateway.write(write({ body })))).toMatchObject({ status: "accepted" });
  });
});

describe("the same write again", () => {
  it("gets the first answer, marked as replayed, and takes effect once", async () => {
    const bed = await withoutLog();
    const { gateway, database } = bed.first;
    const first = await bed.run(gateway.write(KEYED));
    const again = await bed.run(bed.first.anotherGateway().write(KEYED));
    expect(again).toEqual({ ...first, isReplayed: true });
    expect(first.operation).toBe(idempotentOperationId(TENANT, "key-1"));
    expect(database.walRows(0)).toHaveLength(1);
  });

  it("gets what the fold made of it, once it is folded, in this region and in another", async () => {
    const bed = await startedBed({ regions: ["eu", "us"] });
    const [eu, us] = bed.regions as [Bed["first"], Bed["first"]];
    const first = await bed.run(eu.gateway.write(KEYED));
    await bed.converge();
    for (const { gateway } of [eu, us]) {
      const again = await bed.run(gateway.write(KEYED));
      expect(again).toMatchObject({
        operation: first.operation,
        status: "committed",
        region: "eu",
        at: first.at,
        isReplayed: true,
        position: { partition: 0, sequence: expect.any(Number) as number },
      });
      expect(again.session.positions).toEqual({ "0": again.position!.sequence });
    }
    expect(us.database.walRows(0)).toEqual([]);
  });

  it("that both regions accepted before they heard of each other takes effect once (I4)", async () => {
    const bed = await startedBed({ regions: ["eu", "us"] });
    const body = { inc: { likes: 1 } };
    const results = await bed.run(
      Promise.all(bed.regions.map(({ gateway }) => gateway.write({ ...KEYED, body }))),
    );
    expect(results.map(({ status }) => status)).toEqual(["accepted", "accepted"]);
    await bed.converge();
    for (const { gateway } of bed.regions) {
      expect((await bed.run(gateway.read(read()))).fields).toEqual({ likes: 1 });
    }
  });

  it("as another request is refused, and names the operation: by body, key or collection", async () => {
    const bed = await withoutLog();
    const { gateway } = bed.first;
    await bed.run(gateway.write(KEYED));
    for (const other of [
      { key: "grace" },
      { body: { set: { name: "Grace" } } },
      { body: { inc: { likes: 1 } } },
    ]) {
      const error = await bed.refused(gateway.write({ ...KEYED, ...other }));
      expect(error.code).toBe("idempotency-key-reused");
      expect(error.details.operation).toBe(idempotentOperationId(TENANT, "key-1"));
    }
    expect(await bed.run(gateway.write({ ...KEYED, body: { set: { name: "Ada" } } }))).toMatchObject({
      isReplayed: true,
    });
  });

  it("without an idempotency key is another write", async () => {
    const bed = await withoutLog();
    const [one, other] = [
      await bed.run(bed.first.gateway.write(write())),
      await bed.run(bed.first.gateway.write(write())),
    ];
    expect(one.operation).not.toBe(other.operation);
    expect(other.isReplayed).toBe(false);
  });

  it("under another tenant's key is another operation (I14)", async () => {
    const bed = await withoutLog();
    await bed.run(bed.first.gateway.write(KEYED));
    expect(idempotentOperationId("other", "key-1")).not.toBe(idempotentOperationId(TENANT, "key-1"));
    expect(await bed.refusal(bed.first.gateway.write({ ...KEYED, tenant: "other" }))).toBe(
      "unknown-collection",
    );
  });
});

describe("a write that waits until it is committed", () => {
  it("is answered with its position once this region has folded it", async () => {
    const bed = await startedBed({ regions: ["eu", "us"] });
    const result = await bed.run(bed.first.gateway.write(write({ waitCommitted: true })));
    expect(result).toMatchObject({ status: "committed", isReplayed: false });
    const { sequence } = result.position!;
    expect(bed.first.database.readPositions(0).position).toBeGreaterThanOrEqual(sequence);
    // The position says all: the WAL sequence is covered by it.
    expect(result.session.wal).toEqual({});
    expect(result.session.positions["0"]).toBeGreaterThanOrEqual(sequence);
  });

  it("is answered as accepted at the deadline, when no applier runs", async () => {
    const bed = await startedBed();
    bed.first.stopRoles();
    await bed.world.run(bed.world.nowMs + 5_000);
    const result = await bed.run(bed.first.gateway.write(write({ waitCommitted: true, deadlineMs: 800 })));
    expect(result).toMatchObject({ status: "accepted", isReplayed: false });
    expect(bed.first.database.walHead(0).pendingRows).toBe(1);
  });

  it("is answered as superseded when a newer value won, and the receipt names the fields", async () => {
    const bed = await startedBed({ regions: ["eu", "us"] });
    const [eu, us] = bed.regions as [Bed["first"], Bed["first"]];
    bed.servers.cutOff.add("eu");
    const older = eu.gateway.write(
      write({ waitCommitted: true, deadlineMs: 20_000, body: { set: { name: "older" } } }),
    );
    await bed.world.run(bed.world.nowMs + 500);
    await bed.run(us.gateway.write(write({ waitCommitted: true, body: { set: { name: "newer" } } })));
    bed.servers.cutOff.delete("eu");
    const result = await bed.run(older);
    expect(result).toMatchObject({ status: "superseded", lostFields: ["name"] });
    expect(await bed.run(eu.gateway.operation({ tenant: TENANT, id: result.operation }))).toMatchObject({
      status: "superseded",
      lostFields: ["name"],
    });
  });

  it("is answered as accepted when the database fails only after it took the row", async () => {
    const bed = await withoutLog();
    const down = () => Promise.reject(new StoreUnavailableError("the database is down", { outcome: "none" }));
    const store = overriding(bed.first.options.store, { readPositions: down });
    const gateway = bed.first.anotherGateway({ store });
    expect(await bed.run(gateway.write(write({ waitCommitted: true })))).toMatchObject({
      status: "accepted",
    });
  });

  it("and was folded already is answered at once", async () => {
    const bed = await startedBed();
    await bed.run(bed.first.gateway.write(KEYED));
    await bed.converge();
    bed.first.stopRoles();
    const again = await bed.run(bed.first.gateway.write({ ...KEYED, waitCommitted: true }));
    expect(again).toMatchObject({ status: "committed", isReplayed: true });
  });
});

describe("an operation", () => {
  it("is accepted, then committed, and the same to every gateway that knows it", async () => {
    const bed = await startedBed({ regions: ["eu", "us"] });
    const [eu, us] = bed.regions as [Bed["first"], Bed["first"]];
    bed.servers.cutOff.add("eu");
    const { operation: id, at } = await bed.run(eu.gateway.write(write()));
    const request = { tenant: TENANT, id };
    expect(await bed.run(eu.gateway.operation(request))).toEqual({
      operation: id,
      status: "accepted",
      region: "eu",
      at,
    });
    expect(await bed.refusal(us.gateway.operation(request))).toBe("operation-not-found");
    bed.servers.cutOff.delete("eu");
    await bed.converge();
    const committed = await bed.run(eu.gateway.operation(request));
    const appliedBy = { eu: true, us: true };
    expect(committed).toMatchObject({ operation: id, status: "committed", region: "eu", at });
    // A tick that was on its way when the region was cut off is given up after 5 s; the next one tells how far it has folded.
    await bed.world.run(bed.world.nowMs + 8_000);
    expect(await bed.run(us.gateway.operation(request))).toEqual({ ...committed, appliedBy });
    expect(await bed.run(eu.gateway.operation(request))).toEqual({ ...committed, appliedBy });
  });

  it("of another tenant is as unknown as one that never was (I14)", async () => {
    const bed = await startedBed();
    const { operation: id } = await bed.run(bed.first.gateway.write(write({ waitCommitted: true })));
    const gateway = bed.first.gateway;
    const [foreign, absent] = [
      await bed.refused(gateway.operation({ tenant: "other", id })),
      await bed.refused(gateway.operation({ tenant: "other", id: idempotentOperationId("a", "b") })),
    ];
    expect(foreign.code).toBe("operation-not-found");
    expect(foreign.message.replace(id, "?")).toBe(
      absent.message.replace(idempotentOperationId("a", "b"), "?"),
    );
    expect([foreign.details.operation, foreign.details.retryAfterMs]).toEqual([
      absent.details.operation,
      absent.details.retryAfterMs,
    ]);
  });
});
