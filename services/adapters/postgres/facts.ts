/** What a region's database says of itself, over a connection of its own: the pool's may be what is wrong. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { DatabaseFacts } from "../../core/doctor/judge-database.ts";
import { connectionOf } from "./address.ts";
import { migrationsFolder } from "./migrate.ts";
import { Sockets } from "./sockets.ts";
import { toNumber } from "./values.ts";

const END_TIMEOUT_MS = 500;

const FACTS = `
  select current_setting('server_version') as version,
         floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now_ms,
         current_setting('transaction_read_only')::boolean as is_read_only,
         (select r.rolsuper from pg_roles r where r.rolname = current_user) as is_superuser,
         has_schema_privilege(current_user, 'public', 'create') as may_create,
         current_setting('fsync')::boolean as fsync,
         current_setting('full_page_writes')::boolean as full_page_writes,
         current_setting('max_connections')::integer as connections_max,
         (select count(*)::integer from pg_stat_activity a where a.backend_type = 'client backend') as connections,
         pg_database_size(current_database())::bigint as size_bytes`;
const MIGRATIONS = "select created_at from drizzle.__drizzle_migrations order by created_at";

interface FactsRow {
  readonly version: string;
  readonly now_ms: string;
  readonly is_read_only: boolean;
  readonly is_superuser: boolean;
  readonly may_create: boolean;
  readonly fsync: boolean;
  readonly full_page_writes: boolean;
  readonly connections_max: number;
  readonly connections: number;
  readonly size_bytes: string;
}

export async function readDatabaseFacts(options: { url: string; timeoutMs: number }): Promise<DatabaseFacts> {
  const { url, timeoutMs } = options;
  const sockets = new Sockets();
  const client = new pg.Client({
    ...connectionOf(url),
    application_name: "forebay doctor",
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    stream: () => sockets.make(),
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<FactsRow>(FACTS);
    const migrations = await client.query<{ created_at: string }>(MIGRATIONS);
    return toFacts(
      rows[0]!,
      migrations.rows.map((row) => Number(row.created_at)),
    );
  } finally {
    await Promise.race([client.end().catch(() => undefined), sleep(END_TIMEOUT_MS)]);
    sockets.cut();
  }
}

function toFacts(row: FactsRow, migrations: readonly number[]): DatabaseFacts {
  return {
    version: row.version,
    nowMs: toNumber(row.now_ms),
    isReadOnly: row.is_read_only,
    isSuperuser: row.is_superuser,
    mayCreate: row.may_create,
    fsync: row.fsync,
    fullPageWrites: row.full_page_writes,
    connectionsMax: row.connections_max,
    connections: row.connections,
    sizeBytes: toNumber(row.size_bytes),
    migrations,
  };
}

/** Journal times of the migrations that this software has. */
export function knownMigrations(): number[] {
  const text = readFileSync(join(migrationsFolder(), "meta", "_journal.json"), "utf8");
  return (JSON.parse(text) as { entries: { when: number }[] }).entries.map(({ when }) => when);
}
