/** PostgreSQL ends and comes back while gateways append: nothing acknowledged is lost, and the same pool goes on. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import { StoreUnavailableError, type WalAppend } from "../../../services/ports/region-store.ts";
import { appendTo, failureOf, makeOperation } from "./operations.ts";
import { TestServer } from "./server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
}, 60_000);
afterAll(() => server.stop());

it.each(["fast", "immediate", "kill"] as const)(
  "no acknowledged operation is lost when the server ends: %s",
  async (mode) => {
    const url = await server.createDatabase();
    const store = openPostgresStore({ url, region: "eu", timeoutMs: 2_000 });
    const acknowledged: string[] = [];
    const doubtful: WalAppend[] = [];
    const certainlyNot: string[] = [];
    const over = new AbortController();
    const writer = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const operation = makeOperation("key");
        try {
          await appendTo(store, [operation]);
          acknowledged.push(operation.id);
        } catch (error) {
          if (!(error instanceof StoreUnavailableError)) throw error;
          if (error.outcome === "unknown") doubtful.push(operation);
          else certainlyNot.push(operation.id);
          await sleep(5);
        }
      }
    };
    const writers = Promise.all(Array.from({ length: 8 }, writer));
    await sleep(200);
    await (mode === "kill" ? server.server.kill() : server.server.stop(mode));
    await sleep(100);
    expect(await failureOf(appendTo(store, [makeOperation("away")]))).toMatchObject({
      name: "StoreUnavailableError",
      outcome: "none",
    });
    const before = acknowledged.length;
    await server.server.start();
    await expect.poll(() => acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(before + 50);
    over.abort();
    await writers;

    const rows = await store.readWal({ partition: 0, after: 0, rowsMax: 1_000_000, bytesMax: 1e12 });
    expect(rows.map((row) => row.sequence)).toEqual(rows.map((_, index) => index + 1));
    const stored = new Set(rows.map((row) => row.id));
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
    expect(certainlyNot.filter((id) => stored.has(id))).toEqual([]);
    // Whatever became of them, a second try settles it.
    for (const operation of doubtful) {
      const [outcome] = await appendTo(store, [operation]);
      expect(outcome?.status).toBe(stored.has(operation.id) ? "replayed" : "accepted");
    }
    await store.close();
  },
  60_000,
);

it("a store can be opened and asked while its database is away, and works once it is there", async () => {
  const url = await server.createDatabase();
  await server.server.stop("fast");
  const store = openPostgresStore({ url, region: "eu", timeoutMs: 1_000 });
  const asked = [
    store.readPositions(0),
    store.walHead(0),
    store.stampTick({ partition: 0, nowMs: 1 }),
    store.acquireRole({ role: "relay", partition: 0, holder: "one", ttlMs: 1_000 }),
    store.scanRecords(0).next(),
  ];
  for (const error of await Promise.all(asked.map(failureOf))) {
    expect(error).toMatchObject({ name: "StoreUnavailableError", outcome: "none" });
  }
  await server.server.start();
  expect((await store.walHead(0)).sequence).toBe(0);
  await store.close();
}, 60_000);
