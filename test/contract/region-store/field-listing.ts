/** Listing records by an indexed field: what a gateway makes of it is what an oracle finds that looks at every record. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Change } from "../../../services/core/fields/kind.ts";
import type { JsonScalar } from "../../../services/core/json.ts";
import { planRange, type FieldRange } from "../../../services/core/listing/where.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import { mergePage, queryOf } from "../../../services/gateway/field-listing.ts";
import { viewRecord } from "../../../services/gateway/record-view.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import type { FieldPage, FieldPlace } from "../../../services/ports/sql-access.ts";
import { checkAsyncProperty } from "../../unit/property.ts";
import type { Context } from "./context.ts";
import {
  append,
  appendTo,
  compareBytes,
  increment,
  list,
  NOW_MS,
  set,
  TENANT,
  UNBOUNDED,
} from "./operations.ts";
import { openLog, type TestLog } from "./test-log.ts";

const COLLECTION = "users";
const SCHEMA: CollectionSchema = {
  fields: {
    name: { class: "lww", type: "string", index: true },
    age: { class: "lww", type: "number", index: true },
    isOn: { class: "lww", type: "boolean", default: false, index: true },
    likes: { class: "merge", kind: "counter", index: true },
    best: { class: "merge", kind: "max", type: "string", index: true },
    note: { class: "lww", type: "string" },
  },
};
type Field = "name" | "age" | "isOn" | "likes" | "best";

/** Followed until there is nothing left to do, a few records at a time. */
async function follow(store: RegionStore, rowsMax = 3): Promise<void> {
  while ((await store.followIndexes({ rowsMax })) > 0);
}

async function open(store: RegionStore, schema = SCHEMA): Promise<TestLog> {
  const log = await openLog(store);
  await log.fold(log.schema({ name: COLLECTION, schema }));
  return log;
}

interface Listed {
  readonly where?: string;
  readonly order?: string;
  readonly limit?: number;
  readonly isWithPending?: boolean;
}

function read(store: RegionStore, range: FieldRange, options: Listed & { after?: FieldPlace | undefined }) {
  const { limit = 100, isWithPending = true, after } = options;
  const listing = {
    tenant: TENANT,
    collection: COLLECTION,
    schema: SCHEMA,
    range,
    after,
    limit,
    isWithPending,
  };
  return store
    .listByField(queryOf(listing))
    .then((page) => ({ page, placed: mergePage(page, listing, "eu") }));
}

/** All pages, one after the other, as a client with cursors gets them. */
async function pages(store: RegionStore, options: Listed): Promise<string[]> {
  const { where, order, limit = 100 } = options;
  const range = planRange(SCHEMA, { where, order });
  const keys: string[] = [];
  for (let after: FieldPlace | undefined; ;) {
    const { page, placed } = await read(store, range, { ...options, after });
    expect(page).toMatchObject({ isReady: true, isCrowded: false });
    keys.push(...placed.slice(0, limit).map(({ place }) => place.key));
    if (placed.length <= limit) return keys;
    after = placed[limit - 1]!.place;
  }
}

interface Question {
  readonly field: Field;
  readonly from?: readonly ["gt" | "gte", JsonScalar];
  readonly to?: readonly ["lt" | "lte", JsonScalar];
  readonly equal?: JsonScalar;
  readonly isDescending: boolean;
  readonly isWithPending: boolean;
}

function askedOf({ field, from, to, equal, isDescending, isWithPending }: Question): Listed {
  const conditions =
    equal !== undefined ? [["eq", equal] as const] : [from, to].filter((one) => one !== undefined);
  const where = conditions
    .map(([operator, value]) => `${field}:${operator}:${JSON.stringify(value)}`)
    .join(",");
  const order = isDescending ? `-${field}` : field;
  return { ...(where !== "" && { where }), order, isWithPending };
}

function compareValues(one: JsonScalar, other: JsonScalar): number {
  return typeof one === "string" ? compareBytes(one, other as string) : Number(one) - Number(other);
}

/** The slow, obvious way. */
async function expected(store: RegionStore, question: Question): Promise<string[]> {
  const { field, from, to, equal, isDescending, isWithPending } = question;
  const found: { key: string; value: JsonScalar }[] = [];
  for (const { key, ...listed } of await list(store, {})) {
    const snapshot = isWithPending ? listed : { ...listed, pending: [] };
    const value = viewRecord({ region: "eu", key, snapshot, schema: SCHEMA })?.fields[field] as
      JsonScalar | undefined;
    if (value !== undefined) found.push({ key, value });
  }
  const isIn = ({ value }: { value: JsonScalar }) => {
    if (equal !== undefined) return compareValues(value, equal) === 0;
    if (from !== undefined && compareValues(value, from[1]) < (from[0] === "gte" ? 0 : Number.MIN_VALUE))
      return false;
    return to === undefined || compareValues(value, to[1]) < (to[0] === "lt" ? 0 : Number.MIN_VALUE);
  };
  const keys = found
    .filter(isIn)
    .toSorted((one, other) => compareValues(one.value, other.value) || compareBytes(one.key, other.key))
    .map(({ key }) => key);
  return isDescending ? keys.toReversed() : keys;
}

