/**
 * A partition's committed state at one position, held still while folding goes on: what verification reads, and what other
 * regions load.
 *
 *   open (at a barrier) → digest of all leaves → rows of the leaves that differ → the records themselves → close
 *
 * Digests are made from the rows as they are stored, not from anything remembered. They are equal in every region whose
 * rows are, on every version of the database, as long as the machines have one byte order.
 */
import type { RecordId } from "../core/operation.ts";
import type { StoredRecord } from "../core/record.ts";
import type { PartitionDigests } from "../core/verify/partition-digests.ts";
import type { LeafDigests } from "../core/verify/digest-tree.ts";
import type { StateExport } from "./bootstraps.ts";

/** Of a page of `readLeaves`. */
export const LEAF_ROWS_MAX = 2_000;
/** Of one call of `readRows`. */
export const SNAPSHOT_ROWS_MAX = 1_000;

export interface Snapshots {
  /**
   * Opens a snapshot of a partition as it is now, on a connection of its own. It keeps the database from tidying up, so
   * that it ends by itself after `holdMsMax` (default ten minutes).
   * @throws {StoreUnavailableError} also where too many snapshots are open.
   */
  openSnapshot(options: { partition: number; holdMsMax?: number }): Promise<PartitionSnapshot>;
}

/** Calls wait for each other. Each may throw StoreUnavailableError, and SnapshotClosedError once the snapshot has ended. */
export interface PartitionSnapshot extends StateExport {
  /** What is folded; 0 before the first fold. */
  readonly position: number;
  /**
   * Count and hashes of the rows by leaf, in one scan.
   * @param leaves a power of two, `LEAVES_MAX` at most. @param restMs how long to rest after every few milliseconds' work,
   * for the sake of whatever else the database has to do (default 0).
   */
  digestLeaves(options: { leaves: number; restMs?: number }): Promise<LeafDigests>;
  /**
   * Names and hashes of the rows in some leaves, by pages of `LEAF_ROWS_MAX`, in no order, in one scan.
   * @param leaves how many there are, as for `digestLeaves`. @param wanted which of them.
   */
  readLeaves(options: { leaves: number; wanted: readonly number[] }): AsyncGenerator<readonly RowDigest[]>;
  /** Those that exist, in no order. @param records `SNAPSHOT_ROWS_MAX` at most. */
  readRows(records: readonly RecordId[]): Promise<StoredRecord[]>;
  /**
   * Digests of what the fold keeps besides records.
   * @param operationsAbove operations up to this position are left out. @param restMs as of `digestLeaves`.
   */
  digestRest(options: { operationsAbove: number; restMs?: number }): Promise<RestDigests>;
  /** Ends a call that is under way, too. Never rejects. */
  close(): Promise<void>;
}

export interface RowDigest extends RecordId {
  /** 32 hexadecimal digits: of the row as it is stored. */
  readonly hash: string;
}

export interface RestDigests extends PartitionDigests {
  readonly operations: { readonly count: number; readonly hash: string };
}

/** The snapshot was closed, or has been open for too long. */
export class SnapshotClosedError extends Error {
  override readonly name = "SnapshotClosedError";
}
