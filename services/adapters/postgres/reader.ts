/** What a region's store shows of its records, collections and operations. Each read is one statement, and so one snapshot. */
import { recordIdText, toRecordId, type RecordId } from "../../core/operation.ts";
import type { Collection } from "../../core/schema.ts";
import type { RecordSnapshot } from "../../ports/record-snapshot.ts";
import type { FoldedOutcomes, StateReader, StoredOperation } from "../../ports/region-store.ts";
import { readEscrows } from "./escrows.ts";
import { listRecords } from "./listing.ts";
import { isOperationId } from "./operation-id.ts";
import { readPositions } from "./partition-state.ts";
import type { Database, Statement } from "./pool.ts";
import {
  IS_ALIVE,
  IS_FORGOTTEN,
  IS_WITHOUT_EFFECT,
  OUTCOME_JSON,
  pendingSql,
  toOutcome,
  toPending,
  toStoredRecord,
  type OutcomeJson,
  type PendingRow,
} from "./rows.ts";
import { scanRecords } from "./scan.ts";
import { textArray, toHlc, toNumber, uuidArray } from "./values.ts";

// The partition is no condition on the rows: the planner would look for it first, and at all that is pending in it.
// `offset 0` keeps each look-up one by one: joined as a whole, the planner would read tables from end to end.
const READ_RECORDS: Statement = {
  name: "read_records",
  text: `select coalesce(a.position, 0) as position,
                r.version, r.fields, r.tombstone, r.expires_at_ms, waiting.rows as pending, waiting.is_crowded
         from unnest($2::text[]) with ordinality u(record_id, ordinal)
         cross join (select least(coalesce(max(o.watermark), 0), (
               select h.orphans_after from wal_heads h where h.partition = $1)) as watermark from origins o
               where o.partition = $1 and o.region = $3) mark
         left join applied a on a.partition = $1
         left join lateral (
           select r.version, r.fields, r.tombstone, r.expires_at_ms from records r
           where r.record_id = u.record_id and ${IS_ALIVE} offset 0) r on true
         left join lateral (${pendingSql({
           record: "u.record_id",
           watermark: "mark.watermark",
           shown: `w.partition = $1 and ${IS_WITHOUT_EFFECT}`,
         })}) waiting on true
         order by u.ordinal`,
  effect: "reading",
};

const READ_COLLECTIONS: Statement = {
  name: "read_collections",
  text: "select tenant, name, version, schema from collections where partition = $1 order by tenant, name",
  effect: "reading",
};

// A row of the WAL that is folded, and has no operation that is known, is one of an operation that is forgotten.
const READ_OPERATION: Statement = {
  name: "read_operation",
  text: `select (select json_agg(json_build_object('tenant', forebay_tenant(w.record_id), 'partition', w.partition,
                                  'sequence', w.sequence, 'hlc', w.hlc::text,
                                  'request_hash', encode(w.request_hash, 'hex')) order by w.partition, w.sequence)
                 from wal w where w.id = $1 and (
                   w.sequence > coalesce((select m.watermark from origins m
                                          where m.partition = w.partition and m.region = $2), 0)
                   or w.sequence > (select h.orphans_after from wal_heads h where h.partition = w.partition)
                   or exists (select from operations o
                              where o.id = w.id and o.partition = w.partition and not ${IS_FORGOTTEN}))) as accepted,
                (select json_agg(${OUTCOME_JSON} order by o.partition)
                 from operations o where o.id = $1 and not ${IS_FORGOTTEN}) as folded,
                (select json_agg(c.field order by c.partition, c.position, c.ordinal)
                 from conflicts c where c.loser_operation = $1) as lost`,
  effect: "reading",
};

/** `conflicts.ts` and `repairs.ts` have the rest of the port. */
export function openReader(
  database: Database,
  region: string,
): Omit<StateReader, "listConflicts" | "readConflict" | "listRepairs"> {
  return {
    readRecord: async ({ partition, ...record }) => {
      const [snapshot] = await readRecords({ database, region, partition, records: [record] });
      return snapshot!;
    },
    readRecords: (options) => readRecords({ database, region, ...options }),
    listRecords: (options) => listRecords({ database, region, ...options }),
    readEscrows: (options) => readEscrows({ database, region, ...options }),
    readCollections: (partition) => database.query<Collection & object>(READ_COLLECTIONS, [partition]),
    readPositions: (partition) => readPositions(database, partition),
    readOperation: (id) => readOperation({ database, region, id }),
    readExpired: (options) => readExpired(database, options),
    readOutcomes: (options) => readOutcomes(database, options),
    scanRecords: (partition) => scanRecords(database, partition),
  };
}

