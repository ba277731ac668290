/**
 * Lists records, committed or only pending, in one statement and so in one snapshot.
 *
 * It walks from key to key over the indexes of both tables, and so costs as much as the page it returns and the deleted
 * records within it: neither the number of records nor the length of the WAL, folded or pending, matters.
 */
import { recordIdText, toRecordId } from "../../core/operation.ts";
import type { ListedRecord } from "../../ports/record-snapshot.ts";
import type { StateReader } from "../../ports/region-store.ts";
import { afterPrefix, compareKeys } from "./key-range.ts";
import type { Database, Statement } from "./pool.ts";
import { IS_ALIVE, pendingSql, toPending, toStoredRecord, type PendingRow } from "./rows.ts";
import { toNumber } from "./values.ts";

/** The first record from a bound on, in either table. Only what the tables hold is looked at, none is skipped by a filter. */
const firstFrom = (bound: string) => `least(
    (select r.record_id from records r where r.record_id >= ${bound} order by r.record_id limit 1),
    (select w.record_id from wal w where w.record_id >= ${bound} order by w.record_id limit 1))`;

/**
 * A deleted record is not shown, whatever is pending for it. One of the WAL alone is shown only while something of it is
 * pending: its last row tells.
 */
const IS_SHOWN = `coalesce(
    (select r.tombstone is null from records r, applied a
     where r.record_id = found.record_id and a.partition = r.partition and ${IS_ALIVE}),
    (
      select w.sequence > least(coalesce(
        (select o.watermark from origins o where o.partition = w.partition and o.region = $1), 0),
        (select h.orphans_after from wal_heads h where h.partition = w.partition))
      from wal w where w.record_id = found.record_id
      order by w.sequence desc limit 1), false)`;

// `offset 0` keeps each look-up whole: without it the planner copies it into every place that uses it, or joins whole
// tables. `record_id || chr(1)` is the next record after `record_id`: no key has a NUL.
export const LIST: Statement = {
  name: "list_records",
  text: `with recursive walk as (
           select found.record_id, ${IS_SHOWN} as is_shown, 0::bigint as shown_before
           from (select ${firstFrom("$2::text")} as record_id offset 0) found
           where found.record_id < $3::text
         union all
           select found.record_id, ${IS_SHOWN}, found.shown_before
           from (select ${firstFrom("walk.record_id || chr(1)")} as record_id,
                        walk.shown_before + walk.is_shown::integer as shown_before
                 from walk offset 0) found
           where found.shown_before < $4::bigint and found.record_id < $3::text
         )
         select walk.record_id, committed.version, committed.fields, committed.expires_at_ms, coalesce(place.position, 0) as position, waiting.rows as pending, waiting.is_crowded
         from walk
         left join lateral (
           select r.partition, r.version, r.fields, r.expires_at_ms from records r, applied a
           where r.record_id = walk.record_id and a.partition = r.partition and ${IS_ALIVE} offset 0) committed on true
         left join lateral (
           select w.partition from wal w
           where w.record_id = walk.record_id order by w.sequence desc limit 1) buffered on true
         left join lateral (
           select least(coalesce(max(o.watermark), 0), (
             select h.orphans_after from wal_heads h where h.partition = buffered.partition)) as watermark from origins o
           where o.partition = buffered.partition and o.region = $1) mark on true
         left join lateral (${pendingSql({ record: "walk.record_id", watermark: "mark.watermark" })}) waiting on true
         left join lateral (
           select a.position from applied a
           where a.partition = coalesce(committed.partition, buffered.partition) offset 0) place on true
         where walk.is_shown
         order by walk.record_id
         limit $4::bigint`,
  effect: "reading",
};

interface ListRow extends PendingRow {
  readonly record_id: string;
  readonly version: string | null;
  readonly fields: string | null;
  readonly expires_at_ms: string | null;
  readonly position: string;
}

export async function listRecords(
  options: { database: Database; region: string } & Parameters<StateReader["listRecords"]>[0],
): Promise<ListedRecord[]> {
  const { database, region, tenant, collection, prefix, after, limit } = options;
  if (limit <= 0) return [];
  // Together the ids of a collection's records are a range, and so are those of its keys with a prefix.
  const range = recordIdText({ tenant, collection, key: prefix });
  const next = after === undefined ? range : recordIdText({ tenant, collection, key: `${after}\u0001` });
  const first = compareKeys(next, range) > 0 ? next : range;
  const rows = await database.query<ListRow>(LIST, [region, first, afterPrefix(range), limit]);
  return rows.map((row) => {
    const { record_id, version, fields, expires_at_ms, position } = row;
    const id = toRecordId(record_id);
    return {
      key: id.key,
      committed:
        fields === null
          ? undefined
          : toStoredRecord(id, { fields, version: version!, expires_at_ms, tombstone: null }),
      ...toPending(row, id),
      position: toNumber(position),
    };
  });
}
