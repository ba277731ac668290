/** A WAL that is not what the log has is found, however the state was come by. */
import { describe, expect, it } from "vitest";
import type { TickEntry } from "../../../services/core/entry.ts";
import { WAL_RUN_ROWS } from "../../../services/core/fold/member.ts";
import { advanceHlc } from "../../../services/core/hlc.ts";
import { LostWalError } from "../../../services/ports/own-wal.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import type { Context } from "./context.ts";
import { beginLoading, loadAll, take } from "./loading.ts";
import { append, appendTo, NOW_MS, readAll, REGION } from "./operations.ts";
import { openLog } from "./test-log.ts";
import {
  change,
  failureOf,
  FIRST,
  forgetAll,
  LATER_MS,
  outlived,
  rowsOfRun,
  SECOND,
  sentBefore,
  tick,
  wentBack,
} from "./went-back.ts";

export function losingTheWal(context: Context): void {
  describe("a WAL that is not what the log has", () => {
    finding(context);
    leaving(context);
    loadedState(context);
  });
}

function finding(context: Context): void {
  it("is found when the log has another operation under a sequence, and nothing is committed", async () => {
    const { lost, log } = await wentBack(context, [append("a"), append("b")], [append("x")]);
    expect(lost).toBeInstanceOf(LostWalError);
    expect(lost).toMatchObject({ position: 1, isLoaded: false });
    expect((await context.store.readPositions(0)).position).toBe(1);
    expect(await context.store.loadPartition(0)).toEqual(log.state);
  });

  it("is found where it goes on as the log does, after others in the same commit", async () => {
    const { store } = context;
    const { log, lost, next } = await outlived(context);
    expect(await failureOf(log.foldLooking(lost, next))).toBeInstanceOf(LostWalError);
    expect((await store.readPositions(0)).position).toBe(1);
    await log.foldLooking(log.tick("us"));
  });

  it("is found when the log has more than the WAL has handed out", async () => {
    expect((await wentBack(context, [], [append("x")])).lost).toBeInstanceOf(LostWalError);
    expect((await failureOf(context.store.checkWal(0))) ?? null).toBeNull();
  });

  it("is found by a tick that tells of more rows, or of a later stamp, than the WAL has", async () => {
    const log = await openLog(context.store);
    await appendTo(context.store, [append("a")]);
    const own = await tick(context, log);
    const later = { ...own, hlc: advanceHlc(own.hlc, 1) };
    for (const wrong of [{ ...own, walHead: 2 }, later])
      expect(await failureOf(log.foldLooking(wrong))).toBeInstanceOf(LostWalError);
    await log.foldLooking(own);
    expect(log.state.origins[REGION]?.tick?.walHead).toBe(1);
  });

  it("is not found where the WAL has it, or has had it", async () => {
    const { store } = context;
    const log = await openLog(store);
    const operations = [append("a"), append("b"), append("c")];
    await appendTo(store, operations);
    const rows = await readAll(store);
    const first = rows[0]!;
    const batch = log.batch(REGION, operations, first.hlc);
    await log.foldLooking(batch);
    await store.checkWal(0);
    expect(await store.trimWal({ partition: 0, upTo: 3, rowsMax: 10 })).toBe(3);
    await store.checkWal(0);
    const tail = { operations: [{ sequence: 3, id: rows[2]!.id, hlc: rows[2]!.hlc }] };
    const { state } = log;
    const result = await log.fold(log.tick("us"));
    expect(result.state.position).toBe(state.position + 1);
    await expect(
      store.commitFold({ expectedPosition: log.state.position, result: { ...result, state: { ...result.state, position: log.state.position + 1 } }, tail }),
    ).resolves.toBeUndefined(); // prettier-ignore
  });
}

function leaving(context: Context): void {
  it("is found where the region is removed in the same commit, and what it has taken is there when it is added again", async () => {
    const { store } = context;
    const log = await openLog(store);
    const taken = [append("a"), append("b")];
    await appendTo(store, taken);
    const entries = [sentBefore(log, [append("x"), append("y")]), change("remove", SECOND)];
    const lost = await failureOf(log.foldLooking(...entries));
    expect(lost).toMatchObject({ name: "LostWalError", position: 1, isLoaded: false });
    expect((await store.readPositions(0)).position).toBe(1);
    await store.startRejoin({ partition: 0, id: FIRST, lost: lost as LostWalError });
    await log.foldLooking(...entries);
    await log.foldLooking(change("add"));
    expect((await rowsOfRun(store, 1)).map(({ id }) => id)).toEqual(taken.map(({ id }) => id));
  });

  it("is not found where the region is removed in the same commit as what the WAL has", async () => {
    const { store } = context;
    const log = await openLog(store);
    const taken = append("a");
    await appendTo(store, [taken]);
    const [row] = await readAll(store);
    await log.foldLooking(log.batch(REGION, [taken], row!.hlc), change("remove", SECOND));
    expect(log.state.departed[REGION]).toMatchObject({ watermark: 1 });
  });
}

/** Loads what the store holds in its own place, as a region does from another one that has folded the same log. */
async function loadAnew(store: RegionStore): Promise<void> {
  const taken = await take(store);
  await loadAll(store, await beginLoading(store, taken), taken);
}

