/**
 * A region's durable state, in its own database. Five parts, each with one writer or many:
 *
 *   write-ahead log   many gateways append, the relay reads
 *   committed state   the applier writes, everyone reads; what is kept for a time only is trimmed
 *   roles             who may relay and apply a partition at the moment
 *   orders            what an operator has told the region to do
 *   bootstraps        loading committed state from elsewhere (`bootstraps.ts`)
 */
import type { AuditTrail } from "./audit-trail.ts";
import type { EscrowLeft, Takes } from "../core/escrow.ts";
import type { Hlc } from "../core/hlc.ts";
import type { FoldResult } from "../core/fold/fold.ts";
import type { Conflict, FoldSlice, OperationOutcome, PartitionState, Repair } from "../core/fold/state.ts";
import type { LossReason } from "../core/fields/kind.ts";
import type { Rights } from "../core/fields/merge/escrow.ts";
import { recordIdText, type RecordId } from "../core/operation.ts";
import type { StoredRecord } from "../core/record.ts";
import type { Collection } from "../core/schema.ts";
import type { Bootstraps } from "./bootstraps.ts";
import type { Changes } from "./changes.ts";
import type { EntryVersions } from "./entry-versions.ts";
import type { OwnWal, WalTail, WalTrouble } from "./own-wal.ts";
import type { Snapshots } from "./partition-snapshot.ts";
import type { ListedRecord, RecordSnapshot } from "./record-snapshot.ts";
import type { RegionOrders } from "./region-orders.ts";
import type { SqlAccess } from "./sql-access.ts";
import type { VerificationRecords } from "./verification-records.ts";

/** An operation that a gateway asks the WAL to take. */
export interface WalAppend extends RecordId {
  readonly id: string;
  readonly requestHash: string;
  /** The changes as JSON text, exactly as they will be logged. */
  readonly body: string;
  /** What it takes of the region's rights to the record's escrows: without them it is not appended. */
  readonly takes?: Takes;
  /** What it hands over of them to another region: as `takes`, but the sum of all regions has it on. */
  readonly handsOver?: Takes;
  /** The `traceparent` of its request, where that had one. */
  readonly trace?: string | undefined;
}

/** A row of the WAL. */
export interface WalRow extends Omit<WalAppend, "takes" | "handsOver"> {
  readonly sequence: number;
  readonly hlc: Hlc;
  readonly seen: number;
}

/** Of a row besides its record's id and its body. */
const ROW_BYTES = 158;

/** What a row counts for where bytes of the WAL are bounded. */
export function walRowBytes(row: Pick<WalRow, "tenant" | "collection" | "key" | "body">): number {
  return ROW_BYTES + Buffer.byteLength(recordIdText(row)) + Buffer.byteLength(row.body);
}

/** What became of one appended operation. */
export type AppendOutcome =
  | {
      readonly status: "accepted";
      readonly sequence: number;
      readonly hlc: Hlc;
      /** Of the escrows that it takes from, by field name, what is left for others. */
      readonly left?: readonly EscrowLeft[];
    }
  /** The region has not the rights to what it takes; nothing was appended. */
  | { readonly status: "insufficient"; readonly left: EscrowLeft }
  /** The id is in the WAL already, with the same request. */
  | { readonly status: "replayed"; readonly sequence: number; readonly hlc: Hlc }
  /** The id took effect already, through this region or another, with the same request. */
  | { readonly status: "folded"; readonly outcome: OperationOutcome }
  /** The id belongs to another request. */
  | { readonly status: "mismatched" };

export interface WalHead {
  /** Highest sequence handed out; 0 for an empty WAL. */
  readonly sequence: number;
  readonly hlc: Hlc;
  /** Rows that the region's own fold has not passed. */
  readonly pendingRows: number;
  readonly pendingBytes: number;
  /** When the oldest pending row was accepted, by the database's clock; undefined when nothing is pending. */
  readonly oldestPendingAtMs: number | undefined;
  /** The operation that this row is; absent when nothing is pending. */
  readonly oldestPendingId?: string;
  /** The database's clock. */
  readonly nowMs: number;
  /** The database takes no writes at the moment: it is a standby, or somebody has set it so. */
  readonly isReadOnly?: true;
  readonly trouble?: WalTrouble;
  /** Rows that were set aside when the region rejoined, ever; undefined is none. */
  readonly setAsideRows?: number;
}

