/** Snapshots on PostgreSQL: what ends a scan and what does not, and hashes that no locale, version or plan has a part in. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "../../../infra/local/wait.ts";
import { migrateDatabase } from "../../../services/adapters/postgres/migrate.ts";
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import type { StoredRecord } from "../../../services/core/record.ts";
import { SnapshotClosedError } from "../../../services/ports/partition-snapshot.ts";
import { StoreUnavailableError, type RegionStore } from "../../../services/ports/region-store.ts";
import { editRow } from "./edit-row.ts";
import { queryOnce, TestServer } from "./server.ts";
import { SwallowingProxy } from "./swallowing-proxy.ts";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
}, 60_000);

afterAll(async () => {
  await server.stop();
});

const TIMEOUT_MS = 400;
/** Nobody waits for so long: it is ended. */
const LONG_MS = 60_000;
const LEAVES = 16;
const ROWS: readonly StoredRecord[] = [
  { tenant: "acme", collection: "users", key: "ada", version: 7, fields: { n: { kind: "counter", sum: 3 } } },
  {
    tenant: "acme",
    collection: "users",
    key: "ключ ß",
    version: 9,
    fields: { name: { kind: "value", value: "Ümläut \u{1F600}" } },
    tombstone: { hlc: "0123456789abcdef" as never, origin: "eu", logTimeMs: 5 },
    expiresAtMs: 1_700_000_000_000,
  },
];

