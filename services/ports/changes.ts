/** Which records the fold and the own WAL have changed, for who follows them. */
import type { KeptChanges } from "../core/feed/cursor.ts";
import type { IdRange } from "../core/feed/filter.ts";
import type { RecordId } from "../core/operation.ts";
import type { RecordSnapshot } from "./record-snapshot.ts";

export interface ChangesQuery {
  readonly partition: number;
  /** Committed changes after this position. */
  readonly after: number;
  /** Also records whose rows of the own WAL, after this sequence, are folded since; undefined is none. */
  readonly settledAfter?: number | undefined;
  /** Also records with pending rows of the own WAL after this sequence; undefined is none. */
  readonly pendingAfter?: number | undefined;
  /** Only records in one of them. */
  readonly ranges: readonly IdRange[];
  /** About so many records are looked at; there may be as many more as one commit of a fold has changed. */
  readonly idsMax: number;
}

/** A part of the changes, in one snapshot. */
export interface ChangesWindow extends KeptChanges {
  /** All committed changes up to here are in it. */
  readonly position: number;
  /** Of the own WAL: how far the settled, and the pending rows were looked at. */
  readonly settledTo: number;
  readonly pendingTo: number;
  /** Nothing is left for another window. */
  readonly isCaughtUp: boolean;
  /** Without those whose newest state a later window tells. */
  readonly records: readonly ChangedRecord[];
}

export interface ChangedRecord {
  readonly record: RecordId;
  /** Of the change that made the committed state at hand; undefined where only the WAL has changed it. */
  readonly position: number | undefined;
  /** The last rows of the own WAL that the window has looked at for it: folded since, and pending. */
  readonly settledAt?: number | undefined;
  readonly pendingAt?: number | undefined;
  /** Nothing is pending in it where the query has no `pendingAfter`. */
  readonly snapshot: Omit<RecordSnapshot, "position">;
}

export interface Changes {
  /** Each record once, with the newest state. In no order. @throws {StoreUnavailableError} */
  readChanges(query: ChangesQuery): Promise<ChangesWindow>;
  /**
   * Forgets the partition's changes up to a position, the oldest first, at most so many commits; cursors before it expire.
   * @returns how many; as many as `rowsMax` when there may be more.
   */
  trimChanges(options: { partition: number; upTo: number; rowsMax: number }): Promise<number>;
}
