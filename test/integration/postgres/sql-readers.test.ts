/** A reader with SQL and bad intentions: it gets at the views of its own tenants, and at nothing else (I14). */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { grantReader, listReaders, revokeReader } from "../../../services/adapters/postgres/sql/readers.ts";
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import { queryOnce, TestServer } from "./server.ts";
import { insertRecords, setUp } from "./sql-records.ts";

const SECRET = "the other tenant's secret";
const ROWS = 2_000;
const DENIED = "permission denied for schema forebay_other";
const SCHEMA: CollectionSchema = {
  fields: { name: { class: "lww", type: "string", index: true }, count: { class: "lww", type: "integer" } },
};

let server: TestServer;
let url: string;
let reader: pg.Client;
let password: string;

beforeAll(async () => {
  server = await TestServer.start();
  url = await server.createDatabase();
  const store = openPostgresStore({ url, region: "eu" });
  await setUp(url, { "acme/users": SCHEMA, "other/users": SCHEMA });
  for (const [tenant, name] of [
    ["acme", "ours"],
    ["other", SECRET],
  ] as const) {
    const fields = (value: string) => ({ name: { kind: "value", value } }) as const;
    const records = Array.from({ length: ROWS }, (_, index) => ({ key: `k${index}`, fields: fields(name) }));
    await insertRecords(url, records, { tenant, collection: "users" });
  }
  await store.followViews();
  while ((await store.followIndexes({ rowsMax: 1_000 })) > 0);
  await store.close();
  await queryOnce(url, "analyze");
  password = (await grantReader(url, { login: "mallory", tenant: "acme" }))!;
  reader = await connect("mallory", password);
}, 60_000);
afterAll(async () => {
  await reader.end();
  await server.stop();
});

