/** Snapshots of a partition: still while folding goes on, and digests that tell every difference between rows. */
import { describe, expect, it } from "vitest";
import type { RecordId } from "../../../services/core/operation.ts";
import { recordIdText } from "../../../services/core/operation.ts";
import type { StoredRecord } from "../../../services/core/record.ts";
import { differingLeaves, DigestTree, LEAVES_MAX } from "../../../services/core/verify/digest-tree.ts";
import {
  LEAF_ROWS_MAX,
  SnapshotClosedError,
  type PartitionSnapshot,
  type RowDigest,
} from "../../../services/ports/partition-snapshot.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import type { Context } from "./context.ts";
import { append, COLLECTION, increment, scan, set, TENANT } from "./operations.ts";
import { openLog, type TestLog } from "./test-log.ts";

const LEAVES = 1_024;

function idOf(key: string): RecordId {
  return { tenant: TENANT, collection: COLLECTION, key };
}

async function withRows(store: RegionStore, count: number, partition = 0): Promise<TestLog> {
  const log = await openLog(store, partition);
  const operations = Array.from({ length: count }, (_, index) =>
    append(`key-${index}`, [set("note", `Ada ${index}`), increment("n", index)]),
  );
  await log.fold(log.batch("us", operations));
  return log;
}

/** Everything that a snapshot says of its rows, and then closes it. */
async function look<T>(store: RegionStore, use: (snapshot: PartitionSnapshot) => Promise<T>, partition = 0) {
  const snapshot = await store.openSnapshot({ partition });
  try {
    return await use(snapshot);
  } finally {
    await snapshot.close();
  }
}

function treeOf(store: RegionStore, partition = 0, leaves = LEAVES): Promise<DigestTree> {
  return look(store, async (snapshot) => DigestTree.of(await snapshot.digestLeaves({ leaves })), partition);
}

async function readLeaves(
  snapshot: PartitionSnapshot,
  options: { leaves: number; wanted: readonly number[] },
): Promise<RowDigest[]> {
  const rows: RowDigest[] = [];
  for await (const page of snapshot.readLeaves(options)) {
    expect(page.length).toBeLessThanOrEqual(LEAF_ROWS_MAX);
    rows.push(...page);
  }
  return rows;
}

function allOf(leaves: number): number[] {
  return Array.from({ length: leaves }, (_, leaf) => leaf);
}

