/** A region whose WAL is not what the log has: nothing is lost or sent twice, and no sequence is handed out for something else. */
import { describe, expect, it } from "vitest";
import type { MemberEntry, OrderedEntry } from "../../../services/core/entry.ts";
import { foldEntries } from "../../../services/core/fold/fold.ts";
import { WAL_RUN_ROWS } from "../../../services/core/fold/member.ts";
import type { PartitionState } from "../../../services/core/fold/state.ts";
import { ZERO_HASH } from "../../../services/core/hash.ts";
import { NOTHING_LOADED, STATE_PARTS } from "../../../services/ports/bootstraps.ts";
import { DisplacedError, LostWalError, WalRefusedError } from "../../../services/ports/own-wal.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import type { Context } from "./context.ts";
import { beginLoading, loadAll } from "./loading.ts";
import {
  append,
  appendTo,
  increment,
  keysOf,
  list,
  NOW_MS,
  readAll,
  REGION,
  UNBOUNDED,
  viewOf,
} from "./operations.ts";
import { hold, leftOf, openFlights, take, tell } from "./rights.ts";
import { openLog, type TestLog } from "./test-log.ts";
import {
  change,
  failureOf,
  FIRST,
  forgetAll,
  LATER_MS,
  rowsOfRun,
  SECOND,
  sentBefore,
  tick,
  wentBack,
} from "./went-back.ts";

export function rejoining(context: Context): void {
  describe("a region whose WAL is not what the log has", () => {
    numberingAnew(context);
    loadedAfterJoining(context);
    otherDatabases(context);
    coming(context);
  });
}

