/** Loading a partition's state from a snapshot: all of it, nothing twice, and nobody folds or reads half of it as a whole. */
import { describe, expect, it } from "vitest";
import { recordIdText } from "../../../services/core/operation.ts";
import type { StoredRecord } from "../../../services/core/record.ts";
import { DigestTree } from "../../../services/core/verify/digest-tree.ts";
import { foldEntries } from "../../../services/core/fold/fold.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import {
  NOTHING_LOADED,
  NothingToLoadError,
  StaleBootstrapError,
  STATE_PARTS,
  type BootstrapProgress,
} from "../../../services/ports/bootstraps.ts";
import { StaleApplierError, type RegionStore } from "../../../services/ports/region-store.ts";
import type { Context } from "./context.ts";
import { beginLoading, loadAll, ONE, order, sourceOf, take, TWO } from "./loading.ts";
import { append, appendTo, COLLECTION, increment, readAll, set, TENANT } from "./operations.ts";
import { NOTHING, openLog, ordered, type TestLog } from "./test-log.ts";

const CREATED_AT_MS = 1_234_567;

/** All that a region holds of a partition. */
async function lookAt(store: RegionStore) {
  const snapshot = await store.openSnapshot({ partition: 0 });
  try {
    const { root } = DigestTree.of(await snapshot.digestLeaves({ leaves: 64 }));
    const rest = await snapshot.digestRest({ operationsAbove: 0 });
    const conflicts = await store.listConflicts({ tenant: TENANT, limit: 1_000 });
    const state = await store.loadPartition(0);
    return { root, rest, conflicts, state, log: await store.logCreatedAtMs(0) };
  } finally {
    await snapshot.close();
  }
}

const ODD_KEYS = ['"quoted"\\', "line\nfeed\ttab", "ключ 🔑", ",],[", "'; drop table records; --"];

/** Rows of every kind, with text of every kind. */
async function withState(context: Context): Promise<TestLog> {
  const { store } = context;
  const log = await openLog(store);
  await store.bindLog({ partition: 0, createdAtMs: CREATED_AT_MS });
  await log.fold(log.schema({ name: COLLECTION, fields: ["z", "note", "a"] }), log.tick("ap"));
  const keys = [...ODD_KEYS, ...Array.from({ length: 120 }, (_, index) => `key-${index}`)];
  await log.fold(
    log.batch(
      "us",
      keys.map((key, index) => append(key, [set("note", `${key} ${index}`), increment("n", index)])),
    ),
  );
  // Of another region, and without having seen the values that it loses to, or wins over.
  await log.fold(
    log.batch("ap", [append("key-1", [set("note", "other")]), append("key-2", [set("note", "")])]),
  );
  const [row] = await rowsOf(store, "key-3");
  await context.edit(0, row!, { ...row!, expiresAtMs: 99_999_999_999 });
  const [deleted] = await rowsOf(store, "key-4");
  const tombstone = { hlc: row!.version.toString().padStart(16, "0") as never, origin: "eu", logTimeMs: 1 };
  await context.edit(0, deleted!, { ...deleted!, tombstone });
  return log;
}

async function rowsOf(store: RegionStore, key: string): Promise<StoredRecord[]> {
  const id = { tenant: TENANT, collection: COLLECTION, key };
  const { records } = await store.loadSlice({ partition: 0, records: [id], operations: [] });
  return [...records.values()];
}

