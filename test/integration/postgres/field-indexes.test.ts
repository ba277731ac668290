/** Keys of indexed fields are right while everybody writes, and a listing looks at its page alone, however large the tables are. */
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Database } from "../../../services/adapters/postgres/pool.ts";
import { openPostgresStore, storeOn } from "../../../services/adapters/postgres/store.ts";
import { planRange } from "../../../services/core/listing/where.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import { queryOf } from "../../../services/gateway/field-listing.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { queryOnce, TestServer } from "./server.ts";
import { setUp } from "./sql-records.ts";

const SCHEMA: CollectionSchema = {
  fields: {
    age: { class: "lww", type: "integer", index: true },
    name: { class: "lww", type: "string", index: true, default: "nobody" },
  },
};
const ROWS = 60_000;
const ROWS_READ_MAX = 400;

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
}, 60_000);
afterAll(() => server.stop());

const FIELDS = `'{"age":{"kind":"lww","value":' || n % 1000 || '},"note":{"kind":"lww","value":1}}'`;

async function fill(url: string, rows: number): Promise<void> {
  await queryOnce(
    url,
    `insert into records (version, partition, record_id, fields)
     select n, 0, e'acme\\nusers\\nkey-' || lpad(n::text, 6, '0'), ${FIELDS} from generate_series(1, ${rows}) n`,
  );
}

async function follow(store: RegionStore, rowsMax: number): Promise<void> {
  while ((await store.followIndexes({ rowsMax })) > 0);
}

/** Keys that are not those of their records, and records that have not the key they should. */
const WRONG = `select i.field, r.record_id, k.key, made.key as right_key
  from field_indexes i
  join records r on r.record_id like i.tenant || e'\\n' || i.collection || e'\\n%'
  cross join lateral (select case when r.tombstone is null then
    forebay_index_key(r.fields::jsonb, i.field, i.signature::jsonb) end as key) made
  left join field_keys k on k.index_id = i.id and k.record_id = r.record_id
  where k.key is distinct from made.key`;

const STEPS: readonly string[] = [
  `update records set version = version + 1, fields = '{"age":{"kind":"lww","value":5}}' where record_id = any($1)`,
  `update records set version = version + 1, fields = '{"name":{"kind":"lww"}}' where record_id = any($1)`,
  `update records set version = version + 1, tombstone = '{}' where record_id = any($1)`,
  `update records set version = version + 1, tombstone = null where record_id = any($1)`,
  `delete from records where record_id = any($1)`,
  `insert into records (version, partition, record_id, fields) select 1, 0, unnest($1::text[]), '{"age":{"kind":"lww","value":9}}'
   on conflict (record_id) do update set version = records.version + 1, fields = excluded.fields, tombstone = null`,
];

it("has the right key for every record, whatever is written while it is built", async () => {
  const url = await server.createDatabase();
  await setUp(url, { "acme/users": SCHEMA });
  const rows = 2_000;
  await fill(url, rows);
  const stores = Array.from({ length: 2 }, () => openPostgresStore({ url, region: "eu" }));
  const writer = new Database({ url, connectionsMax: 2, timeoutMs: 10_000, applicationName: "test" });
  const state = { isOver: false };
  // Ever again through all records, a few after where the build is at least.
  const writing = async (offset: number) => {
    for (let round = offset; !state.isOver; round += 1) {
      const ids = Array.from({ length: 5 }, (_, index) => (round * 37 + index * 211 + offset) % rows);
      const text = STEPS[(round * 5 + offset) % STEPS.length]!;
      const statement = { name: `step ${STEPS.indexOf(text)}`, text, effect: "writing" } as const;
      const names = ids.map((id) => `acme\nusers\nkey-${String(id + 1).padStart(6, "0")}`).toSorted();
      await writer.query(statement, [names]);
    }
  };
  const writers = [writing(0), writing(1)];
  const [one, other] = stores as [RegionStore, RegionStore];
  // Two processes of the region, and the schema changes in between.
  for (const defaultName of ["nobody", "somebody", "nobody"]) {
    const { age, name } = SCHEMA.fields;
    const schema = { fields: { age, name: { ...name, default: defaultName } } } as CollectionSchema;
    await queryOnce(url, "update collections set schema = $1", [JSON.stringify(schema)]);
    await Promise.all([follow(one, 60), follow(other, 45)]);
  }
  state.isOver = true;
  await Promise.all(writers);
  await follow(one, 1_000);
  expect(await queryOnce(url, "select is_ready from field_indexes")).toEqual([
    { is_ready: true },
    { is_ready: true },
  ]);
  expect(await queryOnce(url, `${WRONG} limit 5`)).toEqual([]);
  await Promise.all([...stores.map((store) => store.close()), writer.close()]);
}, 60_000);

