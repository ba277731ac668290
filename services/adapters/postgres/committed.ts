/** Committed state, for the applier: what a fold needs, and what it made. */
import { assert } from "../../core/assert.ts";
import type { FoldResult } from "../../core/fold/fold.ts";
import {
  collectionId,
  initialPartitionState,
  type FoldSlice,
  type OperationOutcome,
} from "../../core/fold/state.ts";
import { recordIdText, toRecordId } from "../../core/operation.ts";
import type { Fields, StoredRecord } from "../../core/record.ts";
import { own as ownOf } from "../../core/json.ts";
import {
  KnownOperationError,
  StaleApplierError,
  type CommitOptions,
  type CommittedState,
} from "../../ports/region-store.ts";
import { loadPartition } from "./partition-state.ts";
import type { Database, Statement } from "./pool.ts";
import { rewrittenValues } from "./changes.ts";
import { commitStatement } from "./commit-statement.ts";
import { membershipValues } from "./membership.ts";
import { joinValues, RENUMBERING_MS_MAX, tailValues, throwWalTrouble } from "./own-wal.ts";
import { repairValues } from "./repairs.ts";
import { outcomeDetail, toLifetime } from "./rows.ts";
import { countArray, fromHlc, hashBytes, stampArray, textArray, toNumber, uuidArray } from "./values.ts";

// One row, with the fields of all records in one JSON text: a thousand rows cost the driver more than the database.
const LOAD_SLICE: Statement = {
  name: "load_slice",
  text: `select found.record_ids, found.versions, found.fields, found.mortal, known.ids
         from (
           select json_agg(r.record_id) as record_ids, json_agg(r.version) as versions,
                  json_agg(json_build_array(r.record_id, r.tombstone, r.expires_at_ms))
                    filter (where r.tombstone is not null or r.expires_at_ms is not null) as mortal,
                  '[' || string_agg(r.fields, ',') || ']' as fields
           from records r where r.record_id = any($2::text[])) found,
         (
           select json_agg(json_build_array(o.id, o.position)) as ids from operations o
           where o.id = any($3::uuid[]) and o.partition = $1) known`,
  effect: "reading",
};

const LOG_CREATED: Statement = {
  name: "log_created",
  text: "select log_created_at_ms from applied where partition = $1",
  effect: "reading",
};

const BIND_LOG: Statement = {
  name: "bind_log",
  text: `insert into applied (partition, position, log_time_ms, chain, cluster, partitions, members, log_created_at_ms)
         values ($1, 0, 0, $2, null, 0, '{}', $3)
         on conflict (partition) do update
         set log_created_at_ms = coalesce(applied.log_created_at_ms, excluded.log_created_at_ms)
         returning log_created_at_ms`,
  effect: "writing",
};

const REBIND_LOG: Statement = {
  name: "rebind_log",
  text: `update applied set log_created_at_ms = $4
         where partition = $1 and position = $2 and log_created_at_ms in ($3, $4)
         returning position`,
  effect: "writing",
};

export function openCommittedState(database: Database, region: string): CommittedState {
  return {
    loadPartition: (partition) => loadPartition(database, partition),
    loadSlice: (options) => loadSlice(database, options),
    commitFold: (options) => commitFold({ database, region }, options),
    logCreatedAtMs: (partition) => logCreatedAtMs(database, partition),
    bindLog: (options) => bindLog(database, options),
    rebindLog: (options) => rebindLog(database, options),
  };
}

/** Of the records that exist, in one order: which they are, their versions and their fields. */
interface SliceRow {
  readonly record_ids: readonly string[] | null;
  readonly versions: readonly number[] | null;
  readonly fields: string | null;
  /** Of those that are deleted or will expire: which, the tombstone, and when. */
  readonly mortal: readonly (readonly [string, string | null, number | null])[] | null;
  /** With their positions. */
  readonly ids: readonly (readonly [string, number])[] | null;
}

