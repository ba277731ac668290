/** Rows as statements give them, and what they are in the port's terms. */
import type { OperationOutcome } from "../../core/fold/state.ts";
import type { RecordId } from "../../core/operation.ts";
import type { Fields, StoredRecord, Tombstone } from "../../core/record.ts";
import { PENDING_BYTES_MAX, PENDING_ROWS_MAX, type RecordSnapshot } from "../../ports/record-snapshot.ts";
import { toHlc } from "./values.ts";

type OutcomeDetail = Pick<OperationOutcome, "rejection" | "results">;

/** Of `records`, whose column is text. */
export function toFields(text: string): Fields {
  return JSON.parse(text) as Fields;
}

/** Columns that say whether a record is deleted, and when it expires. */
export interface LifetimeRow {
  readonly tombstone: string | null;
  readonly expires_at_ms: string | number | null;
}

export function toLifetime({
  tombstone,
  expires_at_ms,
}: LifetimeRow): Pick<StoredRecord, "tombstone" | "expiresAtMs"> {
  return {
    ...(tombstone !== null && { tombstone: JSON.parse(tombstone) as Tombstone }),
    ...(expires_at_ms !== null && { expiresAtMs: Number(expires_at_ms) }),
  };
}

/** A record as it is stored. */
export function toStoredRecord(
  id: RecordId,
  row: LifetimeRow & { readonly version: string | number; readonly fields: string },
): StoredRecord {
  const { tenant, collection, key } = id;
  const fields = toFields(row.fields);
  return { tenant, collection, key, fields, version: Number(row.version), ...toLifetime(row) };
}

/** SQL: the record's row `r` has not expired by the log time of the row `a` of `applied`. A deleted one never has. */
export const IS_ALIVE =
  "(r.tombstone is not null or r.expires_at_ms is null or r.expires_at_ms >= a.log_time_ms)";

/** An outcome as SQL's `json_build_object` writes it, with the stamp as text. */
export interface OutcomeJson {
  readonly id: string;
  readonly tenant: string;
  readonly position: number;
  readonly request_hash: string;
  readonly origin: string;
  readonly hlc: string;
  readonly status: OperationOutcome["status"];
  readonly detail: string | null;
}

/** SQL for `OutcomeJson` of the row `o` of `operations`. */
export const OUTCOME_JSON = `json_build_object('id', o.id, 'tenant', o.tenant, 'partition', o.partition,
    'position', o.position, 'request_hash', encode(o.request_hash, 'hex'),
    'origin', o.origin, 'hlc', o.hlc::text, 'status', o.status, 'detail', o.detail)`;

/** SQL: the log has let go of the row `o` of `operations`, which then counts for nothing. */
export const IS_FORGOTTEN =
  "o.position <= (select f.forgotten_position from applied f where f.partition = o.partition)";

/** What an outcome says besides its status; undefined where that is all. */
export function outcomeDetail({ rejection, results }: OperationOutcome): string | undefined {
  return rejection === undefined && results === undefined
    ? undefined
    : JSON.stringify({ rejection, results });
}

export function toOutcome(row: OutcomeJson): OperationOutcome {
  const { id, tenant, position, origin, status, detail } = row;
  const outcome = {
    id,
    tenant,
    position,
    requestHash: row.request_hash,
    origin,
    hlc: toHlc(row.hlc),
    status,
  };
  return detail === null ? outcome : { ...outcome, ...(JSON.parse(detail) as OutcomeDetail) };
}

/** Pending operations of one record: sequence, hlc, seen, id, request hash, body. */
export type PendingJson = readonly [number, string, number, string, string, string];

/** SQL for `PendingJson` of the WAL's row `w`. */
export const PENDING_JSON =
  "json_build_array(w.sequence, w.hlc::text, w.seen, w.id, encode(w.request_hash, 'hex'), w.body)";

/**
 * SQL: the WAL's row `w` has not taken effect. It may have although it is pending, when a retry came through another
 * region; the log will pass it over, and a view that added it would count it twice.
 */
export const IS_WITHOUT_EFFECT = `not exists (select from operations o where o.id = w.id and o.partition = w.partition and not ${IS_FORGOTTEN})`;

/**
 * SQL: `rows` (of `PendingJson`) and `is_crowded` of one record's pending rows `w`, of which no more are read than a snapshot has.
 *
 * Record and sequence are compared together: by the sequence alone the planner may take the partition's index, and go through
 * all that is pending in it (PostgreSQL 18 skips from partition to partition there).
 * @param record its id. @param watermark only rows after it; none where it is null. @param shown which of those rows count.
 */
export function pendingSql({ record, watermark, shown = IS_WITHOUT_EFFECT }: PendingQuery): string {
  return `with part as materialized (
            select w.* from wal w where w.record_id = ${record} and (w.record_id, w.sequence) > (${record}, ${watermark})
            order by w.sequence limit ${PENDING_ROWS_MAX + 1})
          select json_agg(${PENDING_JSON} order by w.sequence) filter (where not crowd.is_crowded and ${shown}) as rows,
                 bool_or(crowd.is_crowded) as is_crowded
          from part w, (select count(*) > ${PENDING_ROWS_MAX} or sum(octet_length(p.body)) > ${PENDING_BYTES_MAX} as is_crowded from part p) crowd`;
}

interface PendingQuery {
  readonly record: string;
  readonly watermark: string;
  readonly shown?: string;
}

/** Columns of `pendingSql`. */
export interface PendingRow {
  readonly pending: readonly PendingJson[] | null;
  readonly is_crowded: boolean | null;
}

export function toPending(
  { pending, is_crowded }: PendingRow,
  { tenant, collection, key }: RecordId,
): Pick<RecordSnapshot, "pending" | "isCrowded"> {
  if (is_crowded === true) return { pending: [], isCrowded: true };
  const toRow = ([sequence, hlc, seen, id, requestHash, body]: PendingJson) => ({
    id,
    tenant,
    collection,
    key,
    requestHash,
    body,
    sequence,
    hlc: toHlc(hlc),
    seen,
  });
  return { pending: (pending ?? []).map(toRow) };
}
