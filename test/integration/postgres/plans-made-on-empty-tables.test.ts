/**
 * Statements are planned once per connection, often while the tables are new and empty, or were last analysed when they
 * were small. The plans must still be right when the tables are large: what is counted is how many rows each statement looks at.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Database } from "../../../services/adapters/postgres/pool.ts";
import { storeOn } from "../../../services/adapters/postgres/store.ts";
import { NO_COUNTS } from "../../../services/core/fold/state.ts";
import { ZERO_HASH } from "../../../services/core/hash.ts";
import { ZERO_HLC } from "../../../services/core/hlc.ts";
import { recordIdText, type RecordId } from "../../../services/core/operation.ts";
import type { StoredRecord } from "../../../services/core/record.ts";
import { PENDING_ROWS_MAX } from "../../../services/ports/record-snapshot.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { appendTo, makeOperation } from "./operations.ts";
import { queryOnce, TestServer } from "./server.ts";

const ROWS = 60_000;
const ROWS_SMALL = 300;
/** Twenty operations or records, looked up in a few indexes each. */
const ROWS_READ_MAX = 300;
const RECORD = { partition: 0, tenant: "acme", collection: "users" };

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
}, 60_000);
afterAll(() => server.stop());

/** Every statement of the store once, with a result that is small whatever the tables hold. */
function statements(store: RegionStore): Record<string, () => Promise<unknown>> {
  const list = (prefix: string, after?: string) =>
    store.listRecords({ tenant: "acme", collection: "users", prefix, after, limit: 10 });
  const some = Array.from({ length: 20 }, (_, index) => ({ ...RECORD, key: `key-${index * 100}` }));
  const others = some.map(({ key }) => ({ ...RECORD, key: `${key}1` }));
  return {
    append: () =>
      appendTo(
        store,
        Array.from({ length: 20 }, (_, index) => makeOperation(`key-${index}`)),
      ),
    stampTick: () => store.stampTick({ partition: 0, nowMs: Date.now() }),
    walHead: () => store.walHead(0),
    readChanges: () => readNewestChanges(store),
    readWal: () => store.readWal({ partition: 0, after: 100, rowsMax: 20, bytesMax: 1_000_000 }),
    readWalByBytes: () => store.readWal({ partition: 0, after: 100, rowsMax: 20, bytesMax: 1 }),
    loadPartition: () => store.loadPartition(0),
    readPositions: () => store.readPositions(0),
    readCollections: () => store.readCollections(0),
    loadSlice: () =>
      store.loadSlice({ partition: 0, records: some, operations: some.map(() => randomUUID()) }),
    commitFold: () => commitFold(store, { changed: some, removed: others }),
    readRecord: () => store.readRecord({ ...RECORD, key: "key-5" }),
    readRecordMissing: () => store.readRecord({ ...RECORD, key: "zzz" }),
    listFirst: () => list(""),
    listPrefix: () => list("key-33"),
    listAfter: () => list("", "key-41"),
    listNothing: () => list("kez"),
    listEnd: () => list("key-", "key-99999"),
    readOperation: () => store.readOperation(randomUUID()),
    readOutcomes: () => store.readOutcomes({ partition: 0, ids: some.map(() => randomUUID()) }),
    acquireRole: () => store.acquireRole({ role: "relay", partition: 0, holder: "one", ttlMs: 10_000 }),
  };
}

/** What the last few rows of the WAL have changed, folded or pending: whoever follows looks so, many times a second. */
async function readNewestChanges(store: RegionStore): Promise<void> {
  const sequence = Math.max(0, (await store.walHead(0)).sequence - 10);
  const marks = { settledAfter: sequence, pendingAfter: sequence };
  const ranges = [{ first: "acme\nusers\n", past: "acme\nusers\n\u{10ffff}" }];
  await store.readChanges({ partition: 0, after: 1_000_000, ...marks, ranges, idsMax: 2_000 });
}