function loadedState(context: Context): void {
  it("is found under a state that was loaded from elsewhere", async () => {
    const { store } = context;
    const log = await openLog(store);
    const [known, unknown] = [append("a"), append("b")];
    await appendTo(store, [known, unknown]);
    const [row] = await readAll(store);
    await log.fold(log.batch(REGION, [known], row!.hlc));
    await store.checkWal(0);
    // As if loaded: nobody has looked at the WAL.
    await log.fold(sentBefore(log, [append("x"), append("y")]));
    const lost = await failureOf(store.checkWal(0));
    expect(lost).toMatchObject({ name: "LostWalError", isLoaded: true, position: log.state.position });
    await store.startRejoin({ partition: 0, id: FIRST, lost: lost as LostWalError });
    await store.checkWal(0);
    await log.foldLooking(change("rejoin"));
    expect((await rowsOfRun(store, 1)).map(({ id }) => id)).toEqual([unknown.id]);
  });

  describe("that was loaded where the log goes on as the WAL does, after what was lost", () => {
    const loadLost = async () => {
      const { log, lost, next, unknown } = await outlived(context);
      await log.fold(lost, next);
      await loadAnew(context.store);
      return { log, unknown };
    };

    it("is found, and what the log does not know is numbered anew", async () => {
      const { store } = context;
      const { log, unknown } = await loadLost();
      const lost = await failureOf(store.checkWal(0));
      expect(lost).toMatchObject({ name: "LostWalError", isLoaded: true, position: log.state.position });
      await store.startRejoin({ partition: 0, id: FIRST, lost: lost as LostWalError });
      await store.checkWal(0);
      await log.foldLooking(change("rejoin"));
      expect((await rowsOfRun(store, 1)).map(({ id }) => id)).toEqual(unknown);
    });

    it("has that numbered anew also where it is forced to rejoin before anybody has looked", async () => {
      const { store } = context;
      const { log, unknown } = await loadLost();
      await store.startRejoin({ partition: 0, id: FIRST });
      await log.foldLooking(change("rejoin"));
      expect((await rowsOfRun(store, 1)).map(({ id }) => id)).toEqual(unknown);
    });
  });

  it.each([
    ["was taken after what is forgotten was folded", { isTakenBefore: false, stampedAtMs: NOW_MS + 1_000 }],
    ["is stamped hours after what is forgotten", { isTakenBefore: true, stampedAtMs: NOW_MS + 7_200_000 }],
  ])("is found under one that was loaded by a row that %s", async (_, { isTakenBefore, stampedAtMs }) => {
    const { store } = context;
    const log = await openLog(store);
    await store.bindLog({ partition: 0, createdAtMs: NOW_MS });
    const [unknown, known] = [append("a"), append("b")];
    if (isTakenBefore) await appendTo(store, [unknown, known], stampedAtMs);
    await log.fold(log.batch("us", [append("z")]));
    await forgetAll(log);
    if (!isTakenBefore) await appendTo(store, [unknown, known], stampedAtMs);
    const rows = await readAll(store);
    await log.fold(sentBefore(log, [append("x")]), log.batch(REGION, [known], rows[1]!.hlc));
    await loadAnew(store);
    expect(await failureOf(store.checkWal(0))).toMatchObject({ name: "LostWalError", isLoaded: true });
  });

  it("is not found under one that was loaded and knows all but what is forgotten or still to be sent", async () => {
    const { store } = context;
    const log = await openLog(store);
    await store.bindLog({ partition: 0, createdAtMs: NOW_MS });
    await appendTo(store, [append("forgotten")]);
    await log.foldWal();
    await forgetAll(log);
    await appendTo(store, [append("known")], LATER_MS);
    await log.foldWal();
    await appendTo(store, [append("pending")], LATER_MS);
    const known = await take(store);
    expect(known.head.counts).toMatchObject({ records: 2, operations: 1 });
    await loadAnew(store);
    await store.checkWal(0);
    expect(await store.walHead(0)).toMatchObject({ pendingRows: 1 });
  });

  it("is not found under one that was loaded where its last row is forgotten, and was stamped ahead of time", async () => {
    const { store } = context;
    const log = await openLog(store);
    await store.bindLog({ partition: 0, createdAtMs: NOW_MS });
    await appendTo(store, [append("a")], NOW_MS + 2_000);
    await log.foldWal();
    await forgetAll(log);
    await loadAnew(store);
    await store.checkWal(0);
  });

  it("is found where the region has spoken, and the database has never said a word", async () => {
    const log = await openLog(context.store);
    await context.store.checkWal(0);
    await log.fold({ ...(log.tick(REGION) as TickEntry), walHead: 0 });
    expect(await failureOf(context.store.checkWal(0))).toBeInstanceOf(LostWalError);
  });

  it("goes on where the region has joined and nobody has spoken for it yet", async () => {
    const { store } = context;
    const log = await openLog(store);
    await log.fold(change("remove", SECOND));
    await log.fold(change("add"));
    await store.checkWal(0);
    await log.foldLooking(await tick(context, log));
    expect((await appendTo(store, [append("a")], LATER_MS))[0]).toMatchObject({ sequence: WAL_RUN_ROWS + 1 });
  });
}