export function partitionSnapshots(context: Context): void {
  describe("openSnapshot", () => {
    it("shows one moment across all of its calls while folding goes on", async () => {
      const log = await withRows(context.store, 50);
      const snapshot = await context.store.openSnapshot({ partition: 0 });
      const before = DigestTree.of(await snapshot.digestLeaves({ leaves: LEAVES })).root;
      const rest = await snapshot.digestRest({ operationsAbove: 0 });
      await log.fold(log.batch("us", [append("key-7", [set("note", "after")]), append("new")]));
      await log.fold(log.tick("ap"));
      expect(snapshot.position).toBe(2);
      expect(DigestTree.of(await snapshot.digestLeaves({ leaves: LEAVES })).root).toBe(before);
      expect(await snapshot.digestRest({ operationsAbove: 0 })).toEqual(rest);
      const rows = await snapshot.readRows([idOf("key-7"), idOf("new")]);
      expect(rows.map(({ key, version }) => [key, version])).toEqual([["key-7", 2]]);
      await snapshot.close();
      const later = await context.store.openSnapshot({ partition: 0 });
      expect(later.position).toBe(4);
      expect(DigestTree.of(await later.digestLeaves({ leaves: LEAVES })).root).not.toBe(before);
      await later.close();
    });

    it("gives rows as a fold loads them, and none that does not exist", async () => {
      await withRows(context.store, 20);
      const { records } = await scan(context.store, 0);
      const ids = records.map(({ key }) => idOf(key));
      const rows = await look(context.store, (snapshot) => snapshot.readRows([...ids, idOf("none")]));
      const byKey = (held: readonly StoredRecord[]) =>
        held.toSorted((one, other) => (one.key < other.key ? -1 : 1));
      expect(byKey(rows)).toEqual(byKey(records));
      expect(await look(context.store, (snapshot) => snapshot.readRows([]))).toEqual([]);
    });

    it("is there for a partition that nothing was folded into, and leaves out the others", async () => {
      await withRows(context.store, 30, 1);
      await look(context.store, async (snapshot) => {
        expect(snapshot.position).toBe(0);
        const { rows, hashes } = await snapshot.digestLeaves({ leaves: 16 });
        expect([...rows, ...hashes].every((word) => word === 0)).toBe(true);
        expect(await readLeaves(snapshot, { leaves: 16, wanted: allOf(16) })).toEqual([]);
        const { operations, origins } = await snapshot.digestRest({ operationsAbove: 0 });
        expect([operations.count, origins]).toEqual([0, {}]);
        expect(await snapshot.readRows([idOf("key-1")])).toEqual([]);
      });
    });
  });

  describe("digests of leaves", () => {
    it("are the same for the same rows, through any handle, and count all of them", async () => {
      await withRows(context.store, 300);
      const other = await context.reopen();
      for (const leaves of [1, 2, 16, LEAVES, LEAVES_MAX]) {
        const one = await look(context.store, (snapshot) => snapshot.digestLeaves({ leaves }));
        const same = await look(other, (snapshot) => snapshot.digestLeaves({ leaves }));
        expect(one).toEqual(same);
        expect(one.rows.reduce((sum, rows) => sum + rows, 0)).toBe(300);
      }
    });

    it("are made of the rows that the leaves hold: each row once, in one leaf", async () => {
      await withRows(context.store, 300);
      await look(context.store, async (snapshot) => {
        const leaves = 64;
        const digests = await snapshot.digestLeaves({ leaves });
        const seen = new Set<string>();
        for (const leaf of allOf(leaves)) {
          const rows = await readLeaves(snapshot, { leaves, wanted: [leaf] });
          rows.forEach((row) => seen.add(recordIdText(row)));
          expect(rows).toHaveLength(digests.rows[leaf]!);
          const sum = rows.reduce((total, { hash }) => total ^ BigInt(`0x${hash}`), 0n);
          const words = [0, 1, 2, 3].map((word) =>
            digests.hashes[4 * leaf + word]!.toString(16).padStart(8, "0"),
          );
          expect(sum.toString(16).padStart(32, "0")).toBe(words.join(""));
        }
        expect(seen.size).toBe(300);
      });
    });

    it("are read by pages", async () => {
      const count = 2 * LEAF_ROWS_MAX + 1;
      await withRows(context.store, count);
      await look(context.store, async (snapshot) => {
        const rows = await readLeaves(snapshot, { leaves: 16, wanted: allOf(16) });
        expect(new Set(rows.map(recordIdText)).size).toBe(count);
        for await (const _ of snapshot.readLeaves({ leaves: 16, wanted: allOf(16) })) break;
        expect(await readLeaves(snapshot, { leaves: 16, wanted: [] })).toEqual([]);
        expect(await snapshot.readRows([idOf("key-5")])).toHaveLength(1);
      });
    });

    const edits: readonly (readonly [string, (row: StoredRecord) => StoredRecord | undefined])[] = [
      ["field", (row) => ({ ...row, fields: { ...row.fields, n: { kind: "counter", sum: 1_000 } } })],
      ["version", (row) => ({ ...row, version: row.version + 1 })],
      [
        "tombstone",
        (row) => ({ ...row, tombstone: { hlc: "0".repeat(16) as never, origin: "eu", logTimeMs: 1 } }),
      ],
      ["time of expiry", (row) => ({ ...row, expiresAtMs: 5 })],
      ["row that is gone", () => undefined],
    ];
    it.each(edits)("tell of another %s, in one leaf, by the row's name", async (_, edit) => {
      await withRows(context.store, 200);
      const before = await treeOf(context.store);
      const rowsBefore = await look(context.store, (snapshot) =>
        readLeaves(snapshot, { leaves: LEAVES, wanted: allOf(LEAVES) }),
      );
      const [row] = await look(context.store, (snapshot) => snapshot.readRows([idOf("key-42")]));
      await context.edit(0, idOf("key-42"), edit(row!));
      const after = await treeOf(context.store);
      const { leaves } = differingLeaves(before, after);
      expect(leaves).toHaveLength(1);
      const rowsAfter = await look(context.store, (snapshot) =>
        readLeaves(snapshot, { leaves: LEAVES, wanted: leaves }),
      );
      const known = new Map(rowsBefore.map((one) => [recordIdText(one), one.hash]));
      const changed = rowsAfter.filter((one) => known.get(recordIdText(one)) !== one.hash);
      expect(changed.map(({ key }) => key)).toEqual(edit(row!) === undefined ? [] : ["key-42"]);
      await context.edit(0, idOf("key-42"), row);
      expect((await treeOf(context.store)).root).toBe(before.root);
    });

    it("tell of a row that nobody has folded, and not of one in another partition", async () => {
      await withRows(context.store, 50);
      const before = await treeOf(context.store);
      const row: StoredRecord = {
        ...idOf("planted"),
        version: 1,
        fields: { n: { kind: "counter", sum: 1 } },
      };
      await context.edit(1, idOf("planted"), row);
      expect((await treeOf(context.store)).root).toBe(before.root);
      await context.edit(1, idOf("planted"), undefined);
      await context.edit(0, idOf("planted"), row);
      expect(differingLeaves(before, await treeOf(context.store)).leaves).toHaveLength(1);
    });

    it("tell rows apart whose values have changed places", async () => {
      await withRows(context.store, 2);
      const before = await treeOf(context.store, 0, 1);
      const [one, other] = await look(context.store, (snapshot) =>
        snapshot.readRows([idOf("key-0"), idOf("key-1")]),
      );
      await context.edit(0, one!, { ...one!, fields: other!.fields });
      await context.edit(0, other!, { ...other!, fields: one!.fields });
      expect((await treeOf(context.store, 0, 1)).root).not.toBe(before.root);
    });
  });

  describe("digests of the rest", () => {
    const restOf = (operationsAbove = 0) =>
      look(context.store, (snapshot) => snapshot.digestRest({ operationsAbove }));

    it("name the origin and the collection that differ, and nothing else", async () => {
      const log = await withRows(context.store, 3);
      await log.fold(log.schema({ name: "cars" }), log.schema({ name: "boats" }));
      const before = await restOf();
      await log.fold(log.tick("ap"));
      const ticked = await restOf();
      expect(namesOf(before.origins, ticked.origins)).toEqual(["ap"]);
      expect(ticked.collections).toEqual(before.collections);
      expect(ticked.state).not.toBe(before.state);
      await log.fold(log.schema({ name: "cars", fields: ["note", "more"] }));
      expect(namesOf(ticked.collections, (await restOf()).collections)).toEqual([`${TENANT}\ncars`]);
    });

    it("are of the operations above a position alone: what was trimmed below is no difference", async () => {
      const log = await withRows(context.store, 3);
      const { position } = log.state;
      const before = await restOf(position);
      expect(before.operations.count).toBe(0);
      await log.fold(log.batch("us", [append("one"), append("two")]));
      const after = await restOf(position);
      expect(after.operations.count).toBe(2);
      expect((await restOf()).operations.count).toBe(5);
      expect((await restOf()).operations.hash).not.toBe(after.operations.hash);
      expect(after).toEqual(await restOf(position));
    });
  });

  describe("the end of a snapshot", () => {
    it("comes with close, once and for all, whatever is under way", async () => {
      await withRows(context.store, 10);
      const snapshot = await context.store.openSnapshot({ partition: 0 });
      const pages = snapshot.readLeaves({ leaves: 16, wanted: allOf(16) });
      const underWay = Promise.allSettled([snapshot.digestLeaves({ leaves: 16 }), pages.next()]);
      await snapshot.close();
      await snapshot.close();
      await underWay;
      await expect(snapshot.digestLeaves({ leaves: 16 })).rejects.toThrow(SnapshotClosedError);
      await expect(snapshot.readRows([idOf("key-1")])).rejects.toThrow(SnapshotClosedError);
      await expect(snapshot.digestRest({ operationsAbove: 0 })).rejects.toThrow(SnapshotClosedError);
      expect(await treeOf(context.store)).toBeDefined();
    });

    it("comes by itself for one that was abandoned", async () => {
      await withRows(context.store, 10);
      const snapshot = await context.store.openSnapshot({ partition: 0, holdMsMax: 200 });
      await context.pause(400);
      await expect(snapshot.digestLeaves({ leaves: 16 })).rejects.toThrow(SnapshotClosedError);
      await snapshot.close();
    });
  });
}

function namesOf(
  one: { readonly [name: string]: string },
  other: { readonly [name: string]: string },
): string[] {
  return Object.keys({ ...one, ...other }).filter((name) => one[name] !== other[name]);
}
