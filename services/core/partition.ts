/** Which partition a record belongs to. */
import { sha256 } from "./hash.ts";

/**
 * The part of a key that chooses its partition: what stands between the first `{` and the next `}`, if anything does,
 * otherwise the whole key. Keys with the same tag live in one partition (as in Redis Cluster's hash tags).
 */
export function hashTag(key: string): string {
  const open = key.indexOf("{");
  if (open === -1) return key;
  const close = key.indexOf("}", open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : key;
}

/** Collections of one tenant share the function, so that records of several can be placed together by their tag. */
export function partitionOf(record: { tenant: string; key: string }, partitions: number): number {
  if (partitions === 1) return 0;
  return Number.parseInt(sha256(`${record.tenant}\n${hashTag(record.key)}`).slice(0, 8), 16) % partitions;
}

/**
 * The partition of a record, given how its collection is placed. A collection that is placed as a whole is where a key
 * with its name as tag would be, so that other collections' records can join it.
 */
export function partitionOfRecord(
  record: { tenant: string; collection: string; key: string },
  placement: { partitions: number; partitionBy: "key" | "collection" | undefined },
): number {
  const { tenant, collection, key } = record;
  const isWhole = placement.partitionBy === "collection";
  return partitionOf({ tenant, key: isWhole ? collection : key }, placement.partitions);
}
