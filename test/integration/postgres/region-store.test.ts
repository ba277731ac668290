/** The region store's contract, kept by PostgreSQL. */
import { afterAll, beforeAll } from "vitest";
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import { regionStoreContract } from "../../contract/region-store.ts";
import { editRow } from "./edit-row.ts";
import { TestServer } from "./server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
}, 60_000);

afterAll(async () => {
  await server.stop();
});

regionStoreContract("PostgreSQL", async ({ region }) => {
  const url = await server.createDatabase();
  const stores = [openPostgresStore({ url, region })];
  return {
    store: stores[0]!,
    reopen: () => {
      const store = openPostgresStore({ url, region });
      stores.push(store);
      return Promise.resolve(store);
    },
    edit: (partition, id, record) => editRow(url, { partition, id }, record),
    close: async () => {
      await Promise.all(stores.map((store) => store.close()));
    },
  };
});