it("begins an index only once those who write at the moment have ended: they know nothing of it", async () => {
  const url = await server.createDatabase();
  const { age, name } = SCHEMA.fields;
  await setUp(url, { "acme/users": { fields: { age: age! } } });
  await fill(url, 50);
  const store = openPostgresStore({ url, region: "eu" });
  await follow(store, 1_000);
  const writer = new pg.Client({ connectionString: url });
  await writer.connect();
  await writer.query("begin");
  await writer.query(
    `update records set version = 99, fields = '{"name":{"kind":"lww","value":"late"}}' where record_id = e'acme\\nusers\\nkey-000007'`,
  );
  await setUp(url, { "acme/users": { fields: { age: age!, name: name! } } });
  await expect(follow(store, 1_000)).rejects.toThrow("lock timeout");
  expect(await queryOnce(url, "select field from field_indexes")).toEqual([{ field: "age" }]);
  await writer.query("commit");
  await writer.end();
  await follow(store, 1_000);
  expect(await queryOnce(url, WRONG)).toEqual([]);
  expect(await queryOnce(url, "select count(*)::integer from field_keys where key = 'late'")).toEqual([
    { count: 1 },
  ]);
  await store.close();
});

it("gives up what no schema has any more: keys, and the triggers that keep them", async () => {
  const url = await server.createDatabase();
  await setUp(url, { "acme/users": SCHEMA });
  await fill(url, 50);
  const store = openPostgresStore({ url, region: "eu" });
  await follow(store, 1_000);
  const left = async () => {
    const [row] = await queryOnce<{ keys: number; triggers: number }>(
      url,
      `select (select count(*) from field_keys)::integer as keys,
              (select count(*) from pg_trigger where tgname like 'forebay_keys%')::integer as triggers`,
    );
    return row;
  };
  expect(await left()).toEqual({ keys: 100, triggers: 3 });
  await setUp(url, { "acme/users": { fields: { age: { class: "lww", type: "integer" } } } });
  await follow(store, 30);
  expect(await left()).toEqual({ keys: 0, triggers: 0 });
  await store.close();
});

it("builds the indexes of all others, whatever one of them is refused for, and tells of that at the end", async () => {
  const url = await server.createDatabase();
  await setUp(url, { "acme/users": SCHEMA, "beta/users": SCHEMA });
  await fill(url, 50);
  await queryOnce(
    url,
    `create function refuse() returns trigger language plpgsql as $$ begin raise 'refused'; end $$;
     create trigger refuse before insert on field_indexes for each row
       when (new.tenant = 'acme' and new.field = 'age') execute function refuse()`,
  );
  const store = openPostgresStore({ url, region: "eu" });
  const ready = "select tenant, field from field_indexes where is_ready order by tenant, field";
  const built = async () => {
    await expect(follow(store, 1_000)).rejects.toThrow('begin the index "acme/users.age": refused');
    return queryOnce(url, ready);
  };
  await expect.poll(built, { timeout: 20_000 }).toEqual([
    { tenant: "acme", field: "name" },
    { tenant: "beta", field: "age" },
    { tenant: "beta", field: "name" },
  ]);
  await queryOnce(url, "drop trigger refuse on field_indexes");
  await follow(store, 1_000);
  expect(await queryOnce(url, WRONG)).toEqual([]);
  await store.close();
});

const COUNTS = `select coalesce(sum(seq_tup_read), 0)::integer as scanned,
                       (select coalesce(sum(idx_tup_read), 0)::integer from pg_stat_user_indexes) as looked_up
                from pg_stat_user_tables`;

async function rowsRead(database: Database): Promise<number> {
  await database.query({ name: "flush", text: "select pg_stat_force_next_flush()", effect: "reading" }, []);
  const row = await database.queryOne<{ scanned: number; looked_up: number }>(
    { name: "counts", text: COUNTS, effect: "reading" },
    [],
  );
  return row.scanned + row.looked_up;
}

const LISTINGS = [
  { where: "age:eq:7" },
  { where: "age:gte:990", order: "-age" },
  { where: "age:gt:10,age:lte:20" },
  { order: "age" },
  { order: "-age" },
  { where: "name:eq:nobody" },
  { where: "name:eq:somebody" },
] as const;

