/** Reads all records of a partition in one snapshot, while folding goes on. */
import { toRecordId } from "../../core/operation.ts";
import type pg from "pg";
import type { StoredRecord } from "../../core/record.ts";
import type { Database } from "./pool.ts";
import { toStoredRecord, type LifetimeRow } from "./rows.ts";
import { toNumber } from "./values.ts";

const PAGE_ROWS = 2_000;
/** A reader that doesn't come back must not hold the snapshot, and with it all dead rows, for ever. */
const ABANDONED_AFTER_MS = 300_000;

const POSITION = "select coalesce((select position from applied where partition = $1), 0) as position";
const DECLARE = `declare scan no scroll cursor for
                 select record_id, fields, version, tombstone, expires_at_ms from records where partition = $1`;
const FETCH = `fetch ${PAGE_ROWS} from scan`;

export type ScanPage = { position: number; records: readonly StoredRecord[] };

interface ScanRow extends LifetimeRow {
  readonly record_id: string;
  readonly fields: string;
  readonly version: string;
}

/** At least one page, so that the position is told also of a partition without records. */
export function scanRecords(
  database: Database,
  partition: number,
): AsyncGenerator<ScanPage, void, undefined> {
  return database.reading((client) => pages(client, partition));
}

async function* pages(client: pg.PoolClient, partition: number): AsyncGenerator<ScanPage, void, undefined> {
  await client.query("begin isolation level repeatable read read only");
  // This is the one statement that reads a table from end to end.
  await client.query("set local enable_seqscan = on");
  await client.query("set local cursor_tuple_fraction = 1");
  await client.query(`set local idle_in_transaction_session_timeout = ${ABANDONED_AFTER_MS}`);
  const [place] = (await client.query<{ position: string }>(POSITION, [partition])).rows;
  const position = toNumber(place!.position);
  await client.query(DECLARE, [partition]);
  for (let isFirst = true; ; isFirst = false) {
    const { rows } = await client.query<ScanRow>(FETCH);
    const records = rows.map((row) => toStoredRecord(toRecordId(row.record_id), row));
    if (isFirst || records.length > 0) yield { position, records };
    if (records.length < PAGE_ROWS) break;
  }
  await client.query("commit");
}
