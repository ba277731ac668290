/** The text that names a record in the database, taken apart. */
import type { RecordId } from "../../core/operation.ts";

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
