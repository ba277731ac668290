/** What an operator has ordered: whether the region is drained. */
import type { Drain, RegionOrders } from "../../ports/region-orders.ts";
import type { Database, Statement } from "./pool.ts";
import { toNumber } from "./values.ts";

const SINCE_MS = "floor(extract(epoch from started_at) * 1000)::bigint";
const COLUMNS = `${SINCE_MS} as since_ms,
       greatest(0, floor(extract(epoch from clock_timestamp() - started_at) * 1000))::bigint as for_ms`;

const READ: Statement = { name: "read_drain", text: `select ${COLUMNS} from drain`, effect: "reading" };

// An update that changes nothing returns the row of who was first. A row that was inserted has no xmax.
const START: Statement = {
  name: "start_drain",
  text: `insert into drain default values
         on conflict (is_on) do update
           set started_at = drain.started_at - case when $1::boolean then interval '1 millisecond' else interval '0' end
         returning ${COLUMNS.replaceAll("started_at", "drain.started_at")}, drain.xmax = 0 as is_new`,
  effect: "writing",
};

const END: Statement = {
  name: "end_drain",
  text: `delete from drain where $1::bigint is null or ${SINCE_MS} = $1::bigint returning true as has_ended`,
  effect: "writing",
};

interface DrainRow {
  readonly since_ms: string;
  readonly for_ms: string;
}

export function openOrders(database: Database): RegionOrders {
  return {
    async readDrain() {
      const [row] = await database.query<DrainRow>(READ, []);
      return row === undefined ? undefined : toDrain(row);
    },
    async startDrain({ isForced }) {
      const [row] = await database.query<DrainRow & { is_new: boolean }>(START, [isForced]);
      return { ...toDrain(row!), isNew: row!.is_new };
    },
    async endDrain(only) {
      return (await database.query(END, [only?.sinceMs ?? null])).length > 0;
    },
  };
}

function toDrain(row: DrainRow): Drain {
  return { sinceMs: toNumber(row.since_ms), forMs: toNumber(row.for_ms) };
}
