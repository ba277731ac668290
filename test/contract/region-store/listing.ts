/** Listing records. */
import { describe, expect, it } from "vitest";
import type { Context } from "./context.ts";
import {
  append,
  appendTo,
  list,
  keysOf,
  compareBytes,
  NOW_MS,
  TENANT,
  COLLECTION,
  UNBOUNDED,
} from "./operations.ts";
import { openLog } from "./test-log.ts";

export function listingRecords(context: Context): void {
  describe("listRecords", () => {
    const KEYS = [
        "A", "B", "a", "a%b", "a_b", "a\\b", "ab", "abc", "b", "{tag}:1", "{tag}:2", "{", "}", "~",
        "ä", "é", "\u{d7ff}", "\u{e000}", "\u{ffff}", "\u{10000}", "😀", "😀😀", "\u{10ffff}", "\u{10ffff}\u{10ffff}x",
      ]; // prettier-ignore

    /** Every third key is committed, every third pending, every third both. */
    const fill = async (): Promise<void> => {
      const log = await openLog(context.store);
      await log.fold(
        log.batch(
          "us",
          KEYS.filter((_, index) => index % 3 !== 1).map((key) => append(key)),
        ),
      );
      await appendTo(
        context.store,
        KEYS.filter((_, index) => index % 3 !== 0).map((key) => append(key)),
      );
    };

    it("lists by the order of bytes, committed or pending, with any prefix and any cursor", async () => {
      await fill();
      const sorted = KEYS.toSorted(compareBytes);
      const prefixes = ["", ...KEYS, "a%", "%", "_", "{tag}", "\u{10ffff}", "zz"];
      for (const prefix of prefixes) {
        const matching = sorted.filter((key) => key.startsWith(prefix));
        expect(keysOf(await list(context.store, { prefix }))).toEqual(matching);
        for (const after of ["A", "ab", "b", "{tag}:1", "\u{d7ff}", "😀", "\u{10ffff}", "0"]) {
          const rest = matching.filter((key) => compareBytes(key, after) > 0);
          expect(keysOf(await list(context.store, { prefix, after, limit: 5 }))).toEqual(rest.slice(0, 5));
        }
      }
    });

    it("reaches every key by its cursor, page by page", async () => {
      await fill();
      const seen: string[] = [];
      for (let after: string | undefined; ; after = seen.at(-1)) {
        const page = await list(context.store, { after, limit: 4 });
        seen.push(...keysOf(page));
        if (page.length < 4) break;
      }
      expect(seen).toEqual(KEYS.toSorted(compareBytes));
    });

    it("gives each record the snapshot that readRecord gives", async () => {
      await fill();
      for (const { key, ...snapshot } of await list(context.store, {})) {
        const id = { partition: 0, tenant: TENANT, collection: COLLECTION, key };
        expect(snapshot).toEqual(await context.store.readRecord(id));
      }
    });

    it("leaves out other tenants and collections, and operations that left no record", async () => {
      const log = await openLog(context.store);
      await log.fold(
        log.batch("us", [
          append("a"),
          { ...append("b"), tenant: "other" },
          { ...append("c"), collection: "orders" },
        ]),
      );
      // Its id took effect on another key before: the WAL keeps the row, the fold makes no record of it.
      const twice = append("d");
      await appendTo(context.store, [twice, { ...append("e"), tenant: "other" }]);
      await log.fold(log.batch("ap", [{ ...twice, key: "a" }]));
      expect(keysOf(await list(context.store, {}))).toEqual(["a", "d"]);
      await log.foldWal();
      expect(keysOf(await list(context.store, {}))).toEqual(["a"]);
      expect(await list(context.store, { prefix: "d" })).toEqual([]);
    });

    it("lists the records of all partitions, each at its partition's position", async () => {
      const logs = [await openLog(context.store, 0), await openLog(context.store, 1)];
      await logs[0]!.fold(logs[0]!.batch("us", [append("a"), append("c")]));
      await logs[1]!.fold(logs[1]!.batch("us", [append("b")]), logs[1]!.tick("us"));
      await context.store.append({ partition: 1, operations: [append("d")], nowMs: NOW_MS, ...UNBOUNDED });
      const listed = await list(context.store, {});
      expect(listed.map(({ key, position }) => `${key} ${position}`)).toEqual(["a 2", "b 3", "c 2", "d 3"]);
      expect(listed.map(({ pending }) => pending.length)).toEqual([0, 0, 0, 1]);
    });

    it("lists at most so many", async () => {
      await fill();
      expect(await list(context.store, { limit: 0 })).toEqual([]);
      expect(await list(context.store, { limit: 1 })).toHaveLength(1);
      expect(await list(context.store, { limit: KEYS.length })).toHaveLength(KEYS.length);
    });
  });
}
