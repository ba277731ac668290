/**
 * What a store keeps beside committed state, made of it and of nothing else: views for readers with SQL, and indexes of
 * fields. Both follow the schemas that are folded, each in its own time; nothing of the fold waits for them.
 */
import type { ListedRecord } from "./record-snapshot.ts";

/** What of it was refused, or has been busy elsewhere for long: all the rest is as it should be. */
export class FollowError extends Error {
  override readonly name = "FollowError";
}

export interface SqlAccess {
  /**
   * Makes views what the schemas of partition 0 say, of whatever they were. One that can't be made keeps no other waiting.
   * @returns how many were made or dropped.
   * @throws when nothing else was left to do: {FollowError} for what was refused, or is busy elsewhere for minutes.
   */
  followViews(): Promise<number>;
  /**
   * Begins indexes, builds them on, and gives up those that no schema has any more.
   * @param options.rowsMax so many records at most are given keys, or keys are taken away.
   * @returns how much was done: 0 when all indexes are what they should be, or other processes are at them.
   * @throws as `followViews`.
   */
  followIndexes(options: { rowsMax: number }): Promise<number>;
  /** A page of the records that have a value in a range of an index, in its order. In one snapshot. */
  listByField(query: FieldQuery): Promise<FieldPage>;
}

/** Where a record stands in a listing by a field. */
export interface FieldPlace {
  /** Of `core/listing/index-key.ts`. */
  readonly indexKey: string;
  readonly key: string;
}

export interface FieldQuery {
  readonly tenant: string;
  readonly collection: string;
  readonly field: string;
  /** Of `indexSignature`: an index that was built by another one is none. */
  readonly signature: string;
  /** Of keys; `from` is in it, `to` is not. */
  readonly from: string;
  readonly to: string;
  readonly isDescending: boolean;
  /** Records that are only pending have a value even where nothing of it is written. */
  readonly hasDefault: boolean;
  /** Without it, only what is committed counts. */
  readonly isWithPending: boolean;
  /** Records whose place may be another one than the index says, by pending writes: with more than so many there is no page. */
  readonly pendingMax: number;
  readonly after: FieldPlace | undefined;
  readonly limit: number;
}

export interface FieldPage {
  /** The index is there, and every record has its key; otherwise the page is empty. */
  readonly isReady: boolean;
  /** There are more than `pendingMax` such records, and not all of them are here; or one can't be placed, having too many such writes. */
  readonly isCrowded: boolean;
  /** At most `limit`, without those below; in any order. A crowded one's pending writes do not name the field. */
  readonly records: readonly (ListedRecord & FieldPlace)[];
  /** All records whose pending writes may give them another place, wherever they are. The deleted ones are left out. */
  readonly moving: readonly ListedRecord[];
}