function numberingAnew(context: Context): void {
  it("is not appended to until the log has taken the region in again", async () => {
    const { store } = context;
    const { lost, log, batch } = await wentBack(context, [append("a")], [append("x"), append("y")]);
    await store.startRejoin({ partition: 0, id: FIRST, lost });
    await store.startRejoin({ partition: 0, id: SECOND, lost });
    const other = await context.reopen();
    expect((await other.walHead(0)).trouble).toEqual({ kind: "rejoining", id: FIRST });
    for (const refused of [
      () => appendTo(other, [append("b")]),
      () => other.stampTick({ partition: 0, nowMs: NOW_MS }),
    ]) {
      const error = await failureOf(refused());
      expect(error).toBeInstanceOf(WalRefusedError);
      expect(error).toMatchObject({ refusal: "rejoining" });
    }
    await log.foldLooking(batch);
    await store.checkWal(0);
    await log.foldLooking(change("rejoin"));
    expect((await store.walHead(0)).trouble).toBeUndefined();
    expect(await failureOf(appendTo(store, [append("b")]))).toMatchObject({ refusal: "joining" });
    await log.foldLooking(await tick(context, log));
    const [accepted] = await appendTo(store, [append("b")], LATER_MS);
    expect(accepted).toMatchObject({ status: "accepted", sequence: WAL_RUN_ROWS + 2 });
    await log.foldWal();
    expect(keysOf(await list(store, {}))).toEqual(["a", "b", "x", "y"]);
    expect(await store.loadPartition(0)).toEqual(log.state);
  });

  it("keeps what it has taken, shows it throughout, and has it numbered and stamped anew, once", async () => {
    const { store } = context;
    const taken = ["a", "b", "c"].map((key) => append(key, [increment("likes", 1)]));
    const sent = ["x", "y"].map((key) => append(key));
    const { lost, log, batch } = await wentBack(context, taken, sent);
    await store.startRejoin({ partition: 0, id: FIRST, lost });
    await log.foldLooking(batch);
    // The client has tried again in another region.
    await log.fold(log.batch("us", [taken[1]!]));
    const before = await readAll(store);
    const read = { partition: 0, tenant: taken[0]!.tenant, collection: taken[0]!.collection };
    const seen = async () => {
      for (const key of ["a", "b", "c"])
        expect(viewOf(await store.readRecord({ ...read, key }))).toEqual({ likes: 1 });
      for (const { id } of taken) expect(await store.readOperation(id)).toBeDefined();
      expect(keysOf(await list(store, {}))).toEqual(["a", "b", "c", "x", "y"]);
    };
    await seen();
    expect(await store.trimWal({ partition: 0, upTo: 1_000, rowsMax: 1_000 })).toBe(0);
    await log.foldLooking(change("rejoin"));
    await seen();
    const rows = await rowsOfRun(store, 1);
    expect(rows.map(({ id, sequence, seen: at, body }) => ({ id, sequence, at, body }))).toEqual(
      [taken[0]!, taken[2]!].map(({ id, body }, index) => ({
        id, sequence: WAL_RUN_ROWS + 1 + index, at: before[0]!.seen, body,
      })),
    ); // prettier-ignore
    expect(rows[0]!.hlc > before[2]!.hlc && rows[1]!.hlc > rows[0]!.hlc).toBe(true);
    expect(await store.walHead(0)).toMatchObject({ sequence: WAL_RUN_ROWS + 2, pendingRows: 2 });
    await log.foldWal();
    await seen();
    const head = await store.walHead(0);
    expect(head).toMatchObject({ pendingRows: 0, pendingBytes: 0 });
    expect(head.setAsideRows).toBeUndefined();
  });

  it("sets aside what may have taken effect so long ago that nobody knows", async () => {
    const { store } = context;
    const [old, close, young] = [append("a"), append("b"), append("c")];
    const log = await openLog(store);
    await appendTo(store, [old]);
    await appendTo(store, [close], LATER_MS);
    await appendTo(store, [young], NOW_MS + 7_200_000);
    const batch = sentBefore(log, [append("x")]);
    const lost = (await failureOf(log.foldLooking(batch))) as LostWalError;
    await store.startRejoin({ partition: 0, id: FIRST, lost });
    await log.foldLooking(batch);
    await forgetAll(log);
    await log.foldLooking(change("rejoin"));
    const rows = await rowsOfRun(store, 1);
    expect(rows.map(({ id }) => id)).toEqual([young.id]);
    expect(await store.walHead(0)).toMatchObject({ setAsideRows: 2, pendingRows: 1 });
    for (const { id } of [old, close]) expect(await store.readOperation(id)).toBeUndefined();
  });

  it("counts what is promised of escrows without the rows that are gone", async () => {
    const { store } = context;
    const log = await openFlights(store);
    await hold(log, { eu: 9, us: 4 });
    const takes = [2, 3, 1].map((seats) => take("a", { seats }));
    expect(await tell(store, takes)).toHaveLength(3);
    const other = append("x");
    const batch = sentBefore(log, [other]);
    const lost = (await failureOf(log.foldLooking(batch))) as LostWalError;
    await store.startRejoin({ partition: 0, id: FIRST, lost });
    await log.foldLooking(batch);
    await log.fold(log.batch("us", [takes[1]!]));
    await log.foldLooking(change("rejoin"));
    // The other region has sold three of its own four.
    expect(await leftOf(store)).toBe("6/7");
    await log.foldLooking(await tick(context, log));
    expect(await tell(store, [take("a", { seats: 1 })])).toEqual(["accepted seats 5/6"]);
    expect(await leftOf(store)).toBe("5/6");
    await log.foldWal();
    expect(await leftOf(store)).toBe("5/6");
  });
}
/** In place of folding, as a bootstrap does: no rows, and a state of later. */
async function load(store: RegionStore, state: PartitionState): Promise<void> {
  const page = { rows: 0, lines: new Uint8Array(), next: undefined };
  const pages = STATE_PARTS.map((part) => [part, page] as const);
  const taken = { head: { state, logCreatedAtMs: 1, counts: NOTHING_LOADED.loaded }, pages };
  await loadAll(store, await beginLoading(store, taken), taken);
}

/** The state as a fold of further entries leaves it elsewhere. */
function elsewhere(log: TestLog, ...changes: readonly MemberEntry[]): PartitionState {
  const entries = changes.map((entry, index): OrderedEntry => {
    const position = log.state.position + index + 1;
    return { position, storedAtMs: NOW_MS + position, checksum: ZERO_HASH, entry };
  });
  const slice = { records: new Map(), operations: new Map<string, number>() };
  return foldEntries({ state: log.state, slice, entries }).state;
}

