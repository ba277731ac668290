/** What each test of the contract works with. */
import type { RecordId } from "../../../services/core/operation.ts";
import type { StoredRecord } from "../../../services/core/record.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";

export interface Context {
  /** Opened anew, and empty, for each test. */
  readonly store: RegionStore;
  /** Another handle on the same state. */
  reopen(): Promise<RegionStore>;
  /** Lets the store's own clock go on. */
  pause(durationMs: number): Promise<void>;
  /** Does to a row what somebody may who gets at the database; undefined deletes it. */
  edit(partition: number, id: RecordId, record: StoredRecord | undefined): Promise<void>;
}