interface RecordRow extends PendingRow {
  readonly position: string;
  readonly version: string | null;
  readonly fields: string | null;
  readonly tombstone: string | null;
  readonly expires_at_ms: string | null;
}

async function readRecords(
  options: { database: Database; region: string } & Parameters<StateReader["readRecords"]>[0],
): Promise<RecordSnapshot[]> {
  const { database, region, partition, records } = options;
  const ids = textArray(records.map(recordIdText));
  const rows = await database.query<RecordRow>(READ_RECORDS, [partition, ids, region]);
  return rows.map((row, index) => toSnapshot(records[index]!, row));
}

function toSnapshot({ tenant, collection, key }: RecordId, row: RecordRow): RecordSnapshot {
  const id = { tenant, collection, key };
  const { version, fields } = row;
  const committed = fields === null ? undefined : toStoredRecord(id, { ...row, fields, version: version! });
  return { committed, ...toPending(row, id), position: toNumber(row.position) };
}

interface AcceptedJson {
  readonly tenant: string;
  readonly partition: number;
  readonly sequence: number;
  readonly hlc: string;
  readonly request_hash: string;
}

interface OperationRow {
  readonly accepted: readonly AcceptedJson[] | null;
  readonly folded: readonly (OutcomeJson & { partition: number })[] | null;
  readonly lost: readonly string[] | null;
}

async function readOperation(options: {
  database: Database;
  region: string;
  id: string;
}): Promise<StoredOperation | undefined> {
  const { database, region, id } = options;
  // Ids come from URLs: what is no id names no operation, and PostgreSQL would call it an error.
  if (!isOperationId(id)) return undefined;
  const row = await database.queryOne<OperationRow>(READ_OPERATION, [id, region]);
  // A schema has an outcome in each partition: that of partition 0 decided.
  const outcome = row.folded?.[0];
  const place = outcome ?? row.accepted?.[0];
  if (place === undefined) return undefined;
  const { tenant, partition } = place;
  // The id may have come a second time, by another request: that one isn't what is asked for.
  const accepted = row.accepted?.find((one) => one.tenant === tenant && one.partition === partition);
  return {
    id,
    tenant,
    partition,
    ...(accepted && { accepted: toAccepted(accepted) }),
    ...(outcome && { outcome: toOutcome(outcome) }),
    lostFields: [...new Set(row.lost)],
  };
}

// What the log has not let go of yet is left out, so that it does not hide what it has.
const READ_EXPIRED: Statement = {
  name: "read_expired",
  text: `select r.record_id from records r, applied a
         where a.partition = $1 and r.partition = $1 and r.expires_at_ms < a.log_time_ms
           and (r.tombstone is null or r.version <= $2)
         order by r.expires_at_ms limit $3`,
  effect: "reading",
};

async function readExpired(
  database: Database,
  { partition, seenByAll, rowsMax }: Parameters<StateReader["readExpired"]>[0],
): Promise<RecordId[]> {
  const rows = await database.query<{ record_id: string }>(READ_EXPIRED, [partition, seenByAll, rowsMax]);
  return rows.map((row) => toRecordId(row.record_id));
}

const READ_OUTCOMES: Statement = {
  name: "read_outcomes",
  text: `select a.position, a.log_time_ms, a.forgotten_time_ms,
                (select json_agg(${OUTCOME_JSON}) from operations o
                 where o.id = any($2::uuid[]) and o.partition = $1 and o.position > a.forgotten_position) as outcomes
         from applied a where a.partition = $1`,
  effect: "reading",
};

interface OutcomesRow {
  readonly position: string;
  readonly log_time_ms: string;
  readonly forgotten_time_ms: string;
  readonly outcomes: readonly OutcomeJson[] | null;
}

async function readOutcomes(
  database: Database,
  { partition, ids }: Parameters<StateReader["readOutcomes"]>[0],
): Promise<FoldedOutcomes> {
  const [row] = await database.query<OutcomesRow>(READ_OUTCOMES, [partition, uuidArray(ids)]);
  if (row === undefined) return { position: 0, logTimeMs: 0, forgottenTimeMs: 0, outcomes: [] };
  return {
    position: toNumber(row.position),
    logTimeMs: toNumber(row.log_time_ms),
    forgottenTimeMs: toNumber(row.forgotten_time_ms),
    outcomes: (row.outcomes ?? []).map(toOutcome),
  };
}

function toAccepted({ sequence, hlc, request_hash }: AcceptedJson) {
  return { sequence, hlc: toHlc(hlc), requestHash: request_hash };
}
