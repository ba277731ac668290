/** Repairs: committed with the fold that made them, and listed newest first. */
import { describe, expect, it } from "vitest";
import { rowHash } from "../../../services/core/digest.ts";
import type { RecordRepair, RepairEntry } from "../../../services/core/entry.ts";
import type { RecordId } from "../../../services/core/operation.ts";
import type { StoredRecord } from "../../../services/core/record.ts";
import {
  StaleApplierError,
  type RepairQuery,
  type StoredRepair,
} from "../../../services/ports/region-store.ts";
import type { Context } from "./context.ts";
import { append, COLLECTION, increment, NOW_MS, nextId, scan, TENANT } from "./operations.ts";
import { openLog, type TestLog } from "./test-log.ts";

function idOf(key: string, collection = COLLECTION): RecordId {
  return { tenant: TENANT, collection, key };
}

function contentOf({ tenant: _, collection: __, key: ___, ...row }: StoredRecord) {
  return row;
}

/** From one row to another; null is none. */
function repairOf(id: RecordId, before: StoredRecord | null, after: StoredRecord | null): RecordRepair {
  return { ...id, expected: [before && rowHash(before)], record: after && contentOf(after) };
}

function entryOf(log: TestLog, records: readonly RecordRepair[], reason = "majority"): RepairEntry {
  const { position: at, logTimeMs: atMs } = log.state;
  // The guard looks for what was known at a barrier: here it is the entry before.
  return { kind: "repair", origin: "us", id: nextId(), at, atMs, reason, records };
}

function rowOf(id: RecordId, sum: number): StoredRecord {
  return { ...id, version: 1, fields: { n: { kind: "counter", sum } } };
}

/** Three records, and a store that holds other rows: one edited, one deleted, one that nobody has written. */
async function openDrifted(context: Context) {
  const log = await openLog(context.store);
  await log.fold(
    log.batch(
      "us",
      ["a", "b", "c"].map((key, index) => append(key, [increment("n", index + 1)])),
    ),
  );
  const { records } = await scan(context.store, 0);
  const [a, b] = ["a", "b"].map((key) => records.find((record) => record.key === key)!) as [
    StoredRecord,
    StoredRecord,
  ];
  const [edited, extra] = [{ ...a, fields: rowOf(a, 99).fields }, rowOf(idOf("extra"), 7)];
  await context.edit(0, a, edited);
  await context.edit(0, b, undefined);
  await context.edit(0, extra, extra);
  const repairs = [repairOf(a, edited, a), repairOf(b, null, b), repairOf(extra, extra, null)];
  return { log, right: records, edited, extra, a, b, repairs };
}

const all = (context: Context, query: Partial<RepairQuery> = {}) =>
  context.store.listRepairs({ limit: 100, ...query });

function placeOf({ logTimeMs, partition, position, ordinal }: StoredRepair) {
  return { logTimeMs, partition, position, ordinal };
}

export function repairLog(context: Context): void {
  describe("repairs", () => {
    it("put rows right and are kept with what was there before", async () => {
      const { log, right, edited, extra, a, b, repairs } = await openDrifted(context);
      const entry = entryOf(log, repairs, 'replayed: "ключ" \\ 1');
      await log.fold(entry);
      const { records } = await scan(context.store, 0);
      const sorted = (rows: readonly StoredRecord[]) => rows.map(rowHash).toSorted();
      expect(sorted(records)).toEqual(sorted(right));
      const about = {
        partition: 0,
        position: 3,
        logTimeMs: NOW_MS + 3,
        repair: entry.id,
        reason: entry.reason,
      };
      expect(await all(context)).toEqual([
        { ...idOf("extra"), ...about, ordinal: 2, before: extra, after: null },
        { ...idOf("b"), ...about, ordinal: 1, before: null, after: b },
        { ...idOf("a"), ...about, ordinal: 0, before: edited, after: a },
      ]);
    });

    it("that change nothing here are not kept", async () => {
      const { log, repairs, a } = await openDrifted(context);
      await log.fold(entryOf(log, repairs));
      await log.fold(entryOf(log, repairs), entryOf(log, [repairOf(a, a, a)]));
      expect(await all(context)).toHaveLength(3);
    });

    it("are not kept where the fold is not", async () => {
      const { log, repairs } = await openDrifted(context);
      const { position } = log.state;
      const result = await log.fold(entryOf(log, repairs));
      await expect(context.store.commitFold({ expectedPosition: position, result })).rejects.toThrow(
        StaleApplierError,
      );
      expect(await all(context)).toHaveLength(3);
    });

    it("keep tombstones, times of expiry, and values that no column could hold", async () => {
      const log = await openLog(context.store);
      const row: StoredRecord = {
        ...idOf("odd"),
        version: 1,
        fields: { name: { kind: "value", value: ["ü", '"', "\\u0000", { __proto__x: 1 }] } },
        tombstone: { hlc: "0123456789abcdef" as never, origin: "eu", logTimeMs: 5 },
        expiresAtMs: Number.MAX_SAFE_INTEGER,
      };
      await log.fold(log.tick("us"));
      await log.fold(entryOf(log, [repairOf(row, null, row)]));
      expect((await all(context)).map(({ after }) => after)).toEqual([row]);
      expect((await scan(context.store, 0)).records).toEqual([row]);
    });

    it("are read by pages, of all partitions, each once", async () => {
      const logs = [await openLog(context.store, 0), await openLog(context.store, 1)];
      for (const log of logs) {
        await log.fold(log.tick("us"));
        for (let round = 0; round < 3; round += 1) {
          const rows = [0, 1].map((index) => rowOf(idOf(`${log.state.partition} ${round} ${index}`), 1));
          await log.fold(
            entryOf(
              log,
              rows.map((row) => repairOf(row, null, row)),
            ),
          );
        }
      }
      const whole = await all(context);
      expect(whole).toHaveLength(12);
      const paged: StoredRepair[] = [];
      for (;;) {
        const last = paged.at(-1);
        const page = await all(context, { limit: 5, ...(last && { before: placeOf(last) }) });
        if (page.length === 0) break;
        paged.push(...page);
      }
      expect(paged).toEqual(whole);
      expect(await all(context, { limit: 0 })).toEqual([]);
      const times = whole.map(({ logTimeMs }) => logTimeMs);
      expect(times).toEqual(times.toSorted((one, other) => other - one));
    });

    it("are found by tenant, collection, record and entry", async () => {
      const log = await openLog(context.store);
      await log.fold(log.tick("us"));
      const ids = [idOf("a"), idOf("b"), idOf("a", "user"), { ...idOf("a"), tenant: "acm" }];
      const entries = ids.map((id) => entryOf(log, [repairOf(id, null, rowOf(id, 1))]));
      for (const entry of entries) await log.fold(entry);
      const found = async (query: Partial<RepairQuery>) => (await all(context, query)).length;
      expect(await found({ tenant: TENANT })).toBe(3);
      expect(await found({ tenant: "ac" })).toBe(0);
      expect(await found({ tenant: TENANT, collection: COLLECTION })).toBe(2);
      expect(await found({ tenant: TENANT, collection: "use" })).toBe(0);
      expect(await found({ tenant: TENANT, collection: COLLECTION, key: "a" })).toBe(1);
      expect(await found({ repair: entries[3]!.id })).toBe(1);
      expect(await found({ repair: nextId() })).toBe(0);
    });
  });
}