/** As if the next entry had changed the records, by one operation each, and had deleted every other of them. */
async function commitFold(
  store: RegionStore,
  { changed, removed }: { changed: readonly RecordId[]; removed: readonly RecordId[] },
): Promise<void> {
  const before = await store.loadPartition(0);
  const position = before.position + 1;
  const records = new Map<string, StoredRecord | null>();
  for (const [index, id] of changed.entries()) {
    const tombstone = { hlc: ZERO_HLC, origin: "us@log", logTimeMs: 0 };
    const record = { ...id, fields: {}, version: position };
    records.set(recordIdText(id), index % 2 === 0 ? record : { ...record, tombstone });
  }
  for (const id of removed) records.set(recordIdText(id), null);
  const outcomes = changed.map(({ tenant }) => ({
    id: randomUUID(),
    tenant,
    position,
    requestHash: ZERO_HASH,
    origin: "us",
    hlc: ZERO_HLC,
    status: "committed" as const,
  }));
  const nothing = {
    conflicts: [],
    repairs: [],
    membership: undefined,
    takenEnds: new Map(),
    collections: [],
    hasForgotten: false,
    counts: NO_COUNTS,
    changedOrigins: new Set<string>(),
    rewrittenAt: new Map(),
  };
  const result = { state: { ...before, position }, records, outcomes, ...nothing };
  await store.commitFold({ expectedPosition: before.position, result });
}

const COUNTS = `select coalesce(sum(seq_tup_read), 0)::integer as scanned,
                       (select coalesce(sum(idx_tup_read), 0)::integer from pg_stat_user_indexes) as looked_up
                from pg_stat_user_tables`;

/** Rows that the statements have looked at so far: by scans, and by indexes. */
async function rowsRead(database: Database): Promise<number> {
  // Sessions report their counts late, except when told to.
  await database.query({ name: "flush", text: "select pg_stat_force_next_flush()", effect: "reading" }, []);
  const counts = { name: "counts", text: COUNTS, effect: "reading" } as const;
  const row = await database.queryOne<{ scanned: number; looked_up: number }>(counts, []);
  return row.scanned + row.looked_up;
}

const CASES = (["folded", "pending"] as const).flatMap((kind) =>
  (["empty", "small"] as const).map((planned) => ({ kind, planned })),
);

it.each(CASES)(
  "no statement goes through a large table: planned on $planned ones, all rows $kind",
  async ({ kind, planned }) => {
    const url = await server.createDatabase();
    // One connection, so that each statement keeps the plan that it gets now.
    const database = new Database({ url, connectionsMax: 1, timeoutMs: 10_000, applicationName: "test" });
    const store = storeOn(database, "eu");
    const rowsOf = (rows: number) => ({ rows, watermark: kind === "folded" ? rows : 0 });
    for (const table of TABLES) await queryOnce(url, `alter table ${table} set (autovacuum_enabled = false)`);
    if (planned === "small") {
      await fill(url, rowsOf(ROWS_SMALL));
      await queryOnce(url, "analyze");
    }
    for (let round = 0; round < 7; round += 1) {
      for (const run of Object.values(statements(store))) await run();
    }
    if (planned === "empty") await queryOnce(url, `truncate ${TABLES.join(", ")}`);
    await fill(url, rowsOf(ROWS));
    const counted: Record<string, number> = {};
    for (const [name, run] of Object.entries(statements(store))) {
      const before = await rowsRead(database);
      await run();
      counted[name] = (await rowsRead(database)) - before;
    }
    const tooMany = Object.entries(counted).filter(([, count]) => count > ROWS_READ_MAX);
    expect(tooMany).toEqual([]);
    await store.close();
  },
  60_000,
);

/** Read with the first row that says that there are too many. */
const CROWD_ROWS = PENDING_ROWS_MAX + 1;

