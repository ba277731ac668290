/**
 * Lists records by the index of a field, in one statement and so in one snapshot.
 *
 * Committed records come in the order of their keys. Those with pending writes that name the field may be elsewhere by
 * now: they are left out of that, and all of them given apart. So it costs the page, and what is pending in the region.
 */
import { recordIdText, toRecordId } from "../../../core/operation.ts";
import type { ListedRecord } from "../../../ports/record-snapshot.ts";
import type { FieldPage, FieldPlace, FieldQuery } from "../../../ports/sql-access.ts";
import { afterPrefix } from "../key-range.ts";
import type { Database, Statement } from "../pool.ts";
import { IS_ALIVE, pendingSql, toPending, toStoredRecord, type PendingRow } from "../rows.ts";
import { toNumber } from "../values.ts";

/** The rows of each partition's WAL that are looked at, for each record that may be found: writes of other collections count. */
const PENDING_ROWS_PER_RECORD = 10;

// `offset 0` keeps it a look at one record: hashed as a whole, the planner would read all that there are.
const alive = (id: string) => `exists (select from records r, applied a
    where r.record_id = ${id} and a.partition = r.partition and r.tombstone is null and ${IS_ALIVE} offset 0)`;

/**
 * $1 region, $2–$5 tenant, collection, field, signature; $6, $7 the collection's records; $8, $9 where to begin; $10 where
 * to end; $11 limit; $12 is with pending; $13 has default; $14 how a change of the field begins; $15, $16 bounds of what is
 * pending: records, rows of a partition.
 */
function listingOf(direction: "rising" | "falling"): Statement {
  const begins = direction === "rising" ? ">" : "<";
  const ends = direction === "rising" ? "k.key < $10::text" : "k.key >= $10::text";
  const order = direction === "rising" ? "k.key, k.record_id" : "k.key desc, k.record_id desc";
  return {
    name: `list_by_field_${direction}`,
    text: `with head as materialized (
      select i.id from field_indexes i
      where i.tenant = $2 and i.collection = $3 and i.field = $4 and i.signature = $5 and i.is_ready),
    mark as materialized (
      select h.partition, least(coalesce(
        (select o.watermark from origins o where o.partition = h.partition and o.region = $1), 0), h.orphans_after) as watermark
      from wal_heads h where $12::boolean),
    waiting as materialized (
      select w.partition, w.record_id, w.body from head cross join mark cross join lateral (
        select w.partition, w.record_id, w.body from wal w
        where w.partition = mark.partition and w.sequence > mark.watermark order by w.sequence limit $16::bigint + 1) w),
    moving as materialized (
      select distinct w.record_id from waiting w
      where w.record_id >= $6::text and w.record_id < $7::text
        and (strpos(w.body, $14) > 0 or ($13::boolean and not ${alive("w.record_id")}))
      limit $15::bigint + 1),
    crowd as materialized (
      select (select count(*) from moving) > $15::bigint
        or exists (select from waiting w group by w.partition having count(*) > $16::bigint) as is_crowded),
    page as materialized (
      select k.key, k.record_id from head cross join lateral (
        select k.key, k.record_id from field_keys k
        where k.index_id = head.id and (k.key, k.record_id) ${begins} ($8::text, $9::text) and ${ends}
          and k.record_id not in (select m.record_id from moving m) and ${alive("k.record_id")}
        order by ${order} limit $11::bigint offset 0) k),
    listed as (
      select p.key, p.record_id from page p
      union all select null, m.record_id from moving m)
    select exists (select from head) as is_ready,
           (select crowd.is_crowded from crowd) as is_page_crowded,
           listed.key as index_key, listed.record_id, committed.version, committed.fields, committed.tombstone,
           committed.expires_at_ms, coalesce(place.position, 0) as position, behind.rows as pending, behind.is_crowded
    from (select 1) one
    left join listed on true
    left join lateral (
      select r.partition, r.version, r.fields, r.tombstone, r.expires_at_ms from records r, applied a
      where r.record_id = listed.record_id and a.partition = r.partition and ${IS_ALIVE} offset 0) committed on true
    left join lateral (
      select w.partition from wal w
      where $12::boolean and w.record_id = listed.record_id order by w.sequence desc limit 1) buffered on true
    left join lateral (${pendingSql({
      record: "listed.record_id",
      watermark:
        "(select m.watermark from mark m, crowd where m.partition = buffered.partition and not crowd.is_crowded)",
    })}) behind on true
    left join lateral (
      select a.position from applied a
      where a.partition = coalesce(committed.partition, buffered.partition) offset 0) place on true`,
    effect: "reading",
  };
}

const RISING = listingOf("rising");
const FALLING = listingOf("falling");

interface Row extends PendingRow {
  readonly is_ready: boolean;
  readonly is_page_crowded: boolean;
  readonly index_key: string | null;
  /** Null in the one row of a listing of nothing. */
  readonly record_id: string | null;
  readonly version: string;
  readonly fields: string | null;
  readonly tombstone: string | null;
  readonly expires_at_ms: string | null;
  readonly position: string;
}

export async function listByField(
  options: { database: Database; region: string } & FieldQuery,
): Promise<FieldPage> {
  const { database, isDescending } = options;
  const rows = await database.query<Row & object>(isDescending ? FALLING : RISING, valuesOf(options));
  const { is_ready: isReady, is_page_crowded: isPageCrowded } = rows[0]!;
  const records: (ListedRecord & FieldPlace)[] = [];
  const moving: ListedRecord[] = [];
  for (const row of rows) {
    if (row.record_id === null || row.tombstone !== null) continue;
    const record = toListed(row.record_id, row);
    if (row.index_key === null) moving.push(record);
    else records.push({ ...record, indexKey: row.index_key });
  }
  const isCrowded = isPageCrowded || moving.some((record) => record.isCrowded === true);
  return { isReady, isCrowded, records, moving };
}

function valuesOf(options: { region: string } & FieldQuery): unknown[] {
  const { region, tenant, collection, field, signature, from, to, isDescending, after, limit } = options;
  const { pendingMax, isWithPending, hasDefault } = options;
  const idOf = (key: string) => recordIdText({ tenant, collection, key });
  const first = idOf("");
  const [begin, end] = isDescending ? [to, from] : [from, to];
  // Before, or after, all records of that key: no record's id is empty.
  const place = after === undefined ? [begin, ""] : [after.indexKey, idOf(after.key)];
  const change = `[${JSON.stringify(field)},`;
  const rowsMax = pendingMax * PENDING_ROWS_PER_RECORD;
  const index = [region, tenant, collection, field, signature];
  const bounds = [first, afterPrefix(first), ...place, end, limit];
  const pending = [isWithPending, hasDefault, change, pendingMax, rowsMax];
  return [...index, ...bounds, ...pending];
}

function toListed(recordId: string, row: Row): ListedRecord {
  const id = toRecordId(recordId);
  const { fields, version, expires_at_ms, position } = row;
  return {
    key: id.key,
    committed:
      fields === null ? undefined : toStoredRecord(id, { fields, version, expires_at_ms, tombstone: null }),
    ...toPending(row, id),
    position: toNumber(position),
  };
}
