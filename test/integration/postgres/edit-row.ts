/** Edits a record's row in a database, as somebody does who gets by without the store. */
import { recordIdText, type RecordId } from "../../../services/core/operation.ts";
import type { StoredRecord } from "../../../services/core/record.ts";
import { queryOnce } from "./server.ts";

/** @param record undefined deletes the row. */
export async function editRow(
  url: string,
  place: { readonly partition: number; readonly id: RecordId },
  record: StoredRecord | undefined,
): Promise<void> {
  const id = recordIdText(place.id);
  if (record === undefined) {
    await queryOnce(url, "delete from records where record_id = $1", [id]);
    return;
  }
  const { version, fields, tombstone, expiresAtMs } = record;
  await queryOnce(
    url,
    `insert into records (partition, record_id, version, fields, tombstone, expires_at_ms) values ($1, $2, $3, $4, $5, $6)
     on conflict (record_id) do update
     set partition = excluded.partition, version = excluded.version, fields = excluded.fields,
         tombstone = excluded.tombstone, expires_at_ms = excluded.expires_at_ms`,
    [
      place.partition,
      id,
      version,
      JSON.stringify(fields),
      tombstone === undefined ? null : JSON.stringify(tombstone),
      expiresAtMs ?? null,
    ],
  );
}
