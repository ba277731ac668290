/**
 * The conflict log's statements look at no more rows than they return, with plans that were made while it was empty:
 * by time, by collection and by record, at whatever place a page begins, and when the oldest rows are trimmed.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { Database } from "../../../services/adapters/postgres/pool.ts";
import { storeOn } from "../../../services/adapters/postgres/store.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { queryOnce, TestServer } from "./server.ts";

const ROWS = 60_000;
const PAGE = 10;
/** A page, or a batch to trim, with the index entries of each row. */
const ROWS_READ_MAX = 100;

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
}, 60_000);
afterAll(() => server.stop());

/** Each with the number of rows that it is to return or to trim. */
function statements(store: RegionStore): Record<string, readonly [() => Promise<number>, number]> {
  const tenant = "acme";
  const middle = { logTimeMs: ROWS / 2, partition: 0, position: ROWS / 2, ordinal: 0 };
  const list = (query: object) => async () =>
    (await store.listConflicts({ tenant, limit: PAGE, ...query })).length;
  const trim = (beforeLogTimeMs: number) => () =>
    store.trimConflicts({ partition: 0, beforeLogTimeMs, rowsMax: PAGE });
  return {
    listNewest: [list({}), PAGE],
    listFromTheMiddle: [list({ before: middle }), PAGE],
    listOtherTenant: [list({ tenant: "other" }), 0],
    listCommonCollection: [list({ collection: "users" }), PAGE],
    listCommonCollectionFromTheMiddle: [list({ collection: "users", before: middle }), PAGE],
    listRareCollection: [list({ collection: "rare" }), 3],
    listNoCollection: [list({ collection: "none" }), 0],
    listRecord: [list({ collection: "users", key: "key-77" }), PAGE],
    listRecordFromTheMiddle: [list({ collection: "users", key: "key-77", before: middle }), PAGE],
    listNoRecord: [list({ collection: "users", key: "none" }), 0],
    listCommonField: [list({ field: "note", reason: "concurrent", region: "eu" }), PAGE],
    read: [async () => Number((await store.readConflict({ ...middle })) !== undefined), 1],
    trimNothing: [trim(1), 0],
    trimSome: [trim(ROWS), PAGE],
  };
}

async function fill(url: string): Promise<void> {
  await queryOnce(
    url,
    `insert into conflicts (position, log_time_ms, partition, ordinal, tenant, collection, key, field, reason, loser, winner)
     select n, n, 0, 0, 'acme', case when n <= 3 then 'rare' else 'users' end, 'key-' || (n % 1000), 'note', 'concurrent',
            '{"origin": "eu", "value": 1}', '{"origin": "us", "value": 2}'
     from generate_series(1, ${ROWS}) n`,
  );
}

const COUNTS = {
  name: "counts",
  text: `select (seq_tup_read + coalesce(idx_tup_fetch, 0))::integer
                + (select sum(idx_tup_read)::integer from pg_stat_user_indexes i where i.relid = t.relid) as rows
         from pg_stat_user_tables t where t.relname = 'conflicts'`,
  effect: "reading",
} as const;

/** Rows and index entries that the statements have looked at so far. */
async function rowsRead(database: Database): Promise<number> {
  // Sessions report their counts late, except when told to.
  await database.query({ name: "flush", text: "select pg_stat_force_next_flush()", effect: "reading" }, []);
  return (await database.queryOne<{ rows: number }>(COUNTS, [])).rows;
}

it.each(["as they were made", "once the table is analysed"])(
  "no statement of the conflict log goes through it: plans %s",
  async (when) => {
    const url = await server.createDatabase();
    // One connection, so that each statement keeps the plan that it gets now.
    const database = new Database({ url, connectionsMax: 1, timeoutMs: 10_000, applicationName: "test" });
    const store = storeOn(database, "eu");
    await queryOnce(url, "alter table conflicts set (autovacuum_enabled = false)");
    for (let round = 0; round < 7; round += 1) {
      for (const [run] of Object.values(statements(store))) await run();
    }
    await fill(url);
    if (when !== "as they were made") await queryOnce(url, "analyze conflicts");
    const wrong: unknown[] = [];
    for (const [name, [run, returned]] of Object.entries(statements(store))) {
      const before = await rowsRead(database);
      const count = await run();
      const looked = (await rowsRead(database)) - before;
      if (count !== returned || looked > ROWS_READ_MAX) wrong.push({ name, count, looked });
    }
    expect(wrong).toEqual([]);
    // What has no index is the exception that shows the count to be one.
    const before = await rowsRead(database);
    await store.listConflicts({ tenant: "acme", field: "none", limit: PAGE });
    expect((await rowsRead(database)) - before).toBeGreaterThan(ROWS / 2);
    await store.close();
  },
  60_000,
);
