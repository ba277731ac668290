/**
 * Where a subscription goes on: by partition, the position up to which everything was told. It means the same in every
 * region, as long as the log is the same one.
 */

export interface FeedPlace {
  readonly position: number;
  /** How often the log was made anew: positions of another epoch may stand for other entries. */
  readonly logEpoch: number;
}

/** By partition number. A subscription of one record has only that of its partition. */
export type FeedCursor = ReadonlyMap<number, FeedPlace>;

/**
 *   fits     changes after it are all kept here
 *   early    this region has not folded up to it yet
 *   expired  changes after it are no longer kept, or it is of a log that was made anew since
 */
export type CursorStanding = "fits" | "early" | "expired";

export interface KeptChanges {
  /** How far the partition is folded. */
  readonly head: number;
  readonly logEpoch: number;
  /** All changes after it are kept. */
  readonly floor: number;
}

export function standingOf(place: FeedPlace, kept: KeptChanges): CursorStanding {
  if (place.logEpoch > kept.logEpoch) return "early";
  if (place.logEpoch < kept.logEpoch) return "expired";
  if (place.position > kept.head) return "early";
  return place.position < kept.floor ? "expired" : "fits";
}
