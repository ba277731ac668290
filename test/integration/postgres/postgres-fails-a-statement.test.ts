/** What a failure leaves behind is told rightly: nothing, perhaps a commit, or that it is a bug. And nothing waits for ever. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Database } from "../../../services/adapters/postgres/pool.ts";
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { appendTo, failureOf, makeOperation } from "./operations.ts";
import { queryOnce, TestServer } from "./server.ts";

const TIMEOUT_MS = 1_000;
const NONE = { name: "StoreUnavailableError", outcome: "none" };
const UNKNOWN = { name: "StoreUnavailableError", outcome: "unknown" };

let server: TestServer;
let url: string;
let store: RegionStore;

beforeAll(async () => {
  server = await TestServer.start();
}, 60_000);
afterAll(() => server.stop());

beforeEach(async () => {
  url = await server.createDatabase();
  store = openPostgresStore({ url, region: "eu", timeoutMs: TIMEOUT_MS, connectionsMax: 3 });
  await appendTo(store, [makeOperation("first")]);
});
afterEach(() => store.close());

/** Holds the lock that every append needs. */
async function holdHead(): Promise<{ release: () => Promise<void> }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("begin; select * from wal_heads for update");
  return {
    release: async () => {
      await client.query("commit");
      await client.end();
    },
  };
}

async function waitingBackend(): Promise<number> {
  const text = `select pid from pg_stat_activity where application_name like 'forebay eu%' and state = 'active'
                and datname = current_database()`;
  await expect.poll(() => queryOnce<{ pid: number }>(url, text)).not.toHaveLength(0);
  return (await queryOnce<{ pid: number }>(url, text))[0]!.pid;
}

async function timed(promise: Promise<unknown>): Promise<{ error: unknown; tookMs: number }> {
  const startedAtMs = performance.now();
  const error = await failureOf(promise);
  return { error, tookMs: performance.now() - startedAtMs };
}

it("an append that the server gives up at its deadline has certainly not happened", async () => {
  const head = await holdHead();
  const operation = makeOperation("late");
  const { error, tookMs } = await timed(appendTo(store, [operation]));
  expect(error).toMatchObject(NONE);
  expect(tookMs).toBeLessThan(TIMEOUT_MS * 2);
  await head.release();
  expect(await store.readOperation(operation.id)).toBeUndefined();
  expect((await appendTo(store, [operation]))[0]).toMatchObject({ status: "accepted", sequence: 2 });
});

it("an append whose session is ended is unknown", async () => {
  const head = await holdHead();
  const failing = failureOf(appendTo(store, [makeOperation("cut")]));
  await queryOnce(url, "select pg_terminate_backend($1)", [await waitingBackend()]);
  expect(await failing).toMatchObject(UNKNOWN);
  await head.release();
});

it("a read whose session is ended had no effect", async () => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("begin; lock table applied in access exclusive mode");
  const failing = failureOf(store.readPositions(0));
  await queryOnce(url, "select pg_terminate_backend($1)", [await waitingBackend()]);
  expect(await failing).toMatchObject(NONE);
  await client.query("commit");
  await client.end();
  expect((await store.readPositions(0)).position).toBe(0);
});

it("an append to a server that is frozen is given up, is unknown, and can be tried again", async () => {
  const head = await holdHead();
  const operation = makeOperation("frozen");
  const failing = timed(appendTo(store, [operation]));
  const pid = await waitingBackend();
  process.kill(pid, "SIGSTOP");
  try {
    await head.release();
    const { error, tookMs } = await failing;
    expect(error).toMatchObject(UNKNOWN);
    expect(tookMs).toBeLessThan(TIMEOUT_MS * 3);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await expect.poll(() => failureless(appendTo(store, [operation])), { timeout: 10_000 }).toBe(true);
  expect((await store.walHead(0)).sequence).toBe(2);
});

async function failureless(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  );
}

it("a statement that gets no connection in time was not sent", async () => {
  const head = await holdHead();
  const failures = await Promise.all(
    Array.from({ length: 8 }, () => timed(appendTo(store, [makeOperation("queued")]))),
  );
  for (const { error, tookMs } of failures) {
    expect(error).toMatchObject(NONE);
    expect(tookMs).toBeLessThan(TIMEOUT_MS * 3);
  }
  await head.release();
  await appendTo(store, [makeOperation("after")]);
  expect((await store.walHead(0)).sequence).toBe(2);
});