async function loadSlice(
  database: Database,
  options: Parameters<CommittedState["loadSlice"]>[0],
): Promise<FoldSlice> {
  const { partition, records: wanted, operations } = options;
  if (wanted.length === 0 && operations.length === 0) return { records: new Map(), operations: new Map() };
  const row = await database.queryOne<SliceRow>(LOAD_SLICE, [
    partition,
    textArray(wanted.map(recordIdText)),
    uuidArray(operations),
  ]);
  const fields = JSON.parse(row.fields ?? "[]") as Fields[];
  const records = new Map<string, StoredRecord>();
  for (const [index, id] of (row.record_ids ?? []).entries()) {
    const { tenant, collection, key } = toRecordId(id);
    records.set(id, { tenant, collection, key, fields: fields[index]!, version: row.versions![index]! });
  }
  for (const [id, tombstone, expiresAtMs] of row.mortal ?? []) {
    records.set(id, { ...records.get(id)!, ...toLifetime({ tombstone, expires_at_ms: expiresAtMs }) });
  }
  return { records, operations: new Map(row.ids) };
}

interface CommitRow {
  readonly outcome: "committed" | "stale" | "known";
}

async function commitFold(
  own: { readonly database: Database; readonly region: string },
  options: CommitOptions,
): Promise<void> {
  const { expectedPosition, result } = options;
  const { partition } = result.state;
  assert(result.state.position >= expectedPosition, "a fold never goes back");
  const { outcome } = await commitOrTell(own, commitOf(own.region, options), options);
  if (outcome === "known") {
    throw new KnownOperationError(`partition ${partition}: an operation of the fold took effect before`);
  }
  if (outcome === "stale") {
    throw new StaleApplierError(`partition ${partition} is no longer at position ${expectedPosition}`);
  }
}

async function commitOrTell(
  own: { readonly database: Database; readonly region: string },
  { statement, values, isJoining }: Commit,
  options: CommitOptions,
): Promise<CommitRow> {
  try {
    if (isJoining)
      return await own.database.queryOneApart<CommitRow>(statement, {
        values,
        timeoutMs: RENUMBERING_MS_MAX,
      });
    return await own.database.queryOne<CommitRow>(statement, values);
  } catch (error) {
    await throwWalTrouble(own, error, options);
    throw error;
  }
}

interface Commit {
  readonly statement: Statement;
  readonly values: readonly unknown[];
  /** The WAL is numbered anew with it. */
  readonly isJoining: boolean;
}

function commitOf(
  region: string,
  { expectedPosition, result, isGuess = false, tail }: CommitOptions,
): Commit {
  const { repairs, membership, state } = result;
  const { position: forgotten, logTimeMs: forgottenTimeMs } = state.forgotten;
  // A guess that lets go of nothing further finds rows that count for nothing, and is asked about.
  const isForgetting = forgotten > 0 && (!isGuess || result.hasForgotten);
  const joined = membership && ownOf(membership.joined, region);
  const left = membership?.removed.includes(region) === true ? ownOf(state.departed, region) : undefined;
  const statement = commitStatement({
    isForgetting,
    isRepairing: repairs.length > 0,
    isRewriting: result.rewrittenAt.size > 0,
    isChangingMembers: membership !== undefined,
    isOwn: tail !== undefined,
    isJoining: joined !== undefined,
    isLeaving: left !== undefined,
  });
  const values = [
    state.partition,
    expectedPosition,
    isGuess,
    ...stateValues(result),
    ...recordValues(result),
    ...outcomeValues(result),
    ...(isForgetting ? [forgotten, forgottenTimeMs] : []),
    ...(repairs.length > 0 ? repairValues(repairs) : []),
    ...(result.rewrittenAt.size > 0 ? rewrittenValues(result) : []),
    ...(membership === undefined ? [] : membershipValues(state, membership)),
    ...(tail === undefined ? [] : tailValues(tail)),
    ...(joined === undefined ? [] : joinValues(region, joined.id)),
    ...(left === undefined ? [] : [left.watermark]),
  ];
  return { statement, values, isJoining: joined !== undefined };
}

/** What has not changed is left out: looking at it costs the database more than a small fold does. */
function stateValues({ state, changedOrigins, collections, conflicts }: FoldResult): (string | null)[] {
  const { position, logTimeMs, chain, cluster, partitions, members } = state;
  const hlc = fromHlc(state.hlc);
  const origins = [...changedOrigins].map((region) => {
    const origin = state.origins[region]!;
    return { ...origin, region, hlc: fromHlc(origin.hlc) };
  });
  // A statement can't touch a row twice: of several versions of a collection the last is the one that counts.
  const latest = new Map(collections.map((one) => [collectionId(one.tenant, one.name), one]));
  return [
    JSON.stringify({ position, logTimeMs, hlc, chain, cluster, partitions, members }),
    unlessEmpty(origins),
    unlessEmpty([...latest.values()]),
    unlessEmpty(conflicts),
  ];
}

