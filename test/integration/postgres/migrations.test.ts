/** Migrations: applied once each, also when many start at once, and saying the same as `schema.ts`. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import { getTableConfig, PgTable } from "drizzle-orm/pg-core";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { migrateDatabase, migrationsFolder } from "../../../services/adapters/postgres/migrate.ts";
import * as schema from "../../../services/adapters/postgres/schema.ts";
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import { foldEntries } from "../../../services/core/fold/fold.ts";
import {
  advanceHlc,
  hlcMilliseconds,
  hlcFromMilliseconds,
  hlcToInteger,
  ZERO_HLC,
} from "../../../services/core/hlc.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { appendTo, makeOperation } from "./operations.ts";
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

it("migrates though somebody who may log in keeps the advisory lock of older software, and tells of it", async () => {
  const url = await server.createEmptyDatabase();
  const other = new pg.Client({ connectionString: url });
  await other.connect();
  await other.query("select pg_advisory_lock(x'666f7265626179'::bigint)");
  const told: string[] = [];
  const options = { url, oldLockTimeoutMs: 50, onOldLockHeld: () => void told.push("held") };
  await migrateDatabase(options);
  expect(told).toEqual(["held"]);
  await Promise.all(Array.from({ length: 4 }, () => migrateDatabase(options)));
  expect(await queryOnce(url, APPLIED)).toHaveLength(journal().entries.length);
  await other.end();
});

it("waits for software that takes the advisory lock alone", async () => {
  const url = await server.createEmptyDatabase();
  const old = new pg.Client({ connectionString: url });
  await old.connect();
  await old.query("select pg_advisory_lock(x'666f7265626179'::bigint)");
  const migrated = migrateDatabase({ url });
  const waiting = "select from pg_locks where locktype = 'advisory' and not granted";
  while ((await queryOnce(url, waiting)).length === 0);
  await migrate(drizzle(old), { migrationsFolder: migrationsFolder() });
  await old.end();
  await migrated;
  expect(await queryOnce(url, APPLIED)).toHaveLength(journal().entries.length);
});

it("lets nobody migrate beside it who does as it does: the lock is there until the migrations are", async () => {
  const url = await server.createEmptyDatabase();
  const other = new pg.Client({ connectionString: url });
  await migrateDatabase({ url });
  await other.connect();
  await other.query("begin");
  await other.query("lock table drizzle.forebay_migrating in access exclusive mode");
  const migrated = migrateDatabase({ url });
  const waiting =
    "select from pg_locks where relation = 'drizzle.forebay_migrating'::regclass and not granted";
  while ((await queryOnce(url, waiting)).length === 0);
  await other.query("commit");
  await other.end();
  await migrated;
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

it("refuses a database that was narrowed to newer software, and takes one that newer software has only widened", async () => {
  const url = await server.createEmptyDatabase();
  await migrateDatabase({ url });
  const known = journal().entries.length;
  await queryOnce(
    url,
    "insert into drizzle.__drizzle_migrations (hash, created_at) values ('newer', 9999999999999)",
  );
  await migrateDatabase({ url });
  await queryOnce(url, "update compatibility set least_migrations = $1", [known + 1]);
  await expect(migrateDatabase({ url })).rejects.toThrow(
    `is for software that knows ${known + 1} of them; this one knows ${known}`,
  );
});

it("waits for a table that is in use without keeping its other users waiting", async () => {
  const url = await server.createEmptyDatabase();
  await migrateTo(url, "0015_sql");
  const holder = new pg.Client({ connectionString: url });
  await holder.connect();
  await holder.query("begin");
  await holder.query(
    "insert into roles (role, partition, epoch, expires_at, holder) values ('relay', 0, 1, now(), 'one')",
  );
  const migrated = migrateDatabase({ url });
  const waiting = "select from pg_locks where relation = 'roles'::regclass and not granted";
  while ((await queryOnce(url, waiting)).length === 0);
  // Whoever writes to it meanwhile gets its turn as soon as the migration has given up for now.
  await queryOnce(
    url,
    "insert into roles (role, partition, epoch, expires_at, holder) values ('relay', 1, 1, now(), 'two')",
  );
  await holder.query("commit");
  await holder.end();
  await migrated;
  expect(await queryOnce(url, APPLIED)).toHaveLength(journal().entries.length);
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

/** A database as version 0.1 has left it: with what a fold had made, and the region's own WAL. */
describe("a database of before decisions", () => {
  const HLC = hlcFromMilliseconds(Date.now());
  const HASH = "ab".repeat(32);
  const CHAIN = "cd".repeat(32);
  const MESSAGE = 'field "note" was \'lww\' — \\ and can\'t\tbecome {"merge": 1}; ж 😀';
  const committed = uuidOf("committed");
  const refused = uuidOf("refused");
  const late = uuidOf("late");
  const own = makeOperation("pending");

  let store: RegionStore;
  let url: string;

  beforeAll(async () => {
    url = await server.createEmptyDatabase();
    await migrateTo(url, "0001_functions");
    await fill();
    await migrateDatabase({ url });
    store = openPostgresStore({ url, region: "eu" });
  });
  afterAll(() => store.close());

  const fill = async (): Promise<void> => {
    const hlc = hlcToInteger(HLC).toString();
    const hash = Buffer.from(HASH, "hex");
    await queryOnce(
      url,
      `insert into applied (partition, position, log_time_ms, chain, cluster, partitions, members, log_created_at_ms)
       values (0, 7, 70, $1, $2, 2, '{eu,us}', 5)`,
      [CHAIN, committed],
    );
    const tick = { walHead: 4, appliedPosition: 6, hlc: HLC, software: "0.1.0", reads: 1, logTimeMs: 60 };
    await queryOnce(
      url,
      `insert into origins (partition, region, watermark, epoch, hlc, chain, tick, promise)
       values (0, 'eu', 4, 2, $1, $2, $3, null), (0, 'us', 1, 1, 5, $2, null, $4)`,
      [hlc, CHAIN, JSON.stringify(tick), JSON.stringify({ walHead: 9, hlc: HLC })],
    );
    await queryOnce(
      url,
      `insert into collections (partition, version, tenant, name, schema)
       values (0, 3, 'acme', 'users', '{"fields": {"note": {"class": "lww", "type": "string"}}}')`,
    );
    await queryOnce(
      url,
      `insert into operations (id, position, hlc, partition, tenant, origin, status, request_hash, reason)
       values ($1, 3, $4, 0, 'acme', 'us', 'committed', $5, null),
              ($2, 5, $4, 0, 'acme', 'eu', 'rejected', $5, $6),
              ($3, 6, $4, 0, 'acme', 'eu', 'rejected', $5, 'expired: the log ordered it after its deadline')`,
      [committed, refused, late, hlc, hash, MESSAGE],
    );
    const fields = { note: { kind: "lww", value: "é 😀", hlc: HLC, origin: "us", position: 3 } };
    await queryOnce(
      url,
      `insert into records (version, partition, record_id, fields)
       values (3, 0, e'acme\\nusers\\na', $1), (4, 0, e'acme\\nusers\\nb', '{}')`,
      [JSON.stringify(fields)],
    );
    await queryOnce(
      url,
      `insert into conflicts (position, log_time_ms, partition, ordinal, loser_operation, tenant, collection, key,
                              field, reason, loser, winner)
       values (3, 30, 0, 0, $1, 'acme', 'users', 'a', 'note', 'older', '{}', '{}')`,
      [committed],
    );
    await queryOnce(url, `insert into wal_heads (partition, sequence, hlc, bytes) values (0, 5, $1, 500)`, [
      hlc,
    ]);
    await queryOnce(
      url,
      `insert into wal (partition, sequence, hlc, seen, bytes, id, record_id, request_hash, body)
       values (0, 5, $1, 7, 500, $2, e'acme\\nusers\\npending', $3, $4)`,
      [hlc, own.id, Buffer.from(own.requestHash, "hex"), own.body],
    );
  };

  it("keeps its place in the log and what it knows of the origins", async () => {
    const state = await store.loadPartition(0);
    expect(state).toEqual({
      partition: 0,
      position: 7,
      forgotten: { position: 0, logTimeMs: 0 },
      logEpoch: 0,
      departed: {},
      logTimeMs: 70,
      hlc: ZERO_HLC,
      chain: CHAIN,
      cluster: committed,
      partitions: 2,
      members: ["eu", "us"],
      origins: {
        eu: {
          watermark: 4, epoch: 2, hlc: HLC, chain: CHAIN, promise: null,
          tick: { walHead: 4, appliedPosition: 6, hlc: HLC, software: "0.1.0", reads: 1, logTimeMs: 60 },
        },
        us: {
          watermark: 1, epoch: 1, hlc: "0000000000000005", chain: CHAIN, tick: null,
          promise: { walHead: 9, hlc: HLC },
        },
      },
      collections: {
        "acme\nusers": {
          tenant: "acme", name: "users", version: 3, schema: { fields: { note: { class: "lww", type: "string" } } },
        },
      },
    }); // prettier-ignore
    expect(await store.logCreatedAtMs(0)).toBe(5);
  });

  it("keeps its records, none of them deleted, and what is pending", async () => {
    const listed = await store.listRecords({
      tenant: "acme",
      collection: "users",
      prefix: "",
      after: undefined,
      limit: 9,
    });
    expect(listed.map(({ key, committed }) => [key, committed?.version])).toEqual([
      ["a", 3],
      ["b", 4],
      ["pending", undefined],
    ]);
    expect(listed[2]!.pending).toMatchObject([{ id: own.id, sequence: 5, body: own.body, seen: 7 }]);
    const id = { tenant: "acme", collection: "users", key: "a" };
    const { committed: record } = await store.readRecord({ partition: 0, ...id });
    const note = { kind: "lww", value: "é 😀", hlc: HLC, origin: "us", position: 3 };
    expect(record).toStrictEqual({ ...id, fields: { note }, version: 3 });
  });

  it("keeps the outcomes: a reason is a rejection of a schema now, or of what came too late", async () => {
    const outcome = { tenant: "acme", requestHash: HASH, hlc: HLC };
    expect(await store.readOperation(committed)).toStrictEqual({
      id: committed,
      tenant: "acme",
      partition: 0,
      outcome: { ...outcome, id: committed, position: 3, origin: "us", status: "committed" },
      lostFields: ["note"],
    });
    const told = await store.readOutcomes({ partition: 0, ids: [refused, late] });
    const rejected = { ...outcome, origin: "eu", status: "rejected" };
    expect(told).toMatchObject({ position: 7, logTimeMs: 70 });
    expect(told.outcomes.toSorted((one, other) => one.position - other.position)).toStrictEqual([
      { ...rejected, id: refused, position: 5, rejection: { code: "schema", message: MESSAGE } },
      {
        ...rejected,
        id: late,
        position: 6,
        rejection: { code: "expired", message: "the log ordered it after its deadline" },
      },
    ]);
  });

  it("goes on: operations are appended after those before, and entries folded", async () => {
    const [replayed, accepted] = await appendTo(store, [own, makeOperation("new")]);
    expect(replayed).toEqual({ status: "replayed", sequence: 5, hlc: HLC });
    expect(accepted).toMatchObject({ status: "accepted", sequence: 6 });
    const state = await store.loadPartition(0);
    const nowMs = hlcMilliseconds(HLC);
    const erase = { collection: "users", key: "a", action: { type: "delete" } } as const;
    const decided = {
      id: uuidOf("erase"), tenant: "acme", requestHash: HASH, hlc: HLC, deadlineMs: nowMs, fences: [], writes: [erase],
    }; // prettier-ignore
    const entry = { kind: "propose", origin: "us", proposals: [decided] } as const;
    const records = [{ tenant: "acme", collection: "users", key: "a" }];
    const slice = await store.loadSlice({ partition: 0, records, operations: [decided.id] });
    const entries = [{ position: 8, storedAtMs: nowMs, checksum: HASH, entry }];
    const result = foldEntries({ state, slice, entries });
    await store.commitFold({ expectedPosition: 7, result });
    expect((await store.readPositions(0)).hlc).toBe(advanceHlc(HLC, 1));
    expect((await store.readRecord({ partition: 0, ...records[0]! })).committed).toHaveProperty("tombstone");
  });

  it("is left with one version of each function", async () => {
    const functions = await queryOnce<{ name: string }>(
      url,
      `select proname as name from pg_proc where proname like 'forebay%' order by proname`,
    );
    const names = functions.map(({ name }) => name);
    expect(names).toContain("forebay_commit_fold");
    expect(names).toEqual([...new Set(names)]);
  });
});

/** Applies the migrations up to one, as software that knew no later one did. */
async function migrateTo(url: string, tag: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "forebay-migrations-"));
  const all = journal();
  const entries = all.entries.slice(0, all.entries.findIndex((entry) => entry.tag === tag) + 1);
  mkdirSync(join(folder, "meta"));
  writeFileSync(join(folder, "meta", "_journal.json"), JSON.stringify({ ...all, entries }));
  for (const entry of entries)
    copyFileSync(join(migrationsFolder(), `${entry.tag}.sql`), join(folder, `${entry.tag}.sql`));
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await migrate(drizzle(client), { migrationsFolder: folder });
  } finally {
    await client.end();
    rmSync(folder, { recursive: true });
  }
}
