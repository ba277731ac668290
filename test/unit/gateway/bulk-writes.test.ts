import { describe, expect, it } from "vitest";
import { RefusedWriteError } from "../../../services/core/accept/refused-write.ts";
import { EMPTY_SESSION } from "../../../services/core/session.ts";
import { GatewayError } from "../../../services/gateway/errors.ts";
import type { BulkLine, BulkResult } from "../../../services/gateway/gateway.ts";
import { Bed, COLLECTION, CONTEXT, SCHEMA, TENANT } from "./bed.ts";
import { ORDERED, orderedBed } from "./ordered.ts";

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function line(number: number, changes: Partial<BulkLine> = {}): BulkLine {
  return { id: `row-${number}`, key: `k${number}`, body: { set: { name: `name ${number}` } }, ...changes };
}

function send(bed: Bed, lines: readonly (BulkLine | Error)[]): Promise<BulkResult> {
  const request = {
    tenant: TENANT,
    collection: COLLECTION,
    session: EMPTY_SESSION,
    deadlineMs: 5_000,
    lines,
  };
  return bed.run(bed.first.gateway.writeMany(request));
}

function told({ lines }: BulkResult): string[] {
  return lines.map((one) => {
    if (one instanceof RefusedWriteError || one instanceof GatewayError) return one.code;
    if (one instanceof Error) return one.message;
    return one.isReplayed ? `${one.status} again` : one.status;
  });
}

async function openBed(): Promise<Bed> {
  const bed = new Bed();
  await bed.startAll();
  return bed;
}

