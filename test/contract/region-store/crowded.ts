/** A record with more pending writes than a read takes along, in whatever way it is read. */
import { describe, expect, it } from "vitest";
import { planRange } from "../../../services/core/listing/where.ts";
import { rangeOf } from "../../../services/core/feed/filter.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import {
  PENDING_BYTES_MAX,
  PENDING_ROWS_MAX,
  type RecordSnapshot,
} from "../../../services/ports/record-snapshot.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import type { Context } from "./context.ts";
import { erase, proposal } from "./decisions.ts";
import { append, appendTo, COLLECTION, increment, keysOf, list, set, TENANT } from "./operations.ts";
import type { FieldPage } from "../../../services/ports/sql-access.ts";
import { openLog, type TestLog } from "./test-log.ts";

const SCHEMA: CollectionSchema = { fields: { age: { class: "lww", type: "number", index: true } } };
const ROWS_PER_APPEND = 1_000;

export function crowdedRecords(context: Context): void {
  describe("a record with more pending writes than a read takes along", () => {
    it("is told as crowded, however it is read, with what is committed of it", async () => {
      const { store } = context;
      const log = await openLog(store);
      await log.fold(log.batch("us", [append("a", [set("name", "committed")]), append("b")]));
      await appendLarge(store, "a", PENDING_BYTES_MAX);
      await appendTo(store, [append("b")]);
      for (const snapshot of await lookedAt(store, "a")) {
        expect(snapshot).toMatchObject({ isCrowded: true, pending: [], committed: { key: "a" } });
      }
      for (const { isCrowded, pending } of await lookedAt(store, "b")) {
        expect([isCrowded, pending.length]).toEqual([undefined, 1]);
      }
      await log.foldWal();
      for (const snapshot of await lookedAt(store, "a")) {
        expect(snapshot).toMatchObject({ pending: [], committed: { key: "a" } });
        expect(snapshot.isCrowded).toBe(undefined);
      }
    });

    it("is one with a row more than a snapshot has, and none with exactly as many", async () => {
      const { store } = context;
      await openLog(store);
      for (let count = 0; count < PENDING_ROWS_MAX; count += ROWS_PER_APPEND) {
        const rows = Array.from({ length: ROWS_PER_APPEND }, () => append("a", [increment("likes", 1)]));
        await appendTo(store, rows);
      }
      for (const { isCrowded, pending } of await lookedAt(store, "a")) {
        expect([isCrowded, pending.length]).toEqual([undefined, PENDING_ROWS_MAX]);
      }
      await appendTo(store, [append("a", [increment("likes", 1)])]);
      for (const snapshot of await lookedAt(store, "a")) {
        expect(snapshot).toMatchObject({ isCrowded: true, pending: [] });
      }
    });

    it("can't be placed by a field that its pending writes name; by another one it can", async () => {
      const { store } = context;
      const log = await openIndexed(store);
      await log.fold(log.batch("us", ["a", "b", "c"].map((key) => append(key, [set("age", 1)])))); // prettier-ignore
      await follow(store);
      await appendTo(store, [append("a", [set("age", 2)])]);
      await appendLarge(store, "c", PENDING_BYTES_MAX);
      const page = await byAge(store, true);
      expect(page).toMatchObject({ isCrowded: false, moving: [{ key: "a" }] });
      expect(keysOf(page.records).toSorted()).toEqual(["b", "c"]);
      expect(keysOf(page.records.filter(({ isCrowded }) => isCrowded === true))).toEqual(["c"]);
      await appendTo(store, [append("c", [set("age", 2)])]);
      expect((await byAge(store, true)).isCrowded).toBe(true);
      const committed = await byAge(store, false);
      expect(committed).toMatchObject({ isCrowded: false, moving: [] });
      expect(committed.records.map(({ isCrowded }) => isCrowded)).toEqual([undefined, undefined, undefined]);
    });

    it("keeps no listing by a field back once it is deleted", async () => {
      const { store } = context;
      const log = await openIndexed(store);
      await log.fold(log.batch("us", [append("a", [set("age", 1)]), append("b", [set("age", 1)])]));
      await appendLarge(store, "a", PENDING_BYTES_MAX);
      await appendTo(store, [append("a", [set("age", 2)])]);
      await log.fold(log.propose(proposal([erase("a")])));
      await follow(store);
      expect(await byAge(store, true)).toMatchObject({
        isCrowded: false,
        moving: [],
        records: [{ key: "b" }],
      });
    });

    it("has nothing pending for who follows only what is committed", async () => {
      const { store } = context;
      const log = await openLog(store);
      await log.fold(log.batch("us", [append("a", [set("name", "committed")])]));
      await appendLarge(store, "a", PENDING_BYTES_MAX);
      const ranges = [rangeOf({ tenant: TENANT, collection: COLLECTION })];
      const { records } = await store.readChanges({ partition: 0, after: 0, ranges, idsMax: 10 });
      expect(records.map(({ snapshot }) => [snapshot.isCrowded, snapshot.pending])).toEqual([
        [undefined, []],
      ]);
    });
  });
}

async function openIndexed(store: RegionStore): Promise<TestLog> {
  const log = await openLog(store);
  await log.fold(log.schema({ name: COLLECTION, schema: SCHEMA }));
  return log;
}

async function follow(store: RegionStore): Promise<void> {
  while ((await store.followIndexes({ rowsMax: 10 })) > 0);
}

function byAge(store: RegionStore, isWithPending: boolean): Promise<FieldPage> {
  const { indexClass: _, ...range } = planRange(SCHEMA, { where: "age:gte:0", order: undefined });
  const query = { tenant: TENANT, collection: COLLECTION, after: undefined, limit: 10, pendingMax: 10, ...range }; // prettier-ignore
  return store.listByField({ ...query, isWithPending });
}

/** Notes of a record, of so many bytes together and a few more. */
async function appendLarge(store: RegionStore, key: string, bytes: number): Promise<void> {
  const note = "é".repeat(250_000);
  for (let told = 0; told < bytes; told += 2 * note.length)
    await appendTo(store, [append(key, [set("note", note)])]);
}

/** The record by all reads that there are. */
async function lookedAt(store: RegionStore, key: string): Promise<Omit<RecordSnapshot, "position">[]> {
  const id = { tenant: TENANT, collection: COLLECTION, key };
  const ranges = [rangeOf({ tenant: TENANT, collection: COLLECTION })];
  const [read] = await store.readRecords({ partition: 0, records: [id] });
  const listed = (await list(store, { prefix: key })).find((one) => one.key === key);
  const query = { partition: 0, after: 0, settledAfter: 0, pendingAfter: 0, ranges, idsMax: 100_000 };
  const { records } = await store.readChanges(query);
  const changed = records.find(({ record }) => record.key === key);
  return [read!, listed!, changed!.snapshot];
}
