/**
 * Folding a repair: a record gets the row that is to be there if its row is still one that the regions held when they
 * were compared, and is left alone otherwise.
 *
 * Ordinary records come before claims: whether a claim may come back depends on the record that has the value.
 */
import { rowHash } from "../digest.ts";
import type { RecordRepair, RepairEntry } from "../entry.ts";
import { recordIdText, type RecordId } from "../operation.ts";
import type { StoredRecord } from "../record.ts";
import { CLAIMS_COLLECTION } from "../reserved.ts";
import { isStillExpected, ownerOfClaim } from "./repair-guard.ts";
import { count, currentRow, type FoldWork } from "./work.ts";

export function foldRepair(work: FoldWork, entry: RepairEntry): void {
  // A comparison that is still to come tells nothing.
  if (entry.at >= work.state.position) return count(work, "overtaken", entry.records.length);
  for (const isClaim of [false, true]) {
    for (const [ordinal, repair] of entry.records.entries()) {
      if ((repair.collection === CLAIMS_COLLECTION) === isClaim)
        repairRecord(work, entry, { repair, ordinal });
    }
  }
}

function repairRecord(
  work: FoldWork,
  entry: RepairEntry,
  { repair, ordinal }: { repair: RecordRepair; ordinal: number },
): void {
  const { tenant, collection, key } = repair;
  const id = recordIdText(repair);
  const before = currentRow(work, id) ?? null;
  const hash = before === null ? null : rowHash(before);
  if (!isStillExpected({ work, entry, repair, hash })) return count(work, "overtaken");
  const after: StoredRecord | null = repair.record && { tenant, collection, key, ...repair.record };
  if (before === null && after === null) return;
  // Also where it seems to be so already: the same row may be stored as another text, which digests of the text find.
  work.records.set(id, after);
  if (after !== null && rowHash(after) === hash) return;
  count(work, "repaired");
  const { position, logTimeMs } = work.state;
  work.rewrittenAt.set(id, position);
  const { id: repairId, reason } = entry;
  const made = { tenant, collection, key, position, ordinal, logTimeMs, reason, before, after };
  work.repairs.push({ ...made, repair: repairId });
}

/** The records that folding a repair looks at. */
export function recordsOfRepair(entry: RepairEntry): RecordId[] {
  return entry.records.flatMap((repair) => {
    const owner = ownerOfClaim(repair);
    const { tenant, collection, key } = repair;
    return [{ tenant, collection, key }, ...(owner === undefined ? [] : [owner])];
  });
}