function unlessEmpty(items: readonly unknown[]): string | null {
  return items.length === 0 ? null : JSON.stringify(items);
}

function recordValues(result: FoldResult): (Buffer | null)[] {
  const changed: StoredRecord[] = [];
  const ids: string[] = [];
  const removedIds: string[] = [];
  let isAnyMortal = false;
  for (const [id, record] of result.records) {
    if (record === null) {
      removedIds.push(id);
      continue;
    }
    ids.push(id);
    changed.push(record);
    isAnyMortal ||= record.tombstone !== undefined || record.expiresAtMs !== undefined;
  }
  return [
    textArray(ids),
    textArray(changed.map((record) => JSON.stringify(record.fields))),
    countArray(changed.map((record) => record.version)),
    isAnyMortal ? textArray(changed.map(({ tombstone }) => tombstone && JSON.stringify(tombstone))) : null,
    isAnyMortal ? countArray(changed.map(({ expiresAtMs }) => expiresAtMs)) : null,
    textArray(removedIds),
  ];
}

/** In runs: the operations of an entry have its position, origin and mostly their tenant and status in common. */
function outcomeValues({ outcomes }: FoldResult): Buffer[] {
  const runs = outcomeRuns(outcomes);
  return [
    uuidArray(outcomes.map((outcome) => outcome.id)),
    stampArray(outcomes.map((outcome) => outcome.hlc)),
    hashBytes(outcomes.map((outcome) => outcome.requestHash)),
    countArray(runs.map((run) => run.count)),
    textArray(runs.map((run) => run.tenant)),
    countArray(runs.map((run) => run.position)),
    textArray(runs.map((run) => run.origin)),
    textArray(runs.map((run) => run.status)),
    textArray(runs.map((run) => run.detail)),
  ];
}

interface OutcomeRun extends Pick<OperationOutcome, "tenant" | "position" | "origin" | "status"> {
  readonly detail: string | undefined;
  count: number;
}

function outcomeRuns(outcomes: readonly OperationOutcome[]): OutcomeRun[] {
  const runs: OutcomeRun[] = [];
  let last: OutcomeRun | undefined;
  for (const outcome of outcomes) {
    const detail = outcomeDetail(outcome);
    const { tenant, position, origin, status } = outcome;
    const isSame =
      last?.position === position &&
      last.origin === origin &&
      last.tenant === tenant &&
      last.status === status &&
      last.detail === detail;
    if (isSame) last!.count += 1;
    else runs.push((last = { tenant, position, origin, status, detail, count: 1 }));
  }
  return runs;
}

async function logCreatedAtMs(database: Database, partition: number): Promise<number | undefined> {
  const [row] = await database.query<{ log_created_at_ms: string | null }>(LOG_CREATED, [partition]);
  const createdAtMs = row?.log_created_at_ms ?? null;
  return createdAtMs === null ? undefined : toNumber(createdAtMs);
}

async function bindLog(database: Database, options: Parameters<CommittedState["bindLog"]>[0]): Promise<void> {
  const { partition, createdAtMs } = options;
  const row = await database.queryOne<{ log_created_at_ms: string }>(BIND_LOG, [
    partition,
    initialPartitionState(partition).chain,
    createdAtMs,
  ]);
  assert(
    toNumber(row.log_created_at_ms) === createdAtMs,
    `partition ${partition} is bound to the log created at ${row.log_created_at_ms}, not to that of ${createdAtMs}`,
  );
}

async function rebindLog(
  database: Database,
  options: Parameters<CommittedState["rebindLog"]>[0],
): Promise<void> {
  const { partition, position, from, to } = options;
  const rows = await database.query(REBIND_LOG, [partition, position, from, to]);
  if (rows.length === 1) return;
  throw new StaleApplierError(
    `partition ${partition} is not at position ${position} of the log made at ${from}: it can't go over to that of ${to}`,
  );
}
