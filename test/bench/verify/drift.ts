/** Rows that drift: edited, deleted and inserted by SQL in one region, spread over all records. */
import type { RegionView } from "../../../infra/local/cluster-options.ts";
import { recordIdText } from "../../../services/core/operation.ts";
import { BENCH_COLLECTION } from "../operations.ts";
import { withDatabase } from "./load-rows.ts";

const PREFIX = recordIdText({ tenant: "default", collection: BENCH_COLLECTION, key: "key-" });

/** @returns keys of the records, in order. */
export async function plantDrift(
  { postgres }: RegionView,
  { rows, records }: { rows: number; records: number },
): Promise<string[]> {
  const stride = Math.floor(records / rows);
  const numbers = Array.from({ length: rows }, (_, index) => index * stride + 1);
  const isOf = (kind: number) => (_: number, index: number) => index % 4 === kind;
  const edited = numbers.filter((_, index) => index % 4 < 2);
  const deleted = numbers.filter(isOf(2));
  const inserted = numbers.filter(isOf(3)).map((number) => number + 2 * records);
  const id = `$1 || n::text`;
  await withDatabase(postgres.url, async (client) => {
    await client.query(
      `update records set fields = replace(fields, 'Ada Lovelace', 'Ada Love1ace')
       where record_id in (select ${id} from unnest($2::bigint[]) n)`,
      [PREFIX, edited],
    );
    await client.query(`delete from records where record_id in (select ${id} from unnest($2::bigint[]) n)`, [
      PREFIX,
      deleted,
    ]);
    await client.query(
      `insert into records (version, partition, record_id, fields)
       select r.version, 0, ${id}, r.fields
       from (select version, fields from records where record_id >= $1 order by record_id limit 1) r,
            unnest($2::bigint[]) n`,
      [PREFIX, inserted],
    );
  });
  return [...edited, ...deleted, ...inserted].map((number) => `key-${number}`).toSorted();
}
