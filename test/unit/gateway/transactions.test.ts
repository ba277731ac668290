/** Transactions: several records of one partition, changed at one position of the log, or not at all. */
import { describe, expect, it } from "vitest";
import { RefusedWriteError, type RefusalCode } from "../../../services/core/accept/refused-write.ts";
import { partitionOf } from "../../../services/core/partition.ts";
import { list, read, TENANT, write, type Bed, type RegionBed } from "./bed.ts";
import {
  acquire,
  credit,
  lease,
  life,
  ORDERED,
  orderedBed,
  pay,
  transaction,
  twoOrderedRegions,
  UNIQUE,
} from "./ordered.ts";

async function refusedCode(bed: Bed, promise: Promise<unknown>): Promise<RefusalCode> {
  const error = await bed.run(
    promise.then(
      () => undefined,
      (reason: unknown) => reason,
    ),
  );
  if (error instanceof RefusedWriteError) return error.code;
  throw error instanceof Error ? error : new Error("it was not refused");
}

async function creditsIn(bed: Bed, region: RegionBed): Promise<{ [key: string]: unknown }> {
  const { records } = await bed.run(region.gateway.list(list()));
  return Object.fromEntries(records.map(({ key, fields }) => [key, fields["credit"]]));
}

/** Two keys that 4 partitions keep apart. */
function strangers(): [string, string] {
  const of = (key: string) => partitionOf({ tenant: TENANT, key }, 4);
  const other = Array.from({ length: 50 }, (_, number) => `k${number}`).find((key) => of(key) !== of("ada"));
  return ["ada", other!];
}

const TRANSFER = [
  { key: "ada", inc: { credit: -3 } },
  { key: "grace", inc: { credit: 3 } },
];

describe("a transaction", () => {
  it("changes all its records at one position, in every region", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await bed.run(eu.gateway.write(credit(10)));
    const result = await bed.run(eu.gateway.transact(transaction(TRANSFER)));
    expect(result).toMatchObject({
      status: "committed",
      results: [{ fields: { credit: 7 } }, { fields: { credit: 3 } }],
    });
    await bed.pass(100);
    for (const region of [eu, us]) {
      expect(await creditsIn(bed, region)).toEqual({ ada: 7, grace: 3 });
      for (const key of ["ada", "grace"]) {
        const { version } = await bed.run(region.gateway.read(read({ key })));
        expect(version).toBe(String(result.position!.sequence));
      }
    }
  });

  it("has no effect when one write can't be, and tells which and why", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    await bed.run(gateway.write(credit(2)));
    const error = await bed.refused(gateway.transact(transaction(TRANSFER)));
    expect(error.code).toBe("out-of-bounds");
    expect(error.details).toMatchObject({ write: 0, field: "credit", position: { partition: 0 } });
    expect(await creditsIn(bed, bed.first)).toEqual({ ada: 2 });
    const last = [...TRANSFER, { key: "alan", set: { status: "shipped" } }];
    await bed.run(gateway.write(credit(8)));
    const other = await bed.refused(gateway.transact(transaction(last)));
    expect([other.code, other.details.write]).toEqual(["transition-refused", 2]);
    expect(await creditsIn(bed, bed.first)).toEqual({ ada: 10 });
  });

  it("may hold deletes, restores, local fields, and conditions alone", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    for (const key of ["kept", "gone", "back"]) await bed.run(gateway.write(credit(1, { key })));
    await bed.run(gateway.remove(life({ key: "back" })));
    const writes = [
      { key: "gone", delete: true },
      { key: "back", restore: true },
      { key: "new", set: { name: "N" }, if: { version: null } },
      { key: "kept", if: { fields: { credit: 1 } } },
    ];
    const { version } = await bed.run(gateway.read(read({ key: "kept" })));
    await bed.run(gateway.transact(transaction(writes)));
    expect(Object.keys(await creditsIn(bed, bed.first))).toEqual(["back", "kept", "new"]);
    expect((await bed.run(gateway.read(read({ key: "kept" })))).version).toBe(version);
    const again = transaction([
      { key: "kept", inc: { credit: 1 } },
      { key: "new", if: { version: null } },
    ]);
    const error = await bed.refused(gateway.transact(again));
    expect([error.code, error.details.write]).toEqual(["precondition-failed", 1]);
  });

  it("can let two records swap their unique values, which neither could alone", async () => {
    const bed = await orderedBed({ schema: UNIQUE, partitions: 4 });
    const { gateway } = bed.first;
    const set = (key: string, email: string) => ({ key, set: { email } });
    await bed.run(gateway.transact(transaction([set("ada", "a@b"), set("grace", "g@h")])));
    expect(await bed.refusal(gateway.write(write({ body: { set: { email: "g@h" } } })))).toBe("not-unique");
    await bed.run(gateway.transact(transaction([set("ada", "g@h"), set("grace", "a@b")])));
    expect((await bed.run(gateway.read(read()))).fields["email"]).toBe("g@h");
  });

  it("with a record named twice, with nothing, or of another shape is refused before the log hears of it", async () => {
    const bed = await orderedBed();
    const end = bed.first.database.outcomes(0).size;
    const one = { key: "ada", set: { status: "paid" } };
    for (const [writes, code] of [
      [[one, { key: "ada", inc: { credit: 1 } }], "record-repeated"],
      [[one, { key: "ada", delete: true }], "record-repeated"],
      [[], "empty-write"],
      [[one, { key: "grace" }], "empty-write"],
      [[{ ...one, delete: true }], "malformed-body"],
      [[{ ...one, fence: { lease: "job", token: "1" } }], "malformed-body"],
      [[one, { key: "", delete: true }], "invalid-key"],
      [[{ key: "ada", set: { nickname: "A" } }], "unknown-field"],
      [Array.from({ length: 101 }, (_, number) => ({ ...one, key: `k${number}` })), "too-many-writes"],
    ] as const) {
      expect(await refusedCode(bed, bed.first.gateway.transact(transaction(writes)))).toBe(code);
    }
    const unknown = transaction([{ ...one, collection: "orders" }]);
    expect(await bed.refusal(bed.first.gateway.transact(unknown))).toBe("unknown-collection");
    expect(bed.first.database.outcomes(0).size).toBe(end);
  });
});

