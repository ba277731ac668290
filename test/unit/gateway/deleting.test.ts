/** Deletes and restores: both are the log's, and a tombstone beats what is ordered after it until the log restores (I8). */
import { describe, expect, it } from "vitest";
import { decodeEntry } from "../../../services/protocol/entry-codec.ts";
import { list, read, TENANT, write, type Bed, type RegionBed } from "./bed.ts";
import { credit, life, orderedBed, pay, standStill, twoOrderedRegions, UNIQUE } from "./ordered.ts";

const LINEARIZABLE = read({ consistency: "linearizable" });

async function keysIn(bed: Bed, region: RegionBed): Promise<string[]> {
  return (await bed.run(region.gateway.list(list()))).records.map(({ key }) => key);
}

describe("a delete", () => {
  it("is answered as committed, and the record is gone for reads, said as deleted, and for lists", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    for (const key of ["ada", "grace"]) await bed.run(eu.gateway.write(pay({ key })));
    const result = await bed.run(eu.gateway.remove(life()));
    expect(result).toMatchObject({ status: "committed", isDecided: true, isReplayed: false });
    await bed.pass(100);
    for (const region of [eu, us]) {
      for (const request of [read(), LINEARIZABLE]) {
        const error = await bed.refused(region.gateway.read(request));
        expect(error.code).toBe("record-deleted");
        expect(error.details.session!.positions["0"]).toBeGreaterThanOrEqual(result.position!.sequence);
      }
      expect(await keysIn(bed, region)).toEqual(["grace"]);
    }
  });

  it("is of the version that the client has read, if it says one", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    await bed.run(gateway.write(credit(1)));
    const { version } = await bed.run(gateway.read(read()));
    await bed.run(gateway.write(credit(1)));
    expect(await bed.refusal(gateway.remove(life({ version })))).toBe("precondition-failed");
    const { version: newer } = await bed.run(gateway.read(read()));
    expect(await bed.run(gateway.remove(life({ version: newer })))).toMatchObject({ status: "committed" });
  });

  it("of a record that is not there, or is deleted, is refused as such", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    expect(await bed.refusal(gateway.remove(life()))).toBe("record-missing");
    expect(await bed.refusal(gateway.remove(life({ collection: "orders" })))).toBe("unknown-collection");
    await bed.run(gateway.write(pay()));
    await bed.run(gateway.remove(life()));
    expect(await bed.refusal(gateway.remove(life()))).toBe("deleted");
    expect(await bed.refusal(gateway.write(pay()))).toBe("deleted");
  });

  it("comes after the local write of its session, which it deletes", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    const { session, operation: id } = await bed.run(gateway.write(write()));
    await bed.run(gateway.remove(life({ session })));
    expect(await bed.refusal(gateway.read(read()))).toBe("record-deleted");
    expect(await bed.run(gateway.operation({ tenant: TENANT, id }))).toMatchObject({ status: "committed" });
  });
});

describe("a local write of a deleted record", () => {
  it("that was buffered elsewhere while the delete was ordered is superseded, and its receipt says so", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await bed.run(eu.gateway.write(write({ waitCommitted: true })));
    await bed.converge();
    bed.servers.cutOff.add("us");
    const body = { set: { name: "Late" }, inc: { likes: 1 } };
    const { operation: id } = await bed.run(us.gateway.write(write({ body })));
    expect((await bed.run(us.gateway.read(read()))).fields["name"]).toBe("Late");
    await bed.run(eu.gateway.remove(life()));
    bed.servers.cutOff.delete("us");
    await bed.converge();
    for (const region of [eu, us]) {
      expect(await bed.run(region.gateway.operation({ tenant: TENANT, id }))).toMatchObject({
        status: "superseded",
        region: "us",
        lostFields: ["likes", "name"],
      });
      expect(await bed.refusal(region.gateway.read(read()))).toBe("record-deleted");
      expect(await keysIn(bed, region)).toEqual([]);
    }
    await bed.run(eu.gateway.restore(life()));
    expect((await bed.run(eu.gateway.read(read()))).fields).toEqual({ name: "Ada", status: "pending" });
  });

  it("is shown neither by reads nor by lists of the region that buffered it", async () => {
    const { bed, eu } = await twoOrderedRegions();
    await bed.run(eu.gateway.write(pay()));
    await bed.run(eu.gateway.remove(life()));
    bed.servers.leader = undefined;
    expect(await bed.run(eu.gateway.write(write()))).toMatchObject({ status: "accepted" });
    expect(await bed.refusal(eu.gateway.read(read()))).toBe("record-deleted");
    expect(await keysIn(bed, eu)).toEqual([]);
  });

  it("that waits until it is committed is told that it lost", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    await bed.run(gateway.write(pay()));
    await bed.run(gateway.remove(life()));
    const result = await bed.run(gateway.write(write({ waitCommitted: true })));
    expect(result).toMatchObject({ status: "superseded", lostFields: ["name"] });
  });
});

