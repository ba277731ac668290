/** The conflict log: what lost is kept as the fold has recorded it, listed newest first, and forgotten by its age. */
import { describe, expect, it } from "vitest";
import type { Change } from "../../../services/core/fields/kind.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import type { JsonValue } from "../../../services/core/json.ts";
import type {
  ConflictPlace,
  ConflictQuery,
  RegionStore,
  StoredConflict,
} from "../../../services/ports/region-store.ts";
import type { Context } from "./context.ts";
import { assign, erase, openUsers, proposal } from "./decisions.ts";
import { append, set, NOW_MS, TENANT } from "./operations.ts";
import { openLog, type TestLog } from "./test-log.ts";

/** Later than whatever loses. */
const LATE = hlcFromMilliseconds(NOW_MS + 400);
const LATER = hlcFromMilliseconds(NOW_MS + 500);

export function conflictLog(context: Context): void {
  describe("the conflict log", () => {
    it("has every loss as the fold has recorded it", async () => {
      const log = await openLog(context.store);
      const folded = await loseEverything(log);
      expect(folded.map(({ loser: { operator, value } }) => [operator, value])).toEqual([
        ["set", { b: [1, null], a: "é 😀" }],
        ["unset", null],
        ["put", false],
        ["drop", null],
        ["inc", 1],
        ["remove", ["x"]],
      ]);
      const other = await context.reopen();
      expect(await listed(other)).toEqual(folded.toReversed());
      for (const conflict of folded) expect(await other.readConflict(conflict)).toEqual(conflict);
    });

    it("tells what was decided from what a region has accepted, and finds both by their region", async () => {
      const log = await openUsers(context.store);
      await log.fold(log.propose(proposal([assign("a", { note: "decided" })])));
      const { state } = log;
      await log.fold(log.batch("ap", [append("a", [set("note", "later")])], LATE));
      await log.fold(log.batch("us", [append("a", [set("note", "lost")])]));
      const conflicts = await listed(context.store, { region: "us" });
      expect(conflicts.map(({ loser }) => [loser.origin, loser.value, "operation" in loser])).toEqual([
        ["us", "lost", true],
        ["us@log", "decided", false],
      ]);
      expect(conflicts[1]!.loser.hlc).toBe(state.hlc);
      expect(await listed(context.store, { region: "ap" })).toEqual([]);
    });

    it("lists newest first over all partitions, page by page, whatever the limit", async () => {
      const logs = [await openLog(context.store, 0), await openLog(context.store, 1)];
      for (const log of logs) await win(log, ["a", "b"]);
      for (let round = 0; round < 3; round += 1) {
        for (const log of round === 1 ? [logs[1]!] : logs) await lose(log, ["a", "b", "a"]);
      }
      const all = await listed(context.store);
      expect(all).toHaveLength(15);
      expect(all.map(placeOf)).toEqual(all.map(placeOf).toSorted(newestFirst));
      expect(new Set(all.map(({ partition }) => partition))).toEqual(new Set([0, 1]));
      for (const limit of [1, 2, 4, 15, 16]) expect(await listByPages(context.store, { limit })).toEqual(all);
      expect(await listed(context.store, { limit: 0 })).toEqual([]);
      const ofA = all.filter(({ key }) => key === "a");
      expect(await listByPages(context.store, { collection: "users", key: "a", limit: 3 })).toEqual(ofA);
    });

    it("finds conflicts by collection, key, field, reason and region, and by all of them at once", async () => {
      const log = await openLog(context.store);
      await loseEverything(log);
      await win(log, ["b"]);
      await lose(log, ["b"], "eu");
      await lose(log, ["b"]);
      await log.fold(log.batch("us", [{ ...append("a"), collection: "orders" }], LATER));
      await log.fold(log.batch("ap", [{ ...append("a", [set("note", "lost")]), collection: "orders" }]));
      const all = await listed(context.store);
      const filters: readonly Partial<ConflictQuery>[] = [
        { collection: "users" },
        { collection: "orders" },
        { collection: "users", key: "a" },
        { collection: "orders", key: "b" },
        { field: "note" },
        { reason: "overflow" },
        { reason: "deleted" },
        { region: "eu" },
        { region: "ap", field: "note" },
        { collection: "users", key: "b", field: "note", reason: "concurrent", region: "eu" },
        { field: "no such field" },
      ];
      for (const filter of filters) {
        const expected = all.filter((conflict) => isMatch(conflict, filter));
        expect(await listed(context.store, filter), JSON.stringify(filter)).toEqual(expected);
        expect(await listByPages(context.store, { ...filter, limit: 2 })).toEqual(expected);
      }
      const counts = await Promise.all(
        filters.map(async (filter) => (await listed(context.store, filter)).length),
      );
      expect(counts.filter((count) => count === 0)).toHaveLength(2);
    });

    it("shows no tenant what another has lost", async () => {
      const log = await openLog(context.store);
      const mine = { ...append("a", [set("note", "mine")]), tenant: "other" };
      await log.fold(log.batch("us", [{ ...append("a"), tenant: "other" }], LATE));
      const { conflicts } = await log.fold(log.batch("ap", [mine]));
      expect(await listed(context.store)).toEqual([]);
      expect(await listed(context.store, { collection: "users", key: "a" })).toEqual([]);
      expect(await listed(context.store, { tenant: "other" })).toMatchObject(conflicts);
      expect(await context.store.readConflict({ partition: 0, ...conflicts[0]! })).toMatchObject({
        tenant: "other",
      });
    });

    it("knows no conflict under another name", async () => {
      const log = await openLog(context.store);
      await win(log, ["a"]);
      await lose(log, ["a"]);
      const [{ partition, position, ordinal }] = (await listed(context.store)) as [StoredConflict];
      for (const name of [
        { partition: 1, position, ordinal },
        { partition, position: position + 1, ordinal },
        { partition, position, ordinal: ordinal + 1 },
      ])
        expect(await context.store.readConflict(name)).toBeUndefined();
    });

    it("forgets the oldest of a partition, those of before a log time alone, and so many at most", async () => {
      const logs = [await openLog(context.store, 0), await openLog(context.store, 1)];
      for (const log of logs) {
        await win(log, ["a"]);
        for (let round = 0; round < 4; round += 1) await lose(log, ["a", "a"]);
      }
      const untouched = await listed(context.store);
      const [newest] = untouched;
      const trim = (beforeLogTimeMs: number, rowsMax = 100) =>
        context.store.trimConflicts({ partition: 0, beforeLogTimeMs, rowsMax });
      expect(await trim(NOW_MS)).toBe(0);
      expect(await listed(context.store)).toEqual(untouched);
      // The last two rounds are as young as the bound, or younger.
      const bound = newest!.logTimeMs - 1;
      expect(await trim(bound, 3)).toBe(3);
      expect(await trim(bound, 3)).toBe(1);
      expect(await trim(bound, 3)).toBe(0);
      const left = untouched.filter(({ partition, logTimeMs }) => partition === 1 || logTimeMs >= bound);
      expect(left).toHaveLength(12);
      expect(await listed(context.store)).toEqual(left);
      expect(await trim(newest!.logTimeMs + 1)).toBe(4);
      expect(await listed(context.store)).toEqual(untouched.filter(({ partition }) => partition === 1));
      // What is folded later is kept all the same.
      await lose(logs[0]!, ["a"]);
      expect(await listed(context.store, { limit: 1 })).toMatchObject([{ partition: 0 }]);
    });

    it("forgets each conflict once, with two that trim at the same time", async () => {
      const log = await openLog(context.store);
      await win(log, ["a"]);
      for (let round = 0; round < 10; round += 1) await lose(log, ["a", "a", "a"]);
      const other = await context.reopen();
      const options = { partition: 0, beforeLogTimeMs: NOW_MS + 1_000, rowsMax: 4 };
      const trimAll = async (store: RegionStore): Promise<number> => {
        let trimmed = 0;
        while ((await listed(store)).length > 0) trimmed += await store.trimConflicts(options);
        return trimmed;
      };
      const counts = await Promise.all([context.store, other, context.store, other].map(trimAll));
      expect(counts.reduce((sum, count) => sum + count)).toBe(30);
    });
  });
}

