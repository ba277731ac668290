/** Bytes as PostgreSQL counts and compares them. */
import type { WalAppend } from "../../services/ports/region-store.ts";

/** What a line of a log entry has besides names and changes. */
const LINE_BYTES = 160;

/** About how long an operation's line in a log entry is. */
export function bytesOf(
  operations: readonly Pick<WalAppend, "tenant" | "collection" | "key" | "body">[],
): number {
  return operations.reduce(
    (sum, { tenant, collection, key, body }) =>
      sum + LINE_BYTES + Buffer.byteLength(tenant + collection + key + body),
    0,
  );
}

export function compareBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