it("no read goes through all that is pending of a few records, analysed as such", async () => {
  const url = await server.createDatabase();
  const database = new Database({ url, connectionsMax: 1, timeoutMs: 10_000, applicationName: "test" });
  const store = storeOn(database, "eu");
  await fill(url, { rows: ROWS_SMALL, watermark: 0 });
  await queryOnce(url, "delete from wal");
  const hot = ["hot-0", "hot-1", "hot-2"];
  const ids = hot.map((key) => recordIdText({ ...RECORD, key }));
  await queryOnce(
    url,
    `insert into wal (partition, sequence, hlc, seen, bytes, id, record_id, request_hash, body)
     select 0, n, n, 0, 200, gen_random_uuid(), ($1::text[])[1 + n % 3], '\\x00', '[["note","lww","set","' || repeat('x', 250) || '"]]'
     from generate_series(1, ${ROWS}) n`,
    [ids],
  );
  await queryOnce(url, `update wal_heads set sequence = ${ROWS}`);
  await queryOnce(url, "vacuum analyze");
  const reads: Record<string, () => Promise<unknown>> = {
    readRecord: () => store.readRecord({ ...RECORD, key: "hot-1" }),
    readOther: () => store.readRecord({ ...RECORD, key: "key-7" }),
    readRecords: () => store.readRecords({ partition: 0, records: hot.map((key) => ({ ...RECORD, key })) }),
    listHot: () => store.listRecords({ tenant: "acme", collection: "users", prefix: "hot", after: undefined, limit: 10 }), // prettier-ignore
    listOthers: () => store.listRecords({ tenant: "acme", collection: "users", prefix: "key", after: undefined, limit: 10 }), // prettier-ignore
    readChanges: () => readNewestChanges(store),
  };
  const crowds: Record<string, number> = { readRecord: 1, readRecords: 3, listHot: 3, readChanges: 3 };
  // The generic plan comes with the sixth call.
  for (let round = 0; round < 7; round += 1) for (const run of Object.values(reads)) await run();
  const tooMany: Record<string, number> = {};
  for (const [name, run] of Object.entries(reads)) {
    const before = await rowsRead(database);
    await run();
    const count = (await rowsRead(database)) - before;
    if (count > (crowds[name] ?? 0) * CROWD_ROWS + ROWS_READ_MAX) tooMany[name] = count;
  }
  expect(tooMany).toEqual({});
  await store.close();
}, 60_000);

const TABLES = ["wal", "wal_heads", "records", "operations", "origins", "applied", "changes"];

/** Up to so many rows; those that are there stay. */
async function fill(url: string, { rows, watermark }: { rows: number; watermark: number }): Promise<void> {
  const source = `from generate_series(1, ${rows}) n`;
  await queryOnce(
    url,
    `insert into wal (partition, sequence, hlc, seen, bytes, id, record_id, request_hash, body)
     select 0, n, n, 0, n * 200, gen_random_uuid(), e'acme\\nusers\\nkey-' || n, '\\x00', '[]' ${source} on conflict do nothing`,
  );
  await queryOnce(
    url,
    `insert into records (version, partition, record_id, fields)
     select n, 0, e'acme\\nusers\\nkey-' || n, '{}' ${source} on conflict do nothing`,
  );
  await queryOnce(
    url,
    `insert into operations (id, position, hlc, partition, tenant, origin, status, request_hash)
     select gen_random_uuid(), n, n, 0, 'acme', 'eu', 'committed', '\\x00' ${source}`,
  );
  for (const table of ["wal_heads", "origins"]) await queryOnce(url, `delete from ${table}`);
  await queryOnce(url, `insert into wal_heads values (0, ${rows}, ${rows}, ${rows * 200})`);
  await queryOnce(
    url,
    `insert into origins (partition, region, watermark, epoch, hlc, chain) values (0, 'eu', $1, 1, 1, '')`,
    [watermark],
  );
  await queryOnce(
    url,
    `insert into applied (partition, position, log_time_ms, chain, partitions, members) values (0, 9, 0, '', 1, '{}')
     on conflict do nothing`,
  );
}
