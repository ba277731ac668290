/** What a simulated database holds of one partition. */
import {
  initialPartitionState,
  type OperationOutcome,
  type PartitionState,
} from "../../services/core/fold/state.ts";
import type { StoredRecord } from "../../services/core/record.ts";
import { ZERO_HLC, type Hlc } from "../../services/core/hlc.ts";
import { PENDING_BYTES_MAX, PENDING_ROWS_MAX } from "../../services/ports/record-snapshot.ts";
import {
  StaleApplierError,
  type RegionStore,
  type StoredConflict,
  type StoredOperation,
  type StoredRepair,
  type TrimMark,
  type WalRow,
} from "../../services/ports/region-store.ts";
import type { NotedCommit } from "./changes.ts";
import type { Taking } from "./escrows.ts";

export interface TimedRow extends WalRow, Taking {
  readonly acceptedAtMs: number;
}

export interface PartitionData {
  wal: TimedRow[];
  /** Highest sequence that was handed out, and highest that was trimmed at the beginning. */
  walEnd: number;
  walTrimmed: number;
  /** As the columns of `wal_heads`. */
  rejoin: string | undefined;
  orphansAfter: number | undefined;
  joined: string | undefined;
  displaced: string | undefined;
  /** By reason of none being sent again. */
  readonly setAside: TimedRow[];
  readonly marks: TrimMark[];
  lastHlc: Hlc;
  state: PartitionState;
  logCreatedAtMs: number | undefined;
  readonly outcomes: Map<string, OperationOutcome>;
  readonly conflicts: StoredConflict[];
  readonly repairs: StoredRepair[];
  readonly changes: NotedCommit[];
  changeFloor: number;
}

export function emptyPartition(partition: number): PartitionData {
  return {
    wal: [],
    walEnd: 0,
    walTrimmed: 0,
    rejoin: undefined,
    orphansAfter: undefined,
    joined: undefined,
    displaced: undefined,
    setAside: [],
    marks: [],
    lastHlc: ZERO_HLC,
    state: initialPartitionState(partition),
    logCreatedAtMs: undefined,
    outcomes: new Map(),
    conflicts: [],
    repairs: [],
    changes: [],
    changeFloor: 0,
  };
}

/** Sequences rise, with gaps between runs. */
export function rowsAfter({ wal }: PartitionData, sequence: number): TimedRow[] {
  let [low, high] = [0, wal.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (wal[middle]!.sequence > sequence) high = middle;
    else low = middle + 1;
  }
  return wal.slice(low);
}

/** Up to where rows of the WAL are folded: while the region rejoins the log has others under the sequences of some. */
export function foldedUpTo({ state, orphansAfter }: PartitionData, region: string): number {
  return Math.min(state.origins[region]?.watermark ?? 0, orphansAfter ?? Infinity);
}

/** What the log has let go of counts for nothing, nor does a row of the WAL that is folded and has no outcome any more. */
export function knownIn(
  { outcomes, wal, state }: PartitionData,
  { id, folded }: { id: string; folded: number },
): { outcome?: OperationOutcome; row?: TimedRow } {
  const stored = outcomes.get(id);
  const outcome = stored !== undefined && stored.position > state.forgotten.position ? stored : undefined;
  const row = wal.find((one) => one.id === id && (one.sequence > folded || outcome !== undefined));
  return { ...(outcome && { outcome }), ...(row && { row }) };
}

type RebindOptions = Parameters<RegionStore["rebindLog"]>[0];

export function rebindLog(data: PartitionData, { partition, position, from, to }: RebindOptions): void {
  const isThere = data.state.position === position && [from, to].includes(data.logCreatedAtMs ?? -1);
  if (!isThere) throw new StaleApplierError(`partition ${partition} is not at ${position} of ${from}`);
  data.logCreatedAtMs = to;
}

export function toRow({ acceptedAtMs: _, takes: __, handsOver: ___, ...row }: TimedRow): WalRow {
  return row;
}

/** They are more than a snapshot takes along. */
export function isCrowd(rows: readonly WalRow[]): boolean {
  const bytes = () => rows.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
  return rows.length > PENDING_ROWS_MAX || bytes() > PENDING_BYTES_MAX;
}

export type HeldRecord = StoredRecord & { readonly partition: number };

export function withoutPartition({ partition: _, ...record }: HeldRecord): StoredRecord {
  return record;
}

/** What is known of an operation; undefined where nothing is. */
export function storedOperation(
  { id, partition }: { readonly id: string; readonly partition: number },
  { conflicts }: PartitionData,
  { outcome, row }: { readonly outcome: OperationOutcome | undefined; readonly row: TimedRow | undefined },
): StoredOperation | undefined {
  const tenant = outcome?.tenant ?? row?.tenant;
  if (tenant === undefined) return undefined;
  const lost = conflicts.filter((conflict) => conflict.loser.operation === id);
  return {
    id,
    tenant,
    partition,
    ...(row && { accepted: { sequence: row.sequence, hlc: row.hlc, requestHash: row.requestHash } }),
    ...(outcome && { outcome }),
    lostFields: [...new Set(lost.map((conflict) => conflict.field))].toSorted(),
  };
}
