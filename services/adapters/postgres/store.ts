/** A region's store on PostgreSQL, version 15 or later: the parts of the port put together over one pool. */
import type { RegionStore } from "../../ports/region-store.ts";
import { ENTRY_VERSION } from "../../protocol/entry-codec.ts";
import { openAuditTrail } from "./audit.ts";
import { openBootstraps } from "./bootstraps.ts";
import { openChanges } from "./changes.ts";
import { openCommittedState } from "./committed.ts";
import { openConflicts } from "./conflicts.ts";
import { openEntryVersions } from "./entry-versions.ts";
import { openOrders } from "./orders.ts";
import { openOwnWal } from "./own-wal.ts";
import { Database } from "./pool.ts";
import { openIndexFollower } from "./sql/field-indexes.ts";
import { listByField } from "./sql/field-listing.ts";
import { openViewFollower } from "./sql/views.ts";
import { openReader } from "./reader.ts";
import { openRepairs } from "./repairs.ts";
import { openSnapshots } from "./snapshot.ts";
import { openRoles } from "./roles.ts";
import { openTrimming } from "./trim.ts";
import { openVerifications } from "./verifications.ts";
import { openWal } from "./wal.ts";

export interface PostgresStoreOptions {
  /** Of a database that `migrateDatabase` has made ready. */
  readonly url: string;
  /** Whose store this is: its own origin's watermark tells which rows of its WAL are pending. */
  readonly region: string;
  /** Default 10. */
  readonly connectionsMax?: number;
  /** How long to wait for a connection, how long for an answer, and when a silent database counts as away. Default 5 s. */
  readonly timeoutMs?: number;
  /** Told of each connection that breaks while nothing is asked of it. */
  readonly onIdleError?: (error: Error) => void;
  /** Told when the database counts as away, with the last failure, and when it answers again (undefined). */
  readonly onAway?: (reason: Error | undefined) => void;
}

export type PostgresRegionStore = RegionStore;

const CONNECTIONS_MAX = 10;
const TIMEOUT_MS = 5_000;

/** Opens no connection yet: a store can be opened while its database is away. */
export function openPostgresStore(options: PostgresStoreOptions): PostgresRegionStore {
  const database = new Database({
    url: options.url,
    connectionsMax: options.connectionsMax ?? CONNECTIONS_MAX,
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    applicationName: sessionName(options.region),
    onIdleError: options.onIdleError,
    onAway: options.onAway,
  });
  return storeOn(database, options.region);
}

/** Software of before 0.2 is told by the lack of what follows the region (`forebay_region_reads`). */
function sessionName(region: string): string {
  return `forebay ${region} reads ${ENTRY_VERSION}`;
}

/** The store over connections that are set up already. */
export function storeOn(database: Database, region: string): PostgresRegionStore {
  return {
    ...openWal(database, region),
    ...openOwnWal(database, region),
    ...openCommittedState(database, region),
    ...openReader(database, region),
    ...openChanges(database, region),
    ...openConflicts(database),
    ...openRepairs(database),
    ...openSnapshots(database),
    ...openBootstraps(database),
    ...openVerifications(database),
    ...openAuditTrail(database, region),
    ...openTrimming(database, region),
    ...openRoles(database),
    ...openEntryVersions(database, region),
    ...openOrders(database),
    followViews: openViewFollower(database),
    followIndexes: openIndexFollower(database),
    listByField: (query) => listByField({ database, region, ...query }),
    close: () => database.close(),
  };
}
