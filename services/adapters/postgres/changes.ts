/** Which records were changed since: commits of the fold have noted it (`forebay_commit_fold`), and the WAL says what is pending. */
import { changePositionOf } from "../../core/feed/change-position.ts";
import type { FoldResult } from "../../core/fold/fold.ts";
import { toRecordId } from "../../core/operation.ts";
import type { ChangedRecord, Changes, ChangesQuery, ChangesWindow } from "../../ports/changes.ts";
import type { Database, Statement } from "./pool.ts";
import {
  IS_ALIVE,
  IS_WITHOUT_EFFECT,
  pendingSql,
  toPending,
  toStoredRecord,
  type PendingRow,
} from "./rows.ts";
import { countArray, textArray, toNumber } from "./values.ts";

export const REWRITTEN_PARAMETERS = 2;

/** SQL that notes what a fold has changed without a version, of the parameters from a number on: those of `rewrittenValues`. */
export function rewrittenSql(first: number): string {
  return `forebay_note_rewritten($1, $${first}, $${first + 1})`;
}

export function rewrittenValues({ rewrittenAt }: FoldResult): Buffer[] {
  return [textArray([...rewrittenAt.keys()]), countArray([...rewrittenAt.values()])];
}

/** Commits of one window: many are small. */
const COMMITS_MAX = 512;

// Parts are materialized, and look-ups kept one by one (`offset 0`): joined as a whole, tables would be read from end to end.
// Bounds of the WAL are sub-selects for the same reason: as a join, one of them would be looked at row by row from its beginning.
export const READ: Statement = {
  name: "read_changes",
  text: `with place as materialized (
           select coalesce(max(a.position), 0) as head, coalesce(max(a.log_epoch), 0) as log_epoch,
                  coalesce((select f.position from change_floors f where f.partition = $1), 0) as floor,
                  least(coalesce((select o.watermark from origins o where o.partition = $1 and o.region = $8), 0),
                        (select h.orphans_after from wal_heads h where h.partition = $1)) as watermark,
                  coalesce((select h.sequence from wal_heads h where h.partition = $1), 0) as wal_head
           from applied a where a.partition = $1
         ), found as materialized (
           select c.*, sum(cardinality(c.record_ids)) over (order by c.position) - cardinality(c.record_ids) as ids_before
           from (select c.position, c.record_ids, c.rewritten_ids, c.rewritten_positions from changes c
                 where c.partition = $1 and c.position > $2 order by c.position limit ${COMMITS_MAX}) c
         ), commits as materialized (
           select f.* from found f where f.ids_before < $7
         ), settled as materialized (
           select w.sequence, w.record_id from wal w
           where w.partition = $1 and w.sequence > $3 and w.sequence <= (select p.watermark from place p)
           order by w.sequence limit $7
         ), pending as materialized (
           select w.sequence, w.record_id from wal w
           where w.partition = $1 and w.sequence > (select greatest($4::bigint, p.watermark) from place p) and $4::bigint is not null
           order by w.sequence limit $7
         ), ends as materialized (
           select p.*,
                  case when (select count(*) from commits) = (select count(*) from found) and (select count(*) from found) < ${COMMITS_MAX}
                       then p.head else (select max(c.position) from commits c) end as upto,
                  case when (select count(*) from settled) < $7 then p.watermark else (select max(s.sequence) from settled s) end as settled_to,
                  case when (select count(*) from pending) < $7 then greatest(p.wal_head, p.watermark)
                       else (select max(s.sequence) from pending s) end as pending_to
           from place p
         ), ids as materialized (
           select u.record_id, bool_or(u.is_written) as is_written, max(u.settled_at) as settled_at, max(u.pending_at) as pending_at,
                  max(u.rewritten_at) as rewritten_at
           from (
             select unnest(c.record_ids) as record_id, true as is_written, null::bigint as settled_at, null::bigint as pending_at,
                    null::bigint as rewritten_at from commits c
             union all select unnest(c.rewritten_ids), false, null, null, unnest(c.rewritten_positions) from commits c
             union all select s.record_id, false, s.sequence, null, null from settled s
             union all select s.record_id, false, null, s.sequence, null from pending s) u
           where exists (select from unnest($5::text[], $6::text[]) x(first, past)
                         where u.record_id >= x.first collate "C" and u.record_id < x.past collate "C")
           group by u.record_id
         )
         select e.head, e.log_epoch, e.floor, e.watermark, e.wal_head, e.upto, e.settled_to, e.pending_to,
                i.record_id, i.is_written, i.settled_at, i.pending_at, i.rewritten_at,
                r.version, r.fields, r.tombstone, r.expires_at_ms, waiting.rows as pending, waiting.is_crowded
         from ends e
         left join ids i on true
         left join lateral (
           select r.version, r.fields, r.tombstone, r.expires_at_ms from records r, applied a
           where r.record_id = i.record_id and a.partition = $1 and ${IS_ALIVE} offset 0) r on true
         left join lateral (${pendingSql({
           record: "i.record_id",
           watermark: "case when $4::bigint is not null then e.watermark end",
           shown: `w.partition = $1 and ${IS_WITHOUT_EFFECT}`,
         })}) waiting on true`,
  effect: "reading",
};