function loadedAfterJoining(context: Context): void {
  it("is taken in where the log's answer came with a state that was loaded meanwhile", async () => {
    const { store } = context;
    const taken = [append("a"), append("b")];
    const { lost, log } = await wentBack(context, taken, [append("x")]);
    await store.startRejoin({ partition: 0, id: FIRST, lost });
    await load(store, elsewhere(log, change("rejoin")));
    await store.checkWal(0);
    expect((await store.walHead(0)).trouble).toBeUndefined();
    expect((await rowsOfRun(store, 1)).map(({ id }) => id)).toEqual(taken.map(({ id }) => id));
    await store.checkWal(0);
  });

  it("keeps what it has taken where it was removed and added again while it was off", async () => {
    const { store } = context;
    const log = await openLog(store);
    const [sent, pending] = [append("a"), append("b")];
    await appendTo(store, [sent]);
    await log.foldWal();
    await appendTo(store, [pending]);
    await load(store, elsewhere(log, change("remove", SECOND), change("add")));
    await store.checkWal(0);
    // The rows are gone from what is loaded here, and with them what is known of the one that was sent.
    expect((await rowsOfRun(store, 1)).map(({ id }) => id)).toEqual([sent.id, pending.id]);
    expect(await store.walHead(0)).toMatchObject({ pendingRows: 2 });
  });

  it("keeps what it has taken where it was removed while it was off, and is added once that is loaded", async () => {
    const { store } = context;
    const log = await openLog(store);
    const pending = append("b");
    await appendTo(store, [pending]);
    await load(store, elsewhere(log, change("remove", SECOND)));
    await store.checkWal(0);
    await log.restart();
    await log.foldLooking(change("add"));
    expect((await rowsOfRun(store, 1)).map(({ id }) => id)).toEqual([pending.id]);
  });

  it("keeps what it has taken where another database had its place, and it is forced to take it back", async () => {
    const { store } = context;
    const log = await openLog(store);
    const pending = append("b");
    await appendTo(store, [pending]);
    const spoken = elsewhere(log, change("rejoin", SECOND));
    const origin = spoken.origins[REGION]!;
    const { isAssumed: _, ...tick } = origin.tick!;
    await load(store, { ...spoken, origins: { ...spoken.origins, [REGION]: { ...origin, tick } } });
    expect(await failureOf(store.checkWal(0))).toBeInstanceOf(DisplacedError);
    await store.startRejoin({ partition: 0, id: FIRST });
    await log.restart();
    await log.foldLooking(change("rejoin", FIRST));
    expect((await rowsOfRun(store, 2)).map(({ id }) => id)).toEqual([pending.id]);
  });
}

function otherDatabases(context: Context): void {
  it("folds no further once another database has taken its place, until that is forced", async () => {
    const { store } = context;
    const log = await openLog(store);
    await appendTo(store, [append("a")]);
    await log.foldWal();
    await appendTo(store, [append("b")]);
    const entry = change("rejoin", SECOND);
    expect(await failureOf(log.foldLooking(entry))).toBeInstanceOf(DisplacedError);
    expect(await store.loadPartition(0)).toEqual(log.state);
    const other = await context.reopen();
    expect((await other.walHead(0)).trouble).toEqual({ kind: "displaced", id: SECOND });
    expect(await failureOf(other.checkWal(0))).toBeInstanceOf(DisplacedError);
    expect(await failureOf(appendTo(other, [append("c")]))).toMatchObject({ refusal: "displaced" });
    const lost = new LostWalError("late", { position: log.state.position, isLoaded: false });
    await other.startRejoin({ partition: 0, id: FIRST, lost });
    expect((await other.walHead(0)).trouble).toMatchObject({ kind: "displaced" });
    await other.startRejoin({ partition: 0, id: FIRST });
    await log.foldLooking(entry);
    expect((await other.walHead(0)).trouble).toEqual({ kind: "rejoining", id: FIRST });
    await log.foldLooking(change("rejoin", FIRST));
    expect(await other.walHead(0)).toMatchObject({ sequence: 2 * WAL_RUN_ROWS + 1, pendingRows: 1 });
    await log.foldWal();
    expect(keysOf(await list(store, {}))).toEqual(["a", "b"]);
  });

  it("starts nothing where the state has gone on since it was found", async () => {
    const { store } = context;
    const { lost, log } = await wentBack(context, [append("a")], [append("x")]);
    await log.fold(log.tick("us"));
    await store.startRejoin({ partition: 0, id: FIRST, lost });
    expect((await store.walHead(0)).trouble).toBeUndefined();
  });
}

function coming(context: Context): void {
  it("takes nothing while the region is no member, and goes on with what it had once it is added again", async () => {
    const { store } = context;
    const log = await openLog(store);
    await appendTo(store, [append("a")]);
    await log.foldWal();
    await appendTo(store, [append("b")]);
    await log.foldLooking(change("remove", SECOND));
    const options = { partition: 0, operations: [append("c")], nowMs: NOW_MS, ...UNBOUNDED };
    expect(await failureOf(store.append(options))).toMatchObject({ refusal: "no-member" });
    expect(await failureOf(store.stampTick({ partition: 0, nowMs: NOW_MS }))).toMatchObject({
      refusal: "no-member",
    });
    await log.foldLooking(log.tick("us"));
    await log.foldLooking(change("add"));
    await store.checkWal(0);
    await log.foldLooking(await tick(context, log));
    await log.foldWal();
    expect(keysOf(await list(store, {}))).toEqual(["a", "b"]);
    expect(await store.walHead(0)).toMatchObject({ sequence: WAL_RUN_ROWS + 1, pendingRows: 0 });
    expect(await store.loadPartition(0)).toEqual(log.state);
  });
}