/** Two plans: made while the tables were empty, by a connection that keeps it; and made when they are full. */
it.each(["empty", "full"])("looks at its page, and not at large tables, with plans made when they are %s", async (when) => {
  const url = await server.createDatabase();
  for (const table of ["records", "field_keys", "wal", "applied"])
    await queryOnce(url, `alter table ${table} set (autovacuum_enabled = false)`);
  await setUp(url, { "acme/users": SCHEMA });
  const database = new Database({ url, connectionsMax: 1, timeoutMs: 60_000, applicationName: "test" });
  const store = storeOn(database, "eu");
  const list = ({ where, order }: { where?: string; order?: string }) => {
    const range = planRange(SCHEMA, { where, order });
    const listing = { tenant: "acme", collection: "users", schema: SCHEMA, range, limit: 10, isWithPending: true };
    return store.listByField(queryOf({ ...listing, after: undefined }));
  };
  await follow(store, 1_000);
  if (when === "empty") for (let round = 0; round < 7; round += 1) for (const one of LISTINGS) await list(one);
  await fill(url, ROWS);
  await queryOnce(
    url,
    `insert into wal (partition, sequence, hlc, seen, bytes, id, record_id, request_hash, body)
     select 0, n, n, 0, n * 200, gen_random_uuid(), e'acme\\nusers\\nkey-' || lpad(n::text, 6, '0'), '\\x00', '[["age","lww","set",7]]'
     from generate_series(1, ${ROWS}) n`,
  );
  await queryOnce(url, `insert into wal_heads (partition, sequence, hlc, bytes) values (0, ${ROWS}, 1, 1)`);
  const watermark = ROWS - 5;
  await queryOnce(
    url,
    "insert into origins (partition, region, watermark, epoch, hlc, chain) values (0, 'eu', $1, 1, 1, '')",
    [watermark],
  );
  for (const one of LISTINGS) {
    const before = await rowsRead(database);
    const page = await list(one);
    const told = `${JSON.stringify(one)} read ${(await rowsRead(database)) - before}`;
    expect(Number(told.split(" ").at(-1)), told).toBeLessThan(ROWS_READ_MAX);
    expect(page).toMatchObject({ isReady: true, isCrowded: false });
    const isName = "where" in one && one.where.startsWith("name");
    expect(page.moving).toHaveLength(isName ? 0 : 5);
    expect(page.records).toHaveLength(one === LISTINGS[6] ? 0 : 11);
  }
  await store.close();
}, 120_000); // prettier-ignore

const OTHER_INDEXES = 2_000;
const CHANGED = 20;
/** An index entry and a row for each of two fields, and the keys that go. */
const INDEX_ROWS_READ_MAX = 10 * CHANGED;

/** The plans of triggers, too, are made once by a session, and kept. */
it.each(["few", "many"])("looks at no index of another collection when it writes, with plans made when there are %s", async (when) => {
  const url = await server.createDatabase();
  await queryOnce(url, "alter table field_indexes set (autovacuum_enabled = false)");
  await setUp(url, { "acme/users": SCHEMA });
  const database = new Database({ url, connectionsMax: 1, timeoutMs: 60_000, applicationName: "test" });
  const store = storeOn(database, "eu");
  await follow(store, 1_000);
  const ids = Array.from({ length: CHANGED }, (_, index) => `acme\nusers\nkey-${index}`);
  const step = (text: string) => database.query({ name: `step ${STEPS.indexOf(text)}`, text, effect: "writing" }, [ids]);
  const steps = [STEPS[5]!, STEPS[0]!, STEPS[4]!];
  if (when === "few") for (let round = 0; round < 7; round += 1) for (const text of steps) await step(text);
  await queryOnce(
    url,
    `insert into field_indexes (tenant, collection, field, signature, is_ready)
     select 'other', 'c' || n, 'age', '["number"]', true from generate_series(1, ${OTHER_INDEXES}) n`,
  );
  if (when === "many") await queryOnce(url, "analyze field_indexes");
  for (const text of steps) {
    const before = await rowsRead(database);
    await step(text);
    const read = (await rowsRead(database)) - before;
    expect(read, `${text} read ${read}`).toBeLessThan(INDEX_ROWS_READ_MAX);
    const rows = text === STEPS[4] ? 0 : 2 * CHANGED;
    expect(await queryOnce(url, "select count(*)::integer as count from field_keys")).toEqual([{ count: rows }]);
    expect(await queryOnce(url, WRONG)).toEqual([]);
  }
  await store.close();
}, 60_000); // prettier-ignore
