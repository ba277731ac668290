/** Views of collections: what they show is what the core shows, and they are what the schemas say. */
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { Database } from "../../../services/adapters/postgres/pool.ts";
import { openPostgresStore, storeOn } from "../../../services/adapters/postgres/store.ts";
import { sqlColumns } from "../../../services/core/sql/columns.ts";
import { tenantSchema } from "../../../services/core/sql/names.ts";
import { canonicalJson, type JsonValue } from "../../../services/core/json.ts";
import { showFields } from "../../../services/core/record.ts";
import { defaultsOf, type CollectionSchema } from "../../../services/core/schema.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { checkAsyncProperty } from "../../unit/property.ts";
import { queryOnce, TestServer } from "./server.ts";
import { anyFields, insertRecords, SCHEMA, setUp } from "./sql-records.ts";

let server: TestServer;
let url: string;
let store: RegionStore;

beforeAll(async () => {
  server = await TestServer.start();
}, 60_000);
afterAll(() => server.stop());

beforeEach(async () => {
  await store?.close();
  url = await server.createDatabase();
  store = openPostgresStore({ url, region: "eu" });
});
afterAll(() => store.close());

const POLL = { timeout: 20_000 };

type Row = { readonly [column: string]: unknown };

async function rowsOf(view = '"forebay_acme"."things"'): Promise<Row[]> {
  return queryOnce<Row>(url, `select * from ${view} order by "_key"`);
}

/** The driver gives 64-bit integers as text. */
function fieldsOf(row: Row, schema: CollectionSchema): { [field: string]: JsonValue } {
  const shown: { [field: string]: JsonValue } = {};
  for (const { name, type } of sqlColumns(schema)) {
    const value = row[name] as JsonValue;
    if (value !== null) shown[name] = type === "bigint" ? Number(value) : value;
  }
  return shown;
}

/** Elements of sets in one order; a JSON null can't be told from nothing in the driver's rows. */
function comparable(fields: { readonly [field: string]: JsonValue }): string {
  const entries = Object.entries(fields)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [name, name === "tags" ? (value as JsonValue[]).map(String).toSorted() : value]);
  return canonicalJson(Object.fromEntries(entries));
}

it("shows of records of every kind what the core shows", async () => {
  await setUp(url, { "acme/things": SCHEMA });
  await store.followViews();
  const defaults = defaultsOf(SCHEMA);
  await checkAsyncProperty(
    fc.asyncProperty(fc.array(anyFields, { minLength: 20, maxLength: 20 }), async (all) => {
      const records = all.map((fields, index) => ({ key: `k${String(index).padStart(3, "0")}`, fields }));
      await insertRecords(url, records);
      const rows = await rowsOf();
      expect(rows.map((row) => row["_key"])).toEqual(records.map(({ key }) => key));
      for (const [index, row] of rows.entries()) {
        const expected = comparable(showFields(all[index]!, defaults));
        expect(comparable(fieldsOf(row, SCHEMA))).toBe(expected);
        expect(row).toMatchObject({ _id: `acme\nthings\n${String(row["_key"])}`, _partition: 0 });
      }
    }),
    { runs: 40 },
  );
});

it("shows neither what is deleted or has expired, nor a partition whose state is being loaded", async () => {
  await setUp(url, { "acme/things": SCHEMA }, 1_000);
  await store.followViews();
  const there = { fields: {} };
  await insertRecords(url, [
    { key: "alive", ...there },
    { key: "deleted", ...there, tombstone: '{"hlc":"0","origin":"eu","logTimeMs":1}' },
    { key: "due", ...there, expiresAtMs: 1_000 },
    { key: "expired", ...there, expiresAtMs: 999 },
    { key: "other", ...there, partition: 1 },
  ]);
  const keys = async () => (await rowsOf()).map((row) => row["_key"]);
  expect(await keys()).toEqual(["alive", "due", "other"]);
  await queryOnce(url, "update applied set log_time_ms = 1001 where partition = 0");
  expect(await keys()).toEqual(["alive", "other"]);
  await queryOnce(
    url,
    "insert into bootstraps (partition, id, reason, stage) values (0, gen_random_uuid(), '', '')",
  );
  expect(await keys()).toEqual(["other"]);
  const staleness = await queryOnce(
    url,
    "select partition, position::integer, is_loading, age > interval '1 year' as is_old from forebay_read.staleness order by 1",
  );
  expect(staleness).toEqual([
    { partition: 0, position: 7, is_loading: true, is_old: true },
    { partition: 1, position: 7, is_loading: false, is_old: true },
  ]);
  // Then schemas may be missing that the state has: no view goes.
  await queryOnce(url, "delete from collections");
  expect(await store.followViews()).toBe(0);
});

