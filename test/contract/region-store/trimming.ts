/** Trimming: what every member has goes, what is pending stays, and what is forgotten counts for nothing. */
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../services/core/entry.ts";
import { foldEntries } from "../../../services/core/fold/fold.ts";
import { KnownOperationError, type RegionStore } from "../../../services/ports/region-store.ts";
import type { Context } from "./context.ts";
import {
  append,
  appendTo,
  increment,
  list,
  keysOf,
  MEMBERS,
  NOW_MS,
  readAll,
  REGION,
  viewOf,
} from "./operations.ts";
import { NOTHING, openLog, ordered, type TestLog } from "./test-log.ts";

const MANY = 1_000;
const EVER = { positionMax: 1_000_000, logTimeMsMax: Number.MAX_SAFE_INTEGER };

export function trimming(context: Context): void {
  describe("trimming", () => {
    marks(context);
    trimmedWal(context);
    forgottenOperations(context);
  });
}

function marks(context: Context): void {
  it("remembers where the partition was, now and then", async () => {
    const { store } = context;
    await store.addTrimMark({ partition: 0, everyMs: 1 });
    expect(await store.findTrimMark({ partition: 0, ...EVER })).toBeUndefined();
    const log = await openLog(store);
    await appendTo(store, [append("a"), append("b")]);
    await store.addTrimMark({ partition: 0, everyMs: 5 });
    await log.foldWal();
    await store.addTrimMark({ partition: 0, everyMs: 5 });
    await store.addTrimMark({ partition: 1, everyMs: 5 });
    const first = { position: 1, logTimeMs: NOW_MS + 1, watermark: 0 };
    expect(await store.findTrimMark({ partition: 0, ...EVER })).toEqual(first);
    for (let tick = 0; tick < 4; tick += 1) await log.fold(log.tick("us"));
    await store.addTrimMark({ partition: 0, everyMs: 5 });
    const second = { position: 6, logTimeMs: NOW_MS + 6, watermark: 2 };
    expect(await store.findTrimMark({ partition: 0, ...EVER })).toEqual(second);
    expect(await store.findTrimMark({ partition: 0, ...EVER, positionMax: 5 })).toEqual(first);
    expect(await store.findTrimMark({ partition: 0, ...EVER, logTimeMsMax: NOW_MS + 5 })).toEqual(first);
    expect(await store.findTrimMark({ partition: 0, ...EVER, positionMax: 0 })).toBeUndefined();
    expect(await store.findTrimMark({ partition: 1, ...EVER })).toBeUndefined();
    expect(await store.trimMarks({ partition: 0, below: 6, rowsMax: MANY })).toBe(1);
    expect(await store.findTrimMark({ partition: 0, ...EVER, positionMax: 5 })).toBeUndefined();
    expect(await store.findTrimMark({ partition: 0, ...EVER })).toEqual(second);
  });
}