const TEXTS = ["", "a", "ab", "a,b", 'a"b', "b:c", "\\", "ä", "\u{ffff}", "😀", "z", "\u0001"];
const NUMBERS = [0, -1, 1, 0.1, -0.1, 1e308, -1e308, 5e-324, 2 ** 53, 100, 99];
const values = {
  name: fc.constantFrom(...TEXTS),
  age: fc.constantFrom(...NUMBERS),
  isOn: fc.boolean(),
  likes: fc.constantFrom(-2, 0, 1, 2, 3),
  best: fc.constantFrom(...TEXTS),
} as const;

const change: fc.Arbitrary<Change> = fc.oneof(
  values.name.map((value) => set("name", value)),
  values.age.map((value) => set("age", value)),
  values.isOn.map((value) => set("isOn", value)),
  values.likes.map((value) => increment("likes", value)),
  values.best.map((value): Change => ({ field: "best", kind: "max", operator: "raise", argument: value })),
  fc.constantFrom("name", "age", "isOn").map((field): Change => ({ field, kind: "lww", operator: "unset", argument: null })),
  fc.constant(set("note", '["name","age"')),
); // prettier-ignore

const KEYS = ["a", "b", "c", "ä", "{t}1", "\u{ffff}", "😀", "zz"];
const write = fc.record({
  key: fc.constantFrom(...KEYS),
  changes: fc.array(change, { minLength: 1, maxLength: 3 }),
});

type Step = { readonly do: "elsewhere" | "here"; readonly writes: readonly { key: string; changes: Change[] }[] } | { readonly do: "fold"; readonly rows: number } | { readonly do: "follow" }; // prettier-ignore

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom("elsewhere", "here"),
    writes: fc.array(write, { minLength: 1, maxLength: 6 }),
  }),
  fc.record({ do: fc.constant("fold"), rows: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant("follow") }),
);

const question: fc.Arbitrary<Question> = fc
  .constantFrom<Field[]>("name", "age", "isOn", "likes", "best")
  .chain((field) => {
    const value = values[field] as fc.Arbitrary<JsonScalar>;
    const optional = { requiredKeys: ["field", "isDescending", "isWithPending"] } as const;
    return fc.record(
      {
        field: fc.constant(field),
        from: fc.tuple(fc.constantFrom("gt", "gte"), value),
        to: fc.tuple(fc.constantFrom("lt", "lte"), value),
        equal: value,
        isDescending: fc.boolean(),
        isWithPending: fc.boolean(),
      },
      optional as never,
    );
  }) as fc.Arbitrary<Question>;

async function take(store: RegionStore, log: TestLog, one: Step): Promise<void> {
  switch (one.do) {
    case "elsewhere":
      await log.fold(log.batch("us", one.writes.map(({ key, changes }) => append(key, changes))));
      return;
    case "here":
      await appendTo(store, one.writes.map(({ key, changes }) => append(key, changes)));
      return;
    case "fold":
      return log.foldWal(one.rows);
    case "follow":
      await store.followIndexes({ rowsMax: 2 });
  }
} // prettier-ignore

