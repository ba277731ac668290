/**
 * The conflict log: lists, reads and trims the changes that lost.
 *
 * A page is read backwards along an index: of the tenant, of a collection or of a record, whichever the filter names. So it
 * costs as much as it returns, however many conflicts there are and wherever the page begins. Field, reason and region have
 * no index, for each would make every conflict dearer to commit: they pass over what does not match, and where almost
 * nothing does, a page looks at all conflicts of the record, the collection or the tenant that are still kept.
 */
import { decidedOrigin, type LosingSide, type LossReason, type LossSide } from "../../core/fields/kind.ts";
import type {
  ConflictName,
  ConflictPlace,
  ConflictQuery,
  Maintenance,
  StateReader,
  StoredConflict,
} from "../../ports/region-store.ts";
import type { Database, Statement } from "./pool.ts";
import { toNumber } from "./values.ts";

const COLUMNS = `c.partition, c.position, c.ordinal, c.log_time_ms, c.tenant, c.collection, c.key, c.field, c.entry,
                c.reason, c.loser, c.winner`;

/** A statement for each index: one that leaves open what is filtered would be planned for none of them. */
function listing(name: string, scope: string): Statement {
  return {
    name,
    text: `select ${COLUMNS} from conflicts c
           where c.tenant = $1 ${scope}
             and (c.log_time_ms, c.partition, c.position, c.ordinal) < ($2::bigint, $3::integer, $4::bigint, $5::integer)
             and ($6::text is null or c.field = $6)
             and ($7::text is null or c.reason = $7)
             and ($8::text[] is null or c.loser ->> 'origin' = any ($8))
           order by c.log_time_ms desc, c.partition desc, c.position desc, c.ordinal desc
           limit $9::bigint`,
    effect: "reading",
  };
}

const LIST = listing("list_conflicts", "");
const LIST_OF_COLLECTION = listing("list_conflicts_of_collection", "and c.collection = $10");
const LIST_OF_RECORD = listing("list_conflicts_of_record", "and c.collection = $10 and c.key = $11");

const READ: Statement = {
  name: "read_conflict",
  text: `select ${COLUMNS} from conflicts c where c.partition = $1 and c.position = $2 and c.ordinal = $3`,
  effect: "reading",
};

// Log time never goes back as positions rise: the oldest rows come first, and none is looked for beyond them.
const TRIM: Statement = {
  name: "trim_conflicts",
  text: `with oldest as (
           select c.partition, c.position, c.ordinal, c.log_time_ms from conflicts c
           where c.partition = $1
           order by c.position, c.ordinal
           limit $3::bigint
         ), trimmed as (
           delete from conflicts c using oldest o
           where c.partition = o.partition and c.position = o.position and c.ordinal = o.ordinal
             and o.log_time_ms < $2::bigint
           returning 1
         )
         select count(*) as trimmed from trimmed`,
  effect: "writing",
};

const INTEGER_MAX = 2 ** 31 - 1;
/** Where a listing without a cursor begins: after all that there can be. */
const END: ConflictPlace = {
  logTimeMs: Number.MAX_SAFE_INTEGER,
  partition: INTEGER_MAX,
  position: Number.MAX_SAFE_INTEGER,
  ordinal: INTEGER_MAX,
};

export function openConflicts(
  database: Database,
): Pick<StateReader, "listConflicts" | "readConflict"> & Pick<Maintenance, "trimConflicts"> {
  return {
    listConflicts: (options) => listConflicts(database, options),
    readConflict: (name) => readConflict(database, name),
    trimConflicts: (options) => trimConflicts(database, options),
  };
}

interface ConflictRow {
  readonly partition: number;
  readonly position: string;
  readonly ordinal: number;
  readonly log_time_ms: string;
  readonly tenant: string;
  readonly collection: string;
  readonly key: string;
  readonly field: string;
  readonly entry: string | null;
  readonly reason: LossReason;
  readonly loser: LosingSide;
  readonly winner: LossSide;
}

async function listConflicts(database: Database, options: ConflictQuery): Promise<StoredConflict[]> {
  const { tenant, collection, key, field, reason, region, before = END, limit } = options;
  if (limit <= 0) return [];
  const place = [before.logTimeMs, before.partition, before.position, before.ordinal];
  const origins = region === undefined ? null : [region, decidedOrigin(region)];
  const values = [tenant, ...place, field ?? null, reason ?? null, origins, limit];
  const rows = await database.query<ConflictRow>(...scopeOf({ collection, key }, values));
  return rows.map(toConflict);
}

function scopeOf(
  { collection, key }: Pick<ConflictQuery, "collection" | "key">,
  values: readonly unknown[],
): [Statement, readonly unknown[]] {
  if (collection === undefined) return [LIST, values];
  if (key === undefined) return [LIST_OF_COLLECTION, [...values, collection]];
  return [LIST_OF_RECORD, [...values, collection, key]];
}

async function readConflict(database: Database, name: ConflictName): Promise<StoredConflict | undefined> {
  const { partition, position, ordinal } = name;
  const [row] = await database.query<ConflictRow>(READ, [partition, position, ordinal]);
  return row && toConflict(row);
}

async function trimConflicts(
  database: Database,
  options: Parameters<Maintenance["trimConflicts"]>[0],
): Promise<number> {
  const { partition, beforeLogTimeMs, rowsMax } = options;
  const row = await database.queryOne<{ trimmed: string }>(TRIM, [partition, beforeLogTimeMs, rowsMax]);
  return toNumber(row.trimmed);
}

function toConflict({ position, log_time_ms: logTimeMs, entry, ...row }: ConflictRow): StoredConflict {
  return {
    ...row,
    position: toNumber(position),
    logTimeMs: toNumber(logTimeMs),
    ...(entry !== null && { entry }),
  };
}
