/** What an operator has ordered: whether the region is drained. */
import type { Drain, RegionOrders } from "../../ports/region-store.ts";
import type { Database, Statement } from "./pool.ts";
import { toNumber } from "./values.ts";

const COLUMNS = `floor(extract(epoch from started_at) * 1000)::bigint as since_ms,
       greatest(0, floor(extract(epoch from clock_timestamp() - started_at) * 1000))::bigint as for_ms`;

const READ: Statement = { name: "read_drain", text: `select ${COLUMNS} from drain`, effect: "reading" };

// An update that changes nothing returns the row of who was first.
const START: Statement = {
  name: "start_drain",
  text: `insert into drain default values
         on conflict (is_on) do update set started_at = drain.started_at
         returning ${COLUMNS.replaceAll("started_at", "drain.started_at")}`,
  effect: "writing",
};

const END: Statement = { name: "end_drain", text: "delete from drain", effect: "writing" };

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
    async startDrain() {
      const [row] = await database.query<DrainRow>(START, []);
      return toDrain(row!);
    },
    async endDrain() {
      await database.query(END, []);
    },
  };
}

function toDrain(row: DrainRow): Drain {
  return { sinceMs: toNumber(row.since_ms), forMs: toNumber(row.for_ms) };
}
