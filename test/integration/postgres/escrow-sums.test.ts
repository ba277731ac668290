/** The sums of what rows of the WAL have taken: they lead over what is pending, and begin anew where nothing is. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { REGION } from "../../contract/region-store/operations.ts";
import { hold, move, openFlights, take, tell } from "../../contract/region-store/rights.ts";
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

async function takenRows(): Promise<unknown[]> {
  const rows = await queryOnce<{ taken: unknown }>(url, "select taken from wal order by sequence");
  return rows.map(({ taken }) => taken);
}

it("are of pending rows only, so that no life of takes is too long for a number", async () => {
  const log = await openFlights(store);
  await hold(log, { eu: 9, us: 1 });
  await tell(store, [take("a", { seats: 2 }), move("a", "seats", { to: "us", amount: 3 })]);
  await tell(store, [take("a", { seats: 1 })]);
  await log.foldWal();
  await tell(store, [take("a", { seats: 1 })]);
  expect(await takenRows()).toEqual([
    { seats: [2, 2, 2, 2] },
    { seats: [3, 0, 5, 2] },
    { seats: [1, 1, 6, 3] },
    { seats: [1, 1, 1, 1] },
  ]);
});