describe("a restore", () => {
  it("brings the record back as it was, in every region", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await bed.run(eu.gateway.write(write({ body: { set: { name: "Ada", status: "paid" } } })));
    await bed.run(eu.gateway.remove(life()));
    const result = await bed.run(eu.gateway.restore(life()));
    expect(result).toMatchObject({ status: "committed" });
    await bed.pass(100);
    for (const region of [eu, us]) {
      const { fields, version } = await bed.run(region.gateway.read(read()));
      expect(fields).toEqual({ name: "Ada", status: "paid" });
      expect(version).toBe(String(result.position!.sequence));
      expect(await keysIn(bed, region)).toEqual(["ada"]);
    }
    await bed.run(us.gateway.write(write({ body: { inc: { likes: 1 } }, waitCommitted: true })));
    expect((await bed.run(us.gateway.read(read()))).fields["likes"]).toBe(1);
  });

  it("of a record that is not deleted, or never was there, is refused as such", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    expect(await bed.refusal(gateway.restore(life()))).toBe("record-missing");
    await bed.run(gateway.write(pay()));
    expect(await bed.refusal(gateway.restore(life()))).toBe("not-deleted");
  });

  it("takes the record's unique value back, unless another has it by now", async () => {
    const bed = await orderedBed({ schema: UNIQUE });
    const { gateway } = bed.first;
    const email = (key: string) => write({ key, body: { set: { email: "a@b" } } });
    await bed.run(gateway.write(email("ada")));
    await bed.run(gateway.remove(life()));
    await bed.run(gateway.write(email("grace")));
    const error = await bed.refused(gateway.restore(life()));
    expect([error.code, error.details.field]).toEqual(["not-unique", "email"]);
    await bed.run(gateway.remove(life({ key: "grace" })));
    await bed.run(gateway.restore(life()));
    expect(await bed.refusal(gateway.write(email("alan")))).toBe("not-unique");
  });

  it("of what its session has deleted waits for that in another region, and knows its unique value then", async () => {
    const { bed, eu, us } = await twoOrderedRegions({ schema: UNIQUE });
    bed.servers.cutOff.add("us");
    await bed.run(eu.gateway.write(write({ body: { set: { email: "a@b" } } })));
    const { session } = await bed.run(eu.gateway.remove(life()));
    const restoring = us.gateway.restore(life({ session, deadlineMs: 20_000 }));
    await bed.pass(1_000);
    bed.servers.cutOff.delete("us");
    expect(await bed.run(restoring)).toMatchObject({ status: "committed" });
    const taken = write({ key: "grace", body: { set: { email: "a@b" } } });
    expect(await bed.refusal(us.gateway.write(taken))).toBe("not-unique");
  });

  it("that is sent again is the same request, although the record has changed since", async () => {
    const { bed, eu, us } = await twoOrderedRegions({ schema: UNIQUE });
    const request = life({ idempotencyKey: "restore-1" });
    await bed.run(eu.gateway.write(write({ body: { set: { email: "a@b" } } })));
    await bed.run(eu.gateway.remove(life()));
    const first = await bed.run(eu.gateway.restore(request));
    await bed.run(eu.gateway.write(write({ body: { set: { email: "c@d" } } })));
    await bed.pass(100);
    for (const { gateway } of [eu, us]) {
      const again = await bed.run(gateway.restore(request));
      expect(again).toMatchObject({ position: first.position, isReplayed: true });
    }
  });

  it("that a region sends which has not folded the record yet is the same request, too", async () => {
    const { bed, eu, us } = await twoOrderedRegions({ schema: UNIQUE });
    await standStill(bed, us);
    await bed.run(eu.gateway.write(write({ body: { set: { email: "a@b" } } })));
    await bed.run(eu.gateway.remove(life()));
    const request = life({ idempotencyKey: "restore-1", deadlineMs: 30_000 });
    const first = await bed.run(eu.gateway.restore(request));
    const again = us.gateway.restore(request);
    await bed.pass(500);
    us.startApplier();
    expect(await bed.run(again)).toMatchObject({ operation: first.operation, position: first.position });
    const restores = bed.servers
      .messages(0)
      .map(({ data }) => decodeEntry(data).entry)
      .flatMap((entry) => (entry.kind === "propose" ? entry.proposals : []))
      .filter(({ id }) => id === first.operation);
    expect(restores).toHaveLength(2);
  });
});