async function withStore(url: string, use: (store: RegionStore) => Promise<void>): Promise<void> {
  const store = openPostgresStore({ url, region: "eu", timeoutMs: TIMEOUT_MS });
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

async function plantRows(url: string): Promise<void> {
  for (const row of ROWS) await editRow(url, { partition: 0, id: row }, row);
}

/** A row that scans rest at: one takes as long as its rests then. */
async function plantRest(url: string): Promise<void> {
  const name = "'acme' || chr(10) || 'users' || chr(10) || 'rest ' || i";
  const planted = await queryOnce(
    url,
    `insert into records (version, partition, record_id, fields)
     select 1, 0, ${name}, '{}' from generate_series(1, 100000) i
     where (hashtextextended((${name}) collate "C", 0) >> 32) & 4095 = 0 limit 1 returning 1`,
  );
  expect(planted).toHaveLength(1);
}

/** Keeps everybody from reading collections, which no snapshot keeps, until it is let go. */
async function lockCollections(url: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  await client.query("begin; lock table collections in access exclusive mode");
  return () => client.end();
}

/** Statements that scan for digests at the moment. */
async function scansOf(url: string): Promise<number> {
  const [row] = await queryOnce<{ scans: number }>(
    url,
    `select count(*)::integer as scans from pg_stat_activity
     where state = 'active' and query like '%bit_xor%' and pid <> pg_backend_pid()`,
  );
  return row!.scans;
}

async function hashesOf(url: string): Promise<string[]> {
  const hashes: string[] = [];
  await withStore(url, async (store) => {
    const snapshot = await store.openSnapshot({ partition: 0 });
    for await (const rows of snapshot.readLeaves({ leaves: 1, wanted: [0] }))
      hashes.push(...rows.map(({ key, hash }) => `${key} ${hash}`));
    const { rows } = await snapshot.digestLeaves({ leaves: LEAVES });
    hashes.push(`leaves ${[...rows.keys()].filter((leaf) => rows[leaf]! > 0).join()}`);
  });
  return hashes.toSorted();
}

describe("a scan", () => {
  it("outlasts the deadline of ordinary statements", async () => {
    const url = await server.createDatabase();
    await plantRows(url);
    await plantRest(url);
    await withStore(url, async (store) => {
      const snapshot = await store.openSnapshot({ partition: 0 });
      const letGo = await lockCollections(url);
      const digests = snapshot.digestLeaves({ leaves: LEAVES, restMs: 4 * TIMEOUT_MS });
      digests.catch(() => undefined);
      // Whatever the deadline ends, it has ended by then: an ordinary read that began later.
      await expect(store.readCollections(0)).rejects.toThrow(StoreUnavailableError);
      await letGo();
      const { rows } = await digests;
      expect(rows.reduce((sum, count) => sum + count, 0)).toBe(ROWS.length + 1);
    });
  });

  it("is ended by close, and by the store's, on the server too", async () => {
    const url = await server.createDatabase();
    await plantRows(url);
    await plantRest(url);
    for (const ends of ["close", "store"] as const) {
      const store = openPostgresStore({ url, region: "eu" });
      const snapshot = await store.openSnapshot({ partition: 0 });
      const digests = snapshot.digestLeaves({ leaves: LEAVES, restMs: LONG_MS });
      digests.catch(() => undefined);
      await waitFor(async () => ((await scansOf(url)) === 1 ? true : undefined), {
        timeoutMs: 10_000,
        what: "the scan",
      });
      await (ends === "close" ? snapshot.close() : store.close());
      await expect(digests).rejects.toThrow(SnapshotClosedError);
      await waitFor(async () => ((await scansOf(url)) === 0 ? true : undefined), {
        timeoutMs: 10_000,
        what: "the end of the scan",
      });
      await store.close();
    }
  });

  it("has a bound on how many there are at once", async () => {
    const url = await server.createDatabase();
    await withStore(url, async (store) => {
      const open = await Promise.all(Array.from({ length: 16 }, () => store.openSnapshot({ partition: 0 })));
      await expect(store.openSnapshot({ partition: 0 })).rejects.toThrow(/16 snapshots are open already/);
      await open[0]!.close();
      await (await store.openSnapshot({ partition: 0 })).close();
      await expect(store.readPositions(0)).resolves.toMatchObject({ position: 0 });
    });
  });

  it("that the server ends is told as a database that is away", async () => {
    const url = await server.createDatabase();
    await plantRows(url);
    await withStore(url, async (store) => {
      const snapshot = await store.openSnapshot({ partition: 0 });
      await queryOnce(
        url,
        "select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction'",
      );
      const failure = await snapshot.digestLeaves({ leaves: LEAVES }).catch((error: unknown) => error);
      expect([StoreUnavailableError, SnapshotClosedError].some((type) => failure instanceof type)).toBe(true);
    });
  });
});

describe("a snapshot", () => {
  it("of which a statement has failed says so ever after, and has ended", async () => {
    const url = await server.createDatabase();
    await plantRows(url);
    await plantRest(url);
    await withStore(url, async (store) => {
      const snapshot = await store.openSnapshot({ partition: 0 });
      const digests = snapshot.digestLeaves({ leaves: LEAVES, restMs: LONG_MS });
      digests.catch(() => undefined);
      const cancelled = async () => {
        const [row] = await queryOnce<{ count: number }>(
          url,
          `select count(pg_cancel_backend(pid))::integer as count from pg_stat_activity
           where state = 'active' and query like '%bit_xor%' and pid <> pg_backend_pid()`,
        );
        return row!.count === 1 ? true : undefined;
      };
      await waitFor(cancelled, { timeoutMs: 10_000, what: "the scan" });
      await expect(digests).rejects.toThrow(/canceling statement/);
      await expect(snapshot.readRows(ROWS)).rejects.toThrow(/canceling statement/);
      await expect(snapshot.digestRest({ operationsAbove: 0 })).rejects.toThrow(/canceling statement/);
      const idle =
        "select count(*)::integer as open from pg_stat_activity where state like 'idle in transaction%'";
      const isGone = async () =>
        (await queryOnce<{ open: number }>(url, idle))[0]!.open === 0 ? true : undefined;
      await waitFor(isGone, { timeoutMs: 10_000, what: "end of the transaction" });
    });
  });

  it("that is still being opened keeps no store from being closed", async () => {
    const proxy = await SwallowingProxy.start();
    try {
      const store = openPostgresStore({ url: proxy.url, region: "eu" });
      const opening = store.openSnapshot({ partition: 0 });
      opening.catch(() => undefined);
      await expect.poll(() => proxy.open).toBe(1);
      await store.close();
      await expect(opening).rejects.toThrow(/is being closed/);
    } finally {
      await proxy.stop();
    }
  });

  it("rests while it is digested, and says the same", async () => {
    const url = await server.createDatabase();
    await plantRows(url);
    await withStore(url, async (store) => {
      const snapshot = await store.openSnapshot({ partition: 0 });
      const options = { leaves: LEAVES, operationsAbove: 0 };
      const [hurried, hurriedRest] = [
        await snapshot.digestLeaves(options),
        await snapshot.digestRest(options),
      ];
      expect(await snapshot.digestLeaves({ ...options, restMs: 1 })).toEqual(hurried);
      expect(await snapshot.digestRest({ ...options, restMs: 1 })).toEqual(hurriedRest);
    });
  });
});

describe("hashes", () => {
  // Regions of other versions of this software, or of PostgreSQL, compare theirs with these.
  const GOLDEN: readonly string[] = [
    "ada b8881479657c046054742aa163b18058",
    "leaves 1,6",
    "ключ ß ff8e5ff9fcef25a472cacacbebe06e26",
  ];

  it("are these, for ever", async () => {
    const url = await server.createDatabase();
    await plantRows(url);
    expect(await hashesOf(url)).toEqual(GOLDEN);
  });

  it.each(["locale_provider icu icu_locale 'de-DE' locale 'C'", "locale 'C.UTF-8'"])(
    "are the same in a database with %s",
    async (locale) => {
      const name = `locale_${locale.length}`;
      await server.execute(
        "postgres",
        `create database ${name} template template0 encoding 'UTF8' ${locale}`,
      );
      const url = server.urlOf(name);
      await migrateDatabase({ url });
      await plantRows(url);
      expect(await hashesOf(url)).toEqual(GOLDEN);
    },
  );
});
