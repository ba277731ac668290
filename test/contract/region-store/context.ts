/** What each test of the contract works with. */
import type { RegionStore } from "../../../services/ports/region-store.ts";

export interface Context {
  /** Opened anew, and empty, for each test. */
  readonly store: RegionStore;
  /** Another handle on the same state. */
  reopen(): Promise<RegionStore>;
  /** Lets the store's own clock go on. */
  pause(durationMs: number): Promise<void>;
}
