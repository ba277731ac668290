/** Changes: who reads them from where he was misses no record's newest state, and gets no committed state twice. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rowHash } from "../../../services/core/digest.ts";
import type { RecordRepair } from "../../../services/core/entry.ts";
import { rangeOf } from "../../../services/core/feed/filter.ts";
import { recordIdText, type RecordId } from "../../../services/core/operation.ts";
import type { ChangedRecord, ChangesQuery, ChangesWindow } from "../../../services/ports/changes.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { checkAsyncProperty } from "../../unit/property.ts";
import type { Context } from "./context.ts";
import { append, appendTo, COLLECTION, increment, nextId, scan, set, TENANT } from "./operations.ts";
import { openLog, type TestLog } from "./test-log.ts";

const WHOLE = [rangeOf({ tenant: TENANT, collection: COLLECTION })];
const ALL: ChangesQuery = { partition: 0, after: 0, ranges: WHOLE, idsMax: 1_000 };
const KEYS = ["a", "b", "c", "ключ", "c:1"];

/** Keys, with the positions that they are told at. */
function toldOf({ records }: Pick<ChangesWindow, "records">): [string, number | undefined][] {
  const told = records.map(({ record, position }): [string, number | undefined] => [record.key, position]);
  return told.toSorted(([one], [other]) => (one < other ? -1 : 1));
}

export function changesOfRecords(context: Context): void {
  describe("changes", () => {
    committedChanges(context);
    pendingChanges(context);
    trimmedChanges(context);
    it("are told once each, in windows of any size, however folds were committed", async () => {
      const runs: Runs = {};
      await checkAsyncProperty(
        fc.asyncProperty(fc.array(anyStep, { maxLength: 25 }), (steps) => followSteps(context, steps, runs)),
        { runs: 8 },
      );
    });
  });
}

function committedChanges(context: Context): void {
  it("come with the newest state, at its position, of what was changed after a position", async () => {
    const { store } = context;
    const log = await openLog(store);
    await log.fold(log.batch("us", [append("a"), append("b")]));
    await log.fold(log.batch("us", [append("b")]), log.batch("us", [append("c")]));
    const window = await store.readChanges(ALL);
    expect(window).toMatchObject({ position: 4, head: 4, isCaughtUp: true, floor: 0, logEpoch: 0 });
    expect(toldOf(window)).toEqual([["a", 2], ["b", 3], ["c", 4]]); // prettier-ignore
    expect(toldOf(await store.readChanges({ ...ALL, after: 2 }))).toEqual([["b", 3], ["c", 4]]); // prettier-ignore
    // In the middle of what was committed at once: what comes before was told elsewhere.
    expect(toldOf(await store.readChanges({ ...ALL, after: 3 }))).toEqual([["c", 4]]);
    expect(toldOf(await store.readChanges({ ...ALL, after: 4 }))).toEqual([]);
    const a = window.records.find(({ record }) => record.key === "a");
    const { committed, pending } = await store.readRecord({ ...a!.record, partition: 0 });
    expect(a!.snapshot).toEqual({ committed, pending });
  });

  it("of other ranges are passed over", async () => {
    const { store } = context;
    const log = await openLog(store);
    await log.fold(
      log.batch(
        "us",
        ["a", "ab", "b", "ключ"].map((key) => append(key)),
      ),
    );
    const ranges = (...filters: { key?: string; prefix?: string }[]) =>
      filters.map((filter) => rangeOf({ tenant: TENANT, collection: COLLECTION, ...filter }));
    const keys = async (...filters: { key?: string; prefix?: string }[]) =>
      toldOf(await store.readChanges({ ...ALL, ranges: ranges(...filters) })).map(([key]) => key);
    expect(await keys({ key: "a" })).toEqual(["a"]);
    expect(await keys({ prefix: "a" })).toEqual(["a", "ab"]);
    expect(await keys({ prefix: "кл" }, { key: "b" })).toEqual(["b", "ключ"]);
    expect(await keys()).toEqual([]);
    expect((await store.readChanges({ ...ALL, ranges: [] })).position).toBe(2);
  });

  it("of rows that are gone, or were repaired, come at the position of that", async () => {
    const { store } = context;
    const log = await openLog(store);
    await log.fold(log.batch("us", [append("a"), append("b")]));
    const rows = (await scan(store, 0)).records;
    const [a, b] = [rows.find(({ key }) => key === "a")!, rows.find(({ key }) => key === "b")!];
    const { tenant: _, collection: __, key: ___, ...content } = { ...b, version: 1 };
    const repairs: RecordRepair[] = [
      { tenant: TENANT, collection: COLLECTION, key: "a", expected: [rowHash(a)], record: null },
      { tenant: TENANT, collection: COLLECTION, key: "b", expected: [rowHash(b)], record: content },
    ];
    const { position: at, logTimeMs: atMs } = log.state;
    await log.fold(
      { kind: "repair", origin: "us", id: nextId(), at, atMs, reason: "majority", records: repairs },
      log.tick("us"),
    );
    const window = await store.readChanges({ ...ALL, after: 2 });
    expect(toldOf(window)).toEqual([["a", 3], ["b", 3]]); // prettier-ignore
    expect(toldOf(await store.readChanges({ ...ALL, after: 3 }))).toEqual([]);
    expect(window.records.find(({ record }) => record.key === "a")!.snapshot.committed).toBeUndefined();
  });

  it("come in windows; what changes again beyond one is told there", async () => {
    const { store } = context;
    const log = await openLog(store);
    for (const keys of [["a", "b"], ["c"], ["a"]]) await log.fold(log.batch("us", keys.map((key) => append(key)))); // prettier-ignore
    const first = await store.readChanges({ ...ALL, idsMax: 2 });
    expect([first.position, first.isCaughtUp, toldOf(first)]).toEqual([2, false, [["b", 2]]]);
    const second = await store.readChanges({ ...ALL, after: 2, idsMax: 1 });
    expect([second.position, second.isCaughtUp, toldOf(second)]).toEqual([3, false, [["c", 3]]]);
    const third = await store.readChanges({ ...ALL, after: 3, idsMax: 1 });
    expect([third.position, third.isCaughtUp, toldOf(third)]).toEqual([4, true, [["a", 4]]]);
  });
}

