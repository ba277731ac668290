/** Brings a region's database to the schema that this software needs. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { drizzle } from "drizzle-orm/node-postgres";
import { readMigrationFiles } from "drizzle-orm/migrator";
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
/** For a table that others use: whoever comes after us waits behind us. What is not had by then is tried again. */
const TABLE_LOCK_TIMEOUT_MS = 1_000;
const TRIES_MAX = 60;
const RETRY_MS = 1_000;
/** For one statement: a table may be long; a server that says nothing for so long is tried anew. */
const STATEMENT_TIMEOUT_MS = 1_800_000;
const END_TIMEOUT_MS = 1_000;

export function migrationsFolder(): string {
  return join(packageRoot(), "services", "adapters", "postgres", "migrations");
}

/** Newer software has migrated the database to what this one can't use; the message says what to run. */
export class NewerDatabaseError extends Error {
  override readonly name = "NewerDatabaseError";
}

export interface MigrateOptions {
  readonly url: string;
  /** Default 30 s. */
  readonly oldLockTimeoutMs?: number;
  /** Told when somebody keeps the lock of older software for so long: whoever may log in can. Migrating goes on. */
  readonly onOldLockHeld?: (() => void) | undefined;
}

/**
 * Applies the migrations that the database lacks. Several processes may call it at once, while others work with the database.
 * @throws {NewerDatabaseError} it was migrated by newer software, and this one is too old for what it is now.
 */
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
    await applyPatiently(client);
    await checkCompatible(client);
  } finally {
    // A peer that is gone never answers to the end.
    await Promise.race([client.end().catch(() => undefined), sleep(END_TIMEOUT_MS)]);
    sockets.cut();
  }
}

/** A table that is in use, as by a snapshot that lasts for minutes, must not keep all other writers waiting behind us. */
async function applyPatiently(client: pg.Client): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await apply(client);
    } catch (error) {
      await client.query("rollback");
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
      const isBusy = cause instanceof pg.DatabaseError && cause.code === LOCK_NOT_AVAILABLE;
      if (!isBusy || tries === TRIES_MAX) throw error;
      await sleep(RETRY_MS);
    }
  }
}

/**
 * drizzle takes no lock: two processes that start together would apply a migration twice. What it begins, it begins within
 * this transaction, and ends it: the lock is there until the migrations are.
 */
async function apply(client: pg.Client): Promise<void> {
  await client.query("begin");
  await client.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
  await client.query(`lock table ${LOCK_TABLE} in access exclusive mode`);
  await client.query(`set local lock_timeout = ${TABLE_LOCK_TIMEOUT_MS}`);
  await migrate(drizzle(client), { migrationsFolder: migrationsFolder() });
}

/** Whoever narrows what older software relies on says in the same migration how many it has to know. */
async function checkCompatible(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ least: number; applied: number }>(
    `select c.least_migrations as least, (select count(*)::integer from drizzle.__drizzle_migrations) as applied
     from compatibility c`,
  );
  const known = readMigrationFiles({ migrationsFolder: migrationsFolder() }).length;
  const { least, applied } = rows[0]!;
  if (known >= least) return;
  throw new NewerDatabaseError(
    `the database has ${applied} migrations and is for software that knows ${least} of them; this one knows ${known}: start ` +
      "the version that was here; going back takes a backup of before",
  );
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
