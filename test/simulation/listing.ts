/** Which records the simulated twin lists: the keys of a collection, and what has expired. */
import type { RecordId } from "../../services/core/operation.ts";
import type { StoredRecord } from "../../services/core/record.ts";
import { compareBytes } from "./bytes.ts";

export interface ListingOptions {
  readonly tenant: string;
  readonly collection: string;
  readonly prefix: string;
  readonly after: string | undefined;
  readonly limit: number;
}

type Placed = RecordId & { readonly partition: number };

/** Keys of records, committed or only pending, in the order of their bytes, without the deleted ones. */
export function listedKeys(
  records: {
    readonly alive: readonly Placed[];
    readonly pending: readonly Placed[];
    readonly deleted: readonly Placed[];
  },
  options: ListingOptions,
): { readonly key: string; readonly partition: number }[] {
  const { tenant, collection, prefix, after, limit } = options;
  const isOfCollection = (id: RecordId) => id.tenant === tenant && id.collection === collection;
  const keys = new Map<string, number>();
  for (const { partition, ...id } of [...records.alive, ...records.pending]) {
    const isListed = isOfCollection(id) && id.key.startsWith(prefix);
    if (isListed && (after === undefined || compareBytes(id.key, after) > 0)) keys.set(id.key, partition);
  }
  for (const id of records.deleted) if (isOfCollection(id)) keys.delete(id.key);
  return [...keys]
    .toSorted(([one], [other]) => compareBytes(one, other))
    .slice(0, limit)
    .map(([key, partition]) => ({ key, partition }));
}

export interface ExpiryOptions {
  readonly seenByAll: number;
  readonly rowsMax: number;
}

/** What is to be swept, the longest expired first. */
export function expiredOf(
  records: readonly StoredRecord[],
  options: ExpiryOptions & { readonly logTimeMs: number },
): RecordId[] {
  const { seenByAll, rowsMax, logTimeMs } = options;
  return records
    .filter(({ expiresAtMs = Infinity, tombstone, version }) => {
      return expiresAtMs < logTimeMs && (tombstone === undefined || version <= seenByAll);
    })
    .toSorted((one, other) => one.expiresAtMs! - other.expiresAtMs!)
    .slice(0, rowsMax)
    .map(({ tenant, collection, key }) => ({ tenant, collection, key }));
}
