/** Forgets what every member has, at its beginning: rows of the WAL, operations that the log has let go of, and the marks for it. */
import type { Maintenance, TrimMark } from "../../ports/region-store.ts";
import type { Database, Statement } from "./pool.ts";
import { toNumber } from "./values.ts";

// Log time stands still where nothing is folded, and then there is nothing to remember.
const ADD_MARK: Statement = {
  name: "add_trim_mark",
  text: `insert into trim_marks (partition, position, log_time_ms, watermark)
         select a.partition, a.position, a.log_time_ms, coalesce(o.watermark, 0)
         from applied a left join origins o on o.partition = a.partition and o.region = $2
         where a.partition = $1 and a.cluster is not null
           and a.log_time_ms >= $3::bigint + coalesce((
             select m.log_time_ms from trim_marks m where m.partition = $1 order by m.position desc limit 1), 0)
         on conflict do nothing`,
  effect: "writing",
};

// Log time never goes back as positions rise.
const FIND_MARK: Statement = {
  name: "find_trim_mark",
  text: `select m.position, m.log_time_ms, m.watermark from trim_marks m
         where m.partition = $1 and m.position <= $2 and m.log_time_ms <= $3
         order by m.position desc limit 1`,
  effect: "reading",
};

const TRIM_MARKS: Statement = {
  name: "trim_marks",
  text: `with oldest as (
           select m.position from trim_marks m
           where m.partition = $1 and m.position < $2 order by m.position limit $3::bigint
         ), trimmed as (
           delete from trim_marks m using oldest o where m.partition = $1 and m.position = o.position returning 1
         )
         select count(*) as trimmed from trimmed`,
  effect: "writing",
};

const TRIM_WAL: Statement = {
  name: "trim_wal",
  // Rows that the log does not know stay, although it has others under their sequences.
  text: `with oldest as (
           select w.sequence from wal w
           where w.partition = $1 and w.sequence <= least($2::bigint, (
             select o.watermark from origins o where o.partition = $1 and o.region = $4), (
             select h.orphans_after from wal_heads h where h.partition = $1))
           order by w.sequence limit $3::bigint
         ), trimmed as (
           delete from wal w using oldest o where w.partition = $1 and w.sequence = o.sequence returning 1
         )
         select count(*) as trimmed from trimmed`,
  effect: "writing",
};

/**
 * Operations are found by where they are stored, page by page: an index by position would make each fold dearer, to find
 * what is deleted once. Rows are written behind each other, so a pass costs one look at each page.
 */
const OPERATION_PAGES = 64;
const TRIM_OPERATIONS: Statement = {
  name: "trim_operations",
  text: `with trimmed as (
           delete from operations o using applied a
           where o.ctid >= format('(%s,0)', $1::bigint)::tid and o.ctid < format('(%s,0)', $1::bigint + ${OPERATION_PAGES})::tid
             and a.partition = o.partition and o.position <= a.forgotten_position
           returning 1
         )
         select (select count(*) from trimmed) as trimmed,
                pg_relation_size('operations') / current_setting('block_size')::bigint as pages`,
  effect: "writing",
};

type Trimming = Omit<Maintenance, "trimConflicts">;

export function openTrimming(database: Database, region: string): Trimming {
  const countOf = async (statement: Statement, values: readonly unknown[]) =>
    toNumber((await database.queryOne<{ trimmed: string }>(statement, values)).trimmed);
  return {
    addTrimMark: async ({ partition, everyMs }) => {
      await database.query(ADD_MARK, [partition, region, everyMs]);
    },
    findTrimMark: (options) => findMark(database, options),
    trimMarks: ({ partition, below, rowsMax }) => countOf(TRIM_MARKS, [partition, below, rowsMax]),
    trimWal: ({ partition, upTo, rowsMax }) => countOf(TRIM_WAL, [partition, upTo, rowsMax, region]),
    trimOperations: ({ from }) => trimOperations(database, from),
  };
}

async function findMark(
  database: Database,
  options: Parameters<Maintenance["findTrimMark"]>[0],
): Promise<TrimMark | undefined> {
  const { partition, positionMax, logTimeMsMax } = options;
  const [row] = await database.query<{ position: string; log_time_ms: string; watermark: string }>(
    FIND_MARK,
    [partition, positionMax, logTimeMsMax],
  );
  return (
    row && {
      position: toNumber(row.position),
      logTimeMs: toNumber(row.log_time_ms),
      watermark: toNumber(row.watermark),
    }
  );
}

async function trimOperations(database: Database, from: number): ReturnType<Maintenance["trimOperations"]> {
  const row = await database.queryOne<{ trimmed: string; pages: string }>(TRIM_OPERATIONS, [from]);
  const next = from + OPERATION_PAGES;
  return { trimmed: toNumber(row.trimmed), next: next < toNumber(row.pages) ? next : undefined };
}
