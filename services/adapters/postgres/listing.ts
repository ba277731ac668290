/**
 * Lists records, committed or only pending, in one statement and so in one snapshot.
 *
 * It walks from key to key over the indexes of both tables, and so costs as much as the page it returns: neither the
 * number of records nor the length of the WAL, folded or pending, matters.
 */
import type { Fields } from "../../core/record.ts";
import type { ListedRecord, StateReader } from "../../ports/region-store.ts";
import { afterPrefix, compareKeys } from "./key-range.ts";
import type { Database, Statement } from "./pool.ts";
import { PENDING_JSON, toPending, type PendingJson } from "./rows.ts";
import { toNumber } from "./values.ts";

/** The first key from a bound on, in either table. Only keys of the tables are looked at, none is skipped by a filter. */
const firstKeyFrom = (bound: string) => `least(
    (select r.key from records r where r.tenant = $1 and r.collection = $2 and r.key >= ${bound} order by r.key limit 1),
    (select w.key from wal w where w.tenant = $1 and w.collection = $2 and w.key >= ${bound} order by w.key limit 1))`;

/** A key of the WAL alone is shown only while something of it is pending: its last row tells. */
const IS_SHOWN = `(
    exists (select from records r where r.tenant = $1 and r.collection = $2 and r.key = found.key)
    or coalesce((
      select w.sequence > coalesce(
        (select o.watermark from origins o where o.partition = w.partition and o.region = $3), 0)
      from wal w where w.tenant = $1 and w.collection = $2 and w.key = found.key
      order by w.sequence desc limit 1), false))`;

// `offset 0` keeps each look-up whole: without it the planner copies it into every place that uses it, or joins whole
// tables. `key || chr(1)` is the next key after `key`: no key has a NUL.
export const LIST: Statement = {
  name: "list_records",
  text: `with recursive walk as (
           select found.key, ${IS_SHOWN} as is_shown, 0::bigint as shown_before
           from (select ${firstKeyFrom("$4::text")} as key offset 0) found
           where found.key is not null and ($5::text is null or found.key < $5::text)
         union all
           select found.key, ${IS_SHOWN}, found.shown_before
           from (select ${firstKeyFrom("walk.key || chr(1)")} as key, walk.shown_before + walk.is_shown::integer as shown_before
                 from walk offset 0) found
           where found.shown_before < $6::bigint and found.key is not null and ($5::text is null or found.key < $5::text)
         )
         select walk.key, committed.version, committed.fields, coalesce(place.position, 0) as position, waiting.rows as pending
         from walk
         left join lateral (
           select r.partition, r.version, r.fields from records r
           where r.tenant = $1 and r.collection = $2 and r.key = walk.key offset 0) committed on true
         left join lateral (
           select w.partition from wal w
           where w.tenant = $1 and w.collection = $2 and w.key = walk.key order by w.sequence desc limit 1) buffered on true
         left join lateral (
           select coalesce(max(o.watermark), 0) as watermark from origins o
           where o.partition = buffered.partition and o.region = $3) mark on true
         left join lateral (
           select json_agg(${PENDING_JSON} order by w.sequence) as rows from wal w
           where w.tenant = $1 and w.collection = $2 and w.key = walk.key and w.sequence > mark.watermark) waiting on true
         left join lateral (
           select a.position from applied a
           where a.partition = coalesce(committed.partition, buffered.partition) offset 0) place on true
         where walk.is_shown
         order by walk.key
         limit $6::bigint`,
  effect: "reading",
};

interface ListRow {
  readonly key: string;
  readonly version: string | null;
  readonly fields: Fields | null;
  readonly position: string;
  readonly pending: readonly PendingJson[] | null;
}

export async function listRecords(
  options: { database: Database; region: string } & Parameters<StateReader["listRecords"]>[0],
): Promise<ListedRecord[]> {
  const { database, region, tenant, collection, prefix, after, limit } = options;
  if (limit <= 0) return [];
  const rows = await database.query<ListRow>(LIST, [
    tenant,
    collection,
    region,
    firstKey(prefix, after),
    afterPrefix(prefix) ?? null,
    limit,
  ]);
  return rows.map(({ key, version, fields, position, pending }) => {
    const id = { tenant, collection, key };
    return {
      key,
      committed: fields === null ? undefined : { ...id, fields, version: toNumber(version!) },
      pending: toPending(pending, id),
      position: toNumber(position),
    };
  });
}

function firstKey(prefix: string, after: string | undefined): string {
  if (after === undefined) return prefix;
  const next = `${after}\u0001`;
  return compareKeys(next, prefix) > 0 ? next : prefix;
}
