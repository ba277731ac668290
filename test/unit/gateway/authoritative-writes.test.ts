/** Writes that the log decides on: what is answered when it is for, and when it is against. */
import { describe, expect, it } from "vitest";
import { RefusedWriteError, type RefusalCode } from "../../../services/core/accept/refused-write.ts";
import { partitionOf } from "../../../services/core/partition.ts";
import { Bed, list, overriding, read, TENANT, write } from "./bed.ts";
import { credit, life, ORDERED, orderedBed, pay, standStill, twoOrderedRegions } from "./ordered.ts";

async function refusedWrite(bed: Bed, promise: Promise<unknown>): Promise<RefusalCode> {
  const error = await bed.run(
    promise.then(
      () => undefined,
      (reason: unknown) => reason,
    ),
  );
  if (error instanceof RefusedWriteError) return error.code;
  throw error instanceof Error ? error : new Error("it was not refused");
}

describe("an authoritative write", () => {
  it("is answered as committed, with its position, which the session has", async () => {
    const bed = await orderedBed();
    const result = await bed.run(bed.first.gateway.write(pay()));
    expect(result).toMatchObject({
      status: "committed",
      region: "eu",
      isDecided: true,
      isReplayed: false,
      position: { partition: 0 },
    });
    expect(result.session).toEqual({ positions: { "0": result.position!.sequence }, wal: {} });
    expect(bed.first.database.outcomes(0).get(result.operation)).toMatchObject({
      status: "committed",
      position: result.position!.sequence,
    });
    expect(bed.first.database.walHead(0).sequence).toBe(0);
  });

  it("keeps what the session has seen elsewhere", async () => {
    const bed = await orderedBed({ partitions: 2 });
    const own = partitionOf({ tenant: TENANT, key: "ada" }, 2);
    const session = { positions: { [1 - own]: 1 }, wal: { us: { [1 - own]: 9 } } };
    const result = await bed.run(bed.first.gateway.write(pay({ session })));
    expect(result.session).toEqual({
      positions: { [1 - own]: 1, [own]: result.position!.sequence },
      wal: session.wal,
    });
  });

  it("tells the sum that the client could not know", async () => {
    const bed = await orderedBed();
    await bed.run(bed.first.gateway.write(credit(5)));
    const { results } = await bed.run(bed.first.gateway.write(credit(3)));
    expect(results).toEqual([{ fields: { credit: 8 } }]);
  });

  it("is answered only once this region has folded it, however long ago the log took it", async () => {
    const { bed, eu } = await twoOrderedRegions();
    await standStill(bed, eu);
    let isAnswered = false;
    const writing = eu.gateway.write(pay({ deadlineMs: 20_000 })).then((result) => {
      isAnswered = true;
      return result;
    });
    await bed.pass(3_000);
    expect(bed.regions[1]!.database.outcomes(0).size).toBe(2);
    expect(isAnswered).toBe(false);
    eu.startApplier();
    const { position } = await bed.run(writing);
    expect(eu.database.readPositions(0).position).toBeGreaterThanOrEqual(position!.sequence);
  });

  it("is answered only once what was decided can be read, however long the commit takes", async () => {
    const bed = new Bed();
    const { store, clock } = bed.first.options;
    const slow = overriding(store, {
      commitFold: async (options) => {
        await clock.sleep(200);
        return store.commitFold(options);
      },
    });
    Object.assign(bed.first.options, { store: slow });
    await bed.startAll(ORDERED);
    const { fields } = await bed.run(
      bed.first.gateway.write(pay()).then(() => bed.first.gateway.read(read())),
    );
    expect(fields).toEqual({ status: "paid" });
  });

  it("is read back at once in its region, and with the session in any other", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    bed.servers.cutOff.add("us");
    const { session } = await bed.run(eu.gateway.write(pay()));
    expect((await bed.run(eu.gateway.read(read()))).fields).toEqual({ status: "paid" });
    expect((await bed.run(eu.gateway.list(list()))).records).toHaveLength(1);
    const request = read({ session, consistency: "session", deadlineMs: 20_000 });
    expect(await bed.refusal(us.gateway.read({ ...request, deadlineMs: 500 }))).toBe("session-behind");
    const reading = us.gateway.read(request);
    bed.servers.cutOff.delete("us");
    expect((await bed.run(reading)).fields).toEqual({ status: "paid" });
  });

  it("goes to the partition of its key", async () => {
    const bed = await orderedBed({ partitions: 4 });
    for (const key of ["a", "b", "c", "{tag}:1", "{tag}:2"]) {
      const { position } = await bed.run(bed.first.gateway.write(pay({ key })));
      expect(position!.partition).toBe(partitionOf({ tenant: TENANT, key }, 4));
    }
  });

  it("can be told of later, by every region that has folded it", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const { operation: id, position, at } = await bed.run(eu.gateway.write(pay()));
    await bed.pass(3_000);
    for (const { gateway } of [eu, us]) {
      expect(await bed.run(gateway.operation({ tenant: TENANT, id }))).toEqual({
        operation: id,
        status: "committed",
        region: "eu",
        at,
        position,
        appliedBy: { eu: true, us: true },
      });
    }
  });

  it("of an unknown collection, field, operator or key is refused before the log hears of it", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    expect(await bed.refusal(gateway.write(pay({ collection: "nobody" })))).toBe("unknown-collection");
    expect(await bed.refusal(gateway.write(pay({ tenant: "other" })))).toBe("unknown-collection");
    for (const [wrong, code] of [
      [{ body: { set: { credit: "much" } } }, "wrong-type"],
      [{ body: { add: { status: ["paid"] } } }, "wrong-operator"],
      [{ body: { authoritative: true } }, "empty-write"],
      [{ key: "" }, "invalid-key"],
    ] as const) {
      expect(await refusedWrite(bed, gateway.write(pay(wrong)))).toBe(code);
    }
    expect(bed.first.database.outcomes(0).size).toBe(1);
  });
});

