/**
 * Rows for a verification, straight into all three databases: copies of one record that the cluster has folded, and of its
 * operation, with other names and ids. The same texts everywhere, and only what the fold could have made.
 */
import pg from "pg";
import type { LocalCluster } from "../../../infra/local/cluster.ts";
import { waitFor } from "../../../infra/local/wait.ts";
import { recordIdText } from "../../../services/core/operation.ts";
import { BENCH_COLLECTION } from "../operations.ts";

/** Stands in the template for what differs from row to row. */
const MARK = "@";
const TEMPLATE = { tenant: "default", collection: BENCH_COLLECTION, key: `template-${MARK}` };
const FOLDED_TIMEOUT_MS = 30_000;
/** Ids of operations rise with time, as those of gateways do; the time is long before any of a load. */
const ID_TIME_MS = 1_600_000_000_000;

/** Of the rows with these numbers. */
export interface NumberRange {
  readonly first: number;
  readonly last: number;
}

export async function writeTemplate(cluster: LocalCluster): Promise<void> {
  const path = `/v1/collections/${BENCH_COLLECTION}/records/${encodeURIComponent(TEMPLATE.key)}`;
  const response = await fetch(`${cluster.regions[0]!.url}${path}`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ set: { name: `Ada Lovelace ${MARK}` }, inc: { likes: 1 } }),
  });
  if (response.status !== 202) throw new Error(`${response.status}: ${await response.text()}`);
  for (const { name, postgres } of cluster.regions)
    await waitFor(() => withDatabase(postgres.url, (client) => readTemplate(client)), {
      what: `template in ${name}`,
      timeoutMs: FOLDED_TIMEOUT_MS,
    });
}

interface Template {
  readonly version: string;
  readonly fields: string;
}

async function readTemplate(client: pg.Client): Promise<Template | undefined> {
  const text = "select version, fields from records where record_id = $1";
  const { rows } = await client.query<Template>(text, [recordIdText(TEMPLATE)]);
  return rows[0];
}

/** Records `key-N`, with an operation each. */
export async function loadRows(cluster: LocalCluster, range: NumberRange): Promise<void> {
  const [one] = cluster.regions;
  const template = (await withDatabase(one!.postgres.url, readTemplate))!;
  await Promise.all(
    cluster.regions.map(({ postgres }) =>
      withDatabase(postgres.url, (client) => insertRows(client, template, range)),
    ),
  );
}

async function insertRows(client: pg.Client, template: Template, range: NumberRange): Promise<void> {
  const { version, fields } = template;
  const id = recordIdText({ ...TEMPLATE, key: `key-${MARK}` });
  await client.query(
    `insert into records (version, partition, record_id, fields)
     select $1, 0, replace($2, '${MARK}', n::text), replace($3, '${MARK}', n::text)
     from generate_series($4::bigint, $5::bigint) n`,
    [version, id, fields, range.first, range.last],
  );
  await client.query(
    `insert into operations (id, position, hlc, partition, tenant, origin, status, request_hash, detail)
     select (lpad(to_hex(${ID_TIME_MS} + n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid,
            o.position, o.hlc + n, o.partition, o.tenant, o.origin, o.status, sha256(n::text::bytea), o.detail
     from (select * from operations where position = $1 limit 1) o, generate_series($2::bigint, $3::bigint) n`,
    [version, range.first, range.last],
  );
  // What a database does by itself after a while would otherwise fall on one measurement or another.
  await client.query("vacuum (analyze) records");
  await client.query("vacuum (analyze) operations");
  await client.query("checkpoint");
}

export async function withDatabase<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** What a scan costs that reads every row and hashes its text once: about the least that a digest can take. */
const BARE_SCAN = `select count(*), bit_xor(hashtextextended(fields, 0)) from records where partition = 0`;

/** Seconds by region, of scans in all regions at once. */
export async function bareScans(cluster: LocalCluster): Promise<Record<string, number>> {
  const scans = cluster.regions.map(({ name, postgres }) =>
    withDatabase(postgres.url, async (client): Promise<[string, number]> => {
      await client.query("set max_parallel_workers_per_gather = 0");
      const startedAtMs = performance.now();
      await client.query(BARE_SCAN);
      return [name, (performance.now() - startedAtMs) / 1_000];
    }),
  );
  return Object.fromEntries(await Promise.all(scans));
}
