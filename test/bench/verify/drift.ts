/** Rows that drift: edited, deleted and inserted by SQL in one region. */
import type { RegionView } from "../../../infra/local/cluster-options.ts";
import { recordIdText } from "../../../services/core/operation.ts";
import { BENCH_COLLECTION } from "../operations.ts";
import { withDatabase } from "./load-rows.ts";

const PREFIX = recordIdText({ tenant: "default", collection: BENCH_COLLECTION, key: "key-" });

/** Numbers of records. */
export interface Drift {
  readonly edited: readonly number[];
  readonly deleted: readonly number[];
  /** Which there are not yet. */
  readonly inserted: readonly number[];
}

/** Half of them edited, a quarter deleted, a quarter inserted, spread over all records. */
export function spreadDrift({ rows, records }: { rows: number; records: number }): Drift {
  const stride = Math.floor(records / rows);
  const numbers = Array.from({ length: rows }, (_, index) => index * stride + 1);
  return {
    edited: numbers.filter((_, index) => index % 4 < 2),
    deleted: numbers.filter((_, index) => index % 4 === 2),
    inserted: numbers.filter((_, index) => index % 4 === 3).map((number) => number + 2 * records),
  };
}

/** @returns keys of the records, in order. */
export async function plantDrift({ postgres }: RegionView, drift: Drift): Promise<string[]> {
  const { edited, deleted, inserted } = drift;
  const wanted = "record_id in (select $1 || n::text from unnest($2::bigint[]) n)";
  await withDatabase(postgres.url, async (client) => {
    await client.query(
      `update records set fields = replace(fields, 'Ada Lovelace', 'Ada Love1ace') where ${wanted}`,
      [PREFIX, edited],
    );
    await client.query(`delete from records where ${wanted}`, [PREFIX, deleted]);
    await client.query(
      `insert into records (version, partition, record_id, fields)
       select r.version, 0, $1 || n::text, r.fields
       from (select version, fields from records where record_id >= $1 order by record_id limit 1) r,
            unnest($2::bigint[]) n`,
      [PREFIX, inserted],
    );
  });
  return [...edited, ...deleted, ...inserted].map((number) => `key-${number}`).toSorted();
}
