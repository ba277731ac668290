/** What a tick has promised holds from the tick on, and not from the first of the ticks that said so. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { REGION } from "../../contract/region-store/operations.ts";
import { queryOnce, TestServer } from "./server.ts";

let server: TestServer;
let url: string;
let store: RegionStore;

beforeAll(async () => {
  server = await TestServer.start();
  url = await server.createDatabase();
  store = openPostgresStore({ url, region: REGION });
}, 60_000);

afterAll(async () => {
  await store.close();
  await server.stop();
});

it.each([0, 8, 14, 16])("for fifteen seconds at least, of one that had %d s left", async (seconds) => {
  await store.promiseReads({ partition: 0, reads: 90 });
  await queryOnce(
    url,
    `update entry_versions set promised_until = clock_timestamp() + interval '${seconds} seconds'`,
  );
  await store.promiseReads({ partition: 0, reads: 90 });
  const [left] = await queryOnce<{ seconds: number }>(
    url,
    "select extract(epoch from promised_until - clock_timestamp())::float8 as seconds from entry_versions",
  );
  expect(left!.seconds).toBeGreaterThan(14.5);
});
