/** An operation: what one write does to one record, as a region accepted it. */
import type { Hlc } from "./hlc.ts";
import type { Change } from "./fields/kind.ts";

/** Names one record in the cluster. */
export interface RecordId {
  readonly tenant: string;
  readonly collection: string;
  readonly key: string;
}

export interface Operation extends RecordId {
  /** UUID; the same for every try of the same request, in any region. */
  readonly id: string;
  readonly hlc: Hlc;
  /** Log position that the origin had folded when it accepted the operation. */
  readonly seen: number;
  /** Tells a retry from another request under the same idempotency key. */
  readonly requestHash: string;
  readonly changes: readonly Change[];
}

/** One text per record, for maps: tenants and collections have no line feed in their names. */
export function recordIdText(id: RecordId): string {
  return `${id.tenant}\n${id.collection}\n${id.key}`;
}

/** Undoes `recordIdText`: what follows the second line feed is the key. */
export function toRecordId(text: string): RecordId {
  const tenantEnd = text.indexOf("\n");
  const collectionEnd = text.indexOf("\n", tenantEnd + 1);
  return {
    tenant: text.slice(0, tenantEnd),
    collection: text.slice(tenantEnd + 1, collectionEnd),
    key: text.slice(collectionEnd + 1),
  };
}
