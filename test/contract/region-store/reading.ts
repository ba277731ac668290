/** Reading a record: committed and pending, in one snapshot. */
import { describe, expect, it } from "vitest";
import type { Context } from "./context.ts";
import {
  nextId,
  set,
  increment,
  append,
  appendTo,
  readAll,
  list,
  viewOf,
  TENANT,
  COLLECTION,
  during,
} from "./operations.ts";
import { openLog } from "./test-log.ts";

export function readingRecords(context: Context): void {
  describe("readRecord", () => {
    it("gives what is committed and what is pending, in the order of the WAL", async () => {
      const log = await openLog(context.store);
      await log.fold(log.batch("us", [append("a", [set("name", "committed")])]));
      const first = append("a", [increment("likes", 1)]);
      const second = append("a", [increment("likes", 2)]);
      await appendTo(context.store, [first, append("b"), second]);
      const id = { partition: 0, tenant: TENANT, collection: COLLECTION, key: "a" };
      const snapshot = await context.store.readRecord(id);
      const rows = await readAll(context.store);
      expect(snapshot.pending).toEqual([rows[0], rows[2]]);
      expect(snapshot).toMatchObject({ position: 2, committed: { key: "a", version: 2 } });
      await log.foldWal(1);
      expect((await context.store.readRecord(id)).pending).toEqual([rows[2]]);
      await log.foldWal();
      expect(await context.store.readRecord(id)).toMatchObject({
        position: 4,
        pending: [],
        committed: { version: 4 },
      });
    });

    it("leaves out of pending what took effect already through another region", async () => {
      const log = await openLog(context.store);
      const retried = append("a", [increment("likes", 1)]);
      const later = append("a", [increment("likes", 10)]);
      await appendTo(context.store, [retried, later]);
      await log.fold(log.batch("us", [retried]));
      const id = { partition: 0, tenant: TENANT, collection: COLLECTION, key: "a" };
      expect(viewOf(await context.store.readRecord(id))).toEqual({ likes: 11 });
      expect((await list(context.store, { prefix: "a" })).map(viewOf)).toEqual([{ likes: 11 }]);
      await log.foldWal();
      expect(viewOf(await context.store.readRecord(id))).toEqual({ likes: 11 });
    });

    it("shows the same view before the fold and after it, at every moment of it", async () => {
      const log = await openLog(context.store);
      const key = "counter";
      const operations = Array.from({ length: 40 }, () => append(key, [increment("likes", 1)]));
      await appendTo(context.store, operations);
      const reader = await context.reopen();
      const folding = (async () => {
        for (let round = 0; round < 20; round += 1) await log.foldWal(2);
      })();
      const id = { partition: 0, tenant: TENANT, collection: COLLECTION, key };
      const views: unknown[] = [];
      await during(folding, async () => {
        views.push(viewOf(await reader.readRecord(id)));
        for (const listed of await list(reader, { prefix: key })) views.push(viewOf(listed));
      });
      expect(views.filter((view) => JSON.stringify(view) !== '{"likes":40}')).toEqual([]);
      expect(views.length).toBeGreaterThan(1);
    });

    it("tells apart tenants, collections and keys that look alike", async () => {
      const log = await openLog(context.store);
      const ids = [
        { tenant: "a", collection: "b", key: "c" },
        { tenant: "a", collection: "b", key: "C" },
        { tenant: "a", collection: "bc", key: "c" },
        { tenant: "ab", collection: "b", key: "c" },
        { tenant: "a", collection: "b", key: "c " },
        { tenant: "a", collection: "b", key: "é" },
        { tenant: "a", collection: "b", key: "e\u0301" },
      ];
      const operations = ids.map((id, index) => ({ ...append("x", [set("n", index)]), ...id }));
      await log.fold(log.batch("us", operations));
      await appendTo(
        context.store,
        operations.map((operation) => ({ ...operation, id: nextId() })),
      );
      for (const [index, id] of ids.entries()) {
        const { committed, pending } = await context.store.readRecord({ partition: 0, ...id });
        expect(committed).toMatchObject({ ...id, fields: { n: { value: index } } });
        expect(pending).toHaveLength(1);
      }
    });
  });

  describe("readRecords", () => {
    it("gives each as readRecord does, in the order asked for, absent and repeated ones too", async () => {
      const log = await openLog(context.store);
      await log.fold(log.batch("us", [append("a", [set("name", "a")]), append("c", [set("name", "c")])]));
      await appendTo(context.store, [append("a"), append("b")]);
      const records = ["c", "b", "never", "a", "c"].map((key) => ({
        tenant: TENANT,
        collection: COLLECTION,
        key,
      }));
      const each = await Promise.all(
        records.map((record) => context.store.readRecord({ partition: 0, ...record })),
      );
      expect(await context.store.readRecords({ partition: 0, records })).toEqual(each);
      expect(each.map(({ committed, pending }) => [committed?.key, pending.length])).toEqual([
        ["c", 0],
        [undefined, 1],
        [undefined, 0],
        ["a", 1],
        ["c", 0],
      ]);
      expect(await context.store.readRecords({ partition: 0, records: [] })).toEqual([]);
    });
  });
}