function listed(store: RegionStore, query: Partial<ConflictQuery> = {}): Promise<StoredConflict[]> {
  return store.listConflicts({ tenant: TENANT, limit: 1_000, ...query });
}

async function listByPages(
  store: RegionStore,
  query: Partial<ConflictQuery> & { readonly limit: number },
): Promise<StoredConflict[]> {
  const seen: StoredConflict[] = [];
  for (let before: ConflictPlace | undefined; ; before = placeOf(seen.at(-1)!)) {
    const page = await listed(store, { ...query, before });
    seen.push(...page);
    if (page.length < query.limit) return seen;
  }
}

function placeOf({ logTimeMs, partition, position, ordinal }: ConflictPlace): ConflictPlace {
  return { logTimeMs, partition, position, ordinal };
}

function newestFirst(one: ConflictPlace, other: ConflictPlace): number {
  const [left, right] = [one, other].map(({ logTimeMs, partition, position, ordinal }) =>
    [logTimeMs, partition, position, ordinal].map((part) => String(part).padStart(16, "0")).join(),
  ) as [string, string];
  return left < right ? 1 : -1;
}

function isMatch(conflict: StoredConflict, filter: Partial<ConflictQuery>): boolean {
  const { region, ...members } = filter;
  const isOfRegion = region === undefined || conflict.loser.origin === region;
  return (
    isOfRegion &&
    Object.entries(members).every(([name, value]) => conflict[name as keyof StoredConflict] === value)
  );
}