describe("an authoritative write that the log decides against", () => {
  it.each([
    ["precondition-failed", { body: { set: { status: "paid" }, if: { fields: { credit: 9 } } } }],
    ["precondition-failed", { version: "999999" }],
    ["precondition-failed", { version: null }],
    ["transition-refused", { body: { set: { status: "shipped" } } }],
    ["out-of-bounds", { body: { inc: { credit: -6 } } }],
    ["out-of-bounds", { body: { set: { credit: 101 } } }],
    ["immutable-field", { body: { set: { code: "b" } } }],
    ["stale-fence", { body: { set: { credit: 1 }, fence: { lease: "job", token: "7" } } }],
  ] as const)("is refused as %s: %o", async (code, changes) => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    await bed.run(gateway.write(write({ body: { set: { credit: 5, code: "a" } } })));
    const error = await bed.refused(gateway.write(pay(changes)));
    expect(error.code).toBe(code);
    expect(error.message).not.toBe("");
    expect((await bed.run(gateway.read(read()))).fields).toEqual({ credit: 5, code: "a", status: "pending" });
  });

  it("is told where that was, in which operation, and what the client has seen with it", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const error = await bed.refused(eu.gateway.write(credit(-1)));
    expect(error.details).toMatchObject({ field: "credit", isReplayed: false, position: { partition: 0 } });
    expect(error.details).not.toHaveProperty("expiresAtMs");
    const { operation: id, position, session } = error.details;
    expect(session).toEqual({ positions: { "0": position!.sequence }, wal: {} });
    await bed.converge();
    for (const { gateway } of [eu, us]) {
      expect(await bed.run(gateway.operation({ tenant: TENANT, id: id! }))).toMatchObject({
        status: "rejected",
        position,
        rejection: { code: "bound", message: error.message, field: "credit" },
      });
    }
  });
});

describe("a write of fields of several classes", () => {
  const body = { set: { name: "Ada", status: "paid" }, inc: { likes: 1 } };

  it("is decided as a whole, and takes effect at one position", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const { position } = await bed.run(eu.gateway.write(write({ body })));
    await bed.pass(100);
    for (const { gateway } of [eu, us]) {
      const seen = await bed.run(gateway.read(read()));
      expect(seen).toMatchObject({ version: String(position!.sequence), pending: 0 });
      expect(seen.fields).toEqual({ name: "Ada", status: "paid", likes: 1 });
    }
  });

  it("has no effect at all when one part is refused", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    await bed.run(gateway.write(write({ body: { set: { status: "cancelled" } } })));
    expect(await bed.refusal(gateway.write(write({ body })))).toBe("transition-refused");
    expect((await bed.run(gateway.read(read()))).fields).toEqual({ status: "cancelled" });
  });

  it("wins over the local writes that were accepted before it, and loses to later ones", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    const name = async () => (await bed.run(gateway.read(read()))).fields["name"];
    const { session } = await bed.run(gateway.write(write({ body: { set: { name: "before" } } })));
    await bed.run(gateway.write(write({ session, body: { set: { name: "decided" }, authoritative: true } })));
    expect(await name()).toBe("decided");
    await bed.run(gateway.write(write({ body: { set: { name: "after" } } })));
    expect(await name()).toBe("after");
    await bed.converge();
    expect(await name()).toBe("after");
  });
});