describe("a transaction over several partitions", () => {
  it("is refused, with the two keys that are apart", async () => {
    const bed = await orderedBed({ partitions: 4 });
    const [one, other] = strangers();
    const writes = [one, other].map((key) => ({ key, inc: { credit: 1 } }));
    const error = await bed.refused(bed.first.gateway.transact(transaction(writes)));
    expect(error.code).toBe("across-partitions");
    expect(error.message).toContain(`"${one}"`);
    expect(error.message).toContain(`"${other}"`);
    expect(await creditsIn(bed, bed.first)).toEqual({});
  });

  it("is one over a single partition when the keys share a tag, also of several collections", async () => {
    const bed = await orderedBed({ partitions: 4 });
    const { gateway } = bed.first;
    await bed.run(gateway.putCollection({ ...write(), name: "orders", schema: ORDERED }));
    const [one, other] = strangers();
    const writes = [
      { key: `{cart}:${one}`, inc: { credit: 1 } },
      { key: `{cart}:${other}`, inc: { credit: 2 } },
      { collection: "orders", key: "{cart}", inc: { credit: 3 } },
    ];
    const { position, results } = await bed.run(gateway.transact(transaction(writes)));
    expect(position!.partition).toBe(partitionOf({ tenant: TENANT, key: "cart" }, 4));
    expect(results).toEqual([1, 2, 3].map((sum) => ({ fields: { credit: sum } })));
  });
});

describe("a fence", () => {
  it("lets the holder's writes through, until another has been granted the lease", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const grant = await bed.run(eu.gateway.lease(lease(acquire("one", 1_000))));
    const [{ token }] = grant.results as [{ token: number }];
    const fence = { lease: "job", token: String(token) };
    await bed.run(us.gateway.transact(transaction(TRANSFER.slice(1), { fence })));
    await bed.pass(3_000);
    await bed.run(us.gateway.lease(lease(acquire("two"))));
    const error = await bed.refused(eu.gateway.transact(transaction(TRANSFER.slice(1), { fence })));
    expect(error.code).toBe("stale-fence");
    expect(error.details).not.toHaveProperty("write");
    expect(await creditsIn(bed, eu)).toEqual({ grace: 3 });
  });

  it("of a lease in another partition is refused: the fold could not look at it", async () => {
    const bed = await orderedBed({ partitions: 4 });
    const { gateway } = bed.first;
    const [key, name] = strangers();
    const grant = await bed.run(gateway.lease(lease(acquire("one"), { name })));
    const [{ token }] = grant.results as [{ token: number }];
    const fence = { lease: name, token: String(token) };
    const body = { set: { status: "paid" }, fence };
    const error = await bed.refused(gateway.write(pay({ key, body })));
    expect(error.code).toBe("across-partitions");
    expect(error.message).toContain(`"${name}"`);
    const writes = transaction([{ key, inc: { credit: 1 } }], { fence });
    expect(await bed.refusal(gateway.transact(writes))).toBe("across-partitions");
    const near = await bed.run(gateway.write(pay({ key: name, body })));
    expect(near).toMatchObject({ status: "committed" });
  });

  it("with a token that no lease can have stops nobody but its client", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    for (const token of ["0", "-1", "01", "x", ""]) {
      const fence = { lease: "job", token };
      expect(await refusedCode(bed, gateway.transact(transaction(TRANSFER.slice(1), { fence })))).toBe(
        "invalid-condition",
      );
    }
    expect(await bed.run(gateway.write(pay()))).toMatchObject({ status: "committed" });
  });
});
