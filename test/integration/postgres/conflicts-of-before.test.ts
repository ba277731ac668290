/** Conflicts that were recorded without the loser's operator: the migration adds it where the loss tells. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { migrationsFolder } from "../../../services/adapters/postgres/migrate.ts";
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import { queryOnce, TestServer } from "./server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
}, 60_000);
afterAll(() => server.stop());

const BACKFILL = readFileSync(join(migrationsFolder(), "0003_conflict_log.sql"), "utf8")
  .split("--> statement-breakpoint")
  .at(-1)!;

/** Reason, entry, value and, of newer ones, operator; and the operator that is to be there. */
const CASES = [
  ["concurrent", null, "old", undefined, "set"],
  ["older", null, null, undefined, "unset"],
  ["concurrent", "sms", { deep: null }, undefined, "put"],
  ["concurrent", "sms", null, undefined, "drop"],
  ["full", "sms", 1, undefined, "put"],
  ["full", null, "x", undefined, "add"],
  ["overflow", null, 5, undefined, "inc"],
  ["kind", null, 5, undefined, undefined],
  ["deleted", null, [5], undefined, undefined],
  ["older", null, null, "set", "set"],
] as const;

it("get the operator that their reason and their value tell of, and none where they don't", async () => {
  const url = await server.createDatabase();
  for (const [index, [reason, entry, value, operator]] of CASES.entries()) {
    const loser = { origin: "eu", hlc: "0000000000000001", value, operator };
    await queryOnce(
      url,
      `insert into conflicts (position, log_time_ms, partition, ordinal, tenant, collection, key, field, entry, reason, loser, winner)
       values (1, 1, 0, $1, 'acme', 'users', 'a', 'it', $2, $3, $4, '{}')`,
      [index, entry, reason, JSON.stringify(loser)],
    );
  }
  await queryOnce(url, BACKFILL);
  const store = openPostgresStore({ url, region: "eu" });
  const conflicts = await store.listConflicts({ tenant: "acme", limit: 100 });
  await store.close();
  expect(conflicts.toReversed().map(({ loser }) => [loser.value, loser.operator])).toEqual(
    CASES.map(([, , value, , operator]) => [value, operator]),
  );
});
