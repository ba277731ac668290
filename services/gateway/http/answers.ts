/** From what the gateway says to what goes over the wire. */
import type { Asked } from "../../core/listing/where.ts";
import type { Collection } from "../../core/schema.ts";
import type {
  CollectionAnswer,
  LeaseAnswer,
  OperationAnswer,
  ReceiptAnswer,
  RecordAnswer,
  RecordEscrowsAnswer,
  RecordListAnswer,
  WriteAnswer,
} from "../../protocol/http/answers.ts";
import type { LogReplica } from "../../ports/global-log.ts";
import type { ConflictAnswer, ConflictListAnswer } from "../../protocol/http/conflicts.ts";
import type { LeadersAnswer } from "../../protocol/http/leaders.ts";
import type { PartitionStatusAnswer, StatusAnswer } from "../../protocol/http/status.ts";
import type {
  ConflictPage,
  ConflictReport,
  ConflictSide,
  Lease,
  ListResult,
  OperationReport,
  PartitionLeader,
  ReadResult,
  Receipt,
  RecordEscrowsReport,
  WriteResult,
} from "../gateway.ts";
import type { DrainReport, PartitionStatus, RegionOverview, RegionStatus } from "../status-report.ts";
import { encodeConflictCursor, encodeCursor, encodeFieldCursor } from "./cursor.ts";
import { operationResult, type ShowResult } from "./results.ts";

export const STATUS_OF_RECEIPT: { readonly [Status in Receipt["status"]]: number } = {
  accepted: 202,
  committed: 200,
  superseded: 200,
  rejected: 409,
};

export function receiptAnswer(receipt: Receipt): ReceiptAnswer {
  const { operation, status, region, at, position, rejection, lostFields } = receipt;
  const answer: ReceiptAnswer = { operation, status, region, at };
  if (position !== undefined) answer.position = position;
  if (rejection !== undefined) {
    const { code, message: reason, field, write } = rejection;
    Object.assign(answer, {
      code,
      reason,
      ...(field !== undefined && { field }),
      ...(write !== undefined && { write }),
    });
  }
  if (lostFields !== undefined) answer.lost_fields = [...lostFields];
  return answer;
}

export function operationAnswer(report: OperationReport): OperationAnswer {
  if (!("region" in report)) return { operation: report.operation, status: report.status };
  const { position, results, appliedBy } = report;
  const result = position && results && operationResult({ position, results });
  return {
    ...receiptAnswer(report),
    ...(result !== undefined && { result }),
    ...(appliedBy !== undefined && { applied_by: { ...appliedBy } }),
  };
}

/** The answer's text. Almost every write is answered with the short form, whose members need no escaping. */
export function writeAnswerText(
  result: WriteResult,
  { session, showResult }: { session: string; showResult: ShowResult },
): string {
  const { operation, status, region, at, position, results, isDecided } = result;
  if (status === "accepted" && !result.isReplayed) {
    return `{"operation":"${operation}","status":"accepted","region":"${region}","at":"${at}","session":"${session}"}`;
  }
  const answer: WriteAnswer = { ...receiptAnswer(result), session };
  if (result.isReplayed) answer.replayed = true;
  if (isDecided !== true || status !== "committed" || position === undefined) return JSON.stringify(answer);
  const shown = showResult({ position, ...(results !== undefined && { results }) });
  return JSON.stringify({ ...answer, result: shown });
}

export function recordAnswer(result: ReadResult, session: string): RecordAnswer {
  const { key, fields, version, pending, asOf } = result;
  return { key, fields, version, pending, as_of: asOf, session };
}

/** @param asked of a listing by a field. */
export function recordListAnswer(
  result: ListResult,
  session: string,
  asked: Asked | undefined,
): RecordListAnswer {
  const records = result.records.map(({ key, fields, version, pending }) => ({
    key,
    fields,
    version,
    pending,
  }));
  const cursor = nextCursor(result, asked);
  return { records, ...(cursor === undefined ? {} : { next_cursor: cursor }), session };
}

function nextCursor({ next, nextPlace }: ListResult, asked: Asked | undefined): string | undefined {
  if (next !== undefined) return encodeCursor(next);
  return asked && nextPlace && encodeFieldCursor(nextPlace, asked);
}

export function recordEscrowsAnswer(report: RecordEscrowsReport, session: string): RecordEscrowsAnswer {
  const escrows = report.escrows.map(({ field, value, min, rights, here, total }) => [
    field,
    { value, min, rights: { ...rights }, left: { here, total } },
  ]);
  return { key: report.key, escrows: Object.fromEntries(escrows), as_of: report.asOf, session };
}

export function leaseAnswer({ name, holder, token, expiresAtMs }: Lease, session: string): LeaseAnswer {
  return { name, holder, token: String(token), expires_at_ms: expiresAtMs, session };
}

export function conflictListAnswer({ conflicts, next }: ConflictPage): ConflictListAnswer {
  return {
    conflicts: conflicts.map(conflictAnswer),
    ...(next !== undefined && { next_cursor: encodeConflictCursor(next) }),
  };
}

function conflictAnswer(report: ConflictReport): ConflictAnswer {
  const { logTimeMs, loser, winner, ...shown } = report;
  return { ...shown, log_time_ms: logTimeMs, loser: sideAnswer(loser), winner: sideAnswer(winner) };
}

function sideAnswer({ isDecided, ...side }: ConflictSide): ConflictAnswer["loser"] {
  return { ...side, ...(isDecided === true && { decided: true }) };
}

export function collectionAnswer({ name, version, schema }: Collection): CollectionAnswer {
  return { name, version, schema: schema as CollectionAnswer["schema"] };
}

