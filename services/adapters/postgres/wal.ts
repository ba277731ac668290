/**
 * The write-ahead log. An append is one call of `forebay_append` (see `migrations`):
 *
 *   lock the partition's head → find known ids → check rights to escrows → check the bounds
 *     → number, stamp and insert the rest → commit
 */
import { assert } from "../../core/assert.ts";
import type { EscrowLeft } from "../../core/escrow.ts";
import { ZERO_HASH } from "../../core/hash.ts";
import { advanceHlc, MAX_OFFSET_MS, ZERO_HLC, type Hlc } from "../../core/hlc.ts";
import { recordIdText, toRecordId } from "../../core/operation.ts";
import {
  WalFullError,
  type AppendOutcome,
  type TickStamp,
  type WalAppend,
  type WalHead,
  type WalRow,
  type WriteAheadLog,
} from "../../ports/region-store.ts";
import { WalRefusedError, type WalRefusal, type WalTrouble } from "../../ports/own-wal.ts";
import type { Database, Statement } from "./pool.ts";
import { toOutcome, type OutcomeJson } from "./rows.ts";
import { hashArray, textArray, toHlc, toNumber, uuidArray } from "./values.ts";

const APPEND: Statement = {
  name: "append",
  text: `select is_full, pending_rows, pending_bytes, first_sequence, first_hlc, known, refused, escrow_left, refusal
         from forebay_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
  effect: "writing",
};

const STAMP_TICK: Statement = {
  name: "stamp_tick",
  text: `select t.hlc, t.wal_head, t.refusal, a.position, a.chain
         from forebay_stamp_tick($1, $2, $3, $4) t left join applied a on a.partition = $1`,
  effect: "writing",
};

// Stamp and hash come as the log will have them: a backlog is read by the million.
// Sequences are dense: the bound on rows is a bound on the range, so the bound on bytes can't make it scan on.
const READ: Statement = {
  name: "read_wal",
  text: `select w.sequence, lpad(to_hex(w.hlc), 16, '0') as hlc, w.seen, w.id, w.record_id,
                encode(w.request_hash, 'hex') as request_hash, w.body, w.trace
         from wal w
         where w.partition = $1 and w.sequence > $2 and w.sequence <= $2::bigint + $3::bigint
           and (w.sequence = $2::bigint + 1 or w.bytes <= $4::bigint + (
                 select f.bytes - forebay_wal_bytes(f.record_id, f.body) from wal f
                 where f.partition = $1 and f.sequence = $2::bigint + 1))
         order by w.sequence`,
  effect: "reading",
};

const HEAD: Statement = {
  name: "wal_head",
  text: `select coalesce(h.sequence, 0) as sequence, h.hlc, coalesce(o.watermark, 0) as watermark,
                coalesce(h.bytes - oldest.bytes + forebay_wal_bytes(oldest.record_id, oldest.body), 0) as pending_bytes,
                floor(extract(epoch from oldest.accepted_at) * 1000)::bigint as oldest_ms, oldest.id as oldest_id,
                floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now_ms,
                current_setting('transaction_read_only')::boolean as is_read_only,
                h.rejoin, h.displaced, coalesce(h.set_aside, 0) as set_aside
         from (select 1) one
         left join wal_heads h on h.partition = $1
         left join origins o on o.partition = $1 and o.region = $2
         left join wal oldest on oldest.partition = $1 and oldest.sequence = coalesce(o.watermark, 0) + 1`,
  effect: "reading",
};

interface AppendRow {
  readonly is_full: boolean;
  readonly pending_rows: string;
  readonly pending_bytes: string;
  readonly first_sequence: string | null;
  readonly first_hlc: string | null;
  readonly known: readonly KnownId[] | null;
  /** Ordinals, from 1. */
  readonly refused: readonly number[] | null;
  /** By operation, and by field: what is left here and of all regions. */
  readonly escrow_left: readonly (LeftJson | null)[] | null;
  readonly refusal: WalRefusal | null;
}

type LeftJson = { readonly [field: string]: readonly [number, number] };

/** An id that the WAL holds (with a sequence), or that took effect (with an outcome). */
interface KnownId {
  readonly ordinal: number;
  /** False when it belongs to another request. */
  readonly isSame: boolean;
  readonly sequence?: number;
  readonly hlc?: string;
  readonly outcome?: OutcomeJson;
}

export function openWal(database: Database, region: string): WriteAheadLog {
  return {
    append: (options) => append({ database, region, ...options }),
    readWal: (options) => readWal(database, options),
    walHead: (partition) => walHead({ database, region, partition }),
    stampTick: (options) => stampTick({ database, region, ...options }),
  };
}

async function append(
  options: { database: Database; region: string } & Parameters<WriteAheadLog["append"]>[0],
): Promise<AppendOutcome[]> {
  const { database, region, partition, operations, nowMs, pendingRowsMax, pendingBytesMax } = options;
  if (operations.length === 0) return [];
  const ids = operations.map((operation) => operation.id);
  assert(new Set(ids).size === ids.length, "the operations of an append have distinct ids");
  const row = await database.queryOne<AppendRow>(APPEND, [
    partition,
    region,
    nowMs,
    MAX_OFFSET_MS,
    pendingRowsMax,
    pendingBytesMax,
    uuidArray(ids),
    textArray(operations.map(recordIdText)),
    hashArray(operations.map((operation) => operation.requestHash)),
    textArray(operations.map((operation) => operation.body)),
    takesArray(operations),
    tracesArray(operations),
  ]);
  if (row.refusal !== null) throw new WalRefusedError(partition, row.refusal);
  if (row.is_full) {
    throw new WalFullError(
      `the WAL of partition ${partition} has ${row.pending_rows} rows and ${row.pending_bytes} bytes pending: ` +
        `${operations.length} more would exceed ${pendingRowsMax} rows or ${pendingBytesMax} bytes`,
    );
  }
  return toOutcomes(operations, row);
}

/** Null where nothing takes anything, as mostly: then there is nothing to look at. */
function takesArray(operations: readonly WalAppend[]) {
  const texts = operations.map(takesText);
  return texts.every((text) => text === undefined) ? null : textArray(texts);
}

/** Null where no request has one, as mostly. */
function tracesArray(operations: readonly WalAppend[]) {
  const traces = operations.map(({ trace }) => trace);
  return traces.every((trace) => trace === undefined) ? null : textArray(traces);
}

/** By field: what is taken from here, and what of it from the sum of all regions. */
function takesText({ takes = {}, handsOver = {} }: WalAppend): string | undefined {
  const taken = Object.entries(takes).map(([field, amount]) => [field, [amount, amount]]);
  const handed = Object.entries(handsOver).map(([field, amount]) => [field, [amount, 0]]);
  const all = [...taken, ...handed];
  return all.length === 0 ? undefined : JSON.stringify(Object.fromEntries(all));
}

function toOutcomes(operations: readonly WalAppend[], row: AppendRow): AppendOutcome[] {
  const known = byOrdinal(row.known ?? []);
  const firstSequence = toNumber(row.first_sequence ?? "0");
  const firstHlc = row.first_hlc === null ? ZERO_HLC : toHlc(row.first_hlc);
  const refused = new Set(row.refused ?? []);
  let fresh = 0;
  return operations.map((_, index) => {
    const answers = known.get(index + 1);
    if (answers !== undefined) return toKnownOutcome(answers);
    const left = toLeft(row.escrow_left?.[index] ?? {});
    if (refused.has(index + 1)) return { status: "insufficient", left: left[0]! };
    const rank = fresh++;
    const accepted = { sequence: firstSequence + rank, hlc: advanceHlc(firstHlc, rank) };
    return { status: "accepted", ...accepted, ...(left.length > 0 && { left }) };
  });
}

/** By field name: a `jsonb` has an order of its own. */
function toLeft(json: LeftJson): EscrowLeft[] {
  return Object.entries(json)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([field, [here, total]]) => ({ field, here, total }));
}

function byOrdinal(known: readonly KnownId[]): Map<number, KnownId[]> {
  const groups = new Map<number, KnownId[]>();
  for (const id of known) groups.set(id.ordinal, [...(groups.get(id.ordinal) ?? []), id]);
  return groups;
}

/** What took effect decides; the WAL alone decides only as long as nothing has. */
function toKnownOutcome(answers: readonly KnownId[]): AppendOutcome {
  const folded = answers.filter((answer) => answer.outcome !== undefined);
  const same = (folded.length > 0 ? folded : answers).find((answer) => answer.isSame);
  if (same === undefined) return { status: "mismatched" };
  if (same.outcome !== undefined) return { status: "folded", outcome: toOutcome(same.outcome) };
  return { status: "replayed", sequence: same.sequence!, hlc: toHlc(same.hlc!) };
}

/** Columns in the order of `READ`. */
type WalTableRow = [
  sequence: string,
  hlc: Hlc,
  seen: string,
  id: string,
  recordId: string,
  requestHash: string,
  body: string,
  trace: string | null,
];

async function readWal(
  database: Database,
  options: Parameters<WriteAheadLog["readWal"]>[0],
): Promise<WalRow[]> {
  const { partition, after, rowsMax, bytesMax } = options;
  const rows = await database.queryArrays<WalTableRow>(READ, [partition, after, rowsMax, bytesMax]);
  return rows.map(toWalRow);
}

function toWalRow([sequence, hlc, seen, id, recordId, requestHash, body, trace]: WalTableRow): WalRow {
  const { tenant, collection, key } = toRecordId(recordId);
  return {
    id,
    tenant,
    collection,
    key,
    requestHash,
    body,
    sequence: toNumber(sequence),
    hlc,
    seen: toNumber(seen),
    ...(trace !== null && { trace }),
  };
}

interface HeadRow {
  readonly sequence: string;
  readonly hlc: string | null;
  readonly watermark: string;
  readonly pending_bytes: string;
  readonly oldest_ms: string | null;
  readonly oldest_id: string | null;
  readonly now_ms: string;
  readonly is_read_only: boolean;
  readonly rejoin: string | null;
  readonly displaced: string | null;
  readonly set_aside: string;
}

async function walHead(options: { database: Database; region: string; partition: number }): Promise<WalHead> {
  const row = await options.database.queryOne<HeadRow>(HEAD, [options.partition, options.region]);
  const sequence = toNumber(row.sequence);
  const trouble = toTrouble(row);
  const setAsideRows = toNumber(row.set_aside);
  return {
    sequence,
    hlc: row.hlc === null ? ZERO_HLC : toHlc(row.hlc),
    // The log may have more of the region than a database that went back.
    pendingRows: Math.max(0, sequence - toNumber(row.watermark)),
    pendingBytes: toNumber(row.pending_bytes),
    oldestPendingAtMs: row.oldest_ms === null ? undefined : toNumber(row.oldest_ms),
    nowMs: toNumber(row.now_ms),
    ...(row.oldest_id !== null && { oldestPendingId: row.oldest_id }),
    ...(row.is_read_only && { isReadOnly: true }),
    ...(trouble && { trouble }),
    ...(setAsideRows > 0 && { setAsideRows }),
  };
}

function toTrouble({ rejoin, displaced }: HeadRow): WalTrouble | undefined {
  if (displaced !== null) return { kind: "displaced", id: displaced };
  return rejoin === null ? undefined : { kind: "rejoining", id: rejoin };
}

interface TickRow {
  /** Null with a refusal. */
  readonly hlc: string | null;
  readonly wal_head: string | null;
  readonly refusal: WalRefusal | null;
  readonly position: string | null;
  readonly chain: string | null;
}

async function stampTick(
  options: { database: Database; region: string } & Parameters<WriteAheadLog["stampTick"]>[0],
): Promise<TickStamp> {
  const { database, region, partition, nowMs } = options;
  const row = await database.queryOne<TickRow>(STAMP_TICK, [partition, region, nowMs, MAX_OFFSET_MS]);
  if (row.refusal !== null) throw new WalRefusedError(partition, row.refusal);
  return {
    hlc: toHlc(row.hlc!),
    walHead: toNumber(row.wal_head!),
    position: toNumber(row.position ?? "0"),
    chain: row.chain ?? ZERO_HASH,
  };
}
