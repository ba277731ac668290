/** Scanning all records of a moment. */
import { describe, expect, it } from "vitest";
import type { Context } from "./context.ts";
import { set, append, scan } from "./operations.ts";
import { openLog } from "./test-log.ts";

export function scanningRecords(context: Context): void {
  describe("scanRecords", () => {
    const RECORDS = 4_500;

    it("gives all records of one moment while folding goes on", async () => {
      const log = await openLog(context.store);
      const operations = Array.from({ length: RECORDS }, (_, index) =>
        append(`key-${index}`, [set("n", "before")]),
      );
      await log.fold(log.batch("us", operations));
      const pages = context.store.scanRecords(0);
      const first = await pages.next();
      await log.fold(log.batch("us", [append("key-4499", [set("n", "after")]), append("new")]));
      const records = [...first.value!.records];
      for await (const page of pages) {
        expect(page.position).toBe(first.value!.position);
        records.push(...page.records);
      }
      expect(first.value!.position).toBe(2);
      expect(new Set(records.map((record) => record.key)).size).toBe(RECORDS);
      expect(records).toHaveLength(RECORDS);
      expect(records.filter((record) => record.version !== 2)).toEqual([]);
      expect(await scan(context.store, 0)).toMatchObject({ position: 3 });
    });

    it("can be left early, often, by return and by throw", async () => {
      const log = await openLog(context.store);
      await log.fold(
        log.batch(
          "us",
          Array.from({ length: RECORDS }, (_, index) => append(`key-${index}`)),
        ),
      );
      for (let round = 0; round < 15; round += 1) {
        for await (const page of context.store.scanRecords(0)) {
          expect(page.records.length).toBeGreaterThan(0);
          break;
        }
        const failing = async () => {
          for await (const _ of context.store.scanRecords(0)) throw new Error("the reader fails");
        };
        await expect(failing()).rejects.toThrow("the reader fails");
      }
      expect((await scan(context.store, 0)).records).toHaveLength(RECORDS);
    });
  });
}
