/** Rows of a PostgreSQL table, in the order of what names them, from one snapshot. */
import pg from "pg";
import QueryStream from "pg-query-stream";
import { CommandError, UsageError } from "../errors.ts";
import type { Source, SourceRow } from "./row.ts";

const ROWS_AT_ONCE = 1_000;
const CONNECT_TIMEOUT_MS = 10_000;
const IN_JSON = new Set([
  16, 21, 23, 26, 700, 701, 114, 3802,
  // Arrays of them, and of text.
  1000, 1005, 1007, 1009, 1015, 1021, 1022,
]);

const TEXT_ARRAY: number = 1009;

/** What JSON has not, such as dates and large numbers, stays the text that PostgreSQL gives; so do the elements of other arrays. */
function parsersWith(arrays: ReadonlySet<number>) {
  return {
    getTypeParser(type: number) {
      if (IN_JSON.has(type)) return pg.types.getTypeParser(type);
      return arrays.has(type) ? pg.types.getTypeParser(TEXT_ARRAY) : identity;
    },
  };
}

interface Column {
  readonly name: string;
  readonly type: string;
  readonly isKey: boolean;
}

/** @throws {CommandError | UsageError} */
export async function openPostgres(
  url: string,
  options: { readonly table: string; readonly key: string | undefined },
): Promise<Source> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  const shown = shownUrl(url);
  let failure: Error | undefined;
  client.on("error", (error) => (failure = error));
  try {
    await client.connect();
    await client.query("begin isolation level repeatable read read only");
    const columns = await readColumns(client, options.table);
    const arrays = await client.query<{ oid: number }>(
      "select oid from pg_type where typcategory = 'A' and typlen = -1 and typdelim = ',' and typname like '\\_%'",
    );
    const { rows } = await client.query<{ name: string; rows: string }>(
      "select current_database() as name, greatest(reltuples, 0)::text as rows from pg_class where oid = $1::regclass",
      [options.table],
    );
    const keyColumns = keyColumnsOf(columns, options);
    if (!columns.some(({ isKey }) => isKey)) await checkNames(client, options.table, keyColumns[0]!);
    return sourceOf(client, {
      name: `${shown} ${options.table}`,
      identity: `${shown} ${options.table}`,
      rowsExpected: Number(rows[0]?.rows ?? 0),
      columns,
      keyColumns,
      parsers: parsersWith(new Set(arrays.rows.map(({ oid }) => oid))),
      table: options.table,
      failure: () => failure,
    });
  } catch (error) {
    await client.end().catch(() => undefined);
    if (error instanceof UsageError || error instanceof CommandError) throw error;
    throw new CommandError(`${shown}: ${(error as Error).message}`);
  }
}

interface Opened {
  readonly name: string;
  readonly identity: string;
  readonly rowsExpected: number;
  readonly columns: readonly Column[];
  readonly keyColumns: readonly string[];
  readonly table: string;
  readonly parsers: ReturnType<typeof parsersWith>;
  readonly failure: () => Error | undefined;
}

function sourceOf(client: pg.Client, opened: Opened): Source {
  const { name, identity, rowsExpected, columns, keyColumns } = opened;
  let read = 0;
  return {
    name,
    identity,
    isText: false,
    isNullValue: false,
    columns: columns.map((column) => column.name),
    keyColumns,
    get progress() {
      return { fraction: rowsExpected > 0 ? Math.min(1, read / rowsExpected) : undefined };
    },
    async *rows(after) {
      read = after?.number ?? 0;
      for await (const row of readRows(client, opened, after)) {
        read = row.number;
        yield row;
      }
    },
    close: () => client.end(),
  };
}

