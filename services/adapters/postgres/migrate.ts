/** Brings a region's database to the schema that this software needs. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import pg from "pg";
import { packageRoot } from "../../runtime/package-root.ts";
import { connectionOf } from "./address.ts";
import { Sockets } from "./sockets.ts";

/** Of older software: any number, the same for every process: "forebay" in hexadecimal. */
const OLD_LOCK = "0x666f7265626179";
/** Whoever may read with SQL could take that one, and keep it: so it is not waited for any longer than this. */
const OLD_LOCK_TIMEOUT_MS = 30_000;
/** Nobody but the region has a right to it. */
const LOCK_TABLE = "drizzle.forebay_migrating";
const LOCK_NOT_AVAILABLE = "55P03";
const CONNECT_TIMEOUT_MS = 10_000;
/** How long to wait for another process that is migrating. */
const LOCK_TIMEOUT_MS = 120_000;
/** For one statement: a table may be long; a server that says nothing for so long is tried anew. */
const STATEMENT_TIMEOUT_MS = 1_800_000;
const END_TIMEOUT_MS = 1_000;

export function migrationsFolder(): string {
  return join(packageRoot(), "services", "adapters", "postgres", "migrations");
}

export interface MigrateOptions {
  readonly url: string;
  /** Default 30 s. */
  readonly oldLockTimeoutMs?: number;
  /** Told when somebody keeps the lock of older software for so long: whoever may log in can. Migrating goes on. */
  readonly onOldLockHeld?: (() => void) | undefined;
}

/** Applies the migrations that the database lacks. Several processes may call it at once. */
export async function migrateDatabase(options: MigrateOptions): Promise<void> {
  const sockets = new Sockets();
  const client = new pg.Client({
    ...connectionOf(options.url),
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
    await client.query("set search_path = public");
    await takeOldLock(client, options);
    await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await makeLockTable(client);
    // drizzle takes no lock: two processes that start together would apply a migration twice. What it begins, it begins
    // within this transaction, and ends it: the lock is there until the migrations are.
    await client.query("begin");
    await client.query(`lock table ${LOCK_TABLE} in access exclusive mode`);
    await migrate(drizzle(client), { migrationsFolder: migrationsFolder() });
  } finally {
    // A peer that is gone never answers to the end.
    await Promise.race([client.end().catch(() => undefined), sleep(END_TIMEOUT_MS)]);
    sockets.cut();
  }
}

/** The session's end frees it. */
async function takeOldLock(client: pg.Client, options: MigrateOptions): Promise<void> {
  try {
    await client.query(`set lock_timeout = ${options.oldLockTimeoutMs ?? OLD_LOCK_TIMEOUT_MS}`);
    await client.query("select pg_advisory_lock($1)", [BigInt(OLD_LOCK).toString()]);
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== LOCK_NOT_AVAILABLE) throw error;
    options.onOldLockHeld?.();
  }
}

async function makeLockTable(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ is_made: boolean }>("select to_regclass($1) is not null as is_made", [
    LOCK_TABLE,
  ]);
  // Two that make it at once, which the old lock keeps apart as a rule: one of them fails, and is tried anew.
  if (rows[0]!.is_made) return;
  await client.query("create schema if not exists drizzle");
  await client.query(`create table if not exists ${LOCK_TABLE} ()`);
}