function trimmedWal(context: Context): void {
  it("deletes the oldest rows of the WAL, so many at once, and none that is pending", async () => {
    const { store } = context;
    const log = await openLog(store);
    await appendTo(
      store,
      ["a", "b", "c", "d", "e"].map((key) => append(key)),
    );
    const before = await store.walHead(0);
    expect(await store.trimWal({ partition: 0, upTo: 5, rowsMax: MANY })).toBe(0);
    await log.foldWal();
    expect(log.state.origins[REGION]!.watermark).toBe(5);
    await appendTo(store, [append("f"), append("g")]);
    expect(await store.trimWal({ partition: 0, upTo: 3, rowsMax: 2 })).toBe(2);
    expect(await store.trimWal({ partition: 0, upTo: 3, rowsMax: 2 })).toBe(1);
    expect(await store.trimWal({ partition: 0, upTo: 3, rowsMax: 2 })).toBe(0);
    expect(await store.trimWal({ partition: 1, upTo: 9, rowsMax: 2 })).toBe(0);
    expect(await store.trimWal({ partition: 0, upTo: 1_000, rowsMax: MANY })).toBe(2);
    const rows = await store.readWal({ partition: 0, after: 5, rowsMax: MANY, bytesMax: 1_000_000 });
    expect(rows.map(({ sequence, key }) => `${sequence} ${key}`)).toEqual(["6 f", "7 g"]);
    const head = await store.walHead(0);
    expect(head).toMatchObject({ sequence: 7, pendingRows: 2 });
    expect(head.pendingBytes / 2).toBeCloseTo(before.pendingBytes / 5);
  });

  it("goes on numbering densely after a WAL that was trimmed to nothing, and answers replays", async () => {
    const { store } = context;
    const log = await openLog(store);
    const old = append("a", [increment("likes", 1)]);
    await appendTo(store, [old, append("b")]);
    await log.foldWal();
    expect(await store.trimWal({ partition: 0, upTo: 2, rowsMax: MANY })).toBe(2);
    expect(await readAll(store)).toEqual([]);
    expect(await store.walHead(0)).toMatchObject({ sequence: 2, pendingRows: 0, pendingBytes: 0 });
    const [replay, next] = (await appendTo(store, [old, append("a", [increment("likes", 2)])])) as [
      { status: string },
      { status: string; sequence: number },
    ];
    expect(replay.status).toBe("folded");
    expect(next).toMatchObject({ status: "accepted", sequence: 3 });
    const read = { partition: 0, tenant: old.tenant, collection: old.collection };
    expect(viewOf(await store.readRecord({ ...read, key: "a" }))).toEqual({ likes: 3 });
    expect(keysOf(await list(store, {}))).toEqual(["a", "b"]);
    await log.foldWal();
    expect(viewOf(await store.readRecord({ ...read, key: "a" }))).toEqual({ likes: 3 });
    expect(await store.walHead(0)).toMatchObject({ sequence: 3, pendingRows: 0 });
  });
}

/** What every member's next write has seen: all up to here. */
function seen(log: TestLog): Entry[] {
  const watermark = (origin: string) => log.state.origins[origin]!.watermark;
  return MEMBERS.map((origin) => ({ ...log.tick(origin), walHead: watermark(origin) }) as Entry);
}

async function forget(log: TestLog): Promise<number> {
  const { position } = log.state;
  await log.fold(...seen(log));
  await log.fold({ kind: "forget", origin: "us", position, logTimeMs: NOW_MS + position, without: [] });
  expect(log.state.forgotten).toEqual({ position, logTimeMs: NOW_MS + position });
  return position;
}

async function trimAllOperations(store: RegionStore): Promise<number> {
  let trimmed = 0;
  let from: number | undefined = 0;
  while (from !== undefined) {
    const look: { trimmed: number; next: number | undefined } = await store.trimOperations({ from });
    trimmed += look.trimmed;
    from = look.next;
  }
  return trimmed;
}

