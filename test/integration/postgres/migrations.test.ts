/** Migrations: applied once each, also when many start at once, and saying the same as `schema.ts`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { getTableConfig, PgTable } from "drizzle-orm/pg-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { migrateDatabase, migrationsFolder } from "../../../services/adapters/postgres/migrate.ts";
import * as schema from "../../../services/adapters/postgres/schema.ts";
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import { queryOnce, TestServer } from "./server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
}, 60_000);
afterAll(() => server.stop());

const APPLIED = "select hash from drizzle.__drizzle_migrations";

function journal(): { entries: { when: number; tag: string }[] } {
  const path = join(migrationsFolder(), "meta", "_journal.json");
  return JSON.parse(readFileSync(path, "utf8")) as ReturnType<typeof journal>;
}

it("many processes that migrate an empty database at once apply each migration once", async () => {
  const url = await server.createEmptyDatabase();
  await Promise.all(Array.from({ length: 6 }, () => migrateDatabase({ url })));
  expect(await queryOnce(url, APPLIED)).toHaveLength(journal().entries.length);
});

it("migrating again changes nothing and keeps the data", async () => {
  const url = await server.createEmptyDatabase();
  await migrateDatabase({ url });
  const store = openPostgresStore({ url, region: "eu" });
  await store.bindLog({ partition: 0, createdAtMs: 5 });
  await migrateDatabase({ url });
  expect(await store.logCreatedAtMs(0)).toBe(5);
  expect(await queryOnce(url, APPLIED)).toHaveLength(journal().entries.length);
  await store.close();
});

it("a migration that is dated before the last one would never be applied", () => {
  const dates = journal().entries.map((entry) => entry.when);
  expect(dates).toEqual([...new Set(dates)].toSorted((one, other) => one - other));
});

it("the tables are those of schema.ts, and all their text keys sort by bytes", async () => {
  const url = await server.createDatabase();
  const found = await queryOnce<{ column: string; key_collation: string | null }>(
    url,
    `select c.table_name || '.' || c.column_name as column, c.collation_name as key_collation
     from information_schema.columns c where c.table_schema = 'public'`,
  );
  const tables = Object.values<unknown>(schema).filter((value) => value instanceof PgTable);
  const expected = tables.flatMap((table) => {
    const { name, columns } = getTableConfig(table);
    return columns.map((column) => `${name}.${column.name}`);
  });
  expect(found.map((row) => row.column).toSorted()).toEqual(expected.toSorted());
  const keys = /\.(tenant|collection|key|record_id|name|region)$/;
  for (const { column, key_collation } of found.filter((row) => keys.test(row.column))) {
    expect(`${column} ${key_collation}`).toBe(`${column} C`);
  }
});