describe("a write of local fields", () => {
  it("is decided by the log where the client asks for that", async () => {
    const bed = await orderedBed();
    const { gateway, database } = bed.first;
    const body = { set: { name: "Ada" }, inc: { likes: 2 }, authoritative: true };
    expect(await bed.run(gateway.write(write({ body })))).toMatchObject({ status: "committed" });
    expect(database.walRows(0)).toEqual([]);
    expect((await bed.run(gateway.read(read()))).fields).toEqual({
      name: "Ada",
      likes: 2,
      status: "pending",
    });
  });

  it("with a condition or a fence is refused: a region alone can't decide one", async () => {
    const bed = await orderedBed();
    const { gateway, database } = bed.first;
    const set = { name: "Ada" };
    for (const wrong of [
      { body: { set, if: { version: "*" } } },
      { body: { set, if: { fields: { name: null } } } },
      { body: { set, fence: { lease: "job", token: "1" } } },
      { body: { set, authoritative: false, if: { version: null } } },
      { body: { set }, version: null },
      { body: { set }, version: "3" },
    ]) {
      expect(await refusedWrite(bed, gateway.write(write(wrong)))).toBe("condition-on-local-write");
    }
    expect(database.walRows(0)).toEqual([]);
    const decided = { set, authoritative: true, if: { version: null } };
    expect(await bed.run(gateway.write(write({ body: decided })))).toMatchObject({ status: "committed" });
  });

  it("can't have an authoritative part that the client wants to be none", async () => {
    const bed = await orderedBed();
    const body = { set: { status: "paid" }, authoritative: false };
    expect(await refusedWrite(bed, bed.first.gateway.write(write({ body })))).toBe("malformed-body");
  });
});

describe("the version of a condition", () => {
  it("is that of a read, and holds until the next change", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    await bed.run(gateway.write(credit(1, { version: null })));
    const { version } = await bed.run(gateway.read(read()));
    await bed.run(gateway.write(credit(1, { version })));
    expect(await bed.refusal(gateway.write(credit(1, { version })))).toBe("precondition-failed");
    await bed.run(gateway.write(credit(1, { version: "*" })));
    expect((await bed.run(gateway.read(read()))).fields["credit"]).toBe(3);
  });

  it("can't be given twice", async () => {
    const bed = await orderedBed();
    const body = { set: { status: "paid" }, if: { version: "3" } };
    for (const version of ["3", null, "*"]) {
      const writing = bed.first.gateway.write(write({ body, version }));
      expect(await refusedWrite(bed, writing)).toBe("invalid-condition");
    }
    const fields = { set: { status: "paid" }, if: { fields: { credit: null } } };
    const both = bed.first.gateway.write(write({ body: fields, version: null }));
    expect(await bed.run(both)).toMatchObject({ status: "committed" });
  });

  it("of a view with pending writes can't be met: no other region has such a version", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    bed.servers.leader = undefined;
    await bed.run(gateway.write(write()));
    const { version, pending } = await bed.run(gateway.read(read()));
    expect(pending).toBe(1);
    bed.servers.leader = "eu";
    expect(await refusedWrite(bed, gateway.write(pay({ version })))).toBe("precondition-failed");
    expect(await refusedWrite(bed, gateway.remove(life({ version })))).toBe("precondition-failed");
  });

  it("lets one of several concurrent writers through, in whatever regions they are", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await bed.run(eu.gateway.write(credit(0)));
    const { version } = await bed.run(us.gateway.read(read({ consistency: "linearizable" })));
    const writes = [eu, us, eu, us].map(({ gateway }) =>
      gateway.write(credit(1, { version })).then(
        () => "committed",
        (error: { code: string }) => error.code,
      ),
    );
    expect((await bed.run(Promise.all(writes))).toSorted()).toEqual([
      "committed",
      "precondition-failed",
      "precondition-failed",
      "precondition-failed",
    ]);
    const request = read({ consistency: "linearizable" });
    expect((await bed.run(us.gateway.read(request))).fields["credit"]).toBe(1);
  });
});