export function listingByFields(context: Context): void {
  describe("listByField", () => {
    it("lists what an oracle lists, committed and pending, by any range, order and page", async () => {
      const { store } = context;
      const log = await open(store);
      const everything = fc.record({
        steps: fc.array(step, { maxLength: 12 }),
        questions: fc.array(question, { minLength: 4, maxLength: 4 }),
        limit: fc.integer({ min: 1, max: 4 }),
      });
      await checkAsyncProperty(
        fc.asyncProperty(everything, async ({ steps, questions, limit }) => {
          for (const one of steps) await take(store, log, one);
          await follow(store);
          for (const one of questions) {
            const listed = await pages(store, { ...askedOf(one), limit });
            expect(listed).toEqual(await expected(store, one));
          }
        }),
        { runs: 40 },
      );
    }, 60_000);

    it("is not ready until every record has its key, and again when what keys are made of has changed", async () => {
      const { store } = context;
      const log = await open(store);
      const writes = Array.from({ length: 9 }, (_, index) => append(`k${index}`, [set("age", index)]));
      await log.fold(log.batch("us", writes));
      const range = planRange(SCHEMA, { where: "age:gte:5", order: undefined });
      const isReady = async () => (await read(store, range, {})).page.isReady;
      expect((await read(store, range, {})).page).toEqual({
        isReady: false,
        isCrowded: false,
        records: [],
        moving: [],
      });
      let steps = 0;
      while (!(await isReady())) {
        steps += 1;
        expect(await store.followIndexes({ rowsMax: 4 })).toBeGreaterThan(0);
      }
      expect(steps).toBeGreaterThan(1);
      expect(await pages(store, { where: "age:gte:5" })).toEqual(["k5", "k6", "k7", "k8"]);
      await follow(store);
      const { age, ...others } = SCHEMA.fields;
      const withDefault = { fields: { ...others, age: { ...age!, default: 7 } } } as CollectionSchema;
      await log.fold(log.schema({ name: COLLECTION, schema: withDefault }));
      await follow(store);
      expect(await isReady()).toBe(false);
      const later = planRange(withDefault, { where: "age:gte:5", order: undefined });
      expect((await read(store, later, {})).page.isReady).toBe(true);
      const without = {
        fields: { ...others, age: { class: "lww", type: "number", default: 7 } },
      } as CollectionSchema;
      await log.fold(log.schema({ name: COLLECTION, schema: without }));
      await follow(store);
      expect((await read(store, later, {})).page.isReady).toBe(false);
    });

    it("keeps keys of what is folded while the index is being built", async () => {
      const { store } = context;
      const log = await open(store);
      const keys = Array.from({ length: 12 }, (_, index) => `k${String(index).padStart(2, "0")}`);
      await log.fold(log.batch("us", keys.map((key) => append(key, [set("age", 1)])))); // prettier-ignore
      const unset: Change = { field: "age", kind: "lww", operator: "unset", argument: null };
      for (const [index, key] of keys.entries()) {
        await store.followIndexes({ rowsMax: 1 });
        const changes = [index % 3 === 0 ? unset : set("age", index)];
        await log.fold(
          log.batch("us", [append(keys[(index * 7) % keys.length]!, changes), append(`${key}x`, changes)]),
        );
      }
      await follow(store);
      const asked = { field: "age", isDescending: false, isWithPending: true } as const;
      expect(await pages(store, askedOf(asked))).toEqual(await expected(store, asked));
    });

    it("lists records of all partitions, and of no other tenant or collection", async () => {
      const { store } = context;
      const log = await open(store);
      const second = await openLog(store, 1);
      await log.fold(
        log.batch("us", [append("a", [set("age", 2)]), { ...append("b", [set("age", 2)]), tenant: "other" }]),
      );
      await log.fold(log.batch("us", [{ ...append("c", [set("age", 2)]), collection: "usersx" }]));
      await second.fold(second.batch("us", [append("d", [set("age", 1)])]));
      await store.append({
        partition: 1,
        operations: [append("e", [set("age", 0)])],
        nowMs: NOW_MS,
        ...UNBOUNDED,
      });
      await follow(store);
      expect(await pages(store, { order: "age" })).toEqual(["e", "d", "a"]);
      expect(await pages(store, { order: "-age", limit: 1 })).toEqual(["a", "d", "e"]);
      expect(await pages(store, { order: "age", isWithPending: false })).toEqual(["d", "a"]);
    });

    it("orders long texts by how they begin, and finds each by what it is", async () => {
      const { store } = context;
      const log = await open(store);
      const long = "😀".repeat(300);
      const names = { a: `${long}z`, b: `${long}a`, c: "😀", d: `${"😀".repeat(250)}!` };
      await log.fold(log.batch("us", Object.entries(names).map(([key, name]) => append(key, [set("name", name)])))); // prettier-ignore
      await follow(store);
      expect(await pages(store, { order: "name", limit: 1 })).toEqual(["c", "d", "a", "b"]);
      expect(await pages(store, { where: "name:gt:😀" })).toEqual(["d", "a", "b"]);
      expect(await pages(store, { where: "name:eq:😀" })).toEqual(["c"]);
      await appendTo(store, [append("e", [set("name", long)])]);
      expect(await pages(store, { order: "-name", limit: 1 })).toEqual(["e", "b", "a", "d", "c"]);
    });

    it("says so where more is pending than may be looked at", async () => {
      const { store } = context;
      const log = await open(store);
      await follow(store);
      await appendTo(store, ["a", "b", "c"].map((key) => append(key, [set("age", 1)]))); // prettier-ignore
      const range = planRange(SCHEMA, { where: "age:eq:1", order: undefined });
      const query = {
        tenant: TENANT,
        collection: COLLECTION,
        after: undefined,
        limit: 10,
        isWithPending: true,
        ...range,
      };
      const crowded = async (pendingMax: number): Promise<FieldPage> =>
        store.listByField({ ...query, pendingMax });
      expect((await crowded(2)).isCrowded).toBe(true);
      expect((await crowded(3)).isCrowded).toBe(false);
      expect((await store.listByField({ ...query, pendingMax: 2, isWithPending: false })).isCrowded).toBe(
        false,
      );
      await log.foldWal();
      expect((await crowded(2)).isCrowded).toBe(false);
    });
  });
}
