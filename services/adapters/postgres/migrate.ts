/** Brings a region's database to the schema that this software needs. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import pg from "pg";
import { packageRoot } from "../../runtime/package-root.ts";
import { Sockets } from "./sockets.ts";

/** Any number, the same for every process: "forebay" in hexadecimal. */
const MIGRATION_LOCK = "0x666f7265626179";
const CONNECT_TIMEOUT_MS = 10_000;
/** How long to wait for another process that is migrating. */
const LOCK_TIMEOUT_MS = 120_000;
/** For one statement: a table may be long; a server that says nothing for so long is tried anew. */
const STATEMENT_TIMEOUT_MS = 1_800_000;
const END_TIMEOUT_MS = 1_000;

export function migrationsFolder(): string {
  return join(packageRoot(), "services", "adapters", "postgres", "migrations");
}

/** Applies the migrations that the database lacks. Several processes may call it at once. */
export async function migrateDatabase(options: { url: string }): Promise<void> {
  const sockets = new Sockets();
  const client = new pg.Client({
    connectionString: options.url,
    application_name: "forebay migrate",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS,
    stream: () => sockets.make(),
    keepAlive: true,
  });
  // A connection that breaks fails the statement that is under way; without a listener it would end the process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    // drizzle takes no lock: two processes that start together would apply a migration twice. The session's end frees it.
    await client.query("set search_path = public");
    await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await client.query("select pg_advisory_lock($1)", [BigInt(MIGRATION_LOCK).toString()]);
    await migrate(drizzle(client), { migrationsFolder: migrationsFolder() });
  } finally {
    // A peer that is gone never answers to the end.
    await Promise.race([client.end().catch(() => undefined), sleep(END_TIMEOUT_MS)]);
    sockets.cut();
  }
}
