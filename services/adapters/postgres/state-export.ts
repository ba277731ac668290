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

/** Rows $3 of a partition $1 after a place $2; of operations those above position $5. */
const ROWS: Readonly<Record<StatePart, string>> = {
  records: `select r.record_id as place,
                   json_build_object('id', r.record_id, 'v', r.version, 'f', r.fields, 't', r.tombstone, 'e', r.expires_at_ms)::text as line
            from records r where r.partition = $1 and r.record_id > $2 and $5::bigint is not null
            order by r.record_id limit $3`,
  operations: `select o.id::text as place,
                      json_build_object('id', o.id, 'p', o.position, 'h', o.hlc, 'n', o.tenant, 'o', o.origin, 's', o.status,
                                        'r', encode(o.request_hash, 'base64'), 'd', o.detail)::text as line
               from operations o where o.partition = $1 and o.id > $2::uuid and o.position > $5::bigint
               order by o.id limit $3`,
  conflicts: `select c.position || ' ' || c.ordinal as place,
                     json_build_object('p', c.position, 'm', c.log_time_ms, 'o', c.ordinal, 'lo', c.loser_operation,
                                       'wo', c.winner_operation, 'n', c.tenant, 'c', c.collection, 'k', c.key, 'f', c.field,
                                       'e', c.entry, 'r', c.reason, 'l', c.loser, 'w', c.winner)::text as line
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
  const text = `select count(*) as rows, max(p.rank) as last_rank, (array_agg(p.place order by p.rank desc))[1] as last,
                       string_agg(p.line || chr(10), '' order by p.rank) as lines,
                       (select count(*) from found) as found
                from (select f.*, sum(octet_length(f.line) + 1) over (order by f.rank rows unbounded preceding)
                                  - octet_length(f.line) - 1 as before from found f) p
                where p.before < $4::bigint`;
  const found = `with found as materialized (select row_number() over () as rank, r.* from (${ROWS[part]}) r)`;
  return { name: `export_${part}`, text: `${found} ${text}`, effect: "reading" };
}

const PAGES: Readonly<Record<StatePart, Statement>> = {
  records: pageStatement("records"),
  operations: pageStatement("operations"),
  conflicts: pageStatement("conflicts"),
};

const COUNTS = `select (select count(*) from records r where r.partition = $1) as records,
                       (select count(*) from operations o where o.partition = $1 and o.position > $2) as operations,
                       (select count(*) from conflicts c where c.partition = $1) as conflicts,
                       (select a.log_created_at_ms from applied a where a.partition = $1) as log_created_at_ms`;

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
      Record<StatePart, string> & { log_created_at_ms: string | null }
    >(COUNTS, [this.#partition, this.#forgotten]);
    const { records, operations, conflicts, log_created_at_ms: createdAtMs } = row!;
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
