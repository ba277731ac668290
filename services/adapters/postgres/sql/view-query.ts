/** The query of a collection's view: committed state, typed, of one tenant. */
import pg from "pg";
import { META_COLUMNS, sqlColumns, type SqlColumn, type SqlType } from "../../../core/sql/columns.ts";
import { recordIdText } from "../../../core/operation.ts";
import type { CollectionSchema } from "../../../core/schema.ts";
import { afterPrefix } from "../key-range.ts";

const { escapeIdentifier: identifier, escapeLiteral: literal } = pg;

const CASTS: { readonly [Type in Exclude<SqlType, "jsonb">]: string } = {
  text: "forebay_text",
  bigint: "forebay_integer",
  "double precision": "forebay_number",
  boolean: "forebay_boolean",
};

/**
 * Whoever may not read the tenant's views gets no row looked at: that condition names no column, and so is asked first. The
 * view is a barrier: what else a reader's query asks is asked of rows that have passed all of this.
 */
export function viewQuery(options: { tenant: string; collection: string; schema: CollectionSchema }): string {
  const { tenant, collection, schema } = options;
  const prefix = recordIdText({ tenant, collection, key: "" });
  const columns = [
    `substr(r.record_id, ${Array.from(prefix).length + 1}) as ${identifier(META_COLUMNS.key)}`,
    `r.record_id as ${identifier(META_COLUMNS.id)}`,
    `r.version as ${identifier(META_COLUMNS.version)}`,
    `r.partition as ${identifier(META_COLUMNS.partition)}`,
    ...sqlColumns(schema).map(columnText),
  ];
  // `offset 0` parses each record once, and not once for each column.
  return `select ${columns.join(",\n       ")}
from public.records r
join public.applied a on a.partition = r.partition
cross join lateral (select r.fields::jsonb as fields offset 0) v
where public.forebay_reads(${literal(tenant)})
  and r.record_id >= ${literal(prefix)} and r.record_id < ${literal(afterPrefix(prefix)!)}
  and r.tombstone is null and (r.expires_at_ms is null or r.expires_at_ms >= a.log_time_ms)
  and not exists (select from public.bootstraps b where b.partition = r.partition)`;
}

function columnText({ name, type, default: value }: SqlColumn): string {
  const state = `public.forebay_show(v.fields -> ${literal(name)})`;
  const shown = value === undefined ? state : `coalesce(${state}, ${literal(JSON.stringify(value))}::jsonb)`;
  return `${type === "jsonb" ? shown : `public.${CASTS[type]}(${shown})`} as ${identifier(name)}`;
}