export interface TickStamp {
  readonly hlc: Hlc;
  readonly walHead: number;
  /** What is folded, and the head of the log's hash chain there. */
  readonly position: number;
  readonly chain: string;
}

export interface WriteAheadLog {
  /**
   * Appends operations in one transaction: finds replays, refuses what takes more than the region has the rights to,
   * numbers the rest densely after all that was appended before, stamps them in rising order. Resolves after the commit is durable.
   * @param operations of one partition, with distinct ids.
   * @returns one outcome per operation, in order.
   * @throws {WalFullError} @throws {WalRefusedError} nothing was appended.
   * @throws {StoreUnavailableError} unknown when `outcome` says so, otherwise nothing was appended.
   */
  append(options: {
    partition: number;
    operations: readonly WalAppend[];
    nowMs: number;
    pendingRowsMax: number;
    pendingBytesMax: number;
  }): Promise<AppendOutcome[]>;
  /** Rows after a sequence, in order, at most `rowsMax` and about `bytesMax` (at least one, if there is one). */
  readWal(options: {
    partition: number;
    after: number;
    rowsMax: number;
    bytesMax: number;
  }): Promise<WalRow[]>;
  walHead(partition: number): Promise<WalHead>;
  /**
   * Issues a stamp for a tick: every row appended later has a later stamp, and has seen the position at least. The position
   * is durable from then on, unlike one that was read before: a crash in between would take it back.
   * @throws {WalRefusedError}
   */
  stampTick(options: { partition: number; nowMs: number }): Promise<TickStamp>;
}

export interface CommittedState {
  /** The partition's fold state; the initial one when nothing was folded yet. */
  loadPartition(partition: number): Promise<PartitionState>;
  loadSlice(options: {
    partition: number;
    records: readonly RecordId[];
    operations: readonly string[];
  }): Promise<FoldSlice>;
  /**
   * Commits the result of a fold in one transaction, if the partition is still at `expectedPosition`.
   * @param isGuess the fold took its operations for new without asking: the commit looks whether they are.
   * @param tail of the own region, where the fold has taken operations of it: the WAL must have it.
   * @throws {StaleApplierError} another applier has folded on; nothing was written.
   * @throws {KnownOperationError} of a guess: an operation took effect before; nothing was written.
   * @throws {LostWalError} @throws {DisplacedError} nothing was written.
   */
  commitFold(options: CommitOptions): Promise<void>;
  /** Which log the partition was folded from; undefined before the first fold. */
  logCreatedAtMs(partition: number): Promise<number | undefined>;
  /** Remembers the log's identity, once. */
  bindLog(options: { partition: number; createdAtMs: number }): Promise<void>;
  /**
   * Goes over to a log that was made anew, at the position where it goes on. Durable, with what was folded. Again it changes
   * nothing. @throws {StaleApplierError} the partition is elsewhere, or bound to a third log; nothing was written.
   */
  rebindLog(options: { partition: number; position: number; from: number; to: number }): Promise<void>;
}

export interface CommitOptions {
  readonly expectedPosition: number;
  readonly result: FoldResult;
  readonly isGuess?: boolean;
  readonly tail?: WalTail | undefined;
}

export interface RecordEscrows {
  readonly position: number;
  /** WAL sequence of the last pending row that takes from one of them; 0 where there is none. */
  readonly pendingTo: number;
  /** By field name. */
  readonly escrows: readonly EscrowShare[];
}

/** The committed rights of all regions, and what the own one may still take. */
export interface EscrowShare extends EscrowLeft {
  readonly rights: Rights;
  /** Rights of the own region that its pending writes hand over to others. */
  readonly leaving: number;
}

