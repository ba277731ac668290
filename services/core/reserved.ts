/**
 * Records that no client addresses: collections whose names begin with `$` hold what the fold itself keeps. As records
 * they are ordered, replicated and compared like all others.
 */
import { canonicalJson, type JsonScalar } from "./json.ts";
import type { RecordId } from "./operation.ts";

export const LEASES_COLLECTION = "$leases";
export const CLAIMS_COLLECTION = "$claims";
/** The one field of such a record. */
export const LEASE_FIELD = "lease";
export const CLAIM_FIELD = "claim";

export function isReserved(collection: string): boolean {
  return collection.startsWith("$");
}

export function leaseRecord(tenant: string, name: string): RecordId {
  return { tenant, collection: LEASES_COLLECTION, key: name };
}

export function claimRecord(input: {
  tenant: string;
  collection: string;
  field: string;
  value: JsonScalar;
}): RecordId {
  const { tenant, collection, field, value } = input;
  return { tenant, collection: CLAIMS_COLLECTION, key: `${collection}\n${field}\n${canonicalJson(value)}` };
}

/** Undoes `claimRecord`: the collection whose records have the value, and the field. Undefined of what is no claim's key. */
export function claimedField(
  key: string,
): { readonly collection: string; readonly field: string } | undefined {
  const [collection, field, ...value] = key.split("\n");
  return field === undefined || value.length === 0 ? undefined : { collection: collection!, field };
}