function forgottenOperations(context: Context): void {
  const folded = async () => {
    const log = await openLog(context.store);
    const old = append("a", [increment("likes", 1)]);
    await appendTo(context.store, [old]);
    await log.foldWal();
    await log.fold(log.batch("ap", [append("b")]));
    return { log, old };
  };

  it("knows nothing of an operation that is forgotten, and of later ones all", async () => {
    const { store } = context;
    const { log, old } = await folded();
    await forget(log);
    const later = append("c");
    await log.fold(log.batch("ap", [later]));
    for (const handle of [store, await context.reopen()]) {
      expect(await handle.readOperation(old.id)).toBeUndefined();
      expect((await handle.readOutcomes({ partition: 0, ids: [old.id] })).outcomes).toEqual([]);
      expect((await handle.readOutcomes({ partition: 0, ids: [later.id] })).outcomes).toHaveLength(1);
      expect(await handle.readOperation(later.id)).toMatchObject({ outcome: { status: "committed" } });
      expect(await handle.loadPartition(0)).toEqual(log.state);
      expect((await handle.readPositions(0)).forgotten).toEqual(log.state.forgotten);
    }
    const { forgotten } = log.state;
    const told = await store.readOutcomes({ partition: 0, ids: [] });
    expect(told.forgottenTimeMs).toBe(forgotten.logTimeMs);
  });

  for (const isDeleted of [false, true]) {
    it(`takes an id that is forgotten for new, ${isDeleted ? "once" : "before"} its row is deleted`, async () => {
      const { store } = context;
      const { log, old } = await folded();
      await forget(log);
      if (isDeleted) expect(await trimAllOperations(store)).toBe(2);
      const [again] = await appendTo(store, [old]);
      expect(again).toMatchObject({ status: "accepted", sequence: 2 });
      const [replay] = await appendTo(store, [old]);
      expect(replay).toMatchObject({ status: "replayed", sequence: 2 });
      const place = { partition: 0, tenant: old.tenant, collection: old.collection, key: "a" };
      const pending = await store.readRecord(place);
      expect(pending.pending).toHaveLength(1);
      expect(viewOf(pending)).toEqual({ likes: 2 });
      await log.foldWal();
      expect(viewOf(await store.readRecord(place))).toEqual({ likes: 2 });
      const outcome = { status: "committed", position: log.state.position };
      expect(await store.readOperation(old.id)).toMatchObject({ outcome });
      expect((await appendTo(store, [old]))[0]).toMatchObject({ status: "folded", outcome });
      expect(await trimAllOperations(store)).toBe(isDeleted ? 0 : 1);
      expect(await store.readOperation(old.id)).toMatchObject({ outcome });
    });
  }

  it("finds a guess wrong whose operation left a row, and commits it once it was asked about", async () => {
    const { store } = context;
    const { log, old } = await folded();
    await forget(log);
    const { state } = log;
    const batch = log.batchAfter(state, "ap", [old]);
    const result = foldEntries({ state, slice: NOTHING, entries: [ordered(state.position + 1, batch)] });
    const fold = { expectedPosition: state.position, result };
    await expect(store.commitFold({ ...fold, isGuess: true })).rejects.toThrow(KnownOperationError);
    expect(await store.loadPartition(0)).toEqual(state);
    const slice = await store.loadSlice({ partition: 0, records: [], operations: [old.id] });
    const asked = foldEntries({
      state,
      slice: { ...slice, records: new Map() },
      entries: [ordered(state.position + 1, batch)],
    });
    expect(asked.outcomes).toHaveLength(1);
    await store.commitFold({ expectedPosition: state.position, result: asked });
    expect(await store.readOperation(old.id)).toMatchObject({ outcome: { position: state.position + 1 } });
  });

  it("forgets and takes anew within one commit, guessed or not", async () => {
    const { store } = context;
    const { log, old } = await folded();
    const { position } = log.state;
    await log.fold(...seen(log));
    const entry = { kind: "forget", origin: "us", position, logTimeMs: NOW_MS, without: [] } as const;
    const batch = log.batchAfter(log.state, "ap", [old]);
    const entries = [entry, batch].map((one, index) => ordered(log.state.position + 1 + index, one));
    const fold = { expectedPosition: log.state.position };
    const guessed = foldEntries({ state: log.state, slice: NOTHING, entries });
    await expect(store.commitFold({ ...fold, result: guessed, isGuess: true })).rejects.toThrow(
      KnownOperationError,
    );
    expect((await store.readPositions(0)).forgotten.position).toBe(0);
    const slice = await store.loadSlice({ partition: 0, records: [], operations: [old.id] });
    const result = foldEntries({ state: log.state, slice: { ...slice, records: new Map() }, entries });
    expect(result.outcomes).toHaveLength(1);
    await store.commitFold({ ...fold, result });
    expect((await store.readPositions(0)).forgotten.position).toBe(position);
    expect(await store.readOperation(old.id)).toMatchObject({ outcome: { position: result.state.position } });
  });

  it("deletes nothing of what is known, however often it looks", async () => {
    const { store } = context;
    const { log } = await folded();
    expect(await trimAllOperations(store)).toBe(0);
    await forget(log);
    const many = Array.from({ length: 300 }, (_, index) => append(`k${index}`));
    await log.fold(log.batch("ap", many));
    expect(await trimAllOperations(store)).toBe(2);
    expect(await trimAllOperations(store)).toBe(0);
    const ids = many.map(({ id }) => id);
    expect((await store.readOutcomes({ partition: 0, ids })).outcomes).toHaveLength(300);
  });
}