/** Writes of `us` that everything which follows loses to. */
async function win(log: TestLog, keys: readonly string[]): Promise<void> {
  await log.fold(
    log.batch(
      "us",
      keys.map((key) => append(key, [set("note", "won")])),
      LATER,
    ),
  );
}

/** One entry with as many conflicts as keys. */
async function lose(log: TestLog, keys: readonly string[], origin = "ap"): Promise<void> {
  const operations = keys.map((key, index) => append(key, [set("note", `lost ${index}`)]));
  await log.fold(log.batch(origin, operations));
}

/** One loss of each sort. @returns them in the order of the fold. */
async function loseEverything(log: TestLog): Promise<StoredConflict[]> {
  const change = (field: string, kind: Change["kind"], rest: [Change["operator"], JsonValue]): Change => ({
    field,
    kind,
    operator: rest[0],
    argument: rest[1],
  });
  const winners = [
    set("note", "new"),
    set("bio", "new"),
    change("flags", "map", ["put", { email: true, sms: true }]),
    change("likes", "counter", ["inc", Number.MAX_SAFE_INTEGER]),
  ];
  const losers = [
    set("note", { b: [1, null], a: "é 😀" }),
    change("bio", "lww", ["unset", null]),
    change("flags", "map", ["put", { email: false }]),
    change("flags", "map", ["drop", ["sms"]]),
    change("likes", "counter", ["inc", 1]),
  ];
  await log.fold(log.batch("us", [append("a", winners)], LATE));
  const first = await log.fold(log.batch("ap", [append("a", losers)]));
  await log.fold(log.schema({ name: "users", fields: ["note", "bio"] }));
  await log.fold(log.propose(proposal([erase("a")])));
  const gone = append("a", [change("tags", "set", ["remove", ["x"]])]);
  const second = await log.fold(log.batch("ap", [gone]));
  return [...first.conflicts, ...second.conflicts].map((conflict) => ({ ...conflict, partition: 0 }));
}
