/**
 * A partition's state as others load it: its head, and its rows by pages, in the order of an index. Rows are put into JSON by
 * the database and taken out of it by another (`forebay_load_page`): nothing parses them on the way.
 */
import {
  NothingToLoadError,
  type StateHead,
  type StatePage,
  type StatePart,
} from "../../ports/bootstraps.ts";
import type { OwnConnection } from "./own-connection.ts";
import { loadPartition } from "./partition-state.ts";
import type { Statement } from "./pool.ts";
import { toNumber } from "./values.ts";

/** Rows that a page of a size that is not known yet asks for, and that any page may. */
const ROWS_FIRST = 200;
const ROWS_MAX = 5_000;

/** A row as JSON, put together by hand: `json_build_object` takes half as long again. Members that are null are left out. */
function rowJson(members: Readonly<Record<string, string>>): string {
  const parts = Object.entries(members).map(([name, value]) => `coalesce(',"${name}":' || ${value}, '')`);
  return `'{' || substr(${parts.join(" || ")}, 2) || '}'`;
}

const text = (column: string) => `to_json(${column})::text`;

/** Rows $3 of a partition $1 after a place $2; of operations those above position $5. */
const ROWS: Readonly<Record<StatePart, string>> = {
  records: `select r.record_id as place,
                   ${rowJson({ id: text("r.record_id"), v: "r.version", f: text("r.fields"), t: text("r.tombstone"), e: "r.expires_at_ms" })} as line
            from records r where r.partition = $1 and r.record_id > $2 and $5::bigint is not null
            order by r.record_id limit $3`,
  operations: `select o.id::text as place,
                      ${rowJson({
                        id: `'"' || o.id || '"'`,
                        p: "o.position",
                        h: "o.hlc",
                        n: text("o.tenant"),
                        o: text("o.origin"),
                        s: text("o.status"),
                        r: `'"' || encode(o.request_hash, 'base64') || '"'`,
                        d: text("o.detail"),
                      })} as line
               from operations o where o.partition = $1 and o.id > $2::uuid and o.position > $5::bigint
               order by o.id limit $3`,
  conflicts: `select c.position || ' ' || c.ordinal as place,
                     ${rowJson({
                       p: "c.position",
                       m: "c.log_time_ms",
                       o: "c.ordinal",
                       lo: text("c.loser_operation"),
                       wo: text("c.winner_operation"),
                       n: text("c.tenant"),
                       c: text("c.collection"),
                       k: text("c.key"),
                       f: text("c.field"),
                       e: text("c.entry"),
                       r: text("c.reason"),
                       l: "c.loser::text",
                       w: "c.winner::text",
                     })} as line
              from conflicts c
              where c.partition = $1 and $5::bigint is not null and (c.position, c.ordinal)
                    > (split_part($2, ' ', 1)::bigint, split_part($2, ' ', 2)::integer)
              order by c.position, c.ordinal limit $3`,
};

/** Before all rows. */
const BEGINNING: Readonly<Record<StatePart, string>> = {
  records: "",
  operations: "00000000-0000-0000-0000-000000000000",
  conflicts: "0 -1",
};

/** Of the rows those within $4 bytes, and the one that exceeds them: what is cut off comes with the next page. */
function pageStatement(part: StatePart): Statement {
  const sql = `with found as materialized (select row_number() over () as rank, r.* from (${ROWS[part]}) r),
                    page as (select count(*) as rows, string_agg(p.line || chr(10), '') as lines
                             from (select f.line, sum(octet_length(f.line) + 1) over (order by f.rank rows unbounded preceding)
                                                  - octet_length(f.line) - 1 as before from found f) p
                             where p.before < $4::bigint)
               select page.rows, page.lines, (select count(*) from found) as found,
                      (select f.place from found f where f.rank = page.rows) as last
               from page`;
  return { name: `export_${part}`, text: sql, effect: "reading" };
}

const PAGES: Readonly<Record<StatePart, Statement>> = {
  records: pageStatement("records"),
  operations: pageStatement("operations"),
  conflicts: pageStatement("conflicts"),
};

const COUNTS = `select (select count(*) from records r where r.partition = $1) as records,
                       (select count(*) from operations o where o.partition = $1 and o.position > $2) as operations,
                       (select count(*) from conflicts c where c.partition = $1) as conflicts,
                       (select a.log_created_at_ms from applied a where a.partition = $1) as log_created_at_ms,
                       (select json_build_object('version', v.needed, 'software', v.needed_by)
                          from entry_versions v where v.partition = $1 and v.needed_by is not null) as needs`;

interface PageRow {
  readonly rows: string;
  readonly found: string;
  readonly last: string | null;
  readonly lines: string | null;
}

/** On the connection of a snapshot. */
export class StateReading {
  readonly #connection: OwnConnection;
  readonly #partition: number;
  readonly #rowsMax: Record<StatePart, number> = {
    records: ROWS_FIRST,
    operations: ROWS_FIRST,
    conflicts: ROWS_FIRST,
  };
  #forgotten: number | undefined;

  constructor(options: { connection: OwnConnection; partition: number }) {
    this.#connection = options.connection;
    this.#partition = options.partition;
  }

  async readHead(): Promise<StateHead> {
    const state = await loadPartition(this.#connection, this.#partition);
    this.#forgotten = state.forgotten.position;
    const [row] = await this.#connection.ask<
      Record<StatePart, string> & {
        log_created_at_ms: string | null;
        needs: NonNullable<StateHead["needs"]> | null;
      }
    >(COUNTS, [this.#partition, this.#forgotten]);
    const { records, operations, conflicts, log_created_at_ms: createdAtMs, needs } = row!;
    if (state.position === 0 || createdAtMs === null)
      throw new NothingToLoadError(`nothing of partition ${this.#partition} is folded yet`);
    return {
      state,
      logCreatedAtMs: toNumber(createdAtMs),
      counts: {
        records: toNumber(records),
        operations: toNumber(operations),
        conflicts: toNumber(conflicts),
      },
      ...(needs !== null && { needs }),
    };
  }

  async readPage(options: {
    part: StatePart;
    after: string | undefined;
    bytesMax: number;
  }): Promise<StatePage> {
    const { part, after, bytesMax } = options;
    this.#forgotten ??= (await loadPartition(this.#connection, this.#partition)).forgotten.position;
    const rowsMax = this.#rowsMax[part];
    const place = after ?? BEGINNING[part];
    const values = [this.#partition, place, rowsMax, bytesMax, this.#forgotten];
    const [row] = await this.#connection.query<PageRow>(PAGES[part], values);
    const [rows, found] = [toNumber(row!.rows), toNumber(row!.found)];
    const lines = Buffer.from(row!.lines ?? "");
    const isMore = rows < found || found === rowsMax;
    if (rows > 0) this.#rowsMax[part] = rowsFor(bytesMax, lines.byteLength / rows);
    return { rows, lines, next: isMore ? row!.last! : undefined };
  }
}

/** A little more than fits: what is asked for and cut off is cheap, another page is not. */
function rowsFor(bytesMax: number, bytesPerRow: number): number {
  return Math.max(1, Math.min(ROWS_MAX, Math.ceil((1.05 * bytesMax) / bytesPerRow)));
}