const TRIM: Statement = {
  name: "trim_changes",
  text: `with oldest as (
           select c.position from changes c where c.partition = $1 and c.position <= $2 order by c.position limit $3::bigint
         ), raised as (
           insert into change_floors as f (partition, position) select $1::integer, max(o.position) from oldest o having count(*) > 0
           on conflict (partition) do update set position = greatest(f.position, excluded.position)
         ), trimmed as (
           delete from changes c using oldest o where c.partition = $1 and c.position = o.position returning 1
         )
         select count(*) as trimmed from trimmed`,
  effect: "writing",
};

interface ChangesRow extends PendingRow {
  readonly head: string;
  readonly log_epoch: number;
  readonly floor: string;
  readonly watermark: string;
  readonly wal_head: string;
  readonly upto: string;
  readonly settled_to: string;
  readonly pending_to: string;
  readonly record_id: string | null;
  readonly is_written: boolean;
  readonly settled_at: string | null;
  readonly pending_at: string | null;
  readonly rewritten_at: string | null;
  readonly version: string | null;
  readonly fields: string | null;
  readonly tombstone: string | null;
  readonly expires_at_ms: string | null;
}

export function openChanges(database: Database, region: string): Changes {
  return {
    readChanges: (query) => readChanges({ database, region }, query),
    async trimChanges({ partition, upTo, rowsMax }) {
      return toNumber(
        (await database.queryOne<{ trimmed: string }>(TRIM, [partition, upTo, rowsMax])).trimmed,
      );
    },
  };
}

async function readChanges(
  { database, region }: { readonly database: Database; readonly region: string },
  query: ChangesQuery,
): Promise<ChangesWindow> {
  const { partition, after, settledAfter = null, pendingAfter = null, ranges, idsMax } = query;
  const rows = await database.query<ChangesRow>(READ, [
    partition,
    after,
    settledAfter,
    pendingAfter,
    textArray(ranges.map(({ first }) => first)),
    textArray(ranges.map(({ past }) => past)),
    idsMax,
    region,
  ]);
  const [place] = rows;
  const ends = { head: toNumber(place!.head), upTo: Math.max(after, toNumber(place!.upto)) };
  const settledTo = toNumber(place!.settled_to);
  const pendingTo = toNumber(place!.pending_to);
  const isSettled = settledAfter === null || settledTo >= toNumber(place!.watermark);
  const isAllPending = pendingAfter === null || pendingTo >= toNumber(place!.wal_head);
  return {
    head: ends.head,
    logEpoch: place!.log_epoch,
    floor: toNumber(place!.floor),
    position: ends.upTo,
    settledTo,
    pendingTo,
    isCaughtUp: ends.upTo >= ends.head && isSettled && isAllPending,
    records: rows.flatMap((row) => toChanged(row, { after, upTo: ends.upTo }) ?? []),
  };
}

function toChanged(
  row: ChangesRow,
  window: { readonly after: number; readonly upTo: number },
): ChangedRecord | undefined {
  if (row.record_id === null) return undefined;
  const version = row.version === null ? undefined : toNumber(row.version);
  const rewrittenAt = row.rewritten_at === null ? undefined : toNumber(row.rewritten_at);
  const position = changePositionOf({ ...window, version, isWritten: row.is_written, rewrittenAt });
  const settledAt = row.settled_at === null ? undefined : toNumber(row.settled_at);
  const pendingAt = row.pending_at === null ? undefined : toNumber(row.pending_at);
  const isTouched = settledAt !== undefined || pendingAt !== undefined;
  const isTold = position !== undefined || (isTouched && (version ?? 0) <= window.upTo);
  if (!isTold) return undefined;
  const record = toRecordId(row.record_id);
  const { fields } = row;
  const committed =
    fields === null ? undefined : toStoredRecord(record, { ...row, fields, version: row.version! });
  return {
    record,
    position,
    settledAt,
    pendingAt,
    snapshot: { committed, ...toPending(row, record) },
  };
}