function pendingChanges(context: Context): void {
  it("of the own WAL come while they are pending, and once more when they are folded without effect", async () => {
    const { store } = context;
    const log = await openLog(store);
    await log.fold(log.batch("us", [append("a")]));
    const marks = { settledAfter: 0, pendingAfter: 0 };
    expect(await store.readChanges({ ...ALL, after: 2, ...marks })).toMatchObject({
      settledTo: 0,
      pendingTo: 0,
    });
    await appendTo(store, [append("a", [set("note", "x")]), append("b")]);
    const window = await store.readChanges({ ...ALL, after: 2, ...marks });
    expect([window.settledTo, window.pendingTo]).toEqual([0, 2]);
    expect(toldOf(window)).toEqual([["a", undefined], ["b", undefined]]); // prettier-ignore
    expect(window.records.map(({ snapshot }) => snapshot.pending.length)).toEqual([1, 1]);
    expect(toldOf(await store.readChanges({ ...ALL, after: 2, settledAfter: 0, pendingAfter: 1 }))).toEqual([
      ["b", undefined],
    ]);
    await log.foldWal();
    const folded = await store.readChanges({ ...ALL, after: 3, settledAfter: 0, pendingAfter: 2 });
    expect([folded.settledTo, toldOf(folded)]).toEqual([
      2,
      [
        ["a", undefined],
        ["b", undefined],
      ],
    ]);
    expect(folded.records.map(({ snapshot }) => snapshot.pending.length)).toEqual([0, 0]);
    expect(toldOf(await store.readChanges({ ...ALL, after: 3, settledAfter: 2, pendingAfter: 2 }))).toEqual(
      [],
    );
    expect(toldOf(await store.readChanges({ ...ALL, after: 3 }))).toEqual([]);
  });

  it("are looked at in parts", async () => {
    const { store } = context;
    await openLog(store);
    await appendTo(
      store,
      ["a", "b", "c"].map((key) => append(key)),
    );
    const query = { ...ALL, after: 1, settledAfter: 0, idsMax: 2 };
    const first = await store.readChanges({ ...query, pendingAfter: 0 });
    expect([first.pendingTo, first.isCaughtUp, toldOf(first).length]).toEqual([2, false, 2]);
    const second = await store.readChanges({ ...query, pendingAfter: 2 });
    expect([second.pendingTo, second.isCaughtUp, toldOf(second)]).toEqual([3, true, [["c", undefined]]]);
  });
}

function trimmedChanges(context: Context): void {
  it("are forgotten from the oldest on, and from where says so", async () => {
    const { store } = context;
    const log = await openLog(store);
    for (const key of ["a", "b", "c"]) await log.fold(log.batch("us", [append(key)]));
    expect(await store.trimChanges({ partition: 0, upTo: 3, rowsMax: 1 })).toBe(1);
    expect(await store.readChanges({ ...ALL, after: 4 })).toMatchObject({ floor: 2 });
    expect(await store.trimChanges({ partition: 0, upTo: 3, rowsMax: 10 })).toBe(1);
    expect(await store.trimChanges({ partition: 0, upTo: 3, rowsMax: 10 })).toBe(0);
    const window = await store.readChanges({ ...ALL, after: 3 });
    expect([window.floor, toldOf(window)]).toEqual([3, [["c", 4]]]);
  });
}