it("makes views once, changes them with the schema, and drops them with the collection", async () => {
  const before: CollectionSchema = {
    fields: { age: { class: "lww", type: "integer" }, name: { class: "lww", type: "string" } },
  };
  const after: CollectionSchema = {
    fields: {
      name: { class: "lww", type: "string", deprecated: true },
      tags: { class: "merge", kind: "set" },
      age: { class: "lww", type: "number" },
    },
  };
  await setUp(url, { "acme/people": before, "acme/things": SCHEMA });
  const others = Array.from({ length: 3 }, () => openPostgresStore({ url, region: "eu" }));
  await Promise.all(others.map((other) => other.followViews()));
  await Promise.all(others.map((other) => other.close()));
  await store.followViews();
  expect(await store.followViews()).toBe(0);
  await insertRecords(
    url,
    [
      {
        key: "ada",
        fields: { age: { kind: "lww", value: 36, hlc: "0", origin: "eu", position: 1 } as never },
      },
    ],
    { tenant: "acme", collection: "people" },
  );
  const view = "forebay_acme.people";
  expect(await rowsOf(view)).toMatchObject([{ age: "36", name: null }]);
  await setUp(url, { "acme/people": after, "acme/things": SCHEMA });
  expect(await store.followViews()).toBe(1);
  expect(await rowsOf(view)).toMatchObject([{ age: 36, name: null, tags: null }]);
  await setUp(url, { "acme/things": SCHEMA });
  expect(await store.followViews()).toBe(1);
  await expect(rowsOf(view)).rejects.toThrow("does not exist");
});

it("waits for no reader that keeps the old view busy, and makes the new one afterwards", async () => {
  await setUp(url, { "acme/things": { fields: { a: { class: "lww" } } } });
  await store.followViews();
  const reader = new pg.Client({ connectionString: url });
  await reader.connect();
  await reader.query("begin");
  await reader.query("select * from forebay_acme.things");
  await setUp(url, { "acme/things": { fields: { b: { class: "lww" } } } });
  await expect(store.followViews()).rejects.toThrow("lock timeout");
  await reader.query("select * from forebay_acme.things");
  await reader.query("commit");
  await reader.end();
  expect(await store.followViews()).toBe(1);
});

it("makes the views of all others, whatever one of them is refused for, and tells of that at the end", async () => {
  const a: CollectionSchema = { fields: { a: { class: "lww" } } };
  const b: CollectionSchema = { fields: { b: { class: "lww" } } };
  const all = (schema: CollectionSchema) => {
    const names = ["acme/things", "beta/things", "gamma/things"];
    return Object.fromEntries(names.map((name) => [name, schema]));
  };
  await setUp(url, all(a));
  expect(await store.followViews()).toBe(3);
  // Made by somebody of what we have made: it would go with it.
  await queryOnce(url, "create view theirs as select a from forebay_acme.things");
  await setUp(url, all(b));
  await expect
    .poll(async () => {
      await store.followViews().catch(() => undefined);
      return queryOnce(
        url,
        "select attrelid::regclass::text as view from pg_attribute where attname = 'b' order by 1",
      );
    }, POLL)
    .toEqual([{ view: "forebay_beta.things" }, { view: "forebay_gamma.things" }]);
  await expect(store.followViews()).rejects.toThrow(
    /make view forebay_acme.things: .*other objects depend on it/,
  );
  await setUp(url, { "acme/things": b });
  expect(await store.followViews()).toBe(2);
  await queryOnce(url, "drop view theirs");
  expect(await store.followViews()).toBe(1);
});

