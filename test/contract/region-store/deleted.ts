/** Deleted records: their rows stay, with a tombstone, and listings leave them out. */
import { describe, expect, it } from "vitest";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { recordIdText } from "../../../services/core/operation.ts";
import type { StoredRecord } from "../../../services/core/record.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import type { Context } from "./context.ts";
import { erase, loadRows, openUsers, proposal, restore, user } from "./decisions.ts";
import { append, appendTo, byId, during, keysOf, list, NOW_MS, scan, set } from "./operations.ts";
import type { TestLog } from "./test-log.ts";

export function deletedRecords(context: Context): void {
  describe("deleted records", () => {
    const KEYS = Array.from({ length: 30 }, (_, index) => `k${String(index).padStart(2, "0")}`);

    const openWith = async (keys: readonly string[]): Promise<TestLog> => {
      const log = await openUsers(context.store);
      const operations = keys.map((key) => append(key));
      await log.fold(log.batch("us", operations));
      return log;
    };

    it("are given back with their fields and their tombstone, as the fold made them", async () => {
      const log = await openWith(["a", "b"]);
      const { records, outcomes } = await log.fold(log.propose(proposal([erase("a")])));
      const expected = records.get(recordIdText(user("a")))!;
      expect(expected).toMatchObject({
        fields: { note: { value: "a" } },
        version: 4,
        tombstone: { origin: "us@log", hlc: outcomes[0]!.hlc, logTimeMs: NOW_MS + 4 },
      });
      const other = await context.reopen();
      expect(await readEverywhere(other, "a")).toStrictEqual([expected, expected, expected]);
      for (const record of await readEverywhere(other, "b")) expect(record).not.toHaveProperty("tombstone");
    });

    it("are told from the others of a slice, in whatever order it is asked for", async () => {
      const log = await openWith(KEYS);
      const gone = KEYS.filter((_, index) => index % 3 === 1);
      await log.fold(log.propose(...gone.map((key) => proposal([erase(key)]))));
      const expected = byId((await scan(context.store, 0)).records);
      const asked = [...KEYS.toReversed(), "absent"].toSorted((one, other) =>
        one.slice(2) < other.slice(2) ? -1 : 1,
      );
      const rows = await loadRows(context.store, asked.map(user));
      expect(rows).toEqual(expected);
      const deleted = [...rows.values()].filter(({ tombstone }) => tombstone !== undefined);
      expect(keysOf(deleted).toSorted()).toEqual(gone);
    });

    it("are in no listing, whatever is pending for them", async () => {
      const log = await openWith(["a", "b", "c"]);
      await log.fold(log.propose(proposal([erase("b")])));
      const late = append("b", [set("note", "late"), set("more", 1)]);
      await appendTo(context.store, [late, append("d")]);
      expect(keysOf(await list(context.store, {}))).toEqual(["a", "c", "d"]);
      expect(await list(context.store, { prefix: "b" })).toEqual([]);
      const snapshot = await context.store.readRecord(user("b"));
      expect(snapshot.committed).toHaveProperty("tombstone");
      expect(snapshot.pending.map(({ id }) => id)).toEqual([late.id]);
      await log.foldWal();
      expect(keysOf(await list(context.store, {}))).toEqual(["a", "c", "d"]);
      expect((await context.store.readRecord(user("b"))).committed).toEqual(snapshot.committed);
    });

    it("say of a write that came too late in which fields it lost", async () => {
      const log = await openWith(["a"]);
      const late = append("a", [set("note", "late"), set("more", { deep: ["'", null] })]);
      await appendTo(context.store, [late]);
      await log.fold(log.propose(proposal([erase("a")])));
      await log.foldWal();
      const lost = await context.store.readOperation(late.id);
      expect(lost?.lostFields.toSorted()).toEqual(["more", "note"]);
      expect(lost?.outcome?.status).toBe("superseded");
    });

    it("neither fill a page of a listing nor end it", async () => {
      const log = await openWith(KEYS);
      const gone = [...KEYS.slice(0, 2), ...KEYS.slice(7, 21), KEYS[24]!, KEYS[29]!];
      await log.fold(log.propose(...gone.map((key) => proposal([erase(key)]))));
      await appendTo(
        context.store,
        ["k00", "k08", "k08x", "k15", "k22", "k29", "k30"].map((key) => append(key)),
      );
      const shown = [...KEYS.filter((key) => !gone.includes(key)), "k08x", "k30"].toSorted();
      for (const limit of [1, 2, 3, 5, 16, 17]) {
        expect(await listByPages(context.store, limit)).toEqual(shown);
      }
      for (const after of ["k06", "k08", "k13", "k20"]) {
        const rest = shown.filter((key) => key > after);
        expect(keysOf(await list(context.store, { after, limit: 3 }))).toEqual(rest.slice(0, 3));
      }
    });

    it("are records as before once they are restored, and can be deleted again", async () => {
      const log = await openWith(["a", "b"]);
      await log.fold(log.propose(proposal([erase("a")])));
      const { records } = await log.fold(log.propose(proposal([restore("a")])));
      const restored = records.get(recordIdText(user("a")))!;
      expect(restored).not.toHaveProperty("tombstone");
      expect(await readEverywhere(context.store, "a")).toStrictEqual([restored, restored, restored]);
      expect(keysOf(await list(context.store, {}))).toEqual(["a", "b"]);
      const later = hlcFromMilliseconds(NOW_MS + 9);
      await log.fold(log.batch("ap", [append("a", [set("note", "back")])], later));
      expect((await context.store.readRecord(user("a"))).committed).toMatchObject({
        fields: { note: { value: "back" } },
      });
      await log.fold(log.propose(proposal([erase("a")])));
      expect(keysOf(await list(context.store, {}))).toEqual(["b"]);
    });

    it("are as the last decision left them when one commit has several", async () => {
      const log = await openWith(["a", "b"]);
      const twice = [erase("a"), restore("a"), erase("b"), restore("b"), erase("b")];
      await log.fold(...twice.map((write) => log.propose(proposal([write]))));
      expect(keysOf(await list(context.store, {}))).toEqual(["a"]);
      expect((await loadRows(context.store, [user("a")])).get(recordIdText(user("a")))).not.toHaveProperty(
        "tombstone",
      );
      expect((await context.store.readRecord(user("b"))).committed).toHaveProperty("tombstone");
    });

    it("are deleted in a reader's eyes exactly from the position of the decision on", async () => {
      const log = await openWith(["a", "z"]);
      const { position: start } = log.state;
      const isDeletedAt = (position: number) => (position - start) % 2 === 1;
      const reader = await context.reopen();
      const deciding = (async () => {
        for (let round = 0; round < 15; round += 1) {
          for (const write of [erase("a"), restore("a")]) await log.fold(log.propose(proposal([write])));
        }
      })();
      const wrong: unknown[] = [];
      await during(deciding, async () => {
        const { committed, position } = await reader.readRecord(user("a"));
        if ((committed?.tombstone !== undefined) !== isDeletedAt(position)) wrong.push(committed);
        const listed = await list(reader, {});
        if (keysOf(listed).includes("a") === isDeletedAt(listed.at(-1)!.position)) wrong.push(listed);
      });
      expect(wrong).toEqual([]);
      expect(log.state.position).toBe(start + 30);
    });
  });
}

/** The committed record by each way to it: alone, in a slice, in a scan. */
async function readEverywhere(
  store: RegionStore,
  key: string,
): Promise<readonly (StoredRecord | undefined)[]> {
  const id = recordIdText(user(key));
  return [
    (await store.readRecord(user(key))).committed,
    (await loadRows(store, [user(key)])).get(id),
    byId((await scan(store, 0)).records).get(id),
  ];
}

/** All keys, by pages that are full up to the last. */
async function listByPages(store: RegionStore, limit: number): Promise<string[]> {
  const seen: string[] = [];
  for (let after: string | undefined; ; after = seen.at(-1)) {
    const page = await list(store, { after, limit });
    seen.push(...keysOf(page));
    if (page.length < limit) return seen;
  }
}
