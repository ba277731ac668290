/** Folding a sweep: what has expired by log time is removed, and tombstones that nothing older can still come for. */
import type { SweepEntry } from "../entry.ts";
import { recordIdText, type RecordId } from "../operation.ts";
import { isExpired, type StoredRecord } from "../record.ts";
import { hlcFloor, positionSeenByAll, type PartitionState } from "./state.ts";
import { count, currentRow, type FoldWork } from "./work.ts";

export function foldSweep(work: FoldWork, entry: SweepEntry): void {
  for (const record of entry.records) {
    const id = recordIdText(record);
    const row = currentRow(work, id);
    if (row === undefined || !isForgettable(row, work.state)) continue;
    count(work, "swept");
    work.records.set(id, null);
    work.rewrittenAt.set(id, work.state.position);
  }
}

/** Whether a sweep would remove the row. A tombstone is needed until every write still to come was made by a region that had folded the delete. */
export function isForgettable(row: Omit<StoredRecord, keyof RecordId>, state: PartitionState): boolean {
  if (row.tombstone === undefined) return isExpired(row, state.logTimeMs);
  const isOver = row.expiresAtMs !== undefined && state.logTimeMs > row.expiresAtMs;
  return isOver && positionSeenByAll(state) >= row.version && hlcFloor(state) > row.tombstone.hlc;
}