it("wrong credentials and a missing database are told as unavailable, not as a bug", async () => {
  for (const change of [
    (wrong: URL) => (wrong.password = "wrong"),
    (wrong: URL) => (wrong.pathname = "/none"),
  ]) {
    const wrong = new URL(url);
    change(wrong);
    const other = openPostgresStore({ url: wrong.href, region: "eu", timeoutMs: TIMEOUT_MS });
    expect(await failureOf(appendTo(other, [makeOperation("a")]))).toMatchObject(NONE);
    await other.close();
  }
});

it("data that breaks a rule is a bug, never a failure of the database", async () => {
  const operation = makeOperation("a");
  const bugs = [
    appendTo(store, [{ ...operation, id: "no-uuid" }]),
    appendTo(store, [{ ...operation, key: "nul \u0000" }]),
    appendTo(store, [{ ...operation, requestHash: "no hash" }]),
    appendTo(store, [{ ...operation, body: '"nul \u0000"' }]),
    appendTo(store, [operation, operation]),
    store.readRecord({ partition: 0, tenant: "a", collection: "b", key: "nul \u0000" }),
  ];
  for (const error of await Promise.all(bugs.map(failureOf))) {
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toMatchObject({ name: "StoreUnavailableError" });
  }
  expect((await store.walHead(0)).sequence).toBe(1);
});

it("a WAL that is shorter than what was folded of it stops appends", async () => {
  await queryOnce(
    url,
    `insert into origins (partition, region, watermark, epoch, hlc, chain) values (0, 'eu', 5, 1, 1, '')`,
  );
  const error = await failureOf(appendTo(store, [makeOperation("a")]));
  expect(error).toMatchObject({ name: "WalRefusedError", refusal: "lost" });
  const nowMs = 1_700_000_000_000;
  expect(await failureOf(store.stampTick({ partition: 0, nowMs }))).toMatchObject({ refusal: "lost" });
});

it("a database that was not migrated is a bug of whoever opened it", async () => {
  const other = openPostgresStore({ url: await server.createEmptyDatabase(), region: "eu" });
  const error = await failureOf(other.walHead(0));
  expect(error).not.toMatchObject({ name: "StoreUnavailableError" });
  expect((error as Error).message).toContain("wal_heads");
  await other.close();
});

it("sessions are durable and read committed, whatever the database's defaults and the URL say", async () => {
  await queryOnce(url, "alter database " + new URL(url).pathname.slice(1) + " set synchronous_commit = off");
  const withOptions = new URL(url);
  withOptions.searchParams.set("options", "-c synchronous_commit=off -c work_mem=7MB");
  await queryOnce(
    url,
    "alter database " + new URL(url).pathname.slice(1) + " set default_transaction_isolation = serializable",
  );
  const database = new Database({
    url: withOptions.href,
    connectionsMax: 1,
    timeoutMs: TIMEOUT_MS,
    applicationName: "test",
  });
  const show = (name: string) =>
    database.queryOne<Record<string, string>>({ name, text: `show ${name}`, effect: "reading" }, []);
  expect(await show("synchronous_commit")).toEqual({ synchronous_commit: "on" });
  expect(await show("transaction_isolation")).toEqual({ transaction_isolation: "read committed" });
  expect(await show("work_mem")).toEqual({ work_mem: "7MB" });
  await database.close();
});

it("a store that is closed answers with unavailable, and can be closed again", async () => {
  const other = openPostgresStore({ url, region: "eu" });
  await other.walHead(0);
  await other.close();
  await other.close();
  expect(await failureOf(other.readOperation(randomUUID()))).toMatchObject(NONE);
});

it("a look that may number a whole WAL anew is not given up at the deadline of others", async () => {
  const head = await holdHead();
  const looking = store.checkWal(0);
  // Both wait for the same lock.
  await expect(appendTo(store, [makeOperation("late")])).rejects.toMatchObject(NONE);
  await head.release();
  await expect(looking).resolves.toBeUndefined();
});