it("adds columns to the view that there is, which others may have made views of", async () => {
  const a = { a: { class: "lww", type: "string" } } as const;
  await setUp(url, { "acme/things": { fields: a } });
  await store.followViews();
  await queryOnce(url, "create view theirs as select a from forebay_acme.things");
  await setUp(url, { "acme/things": { fields: { ...a, b: { class: "lww", default: 7 } } } });
  expect(await store.followViews()).toBe(1);
  await insertRecords(url, [{ key: "k", fields: {} }], { tenant: "acme", collection: "things" });
  expect(await rowsOf("forebay_acme.things")).toMatchObject([{ a: null, b: 7 }]);
  expect(await queryOnce(url, "select reloptions from pg_class where relname = 'things'")).toEqual([
    { reloptions: ["security_barrier=true"] },
  ]);
});

it("drops no view when a state that is being loaded is all there a moment after it has looked", async () => {
  const database = new Database({ url, connectionsMax: 1, timeoutMs: 10_000, applicationName: "test" });
  await setUp(url, { "acme/things": SCHEMA });
  expect(await storeOn(database, "eu").followViews()).toBe(1);
  await queryOnce(url, "delete from collections");
  await queryOnce(
    url,
    "insert into bootstraps (partition, id, reason, stage) values (0, gen_random_uuid(), '', '')",
  );
  const query = database.query.bind(database);
  database.query = async (...asked) => {
    const rows = await query(...asked);
    await queryOnce(url, "delete from bootstraps");
    return rows as never;
  };
  await storeOn(database, "eu").followViews();
  expect(await rowsOf()).toEqual([]);
  await database.close();
});

it("makes no view while another session is at it, and goes on after it", async () => {
  await setUp(url, { "acme/things": SCHEMA });
  const other = new pg.Client({ connectionString: url });
  await other.connect();
  await other.query("begin");
  await other.query("select from sql_locks for update");
  expect(await store.followViews()).toBe(0);
  await expect(rowsOf()).rejects.toThrow("does not exist");
  await other.query("commit");
  await other.end();
  expect(await store.followViews()).toBe(1);
});

it("has names for tenants and collections of any length, and no two have the same", async () => {
  const long = "t".repeat(200);
  const tenants = ["default", "read", "Acme", "a me", "ä", long, `${long}2`, "t".repeat(55), "t".repeat(56)];
  const names = tenants.map(tenantSchema);
  expect(new Set(names).size).toBe(names.length);
  expect(Math.max(...names.map((name) => Buffer.byteLength(name)))).toBeLessThanOrEqual(63);
  expect(names[0]).toBe("forebay_default");
  const field = "f".repeat(63);
  const collection = "c".repeat(63);
  const schema: CollectionSchema = { fields: { [field]: { class: "lww", default: "x" } } };
  await setUp(url, Object.fromEntries(tenants.map((tenant) => [`${tenant}/${collection}`, schema])));
  expect(await store.followViews()).toBe(tenants.length);
  for (const tenant of tenants) {
    await insertRecords(url, [{ key: tenant, fields: {} }], { tenant, collection });
    const rows = await rowsOf(`"${tenantSchema(tenant)}"."${collection}"`);
    expect(rows).toMatchObject([{ _key: tenant, [field]: "x" }]);
  }
});

it("makes none of the cluster's own collections, which hold hashes of keys", async () => {
  await setUp(url, { "$forebay/api-keys": SCHEMA, "acme/things": SCHEMA });
  await store.followViews();
  const views = await queryOnce<Row>(
    url,
    "select nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where relkind = 'v' and nspname like 'forebay_%'",
  );
  expect(views.map(({ nspname }) => nspname)).toContain("forebay_acme");
  expect(views.filter(({ nspname }) => String(nspname).includes("$"))).toEqual([]);
});