export function bootstraps(context: Context): void {
  describe("a snapshot's state", () => {
    it("has all rows once, in pages of about the size asked for", async () => {
      await withState(context);
      for (const bytesMax of [1, 3_000, 10_000_000]) {
        const { head, pages } = await take(context.store, bytesMax);
        for (const part of STATE_PARTS) {
          const ofPart = pages.flatMap(([of, page]) => (of === part ? [page] : []));
          expect(ofPart.reduce((sum, { rows }) => sum + rows, 0)).toBe(head.counts[part]);
          const lines = ofPart.flatMap((page) =>
            Buffer.from(page.lines).toString("utf8").split("\n").slice(0, -1),
          );
          expect(new Set(lines).size).toBe(head.counts[part]);
          lines.forEach((line) => void JSON.parse(line));
        }
        for (const [, { lines, rows }] of pages)
          expect(lines.byteLength < bytesMax + 2_000 || rows === 1).toBe(true);
        expect(head.state).toEqual(await context.store.loadPartition(0));
        expect(head.counts).toMatchObject({ records: 125, operations: 128 });
        expect(head.counts.conflicts).toBeGreaterThan(0);
      }
    });

    it("is still while folding goes on", async () => {
      const log = await withState(context);
      const before = await take(context.store);
      const snapshot = await context.store.openSnapshot({ partition: 0 });
      await log.fold(log.batch("us", [append("later")]));
      expect(await snapshot.readHead()).toEqual(before.head);
      const page = await snapshot.readPage({ part: "records", after: undefined, bytesMax: 10_000_000 });
      expect(page.rows).toBe(before.head.counts.records);
      await snapshot.close();
    });

    it("leaves out operations that are forgotten", async () => {
      const log = await withState(context);
      const { position } = log.state;
      const forgotten = { position: position - 1, logTimeMs: 5 };
      const result = foldEntries({
        state: { ...log.state, forgotten },
        slice: NOTHING,
        entries: [ordered(position + 1, log.tick("us"))],
      });
      await context.store.commitFold({
        expectedPosition: position,
        result: { ...result, hasForgotten: true },
      });
      const { head, pages } = await take(context.store);
      expect(head.counts.operations).toBe(2);
      expect(
        pages.filter(([part]) => part === "operations").reduce((sum, [, { rows }]) => sum + rows, 0),
      ).toBe(2);
      expect(head.state.forgotten).toEqual(forgotten);
    });

    it("is none before anything was folded", async () => {
      const snapshot = await context.store.openSnapshot({ partition: 0 });
      await expect(snapshot.readHead()).rejects.toThrow(NothingToLoadError);
      await snapshot.close();
    });
  });

  describe("loading a partition", () => {
    it("gives exactly what the source had, whatever was there before, and leaves other partitions and the WAL alone", async () => {
      const { store } = context;
      const log = await withState(context);
      const before = await lookAt(store);
      const taken = await take(store);
      await log.fold(log.batch("us", [append("later"), append("key-7", [set("note", "changed")])]));
      await log.fold(log.tick("us"), log.schema({ name: "more" }));
      await store.addTrimMark({ partition: 0, everyMs: 0 });
      await appendTo(store, [append("pending")]);
      const other = await openLog(store, 1);
      await other.fold(other.batch("us", [append("elsewhere")]));
      const elsewhere = await store.loadPartition(1);
      expect(await lookAt(store)).not.toEqual(before);
      await loadAll(store, await beginLoading(store, taken), taken);
      expect(await lookAt(store)).toEqual(before);
      expect(await store.readBootstraps()).toMatchObject([
        { id: ONE, stage: "folding", source: sourceOf(taken) },
      ]);
      const all = { positionMax: 1_000, logTimeMsMax: Number.MAX_SAFE_INTEGER };
      expect(await store.findTrimMark({ partition: 0, ...all })).toBeUndefined();
      expect(await readAll(store)).toHaveLength(1);
      expect(await store.loadPartition(1)).toEqual(elsewhere);
      const rows = await store.listRecords({
        tenant: TENANT,
        collection: COLLECTION,
        prefix: "elsewhere",
        after: undefined,
        limit: 5,
      });
      expect(rows.map(({ committed }) => committed?.key)).toEqual(["elsewhere"]);
      await log.restart();
      await log.fold(log.tick("ap"));
      expect((await store.loadPartition(0)).position).toBe(before.state.position + 1);
      await store.endBootstrap({ partition: 0, id: ONE });
      expect(await store.readBootstraps()).toEqual([]);
    });

    it("fills a database that has nothing", async () => {
      const { store } = context;
      await withState(context);
      const before = await lookAt(store);
      const taken = await take(store, 500);
      const bootstrap = await beginLoading(store, taken);
      expect((await take(store)).head.counts).toEqual({ records: 0, operations: 0, conflicts: 0 });
      await loadAll(store, bootstrap, taken);
      expect(await lookAt(store)).toEqual(before);
    });

    it("needs what the source has needed", async () => {
      const { store } = context;
      await withState(context);
      await store.needVersion({ partition: 0, version: 80, software: "8.0.0" });
      const taken = await take(store);
      expect(taken.head.needs).toEqual({ version: 80, software: "8.0.0" });
      const head = { ...taken.head, needs: { version: 90, software: "9.0.0" } };
      await loadAll(store, await beginLoading(store, taken), { ...taken, head });
      expect(await store.neededVersions()).toEqual([{ partition: 0, version: 90, software: "9.0.0" }]);
    });

    it("goes on where it was, and loads a page once", async () => {
      const { store } = context;
      await withState(context);
      const before = await lookAt(store);
      const taken = await take(store, 1_000);
      const bootstrap = await beginLoading(store, taken);
      let after: BootstrapProgress = bootstrap.progress!;
      expect(after).toEqual(NOTHING_LOADED);
      for (const [, page] of taken.pages.slice(0, 5)) {
        const progress = await store.loadPage({ bootstrap, page, after });
        // The answer was lost.
        expect(await store.loadPage({ bootstrap, page, after })).toEqual(progress);
        after = progress;
      }
      const [again] = await (await context.reopen()).readBootstraps();
      expect(again).toMatchObject({ stage: "loading", source: sourceOf(taken), progress: after });
      const [, skipped] = taken.pages[6]!;
      const wrong = { ...after, after: "elsewhere" };
      await expect(store.loadPage({ bootstrap, page: skipped, after: wrong })).rejects.toThrow(
        StaleBootstrapError,
      );
      await expect(store.finishLoad({ bootstrap, head: taken.head })).rejects.toThrow(StaleBootstrapError);
      for (const [, page] of taken.pages.slice(5))
        after = await store.loadPage({ bootstrap: again!, page, after });
      await store.finishLoad({ bootstrap, head: taken.head });
      await store.finishLoad({ bootstrap, head: taken.head });
      expect(await lookAt(store)).toEqual(before);
    });

    it("does not end with a page left out", async () => {
      const { store } = context;
      await withState(context);
      const taken = await take(store);
      const bootstrap = await beginLoading(store, taken);
      const pages = taken.pages.filter((_, index) => index !== 1);
      await expect(loadAll(store, bootstrap, { ...taken, pages })).rejects.toThrow(StaleBootstrapError);
    });

    it("begins anew with another source, of which nothing of the first is left", async () => {
      const { store } = context;
      const log = await withState(context);
      const first = await take(store);
      await log.fold(log.batch("us", [append("later")]));
      const before = await lookAt(store);
      const second = await take(store);
      let bootstrap = await beginLoading(store, first);
      await store.loadPage({ bootstrap, page: first.pages[0]![1], after: bootstrap.progress! });
      const source = { ...sourceOf(second), snapshot: uuidOf("bootstrap", "another") };
      const stale = bootstrap;
      bootstrap = await store.enterStage({ bootstrap, stage: "clearing", source });
      for (let isMore = true; isMore;) ({ isMore } = await store.clearSome(bootstrap));
      bootstrap = await store.enterStage({ bootstrap, stage: "loading" });
      await expect(store.enterStage({ bootstrap: stale, stage: "clearing" })).rejects.toThrow(
        StaleBootstrapError,
      );
      await loadAll(store, bootstrap, second);
      expect(await lookAt(store)).toEqual(before);
    });
  });

  describe("while a partition is cleared and loaded", () => {
    it("nothing is folded, whoever began to before", async () => {
      const { store } = context;
      const log = await withState(context);
      const taken = await take(store);
      let bootstrap = await store.enterStage({ bootstrap: await order(store), stage: "announced" });
      await log.fold(log.tick("us"));
      bootstrap = await store.enterStage({ bootstrap, stage: "clearing", source: sourceOf(taken) });
      await expect(log.fold(log.tick("us"))).rejects.toThrow(StaleApplierError);
      for (let isMore = true; isMore;) ({ isMore } = await store.clearSome(bootstrap));
      bootstrap = await store.enterStage({ bootstrap, stage: "loading" });
      await expect(log.fold(log.tick("us"))).rejects.toThrow(StaleApplierError);
      await loadAll(store, bootstrap, taken);
      await log.restart();
      await log.fold(log.tick("us"));
    });

    it("nothing is folded into one that was empty, either", async () => {
      const { store } = context;
      const bootstrap = await store.enterStage({ bootstrap: await order(store), stage: "announced" });
      await store.enterStage({ bootstrap, stage: "clearing" });
      await expect(openLog(store)).rejects.toThrow(StaleApplierError);
      const other = await openLog(store, 1);
      expect(other.state.position).toBe(1);
    });

    it("its stages are gone through by one only", async () => {
      const { store } = context;
      await withState(context);
      const taken = await take(store);
      const seen = await order(store);
      expect((await order(store, TWO)).id).toBe(ONE);
      const announced = await store.enterStage({ bootstrap: seen, stage: "announced" });
      await expect(store.enterStage({ bootstrap: seen, stage: "announced" })).rejects.toThrow(
        StaleBootstrapError,
      );
      await expect(store.clearSome(announced)).rejects.toThrow(StaleBootstrapError);
      const [, page] = taken.pages[0]!;
      await expect(store.loadPage({ bootstrap: announced, page, after: NOTHING_LOADED })).rejects.toThrow(
        StaleBootstrapError,
      );
      await expect(store.endBootstrap({ partition: 0, id: TWO })).rejects.toThrow(StaleBootstrapError);
      await store.endBootstrap({ partition: 0, id: ONE });
      await store.endBootstrap({ partition: 0, id: ONE });
      expect((await order(store, TWO)).id).toBe(TWO);
      expect(recordIdText((await rowsOf(store, "key-1"))[0]!)).toContain("key-1");
    });
  });
}