describe("many writes at once", () => {
  it("are each accepted, refused or recognised by themselves, in one flush and in their order", async () => {
    const bed = await openBed();
    await send(bed, [line(1)]);
    await bed.converge();
    const before = bed.first.database.walRows(0).length;
    const result = await send(bed, [
      line(1),
      line(2),
      line(3, { body: { set: { nmae: 1 } } }),
      new Error("could not be read"),
      line(2, { key: "other" }),
      line(4, { key: "" }),
      line(1, { id: "row-9", body: { inc: { likes: 2 } } }),
    ]);
    expect(told(result)).toEqual([
      "committed again",
      "accepted",
      "unknown-field",
      "could not be read",
      "malformed-body",
      "invalid-key",
      "accepted",
    ]);
    const rows = bed.first.database.walRows(0).slice(before);
    expect(rows.map(({ key }) => key)).toEqual(["k2", "k1"]);
    expect(result.session.wal["eu"]?.[0]).toBe(rows.at(-1)!.sequence);
  });

  it("take effect once under an id, and are refused where it is another row's", async () => {
    const bed = await openBed();
    await send(bed, [line(1)]);
    await bed.converge();
    expect(told(await send(bed, [line(1, { body: { set: { name: "another" } } })]))).toEqual([
      "idempotency-key-reused",
    ]);
    expect(told(await send(bed, [line(1)]))).toEqual(["committed again"]);
  });

  it("are decided by the log where they touch what it decides on, those of one record in their order", async () => {
    const bed = await orderedBed();
    const statuses = ["paid", "shipped"].map((status, index) =>
      line(index, { key: "order", body: { set: { status } } }),
    );
    const others = range(100).map((number) => line(10 + number, { body: { set: { credit: number } } }));
    const wrong = line(500, { body: { set: { credit: 101 } } });
    const result = await send(bed, [...statuses, line(400), ...others, wrong]);
    expect(told(result)).toEqual([
      "committed",
      "committed",
      "accepted",
      ...others.map(() => "committed"),
      "out-of-bounds",
    ]);
    const again = await send(bed, [...statuses, ...others, wrong]);
    expect(told(again)).toEqual([...[...statuses, ...others].map(() => "committed again"), "out-of-bounds"]);
    const read = await bed.run(
      bed.first.gateway.read({ ...CONTEXT, collection: COLLECTION, key: "order", consistency: "local" }),
    );
    expect(read.fields["status"]).toBe("shipped");
  });

  it("find a field that was added a moment ago in another region", async () => {
    const bed = await openBed();
    await send(bed, [line(1)]);
    await bed.converge();
    const schema = { fields: { ...SCHEMA.fields, city: { class: "lww" as const } } };
    await bed.run(bed.first.anotherGateway().putCollection({ ...CONTEXT, name: COLLECTION, schema }));
    await bed.converge();
    expect(told(await send(bed, [line(2, { body: { set: { city: "London" } } })]))).toEqual(["accepted"]);
  });

  it("ask once for a newer schema, however many of them are wrong", async () => {
    const bed = await openBed();
    await send(bed, [line(1)]);
    await bed.converge();
    const gateway = bed.first.anotherGateway();
    let looks = 0;
    const readCollections = bed.first.options.store.readCollections.bind(bed.first.options.store);
    bed.first.options.store.readCollections = (partition) => {
      looks += 1;
      return readCollections(partition);
    };
    const lines = range(200).map((number) => line(10 + number, { body: { set: { nmae: 1 } } }));
    const request = {
      tenant: TENANT,
      collection: COLLECTION,
      session: EMPTY_SESSION,
      deadlineMs: 5_000,
      lines,
    };
    const result = await bed.run(gateway.writeMany(request));
    expect(new Set(told(result))).toEqual(new Set(["unknown-field"]));
    expect(looks).toBeLessThanOrEqual(2);
  });

  it("don't overtake an earlier one of the record that the log decides on", async () => {
    const bed = await orderedBed();
    const read = () =>
      bed.run(
        bed.first.gateway.read({ ...CONTEXT, collection: COLLECTION, key: "order", consistency: "local" }),
      );
    const lines = [
      line(1, { key: "order", body: { set: { status: "paid", name: "earlier" } } }),
      line(2, { key: "order", body: { set: { name: "later" } } }),
    ];
    expect(told(await send(bed, lines))).toEqual(["committed", "accepted"]);
    await bed.converge();
    expect((await read()).fields["name"]).toBe("later");
  });

  it("are decided on what those in front of them have written of the record", async () => {
    const bed = await orderedBed();
    const decided = (number: number, from: string, status: string) =>
      line(number, { key: "order", body: { set: { status }, if: { fields: { name: from } } } });
    const named = (number: number, name: string) => line(number, { key: "order", body: { set: { name } } });
    const lines = [named(1, "one"), named(2, "two"), decided(3, "two", "paid"), named(4, "three")];
    const more = [...lines, decided(5, "three", "shipped"), decided(6, "two", "shipped")];
    expect(told(await send(bed, more))).toEqual([
      "accepted",
      "accepted",
      "committed",
      "accepted",
      "committed",
      "precondition-failed",
    ]);
  });

  it("are decided on all in front of them, whatever became of the last", async () => {
    const bed = await orderedBed({
      schema: { ...ORDERED, fields: { ...ORDERED.fields, stock: { class: "merge", kind: "escrow" } } },
    });
    const on = (number: number, body: object) => line(number, { key: "order", body });
    const named = (number: number, name: string) => on(number, { set: { name } });
    const paid = (number: number, name: string) =>
      on(number, { set: { status: "paid" }, if: { fields: { name } } });
    await send(bed, [line(50), named(51, "zero")]);
    await bed.converge();
    expect(told(await send(bed, [named(1, "one"), named(50, "x"), paid(2, "one")]))).toEqual([
      "accepted",
      "idempotency-key-reused",
      "committed",
    ]);
    expect(told(await send(bed, [named(3, "two"), named(51, "zero"), paid(4, "two")]))).toEqual([
      "accepted",
      "committed again",
      "committed",
    ]);
    const lacking = on(5, { take: { stock: 9 } });
    expect(told(await send(bed, [lacking, named(6, "three"), paid(7, "three"), named(8, "four")]))).toEqual([
      "insufficient",
      "accepted",
      "overloaded",
      "overloaded",
    ]);
  });

  it("that take from one record go in one flush, and keep nothing back where one of them lacks rights", async () => {
    const bed = new Bed();
    await bed.startAll({
      fields: { name: { class: "lww", type: "string" }, stock: { class: "merge", kind: "escrow" } },
    });
    await send(bed, [line(0, { key: "lamp", body: { give: { stock: 100 } } })]);
    let appends = 0;
    const { store } = bed.first.options;
    const append = store.append.bind(store);
    store.append = (options) => {
      appends += 1;
      return append(options);
    };
    const take = (number: number, amount: number) =>
      line(number, { key: "lamp", body: { take: { stock: amount } } });
    const lines = [take(1, 1), take(2, 500), take(3, 2), line(4, { key: "lamp" })];
    expect(told(await send(bed, lines))).toEqual(["accepted", "insufficient", "accepted", "accepted"]);
    expect(appends).toBe(1);
  });

  it("are refused as a whole where there is no such collection", async () => {
    const bed = new Bed();
    const error = await bed.refused(
      bed.first.gateway.writeMany({
        tenant: TENANT,
        collection: "none",
        session: EMPTY_SESSION,
        deadlineMs: 1_000,
        lines: [line(1)],
      }),
    );
    expect(error.code).toBe("unknown-collection");
  });
});