async function connect(user: string, secret: string): Promise<pg.Client> {
  const address = new URL(url);
  address.username = user;
  address.password = secret;
  const client = new pg.Client({ connectionString: address.href });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

async function insertCollection(tenant: string): Promise<void> {
  await queryOnce(
    url,
    "insert into collections (partition, version, tenant, name, schema) values (0, 1, $1, 'users', $2)",
    [tenant, JSON.stringify(SCHEMA)],
  );
}

/** All that the session was told, errors and notices among it. */
async function told(statements: readonly string[]): Promise<string> {
  const heard: string[] = [];
  const listen = (notice: unknown) => heard.push(JSON.stringify(notice));
  reader.on("notice", listen);
  try {
    for (const statement of statements) {
      try {
        const { rows } = await reader.query<object>(statement);
        heard.push(JSON.stringify(rows));
      } catch (error) {
        heard.push(`${(error as Error).message} ${JSON.stringify(error)}`);
      }
    }
  } finally {
    reader.off("notice", listen);
    await reader.query("rollback");
    await reader.query("reset all");
    await reader.query("reset role");
  }
  return heard.join("\n");
}

it("shows a reader its tenant's records, and those of no other", async () => {
  const { rows } = await reader.query("select count(*)::integer, min(name) from users");
  expect(rows).toEqual([{ count: ROWS, min: "ours" }]);
  await expect(reader.query("select * from forebay_other.users")).rejects.toThrow(DENIED);
  const { rows: staleness } = await reader.query("select partition from staleness");
  expect(staleness).toHaveLength(2);
});

it("refuses a reader the plan of another tenant's view, which says what there is of it", async () => {
  await expect(reader.query("explain select * from forebay_other.users")).rejects.toThrow(DENIED);
  await expect(reader.query("select count(*) from forebay_other.users")).rejects.toThrow(DENIED);
  await expect(reader.query("select 'forebay_other.users'::regclass")).rejects.toThrow(DENIED);
});

const USES = { revoked: "revoke usage on schema forebay_other from mallory", granted: "grant usage on schema forebay_other to mallory" }; // prettier-ignore

/** The view itself holds whoever gets into the schema all the same. */
describe.each(["revoked", "granted"] as const)(
  "a hostile reader, use of the other tenant's schema %s",
  (use) => {
    beforeAll(() => queryOnce(url, USES[use]));
    afterAll(() => queryOnce(url, USES.revoked));
    const LEAK = "cast(name as integer)";
    const attempts: { readonly [what: string]: readonly string[] } = {
    "reads tables": ["select * from public.records", "select * from public.wal", "select * from field_keys", "table public.reader_tenants"],
    "lets an error tell": [`select * from forebay_other.users where ${LEAK} = 1`, `select ${LEAK} from forebay_other.users`],
    "lets an error tell, in its own view's place": [
      `select * from forebay_acme.users where ${LEAK} = 1 or _id > 'b'`,
      `select * from forebay_acme.users u where exists (select from forebay_other.users o where o.name = u.name or cast(o.name as integer) = 1)`,
    ],
    "divides by zero where a condition holds": [
      "select * from forebay_other.users where 1 / (case when name like 'the%' then 0 else 1 end) = 1",
    ],
    "brings a cheap function of its own that tells what it sees": [
      "create function pg_temp.tell(t text) returns boolean language plpgsql cost 0.0000001 as $$ begin raise notice '%', t; return true; end $$",
      "select * from forebay_other.users where pg_temp.tell(name)",
      "select * from forebay_other.users where pg_temp.tell(_id)",
      "select pg_temp.tell(name) from forebay_other.users",
      "drop function pg_temp.tell",
    ],
    "becomes somebody else": [
      "set role forebay", "set session authorization forebay", "set role forebay_reader", "select * from forebay_other.users",
      "set role none",
    ],
    "says that it is somebody else": [
      "set session_authorization = 'forebay'", "select set_config('session_authorization', 'forebay', false)",
      "select set_config('role', 'forebay', false)", "select * from forebay_other.users",
    ],
    "turns row security off, and all that plans": [
      "set row_security = off", "set enable_seqscan = off", "set enable_indexscan = off", "set from_collapse_limit = 1",
      `select * from forebay_other.users where ${LEAK} = 1`,
    ],
    "puts its own functions and tables before ours": [
      "create schema mine", "set search_path = mine, pg_temp, public",
      "create temp table reader_tenants as select 'mallory'::text as login, 'other'::text as tenant",
      "create temp table applied as select 1", "select * from forebay_other.users", "drop table pg_temp.reader_tenants",
      "drop table pg_temp.applied",
    ],
    "asks the statistics": [
      "select * from pg_stats", "select * from pg_statistic", "select * from pg_stats where tablename like '%field%'",
      "select * from pg_stats_ext",
    ],
    "asks the planner": [
      `explain (analyze, verbose, costs) select * from forebay_other.users where name = 'x'`,
      `explain (verbose) select * from forebay_other.users where _id > 'other'`,
    ],
    "lends itself more rights": [
      "insert into public.reader_tenants values ('mallory', 'other')", "grant forebay to mallory",
      "create or replace view forebay_other.users as select 1", "alter view forebay_other.users set (security_barrier = off)",
      "create or replace function public.forebay_reads(p_tenant text) returns boolean language sql as 'select true'",
      "alter role mallory superuser", "select * from forebay_other.users",
    ],
    "keeps a prepared plan, a cursor and a copy": [
      "prepare p as select * from forebay_other.users", "execute p", "deallocate p", "begin",
      "declare c cursor for select * from forebay_other.users", "fetch 5 from c",
      "copy (select * from forebay_other.users) to stdout",
    ],
    "asks what others ask": ["select query from pg_stat_activity", "select pg_read_file('PG_VERSION')", "select lo_import('/etc/passwd')"],
    "calls what the region calls": [
      "select forebay_make_view('forebay_acme', 'x', 'select * from public.records', 'x')",
      "select forebay_grant_readers()", "select forebay_build_index(1, '', 'z', 10)",
      "select * from forebay_read_operation()",
    ],
  }; // prettier-ignore

    it.each(Object.keys(attempts))("%s: in vain", async (what) => {
      const heard = await told(attempts[what]!);
      expect(heard).not.toContain(SECRET);
      expect(heard).not.toContain("k1999");
      const counted = reader.query<object>("select count(*)::integer from forebay_other.users");
      if (use === "revoked") await expect(counted).rejects.toThrow(DENIED);
      else expect((await counted).rows).toEqual([{ count: 0 }]);
    });
  },
);

describe("a hostile reader who gets into the other tenant's schema", () => {
  beforeAll(() => queryOnce(url, USES.granted));
  afterAll(() => queryOnce(url, USES.revoked));

  it("would have got at it if the view were no barrier", async () => {
    const [row] = await queryOnce<{ query: string }>(
      url,
      "select pg_get_viewdef('forebay_other.users'::regclass) as query",
    );
    const late = row!.query.replace("forebay_reads('other'::text)", "a.position < 0");
    await queryOnce(url, `create view forebay_other.planted as ${late}`);
    await queryOnce(url, "grant select on forebay_other.planted to forebay_reader");
    const attempt = [
      "create function pg_temp.tell(t text) returns boolean language plpgsql cost 0.0000001 as $$ begin raise notice '%', t; return true; end $$",
      "select * from forebay_other.planted where pg_temp.tell(_id)",
      "drop function pg_temp.tell",
    ]; // prettier-ignore
    expect(await told(attempt)).toContain("k1999");
    await queryOnce(url, "alter view forebay_other.planted set (security_barrier)");
    expect(await told(attempt)).not.toContain("k1999");
  });

  it("looks at no row of a tenant that is not the reader's", async () => {
    const { rows } = await reader.query<{ "QUERY PLAN": string }>(
      "explain (analyze, costs off, timing off, summary off) select * from forebay_other.users",
    );
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    expect(plan).toContain("One-Time Filter");
    expect(plan).toMatch(/records.*never executed/);
  });
});

it("finds a record by its id through the index, and reads no other collection", async () => {
  const explained = async (query: string) => {
    const { rows } = await reader.query<{ "QUERY PLAN": string }>(`explain (analyze, costs off) ${query}`);
    return rows.map((row) => row["QUERY PLAN"]).join("\n");
  };
  const one = await explained("select * from users where _id = record_id('acme', 'users', 'k7')");
  expect(one).toMatch(/Index (Only )?Scan using records_pkey/);
  expect(one).toMatch(/records_pkey.*rows=1(\.00)? /);
  const all = await explained("select * from users");
  expect(all).toMatch(/records.*rows=2000/);
});

it("grants and revokes by tenant, and keeps logins out that no view holds", async () => {
  const store = openPostgresStore({ url, region: "eu" });
  await grantReader(url, { login: "mallory", tenant: "third" });
  // Its schema is made later, and whoever makes it lets in whom the table names.
  await insertCollection("third");
  expect(await store.followViews()).toBe(1);
  expect((await reader.query("select * from forebay_third.users")).rows).toEqual([]);
  await store.close();
  expect(await listReaders(url)).toEqual([
    { login: "mallory", tenant: "acme" },
    { login: "mallory", tenant: "third" },
  ]);
  expect(await revokeReader(url, { login: "mallory", tenant: "third" })).toBe(true);
  await expect(reader.query("select * from forebay_third.users")).rejects.toThrow(
    "permission denied for schema",
  );
  expect(await revokeReader(url, { login: "mallory", tenant: "third" })).toBe(false);
  await expect(grantReader(url, { login: "forebay", tenant: "acme" })).rejects.toThrow("without any view");
  await queryOnce(url, "create role auditor login; grant pg_read_all_data to auditor");
  await expect(grantReader(url, { login: "auditor", tenant: "acme" })).rejects.toThrow("without any view");
  expect(await revokeReader(url, { login: "mallory", tenant: "acme" })).toBe(true);
  await expect(reader.query("select * from forebay_acme.users")).rejects.toThrow("permission denied");
  expect(await grantReader(url, { login: "mallory", tenant: "acme" })).toBeUndefined();
  const { rows } = await reader.query("select count(*)::integer from forebay_acme.users");
  expect(rows).toEqual([{ count: ROWS }]);
});

it("lets a login in that the table names, where a process of before made the schema", async () => {
  await queryOnce(url, USES.revoked);
  await queryOnce(
    url,
    "insert into reader_tenants (login, tenant, schema) values ('mallory', 'other', 'forebay_other'), ('gone', 'other', 'forebay_other')",
  );
  const store = openPostgresStore({ url, region: "eu" });
  expect(await store.followViews()).toBe(0);
  await store.close();
  const { rows } = await reader.query("select count(*)::integer from forebay_other.users");
  expect(rows).toEqual([{ count: ROWS }]);
  await queryOnce(url, "delete from reader_tenants where login = 'gone'");
  await revokeReader(url, { login: "mallory", tenant: "other" });
});

it("keeps nobody from making views and indexes, whichever advisory locks a reader takes and holds", async () => {
  const held = ["forebay views", "forebay indexes"];
  for (const name of held) await reader.query("select pg_advisory_lock(hashtext($1))", [name]);
  await expect(reader.query("select from public.sql_locks for update")).rejects.toThrow("permission denied");
  await expect(reader.query("begin; lock table public.sql_locks in access share mode")).rejects.toThrow(
    "permission denied",
  );
  await reader.query("rollback");
  await insertCollection("fourth");
  const store = openPostgresStore({ url, region: "eu" });
  expect(await store.followViews()).toBe(1);
  while ((await store.followIndexes({ rowsMax: 1_000 })) > 0);
  expect(await queryOnce(url, "select is_ready from field_indexes where tenant = 'fourth'")).toEqual([
    { is_ready: true },
  ]);
  await store.close();
  await reader.query("select pg_advisory_unlock_all()");
});