export interface StateReader {
  readRecord(options: RecordId & { partition: number }): Promise<RecordSnapshot>;
  /** Several records of a partition, in one snapshot and in the order asked for. */
  readRecords(options: { partition: number; records: readonly RecordId[] }): Promise<RecordSnapshot[]>;
  /** Records, committed or only pending, in the order of their keys' bytes. */
  listRecords(options: {
    tenant: string;
    collection: string;
    prefix: string;
    after: string | undefined;
    limit: number;
  }): Promise<ListedRecord[]>;
  /** The record's escrows, and what the region may take of each; none of a record that is deleted, or was never given to. */
  readEscrows(options: RecordId & { partition: number }): Promise<RecordEscrows>;
  readCollections(partition: number): Promise<Collection[]>;
  /** Position and origins; the initial ones when nothing was folded yet. Cheap: relay and gateways poll it. */
  readPositions(partition: number): Promise<Positions>;
  /** What the region knows of an operation: that its WAL took it, what the fold made of it, or both. */
  readOperation(id: string): Promise<StoredOperation | undefined>;
  /**
   * Records that have expired by log time, and tombstones whose retention is over and that are no newer than the position
   * `seenByAll`; the longest expired first.
   */
  readExpired(options: { partition: number; seenByAll: number; rowsMax: number }): Promise<RecordId[]>;
  /** What the partition's fold made of operations, of those that took effect; with the place that this was read at. */
  readOutcomes(options: { partition: number; ids: readonly string[] }): Promise<FoldedOutcomes>;
  /** Changes that lost, newest first: by `ConflictPlace`, downwards. */
  listConflicts(options: ConflictQuery): Promise<StoredConflict[]>;
  /** The conflict of whatever tenant; undefined when there is none, or it was trimmed. */
  readConflict(name: ConflictName): Promise<StoredConflict | undefined>;
  /** Rows of this region that repairs have changed, newest first: by `ConflictPlace`, downwards. Other regions have others. */
  listRepairs(options: RepairQuery): Promise<StoredRepair[]>;
  /** All records of a partition, by pages, in one snapshot, with the position they are at. */
  scanRecords(partition: number): AsyncGenerator<{ position: number; records: readonly StoredRecord[] }>;
}

/** Names a conflict, and is the same in every region. */
export interface ConflictName {
  readonly partition: number;
  readonly position: number;
  readonly ordinal: number;
}

export interface StoredConflict extends Conflict, ConflictName {}

/** Where a conflict stands among those of all partitions: compared member by member, log time first. */
export interface ConflictPlace extends ConflictName {
  readonly logTimeMs: number;
}

/** Which conflicts of a tenant are asked for; what is undefined matches all. */
export interface ConflictFilter {
  readonly collection?: string | undefined;
  /** Goes with `collection`. */
  readonly key?: string | undefined;
  readonly field?: string | undefined;
  readonly reason?: LossReason | undefined;
  /** The region that the loser came through. */
  readonly region?: string | undefined;
}

export interface ConflictQuery extends ConflictFilter {
  readonly tenant: string;
  /** Only older ones than the conflict at this place. */
  readonly before?: ConflictPlace | undefined;
  readonly limit: number;
}

export interface StoredRepair extends Repair {
  readonly partition: number;
}

/** What is undefined matches all; filters pass over what does not match. */
export interface RepairQuery {
  readonly tenant?: string | undefined;
  /** Goes with `tenant`. */
  readonly collection?: string | undefined;
  /** Goes with `collection`. */
  readonly key?: string | undefined;
  /** Id of the entry. */
  readonly repair?: string | undefined;
  /** Only older ones than the repair at this place. */
  readonly before?: ConflictPlace | undefined;
  readonly limit: number;
}

export interface FoldedOutcomes {
  readonly position: number;
  readonly logTimeMs: number;
  /** Operations that took effect before this log time may be forgotten. */
  readonly forgottenTimeMs: number;
  readonly outcomes: readonly OperationOutcome[];
}

