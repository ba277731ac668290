/** A record as its region holds it at one moment: what is committed, and what of the own WAL is pending. */
import type { StoredRecord } from "../core/record.ts";
import type { WalRow } from "./region-store.ts";

/**
 * Pending operations of one record that a snapshot takes along: rows, and bytes of their bodies. In a long outage a counter
 * that everybody counts may have hundreds of thousands, and one read of it must not be what brings its region down.
 */
export const PENDING_ROWS_MAX = 10_000;
export const PENDING_BYTES_MAX = 4 * 1024 * 1024;

/** A record with what its region holds of it, in one snapshot. */
export interface RecordSnapshot {
  readonly committed: StoredRecord | undefined;
  /**
   * The region's own operations on it that its fold has not passed, in the order of the WAL; without those that took
   * effect already, because a retry of them came through another region.
   */
  readonly pending: readonly WalRow[];
  /** More are pending than a snapshot takes along: `pending` has none of them, and what the region shows can't be told. */
  readonly isCrowded?: boolean;
  readonly position: number;
}

export interface ListedRecord extends RecordSnapshot {
  readonly key: string;
}
