/** The way to a database takes everything and gives nothing back: calls end in time, later ones at once, and the same store recovers. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { appendTo, failureOf, makeOperation } from "./operations.ts";
import { TestServer } from "./server.ts";
import { SwallowingProxy } from "./swallowing-proxy.ts";

const TIMEOUT_MS = 500;
const CONNECTIONS_MAX = 3;
const NONE = { name: "StoreUnavailableError", outcome: "none" };
const UNKNOWN = { name: "StoreUnavailableError", outcome: "unknown" };
const REFUSED_AT_ONCE = { ...NONE, message: expect.stringContaining("has not answered for") as string };

let proxy: SwallowingProxy;
let store: RegionStore;
let news: (Error | undefined)[];

function open(url: string): RegionStore {
  news = [];
  const onAway = (reason: Error | undefined) => news.push(reason);
  return openPostgresStore({
    url,
    region: "eu",
    timeoutMs: TIMEOUT_MS,
    connectionsMax: CONNECTIONS_MAX,
    onAway,
  });
}

/** Every kind of call that the roles make, and more of them than there are connections. */
function everyCall(): Promise<unknown>[] {
  return [
    appendTo(store, [makeOperation("swallowed")]),
    store.readWal({ partition: 0, after: 0, rowsMax: 1, bytesMax: 1 }),
    store.walHead(0),
    store.stampTick({ partition: 0, nowMs: 1 }),
    store.loadPartition(0),
    store.readPositions(0),
    store.readCollections(0),
    store.readRecord({ partition: 0, tenant: "a", collection: "b", key: "c" }),
    store.listRecords({ tenant: "a", collection: "b", prefix: "", after: undefined, limit: 1 }),
    store.listConflicts({ tenant: "a", limit: 1 }),
    store.scanRecords(0).next(),
    store.acquireRole({ role: "relay", partition: 0, holder: "one", ttlMs: 1_000 }),
  ];
}

async function isAnswered(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  );
}

async function untilBack(): Promise<void> {
  await expect.poll(() => isAnswered(store.walHead(0)), { timeout: 10_000 }).toBe(true);
}

async function untilAway(): Promise<void> {
  await expect
    .poll(async () => (await failureOf(store.walHead(0))) as Error, { timeout: 10_000 })
    .toMatchObject(REFUSED_AT_ONCE);
}

describe("a server that takes connections and never speaks", () => {
  beforeEach(async () => {
    proxy = await SwallowingProxy.start();
    store = open(proxy.url);
  });
  afterEach(() => proxy.stop());

  it("lets every call fail, without effect, and nothing is left behind", async () => {
    for (const error of await Promise.all(everyCall().map(failureOf))) expect(error).toMatchObject(NONE);
    await store.close();
    await expect.poll(() => proxy.open).toBe(0);
  });

  it("is not asked by anybody but a probe once it has been silent for a while", async () => {
    await untilAway();
    const taken = proxy.taken;
    for (let round = 0; round < 20; round += 1) {
      for (const error of await Promise.all(everyCall().map(failureOf))) {
        expect(error).toMatchObject(REFUSED_AT_ONCE);
      }
    }
    expect(proxy.taken - taken).toBeLessThanOrEqual(1);
    await expect.poll(() => proxy.open).toBeLessThanOrEqual(1);
    await store.close();
    await expect.poll(() => proxy.open).toBe(0);
  });

  it("does not keep a store from closing while it is asked", async () => {
    const asked = Promise.all(everyCall().map(failureOf));
    await store.close();
    for (const error of await asked) expect(error).toMatchObject(NONE);
    await expect.poll(() => proxy.open).toBe(0);
  });
});

describe("a server that falls silent", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start();
  }, 60_000);
  afterAll(() => server.stop());
  beforeEach(async () => {
    proxy = await SwallowingProxy.start(await server.createDatabase());
    store = open(proxy.url);
    await appendTo(store, [makeOperation("first")]);
  });
  afterEach(async () => {
    await store.close();
    await proxy.stop();
  });

  it("leaves writes unknown and reads without effect, and is used again when it speaks", async () => {
    await Promise.all(everyCall());
    const operations = ["a", "b"].map((key) => makeOperation(key));
    proxy.isSwallowing = true;
    const writes = operations.map((operation) => failureOf(appendTo(store, [operation])));
    const read = failureOf(store.readPositions(0));
    for (const error of await Promise.all(writes)) expect(error).toMatchObject(UNKNOWN);
    expect(await read).toMatchObject(NONE);
    await untilAway();

    proxy.isSwallowing = false;
    await untilBack();
    for (const operation of operations) await appendTo(store, [operation]);
    const rows = await store.readWal({ partition: 0, after: 0, rowsMax: 100, bytesMax: 1e9 });
    expect(rows.map((row) => row.sequence)).toEqual(rows.map((_, index) => index + 1));
    for (const { id } of operations) expect(rows.filter((row) => row.id === id)).toHaveLength(1);
    // Whichever call was silent longest is the reason: a read, or one of the writes.
    expect(news).toEqual([expect.objectContaining({ name: "StoreUnavailableError" }), undefined]);
  });

  it("leaves no connection of before to be tried one by one", async () => {
    await Promise.all(Array.from({ length: CONNECTIONS_MAX }, () => store.walHead(0)));
    expect(proxy.open).toBe(CONNECTIONS_MAX);
    proxy.isSwallowing = true;
    await untilAway();
    await expect.poll(() => proxy.open).toBeLessThanOrEqual(1);
    proxy.isSwallowing = false;
    await untilBack();
  });
});
