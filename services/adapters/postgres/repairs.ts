/** What repairs have changed in this region: written with the fold that made them, listed newest first along an index by time. */
import type { FoldResult } from "../../core/fold/fold.ts";
import { recordIdText, toRecordId, type RecordId } from "../../core/operation.ts";
import type { StoredRecord } from "../../core/record.ts";
import type { RepairQuery, StateReader, StoredRepair } from "../../ports/region-store.ts";
import type { Database, Statement } from "./pool.ts";
import { countArray, textArray, toNumber, uuidArray } from "./values.ts";

export const RECORD_REPAIRS_PARAMETERS = 8;

/** SQL that keeps what a fold has repaired, of the parameters from a number on: those of `repairValues`. */
export function recordRepairsSql(first: number): string {
  const parameters = Array.from({ length: RECORD_REPAIRS_PARAMETERS }, (_, index) => `$${first + index}`);
  return `forebay_record_repairs($1, ${parameters.join(", ")})`;
}

export function repairValues(repairs: FoldResult["repairs"]): Buffer[] {
  return [
    countArray(repairs.map(({ position }) => position)),
    countArray(repairs.map(({ ordinal }) => ordinal)),
    countArray(repairs.map(({ logTimeMs }) => logTimeMs)),
    uuidArray(repairs.map(({ repair }) => repair)),
    textArray(repairs.map(recordIdText)),
    textArray(repairs.map(({ reason }) => reason)),
    textArray(repairs.map(({ before }) => rowText(before))),
    textArray(repairs.map(({ after }) => rowText(after))),
  ];
}

function rowText(row: StoredRecord | null): string | undefined {
  if (row === null) return undefined;
  const { tenant: _, collection: __, key: ___, ...content } = row;
  return JSON.stringify(content);
}

const LIST: Statement = {
  name: "list_repairs",
  text: `select r.partition, r.position, r.ordinal, r.log_time_ms, r.repair, r.record_id, r.reason, r.before, r.after
         from repairs r
         where (r.log_time_ms, r.partition, r.position, r.ordinal) < ($1::bigint, $2::integer, $3::bigint, $4::integer)
           and ($5::text is null or starts_with(r.record_id, $5))
           and ($6::text is null or r.record_id = $6)
           and ($7::uuid is null or r.repair = $7)
         order by r.log_time_ms desc, r.partition desc, r.position desc, r.ordinal desc
         limit $8::bigint`,
  effect: "reading",
};

const INTEGER_MAX = 2 ** 31 - 1;
/** After all that there can be. */
const END = {
  logTimeMs: Number.MAX_SAFE_INTEGER,
  partition: INTEGER_MAX,
  position: Number.MAX_SAFE_INTEGER,
  ordinal: INTEGER_MAX,
};

interface RepairRow {
  readonly partition: number;
  readonly position: string;
  readonly ordinal: number;
  readonly log_time_ms: string;
  readonly repair: string;
  readonly record_id: string;
  readonly reason: string;
  readonly before: string | null;
  readonly after: string | null;
}

export function openRepairs(database: Database): Pick<StateReader, "listRepairs"> {
  return { listRepairs: (options) => listRepairs(database, options) };
}

async function listRepairs(database: Database, query: RepairQuery): Promise<StoredRepair[]> {
  const { before = END, repair, limit } = query;
  if (limit <= 0) return [];
  const { prefix, record } = scopeOf(query);
  const place = [before.logTimeMs, before.partition, before.position, before.ordinal];
  const rows = await database.query<RepairRow>(LIST, [...place, prefix, record, repair ?? null, limit]);
  return rows.map(toRepair);
}

/** A tenant's records, and a collection's, have ids that begin alike. */
function scopeOf({ tenant, collection, key }: RepairQuery): { prefix: string | null; record: string | null } {
  if (tenant === undefined) return { prefix: null, record: null };
  if (collection === undefined) return { prefix: `${tenant}\n`, record: null };
  if (key === undefined) return { prefix: `${tenant}\n${collection}\n`, record: null };
  return { prefix: null, record: recordIdText({ tenant, collection, key }) };
}

function toRepair(row: RepairRow): StoredRepair {
  const { partition, ordinal, repair, reason } = row;
  const id = toRecordId(row.record_id);
  const place = {
    partition,
    position: toNumber(row.position),
    ordinal,
    logTimeMs: toNumber(row.log_time_ms),
  };
  return { ...id, ...place, repair, reason, before: toRow(id, row.before), after: toRow(id, row.after) };
}

function toRow(id: RecordId, text: string | null): StoredRecord | null {
  return text === null ? null : { ...id, ...(JSON.parse(text) as Omit<StoredRecord, keyof RecordId>) };
}