export function statusAnswer(overview: RegionOverview): StatusAnswer {
  const { region, software, admission, partitions, draining } = overview;
  return {
    region,
    software,
    admission: { ...admission },
    ...(draining === undefined ? {} : { draining: drainAnswer(draining) }),
    partitions: partitions.map(partitionAnswer),
  };
}

function drainAnswer({ sinceMs, pendingRows, leads, isDrained }: DrainReport) {
  return { since_ms: sinceMs, pending_rows: pendingRows, leads: [...leads], is_drained: isDrained };
}

export function leadersAnswer(leaders: readonly PartitionLeader[]): LeadersAnswer {
  return { partitions: leaders.map(leaderAnswer) };
}

function leaderAnswer(leader: PartitionLeader): LeadersAnswer["partitions"][number] {
  const { partition, leader: region, leaderSinceMs, ranking, isAutomatic, hold } = leader;
  const { replicas, unknownReplicas = 0 } = leader;
  return {
    partition,
    ...(region === undefined ? {} : { leader: region }),
    ...(leaderSinceMs === undefined ? {} : { leader_since_ms: leaderSinceMs }),
    ranking: ranking.map(({ region: name, quorumRoundTripMs }) => ({
      region: name,
      ...(quorumRoundTripMs === undefined ? {} : { quorum_round_trip_ms: quorumRoundTripMs }),
    })),
    ...(replicas === undefined ? {} : { replicas: replicas.map(replicaAnswer) }),
    ...(unknownReplicas === 0 ? {} : { unknown_replicas: unknownReplicas }),
    ...(isAutomatic === undefined ? {} : { automatic: isAutomatic }),
    ...(hold === undefined ? {} : { hold: { leader: hold.leader, left_ms: Math.ceil(hold.leftMs) } }),
  };
}

function replicaAnswer({ region, isOnline, lagEntries, seenAgoMs }: LogReplica) {
  return { region, online: isOnline, lag_entries: lagEntries, seen_ago_ms: Math.ceil(seenAgoMs) };
}

function partitionAnswer(status: PartitionStatus): PartitionStatusAnswer {
  const { state, reason, openMs, slowAfterMs } = status.breaker;
  const { partition, leader, term, cluster, position, staleMs, lastPosition, logTimeMs, wal, regions } =
    status;
  return {
    partition,
    ...(leader === undefined ? {} : { leader }),
    ...(term === undefined ? {} : { term }),
    cluster,
    position,
    ...(staleMs === undefined ? {} : { stale_ms: Math.ceil(staleMs) }),
    ...(lastPosition === undefined ? {} : { last_position: lastPosition }),
    log_time_ms: logTimeMs,
    wal: {
      head: wal.head,
      pending_rows: wal.pendingRows,
      pending_bytes: wal.pendingBytes,
      oldest_pending_age_ms: Math.round(wal.oldestPendingAgeMs),
      ...(wal.trouble !== undefined && { trouble: wal.trouble }),
      ...(wal.setAsideRows > 0 && { set_aside_rows: wal.setAsideRows }),
    },
    breaker: {
      state,
      ...(reason === undefined ? {} : { reason }),
      open_ms: Math.round(openMs),
      slow_after_ms: Math.round(slowAfterMs),
    },
    trim: trimAnswer(status.trim),
    ...(status.bootstrap === undefined ? {} : { bootstrap: bootstrapAnswer(status.bootstrap) }),
    regions: regions.map(regionAnswer),
  };
}

function bootstrapAnswer(
  bootstrap: NonNullable<PartitionStatus["bootstrap"]>,
): NonNullable<PartitionStatusAnswer["bootstrap"]> {
  const { id, stage, reason, startedAtMs, source, rows } = bootstrap;
  const { rowsLoaded, bytesLoaded, rowsPerSecond, secondsLeft } = bootstrap;
  return {
    id,
    stage,
    reason,
    started_ms: startedAtMs,
    ...(source === undefined ? {} : { source }),
    ...(rows === undefined ? {} : { rows }),
    ...(rowsLoaded === undefined ? {} : { rows_loaded: rowsLoaded }),
    ...(bytesLoaded === undefined ? {} : { bytes_loaded: bytesLoaded }),
    ...(rowsPerSecond === undefined ? {} : { rows_per_second: Math.round(rowsPerSecond) }),
    ...(secondsLeft === undefined ? {} : { seconds_left: Math.ceil(secondsLeft) }),
  };
}

function trimAnswer(trim: PartitionStatus["trim"]): PartitionStatusAnswer["trim"] {
  const { logFirst, foldedByAll, operationsForgotten, pinnedBy, away, needsBootstrap } = trim;
  const place = ({ region, position, sinceMs }: (typeof away)[number]) => ({
    region,
    position,
    since_ms: sinceMs,
  });
  return {
    ...(logFirst === undefined ? {} : { log_first: logFirst }),
    folded_by_all: foldedByAll,
    operations_forgotten: operationsForgotten,
    ...(pinnedBy === undefined ? {} : { pinned_by: place(pinnedBy) }),
    away: away.map(place),
    ...(needsBootstrap ? { needs_bootstrap: true } : {}),
  };
}

function regionAnswer(status: RegionStatus): PartitionStatusAnswer["regions"][number] {
  const { region, watermark, walHead, appliedPosition, lagEntries, silentMs, software, reads } = status;
  return {
    region,
    watermark,
    ...(walHead === undefined ? {} : { wal_head: walHead }),
    ...(appliedPosition === undefined ? {} : { applied_position: appliedPosition }),
    ...(lagEntries === undefined ? {} : { lag_entries: lagEntries }),
    ...(silentMs === undefined ? {} : { silent_ms: silentMs }),
    ...(software === undefined ? {} : { software }),
    ...(reads === undefined ? {} : { reads }),
  };
}
