/** Lets the indexes of fields follow the schemas: begins them, gives records their keys, gives up what no schema has any more. */
import { indexClassOf, indexSignature } from "../../../core/listing/index-key.ts";
import { recordIdText } from "../../../core/operation.ts";
import type { Collection } from "../../../core/schema.ts";
import { afterPrefix } from "../key-range.ts";
import type { Database, Statement } from "../pool.ts";
import { Rounds, type Attempt } from "./rounds.ts";

// While a state is loaded from elsewhere, not all collections may be there.
const READ_STATE: Statement = {
  name: "read_field_indexes",
  text: `select (select json_agg(json_build_object('tenant', c.tenant, 'name', c.name, 'schema', c.schema)) from collections c
                 where c.partition = 0 and c.schema::text like '%"index"%') as collections,
                (select json_agg(json_build_object('id', i.id, 'tenant', i.tenant, 'collection', i.collection,
                          'field', i.field, 'signature', i.signature, 'isReady', i.is_ready) order by i.id)
                 from field_indexes i) as indexes,
                exists (select from pg_trigger t
                        where t.tgrelid = 'records'::regclass and t.tgname = 'forebay_keys_inserted') as is_kept,
                exists (select from bootstraps) as is_loading`,
  effect: "reading",
};

const BEGIN: Statement = {
  name: "begin_index",
  text: "select forebay_begin_index($1, $2, $3, $4)::integer as done",
  effect: "writing",
};
const BUILD: Statement = {
  name: "build_index",
  text: "select forebay_build_index($1, $2, $3, $4) as done",
  effect: "writing",
};
const END: Statement = {
  name: "end_index",
  text: "select forebay_end_index($1)::integer as done",
  effect: "writing",
};
const DROP_TRIGGERS: Statement = {
  name: "drop_key_triggers",
  text: "select forebay_drop_key_triggers()::integer as done",
  effect: "writing",
};
const TRIM: Statement = {
  name: "trim_keys",
  text: "select forebay_trim_keys($1) as done",
  effect: "writing",
};

interface IndexRow {
  readonly id: number;
  readonly tenant: string;
  readonly collection: string;
  readonly field: string;
  readonly signature: string;
  readonly isReady: boolean;
}

interface StateRow {
  readonly collections: readonly Collection[] | null;
  readonly indexes: readonly IndexRow[] | null;
  /** Triggers keep keys. */
  readonly is_kept: boolean;
  readonly is_loading: boolean;
}

type Wanted = Omit<IndexRow, "id" | "isReady">;

/** @returns `followIndexes` of the port. */
export function openIndexFollower(database: Database): (options: { rowsMax: number }) => Promise<number> {
  const rounds = new Rounds();
  return ({ rowsMax }) => rounds.run((attempt) => followIndexes({ database, rowsMax, attempt }));
}

async function followIndexes(options: {
  database: Database;
  rowsMax: number;
  attempt: Attempt;
}): Promise<void> {
  const { database, rowsMax, attempt } = options;
  const state = await database.queryOne<StateRow & object>(READ_STATE, []);
  if (state.is_loading) return;
  const wanted = new Map((state.collections ?? []).flatMap(indexesOf).map((index) => [nameOf(index), index]));
  const held = new Map((state.indexes ?? []).map((index) => [nameOf(index), index]));
  for (const [name, index] of wanted) {
    const { tenant, collection, field, signature } = index;
    if (held.get(name)?.signature === signature) continue;
    const values = [tenant, collection, field, signature];
    await attempt(`begin the index ${toldOf(index)}`, () => ask(database, BEGIN, values));
  }
  for (const [name, index] of held) {
    if (!wanted.has(name))
      await attempt(`end the index ${toldOf(index)}`, () => ask(database, END, [index.id]));
    else if (!index.isReady)
      await attempt(`build the index ${toldOf(index)}`, () => build(database, index, rowsMax));
  }
  if (state.is_kept && wanted.size === 0 && held.size === 0)
    await attempt("drop the triggers of indexes", () => ask(database, DROP_TRIGGERS, []));
  await attempt("trim keys", () => ask(database, TRIM, [rowsMax]));
}

/** The last batch, with which it becomes ready, may be empty. */
async function build(database: Database, index: IndexRow, rowsMax: number): Promise<number | null> {
  const { from, to } = rangeOf(index);
  const rows = await ask(database, BUILD, [index.id, from, to, rowsMax]);
  return rows === null ? null : Math.max(1, rows);
}

/** @returns null while another process is at it. */
async function ask(
  database: Database,
  statement: Statement,
  values: readonly unknown[],
): Promise<number | null> {
  return (await database.queryOne<{ done: number | null }>(statement, values)).done;
}

function indexesOf({ tenant, name: collection, schema }: Collection): Wanted[] {
  return Object.entries(schema.fields).flatMap(([field, definition]) => {
    const indexClass = definition.index === true ? indexClassOf(definition) : undefined;
    if (indexClass === undefined) return [];
    return [{ tenant, collection, field, signature: indexSignature(definition, indexClass) }];
  });
}

function nameOf({ tenant, collection, field }: Wanted): string {
  return `${tenant}\n${collection}\n${field}`;
}

function toldOf({ tenant, collection, field }: Wanted): string {
  return JSON.stringify(`${tenant}/${collection}.${field}`);
}

function rangeOf({ tenant, collection }: Wanted): { from: string; to: string } {
  const from = recordIdText({ tenant, collection, key: "" });
  return { from, to: afterPrefix(from)! };
}
