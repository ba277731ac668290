/**
 * The guard of repairs: whether a record is still what the regions held when they were compared. No repair overwrites
 * what was written, deleted or forgotten since.
 *
 * A row's version is the position of its last change, and part of its hash. So a row that is there tells by its hash. A
 * row that is not there tells nothing: it may have been missing then, or have been removed since. The fold removes rows
 * for two reasons only, and a row is brought back only where neither can be why it is gone.
 *
 * What it can't see is a decision that found nothing to change in a region because the row was missing there: a delete
 * between comparison and repair leaves a tombstone elsewhere, and the old row here. The next comparison finds that.
 */
import { uniqueValues } from "../decide/claims.ts";
import type { RecordRepair, RepairEntry } from "../entry.ts";
import { own } from "../json.ts";
import { recordIdText, type RecordId } from "../operation.ts";
import { CLAIM_FIELD, CLAIMS_COLLECTION, claimedField, claimRecord } from "../reserved.ts";
import type { CollectionSchema } from "../schema.ts";
import { collectionId } from "./state.ts";
import { isForgettable } from "./sweep.ts";
import { currentRecord, type FoldWork } from "./work.ts";

/** @param hash of the row at hand; null where there is none. */
export function isStillExpected(input: {
  work: FoldWork;
  entry: RepairEntry;
  repair: RecordRepair;
  hash: string | null;
}): boolean {
  const { work, entry, repair, hash } = input;
  if (!repair.expected.includes(hash)) return false;
  if (repair.record === null) return true;
  // Also in place of a wrong claim: the value may have been freed where the wrong one kept it from being seen.
  if (repair.collection === CLAIMS_COLLECTION) return isOwned(work, repair);
  return hash !== null || !mayHaveBeenSwept({ work, entry, repair });
}

/** The record whose unique value a claim's repair says is taken; undefined of what is no claim, or is to be none. */
export function ownerOfClaim({ tenant, collection, key, record }: RecordRepair): RecordId | undefined {
  if (collection !== CLAIMS_COLLECTION || record === null) return undefined;
  const state = own(record.fields, CLAIM_FIELD);
  const claimed = claimedField(key);
  if (state?.kind !== "claim" || claimed === undefined) return undefined;
  return { tenant, collection: claimed.collection, key: state.key };
}

/** A claim is freed when its record's value changes: it comes back only if its record has the value now. */
function isOwned(work: FoldWork, repair: RecordRepair): boolean {
  const owner = ownerOfClaim(repair);
  const schema = owner && schemaOf(work, owner);
  if (owner === undefined || schema === undefined) return false;
  const values = uniqueValues(schema, currentRecord(work, recordIdText(owner)));
  return values.some((value) => claimRecord({ ...owner, ...value }).key === repair.key);
}

/**
 * A sweep removes what has expired. That may be the row that is to be there, or one that was written after the
 * comparison, which has lived at least for what its collection's schema says.
 */
function mayHaveBeenSwept(input: { work: FoldWork; entry: RepairEntry; repair: RecordRepair }): boolean {
  const { work, entry, repair } = input;
  if (isForgettable(repair.record!, work.state)) return true;
  const { ttlMs = Infinity, tombstoneRetentionMs = Infinity } = schemaOf(work, repair) ?? {};
  return work.state.logTimeMs - entry.atMs > Math.min(ttlMs, tombstoneRetentionMs);
}

function schemaOf(work: FoldWork, { tenant, collection }: RecordId): CollectionSchema | undefined {
  return own(work.state.collections, collectionId(tenant, collection))?.schema;
}
