/** What operators have told a region to do. */

/** Since when a region takes no new writes, by the database's clock. */
export interface Drain {
  readonly sinceMs: number;
  /** How long ago that is. */
  readonly forMs: number;
}

/** What an operator has ordered the region as a whole to do; holds over restarts, for all of its processes. */
export interface RegionOrders {
  /** Undefined while the region is not drained. Cheap: processes poll it. */
  readDrain(): Promise<Drain | undefined>;
  /**
   * From now on; one that has begun goes on from when it did. Where it is forced, `sinceMs` turns another (a millisecond
   * earlier): whoever has begun it can no longer take it back by its `sinceMs`.
   */
  startDrain(options: { isForced: boolean }): Promise<Drain & { readonly isNew: boolean }>;
  /** @param only the drain to end; another stays. @returns whether one has ended. */
  endDrain(only?: Pick<Drain, "sinceMs">): Promise<boolean>;
}
