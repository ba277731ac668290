/** Lets the views of collections follow their schemas. */
import { sha256 } from "../../../core/hash.ts";
import { READER_ROLE, tenantSchema } from "../../../core/sql/names.ts";
import type { CollectionSchema } from "../../../core/schema.ts";
import type { Database, Statement } from "../pool.ts";
import { Rounds, type Attempt } from "./rounds.ts";
import { viewQuery } from "./view-query.ts";

/** With another one, all views are made anew. */
const GENERATION = "1";

// What partition 0 has decided on, but for the cluster's own collections, and the views that there are. In one snapshot:
// while a state is loaded from elsewhere, the schemas are not all there, and no view may go.
const READ_STATE: Statement = {
  name: "read_views",
  text: `select exists (select from bootstraps) as is_loading,
                exists (select from forebay_missing_grants()) as is_grant_missing,
                (select json_agg(json_build_object('tenant', c.tenant, 'name', c.name, 'digest', md5(c.schema::text)))
                 from collections c where c.partition = 0 and left(c.tenant, 1) <> '$') as schemas,
                (select json_agg(json_build_object('schema', n.nspname, 'view', c.relname,
                          'comment', obj_description(c.oid, 'pg_class'),
                          'isGranted', to_regrole('${READER_ROLE}') is null
                             or has_table_privilege(to_regrole('${READER_ROLE}')::oid, c.oid, 'select')))
                 from pg_class c join pg_namespace n on n.oid = c.relnamespace
                 where c.relkind = 'v' and obj_description(c.oid, 'pg_class') like 'forebay view %') as views`,
  effect: "reading",
};

const READ_SCHEMA: Statement = {
  name: "read_schema_for_view",
  text: "select c.schema, md5(c.schema::text) as digest from collections c where c.partition = 0 and c.tenant = $1 and c.name = $2",
  effect: "reading",
};

const MAKE_VIEW: Statement = {
  name: "make_view",
  text: "select forebay_make_view($1, $2, $3, $4)::integer as done",
  effect: "writing",
};

const DROP_VIEW: Statement = {
  name: "drop_view",
  text: "select forebay_drop_view($1, $2)::integer as done",
  effect: "writing",
};

const GRANT: Statement = { name: "grant_readers", text: "select forebay_grant_readers()", effect: "writing" };

interface SchemaRow {
  readonly tenant: string;
  readonly name: string;
  readonly digest: string;
}

interface ViewRow {
  readonly schema: string;
  readonly view: string;
  readonly comment: string;
  readonly isGranted: boolean;
}

interface StateRow {
  readonly is_loading: boolean;
  /** Of a schema, to a login. */
  readonly is_grant_missing: boolean;
  readonly schemas: readonly SchemaRow[] | null;
  readonly views: readonly ViewRow[] | null;
}

/** @returns `followViews` of the port. */
export function openViewFollower(database: Database): () => Promise<number> {
  const rounds = new Rounds();
  return () => rounds.run((attempt) => followViews(database, attempt));
}

async function followViews(database: Database, attempt: Attempt): Promise<void> {
  const state = await database.queryOne<StateRow & object>(READ_STATE, []);
  if (state.is_loading) return;
  const wanted = new Map(
    (state.schemas ?? []).map((row) => [viewId(tenantSchema(row.tenant), row.name), row]),
  );
  const held = new Map((state.views ?? []).map((row) => [viewId(row.schema, row.view), row]));
  for (const [id, row] of wanted)
    if (held.get(id)?.comment !== commentOf(row.digest))
      await attempt(`make view ${id}`, () => makeView(database, row));
  for (const [id, { schema, view }] of held)
    if (!wanted.has(id)) await attempt(`drop view ${id}`, () => ask(database, DROP_VIEW, [schema, view]));
  if (state.is_grant_missing || [...held.values()].some(({ isGranted }) => !isGranted))
    await attempt("let readers read", async () => {
      await database.query(GRANT, []);
      return 0;
    });
}

async function makeView(database: Database, { tenant, name }: SchemaRow): Promise<number | null> {
  const [row] = await database.query<{ schema: CollectionSchema; digest: string }>(READ_SCHEMA, [
    tenant,
    name,
  ]);
  if (row === undefined) return 0;
  const query = viewQuery({ tenant, collection: name, schema: row.schema });
  return ask(database, MAKE_VIEW, [tenantSchema(tenant), name, query, digestOf(row.digest)]);
}

/** @returns null while another process is at it. */
async function ask(
  database: Database,
  statement: Statement,
  values: readonly string[],
): Promise<number | null> {
  return (await database.queryOne<{ done: number | null }>(statement, values)).done;
}

function viewId(schema: string, view: string): string {
  return `${schema}.${view}`;
}

function commentOf(digest: string): string {
  return `forebay view ${digestOf(digest)}`;
}

function digestOf(digest: string): string {
  return sha256(`${GENERATION} ${digest}`).slice(0, 32);
}