type Step =
  | { readonly kind: "fold"; readonly batches: readonly (readonly string[])[] }
  | { readonly kind: "append"; readonly keys: readonly string[] }
  | { readonly kind: "foldWal" }
  | { readonly kind: "remove"; readonly key: string }
  | { readonly kind: "read"; readonly idsMax: number };

const anyKey = fc.constantFrom(...KEYS);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("fold" as const),
    batches: fc.array(fc.array(anyKey, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant("append" as const), keys: fc.array(anyKey, { minLength: 1, maxLength: 3 }) }),
  fc.record({ kind: fc.constant("foldWal" as const) }),
  fc.record({ kind: fc.constant("remove" as const), key: anyKey }),
  fc.record({ kind: fc.constant("read" as const), idsMax: fc.integer({ min: 1, max: 5 }) }),
);

/** Goes on from place to place, as a strand of a subscription does. */
class Reader {
  readonly #store: RegionStore;
  readonly #told: Map<string, ChangedRecord["snapshot"]>;
  #at: { readonly position: number; readonly settledTo: number; readonly pendingTo: number };

  /** @param told what it knows already. */
  constructor(store: RegionStore, start: ChangesWindow, told: Map<string, ChangedRecord["snapshot"]>) {
    this.#store = store;
    this.#told = told;
    this.#at = start;
  }

  async read(idsMax: number): Promise<boolean> {
    const { position: after, settledTo: settledAfter, pendingTo: pendingAfter } = this.#at;
    const marks = { after, settledAfter, pendingAfter };
    const window = await this.#store.readChanges({ ...ALL, idsMax, ...marks });
    for (const changed of window.records) this.#learn(changed, window);
    this.#at = window;
    return window.isCaughtUp;
  }

  #learn(changed: ChangedRecord, { position: upTo }: ChangesWindow): void {
    const id = recordIdText(changed.record);
    const { position } = changed;
    if (position !== undefined) {
      expect(position).toBeGreaterThan(this.#at.position);
      expect(position).toBeLessThanOrEqual(upTo);
    }
    this.#told.set(id, changed.snapshot);
  }

  /** What was told last of each record is what the store has. */
  async compare(): Promise<void> {
    while (!(await this.read(3)));
    for (const key of KEYS) {
      const record: RecordId = { tenant: TENANT, collection: COLLECTION, key };
      const { committed, pending } = await this.#store.readRecord({ ...record, partition: 0 });
      const told = this.#told.get(recordIdText(record));
      expect(told, key).toEqual({ committed, pending });
    }
  }
}

/** Runs share a store: each begins where the one before has ended. */
async function followSteps(context: Context, steps: readonly Step[], runs: Runs): Promise<void> {
  const { store } = context;
  const log = (runs.log ??= await openLog(store));
  const whole = await store.readChanges({ ...ALL, after: Number.MAX_SAFE_INTEGER });
  const reader = new Reader(store, { ...whole, position: whole.head }, await keptOf(store));
  for (const step of steps) await take({ store, log, reader }, step);
  await reader.compare();
}

interface Runs {
  log?: TestLog;
}

async function keptOf(store: RegionStore): Promise<Map<string, ChangedRecord["snapshot"]>> {
  const kept = new Map<string, ChangedRecord["snapshot"]>();
  for (const key of KEYS) {
    const record: RecordId = { tenant: TENANT, collection: COLLECTION, key };
    const { committed, pending } = await store.readRecord({ ...record, partition: 0 });
    kept.set(recordIdText(record), { committed, pending });
  }
  return kept;
}

async function take(
  { store, log, reader }: { store: RegionStore; log: TestLog; reader: Reader },
  step: Step,
): Promise<void> {
  switch (step.kind) {
    case "fold": {
      const batches = step.batches.map((keys) =>
        log.batch("us", keys.map((key) => append(key, [increment("n", 1)]))),
      ); // prettier-ignore
      await log.fold(...batches);
      return;
    }
    case "append":
      await appendTo(store, step.keys.map((key) => append(key, [increment("n", 1)]))); // prettier-ignore
      return;
    case "foldWal":
      return log.foldWal();
    case "remove": {
      const row = (await scan(store, 0)).records.find(({ key }) => key === step.key);
      const { position: at, logTimeMs: atMs } = log.state;
      if (row === undefined) return;
      const repair = {
        tenant: TENANT,
        collection: COLLECTION,
        key: step.key,
        expected: [rowHash(row)],
        record: null,
      };
      await log.fold({
        kind: "repair",
        origin: "us",
        id: nextId(),
        at,
        atMs,
        reason: "majority",
        records: [repair],
      });
      return;
    }
    case "read":
      await reader.read(step.idsMax);
      return;
  }
}
