/** Judges a region's PostgreSQL. */
import { fail, formatBytes, isOlder, ok, warn, type Judgement } from "./check.ts";

const VERSION_LEAST = "15";

export interface DatabaseFacts {
  readonly version: string;
  readonly nowMs: number;
  readonly isReadOnly: boolean;
  readonly isSuperuser: boolean;
  /** May make and change what migrations do. */
  readonly mayCreate: boolean;
  readonly fsync: boolean;
  readonly fullPageWrites: boolean;
  readonly connectionsMax: number;
  readonly connections: number;
  readonly sizeBytes: number;
  /** Journal times of the migrations that were applied, rising. */
  readonly migrations: readonly number[];
}

export function judgeDatabaseVersion({ version }: DatabaseFacts): Judgement {
  if (!isOlder(version, VERSION_LEAST)) return ok(`PostgreSQL ${version}`);
  return fail(`PostgreSQL ${version}`, `upgrade to ${VERSION_LEAST} or later`);
}

export function judgeDurability({ isReadOnly, fsync, fullPageWrites }: DatabaseFacts): Judgement {
  if (isReadOnly) return fail("the database takes no writes", "point FOREBAY_POSTGRES_URL at the primary");
  if (!fsync) return fail("fsync is off: a power loss loses acknowledged writes", "set fsync = on");
  if (!fullPageWrites)
    return warn("full_page_writes is off", "set it on, unless the file system never tears a page");
  return ok("commits reach the disk");
}

export function judgeRole({ isSuperuser, mayCreate }: DatabaseFacts): Judgement {
  if (!mayCreate)
    return fail(
      "the role may not create tables in schema public",
      "grant create on schema public to it: migrations need that",
    );
  if (isSuperuser)
    return warn("the role is a superuser", "give the region a role of its own that owns its database alone");
  return ok("a role that may do what it has to, and is no superuser");
}

/** @param wanted connections that this process opens at most. */
export function judgeConnections({ connectionsMax, connections }: DatabaseFacts, wanted: number): Judgement {
  const found = `${connections} of ${connectionsMax} in use; this process opens up to ${wanted}`;
  if (wanted >= connectionsMax)
    return fail(found, "raise max_connections, or lower FOREBAY_POSTGRES_CONNECTIONS_MAX");
  if (connections > connectionsMax * 0.9) return warn(found, "raise max_connections, or look who holds them");
  return ok(found);
}

export function judgeDatabaseSize({ sizeBytes }: DatabaseFacts): Judgement {
  return ok(`the database has ${formatBytes(sizeBytes)}; free space is not told by PostgreSQL`);
}

/** @param known journal times of the migrations of this software. */
export function judgeMigrations({ migrations }: DatabaseFacts, known: readonly number[]): Judgement {
  const missing = known.filter((one) => !migrations.includes(one));
  const foreign = migrations.filter((one) => !known.includes(one));
  if (missing.length > 0)
    return fail(
      `${missing.length} of ${known.length} migrations are missing`,
      "restart the region process: it applies them",
    );
  if (foreign.length > 0)
    return warn(
      `${foreign.length} migrations are of other software than this`,
      "a newer version has migrated the database: upgrade this process",
    );
  return ok(`all ${known.length} migrations are applied`);
}