/** Where a partition is, in one snapshot: its fold state without the collections. */
export type Positions = Omit<PartitionState, "collections">;

export interface StoredOperation {
  readonly id: string;
  readonly tenant: string;
  readonly partition: number;
  readonly accepted?: { readonly sequence: number; readonly hlc: Hlc; readonly requestHash: string };
  readonly outcome?: OperationOutcome;
  /** Fields of the operation that lost. */
  readonly lostFields: readonly string[];
}

/** Forgets what is kept for a time only, or until every member has it. Whoever calls it, and however many at once: rows are forgotten once. */
export interface Maintenance {
  /**
   * Forgets the partition's oldest conflicts, of before a log time, at most so many.
   * @returns how many; as many as `rowsMax` when there may be more.
   */
  trimConflicts(options: { partition: number; beforeLogTimeMs: number; rowsMax: number }): Promise<number>;
  /** Remembers where the partition is, unless it did within the last `everyMs` of log time. */
  addTrimMark(options: { partition: number; everyMs: number }): Promise<void>;
  /** The latest mark within both bounds. */
  findTrimMark(options: {
    partition: number;
    positionMax: number;
    logTimeMsMax: number;
  }): Promise<TrimMark | undefined>;
  /** Forgets the partition's marks from before a position, at most so many. @returns how many. */
  trimMarks(options: { partition: number; below: number; rowsMax: number }): Promise<number>;
  /**
   * Deletes the oldest rows of the WAL up to a sequence, at most so many; never rows that the region has not folded.
   * @returns how many; as many as `rowsMax` when there may be more.
   */
  trimWal(options: { partition: number; upTo: number; rowsMax: number }): Promise<number>;
  /**
   * Deletes operations that the log has let go of, of all partitions. Looks at a part of what is kept, from a place on
   * that the call before has told, and at first from 0; a row that others write meanwhile may be left to the next pass.
   * @returns `next` undefined at the end.
   */
  trimOperations(options: { from: number }): Promise<{ trimmed: number; next: number | undefined }>;
}

/** Where the region was once: what was folded up to a position of the log, and when by log time. */
export interface TrimMark {
  readonly position: number;
  readonly logTimeMs: number;
  /** Of the region's own WAL: all up to this sequence was folded. */
  readonly watermark: number;
}

export type RoleName = "relay" | "applier";

export interface RoleGrant {
  /** Rises with every change of holder. */
  readonly epoch: number;
}

export interface Roles {
  /**
   * Takes a role that is free or expired, or renews the holder's own; undefined while another holds it. One that ends later than
   * ten times `ttlMs` from now was granted by another clock, and counts as expired.
   * @throws {RoleRefusedError} nobody holds it, and the holder reads too little to be the applier.
   */
  acquireRole(options: {
    role: RoleName;
    partition: number;
    holder: string;
    ttlMs: number;
  }): Promise<RoleGrant | undefined>;
  releaseRole(options: { role: RoleName; partition: number; holder: string }): Promise<void>;
}

export interface RegionStore
  extends
    WriteAheadLog,
    OwnWal,
    CommittedState,
    StateReader,
    Changes,
    Snapshots,
    Bootstraps,
    Maintenance,
    VerificationRecords,
    AuditTrail,
    Roles,
    EntryVersions,
    SqlAccess,
    RegionOrders {
  close(): Promise<void>;
}

export class WalFullError extends Error {
  override readonly name = "WalFullError";
}

export class KnownOperationError extends Error {
  override readonly name = "KnownOperationError";
}

export class StaleApplierError extends Error {
  override readonly name = "StaleApplierError";
}

/** The database did not do what was asked. */
export class StoreUnavailableError extends Error {
  override readonly name = "StoreUnavailableError";
  /** `none`: certainly nothing happened. `unknown`: a commit may have happened. */
  readonly outcome: "none" | "unknown";
  constructor(message: string, options: { outcome: "none" | "unknown"; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.outcome = options.outcome;
  }
}
