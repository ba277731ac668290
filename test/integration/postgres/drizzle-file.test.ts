/** The file that `forebay schema drizzle` prints: it compiles under strict settings, and reads the real views. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq, gt } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import type { PgColumn, PgView } from "drizzle-orm/pg-core";
import pg from "pg";
import ts from "typescript";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import { drizzleFile } from "../../../services/core/sql/drizzle.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { TestServer } from "./server.ts";
import { insertRecords, SCHEMA, setUp } from "./sql-records.ts";

type Columns = { readonly [column: string]: PgColumn };

let server: TestServer;
let folder: string;
let file: string;

beforeAll(async () => {
  server = await TestServer.start();
  folder = mkdtempSync(join(tmpdir(), "forebay-drizzle-"));
  symlinkSync(join(packageRoot(), "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  file = join(folder, "views.ts");
  const collections = ["things", "order-lines", "default", "staleness", "order_lines"];
  writeFileSync(file, drizzleFile("acme", collections.map((name) => ({ name, schema: SCHEMA })))); // prettier-ignore
}, 60_000);
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What an app does with it, with the types that its columns should have. */
const USE = `
import { orderLines, orderLines_, defaultRecords, staleness, staleness_, things } from "./views.ts";
type Row = typeof things.$inferSelect;
const numbers: (row: Row) => (number | null)[] = (row) => [row.whole, row.number, row.total, row.best, row.stock, row._version];
const others: (row: Row) => [string, string | null, boolean | null] = (row) => [row._key, row.text, row.isOn];
// @ts-expect-error -- a text is no number
const wrong: (row: Row) => number | null = (row) => row.text;
export const all = [numbers, others, wrong, orderLines, orderLines_, defaultRecords, staleness.age, staleness_];
`;

it("compiles, with the types of the fields", () => {
  const use = join(folder, "use.ts");
  writeFileSync(use, USE);
  const program = ts.createProgram([use], {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUnusedLocals: true,
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    allowImportingTsExtensions: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  });
  const problems = ts.getPreEmitDiagnostics(program).map(({ messageText, file: where }) => {
    return `${where?.fileName ?? ""} ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
  expect(problems).toEqual([]);
  expect(readFileSync(file, "utf8")).not.toContain("undefined");
}, 60_000);

it("reads the views that the region makes", async () => {
  const url = await server.createDatabase();
  await setUp(url, { "acme/things": SCHEMA });
  const store = openPostgresStore({ url, region: "eu" });
  await store.followViews();
  await store.close();
  await insertRecords(url, [
    { key: "one", fields: { total: { kind: "counter", sum: 3 }, text: { kind: "value", value: "x" } } },
    { key: "two", fields: { total: { kind: "counter", sum: 2 ** 53 - 1 }, tags: { kind: "set", elements: { '"a"': {} } } } },
  ]); // prettier-ignore
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  const database = drizzle(pool);
  const { things, staleness } = (await import(file)) as { [view: string]: PgView & Columns };
  expect(await database.select().from(things!).where(gt(things!["total"]!, 3))).toMatchObject([
    { _key: "two", total: 2 ** 53 - 1, tags: ["a"], isOn: false, status: "new", stock: -3, number: -0.5 },
  ]);
  const [one] = await database.select().from(things!).where(eq(things!["_id"]!, "acme\nthings\none"));
  expect(one).toMatchObject({ _key: "one", text: "x", _version: 1, _partition: 0, whole: null });
  expect(await database.select().from(staleness!)).toMatchObject([{ position: 7, isLoading: false }, {}]);
  await pool.end();
});