async function* readRows(
  client: pg.Client,
  opened: Opened,
  after: { readonly number: number; readonly place: string } | undefined,
): AsyncGenerator<SourceRow> {
  const { keyColumns, columns, table, parsers } = opened;
  const names = keyColumns.map(quoted).join(", ");
  const values = after === undefined ? [] : (JSON.parse(after.place) as string[]);
  const typed = keyColumns.map(
    (name, index) => `$${index + 1}::text::${columns.find((one) => one.name === name)!.type}`,
  );
  const where = after === undefined ? "" : `where (${names}) > (${typed.join(", ")})`;
  const places = keyColumns.map((name) => `${quoted(name)}::text`).join(", ");
  const text = `select *, array[${places}] as "_place" from ${await tableName(client, table)} ${where} order by ${names}`;
  const stream = client.query(new QueryStream(text, values, { batchSize: ROWS_AT_ONCE, types: parsers }));
  let number = after?.number ?? 0;
  try {
    for await (const given of stream) {
      const { _place: place, ...row } = given as { _place: readonly (string | null)[] } & SourceRow["values"];
      number += 1;
      yield { number, line: number, place: JSON.stringify(place), values: row };
    }
  } catch (error) {
    throw new CommandError(`${opened.name}: ${(opened.failure() ?? (error as Error)).message}`);
  }
}

async function readColumns(client: pg.Client, table: string): Promise<readonly Column[]> {
  const { rows } = await client.query<{ name: string; type: string; is_key: boolean }>(
    `select attname as name, format_type(atttypid, atttypmod) as type,
            coalesce(attnum = any(i.indkey), false) as is_key
       from pg_attribute a
       left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
      where attrelid = $1::regclass and attnum > 0 and not attisdropped
      order by array_position(i.indkey::int2[], attnum), attnum`,
    [table],
  );
  return rows.map(({ name, type, is_key: isKey }) => ({ name, type, isKey }));
}

/** @throws {UsageError} where nothing names a row. */
function keyColumnsOf(
  columns: readonly Column[],
  { table, key }: { readonly table: string; readonly key: string | undefined },
): readonly string[] {
  const primary = columns.filter(({ isKey }) => isKey).map(({ name }) => name);
  if (primary.length > 0) return primary;
  const known = columns.map(({ name }) => name).join(", ");
  if (key === undefined)
    throw new UsageError(
      `table ${table} has no primary key: say with --key which of its columns names a row (${known})`,
    );
  if (!columns.some(({ name }) => name === key))
    throw new UsageError(`there is no column "${key}"; there are ${known}`);
  return [key];
}

/**
 * Rows that a column names alike, or not at all, would count as sent, and be missed. Looked at in the snapshot that is read.
 * @throws {UsageError} says which value it is.
 */
async function checkNames(client: pg.Client, table: string, column: string): Promise<void> {
  const { rows: sure } = await client.query(
    `select from pg_attribute a join pg_index i on i.indrelid = a.attrelid and i.indkey[0] = a.attnum
      where a.attrelid = $1::regclass and a.attname = $2 and a.attnotnull
        and i.indisunique and i.indisvalid and i.indnkeyatts = 1 and i.indpred is null`,
    [table, column],
  );
  if (sure.length > 0) return;
  const name = quoted(column);
  const from = await tableName(client, table);
  const { rows } = await client.query<{ value: string | null; count: string }>(
    `(select null as value, '1' as count where exists (select from ${from} where ${name} is null))
      union all
      (select min(${name}::text), count(*)::text from ${from} where ${name} is not null
        group by ${name} having count(*) > 1 limit 1)`,
  );
  const [wrong] = rows;
  if (wrong === undefined) return;
  const { value, count } = wrong;
  const told = value === null ? "a row has null" : `${count} rows have ${JSON.stringify(value)}`;
  throw new UsageError(
    `column "${column}" of ${table} does not name a row: ${told}. Give --key a column that is unique and never null, the table a primary key, or --from a CSV file of the table, whose lines name its rows`,
  );
}

/** As PostgreSQL quotes it, so that nothing of a name becomes SQL. */
async function tableName(client: pg.Client, table: string): Promise<string> {
  const { rows } = await client.query<{ name: string }>("select $1::regclass::text as name", [table]);
  return rows[0]!.name;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Without credentials, and without what does not say which database it is. */
function shownUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

function identity(text: string): string {
  return text;
}
