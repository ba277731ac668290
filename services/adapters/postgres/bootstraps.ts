/** What is loaded from elsewhere in place of being folded, and how far: on the functions of migration 0010. */
import type { PartitionState } from "../../core/fold/state.ts";
import {
  NOTHING_LOADED,
  progressAfter,
  StaleBootstrapError,
  type Bootstrap,
  type BootstrapProgress,
  type Bootstraps,
  type BootstrapSource,
  type BootstrapStage,
  type StateHead,
} from "../../ports/bootstraps.ts";
import { NEED } from "./entry-versions.ts";
import type { Database, Statement } from "./pool.ts";
import { fromHlc } from "./values.ts";

/** Of a table, cleared at once. */
const CLEARED_PAGES = 512;
const LINE_FEED = 10;
const [COMMA, OPEN, CLOSE] = [44, 91, 93];

const COLUMNS = `b.partition, b.id, b.source, b.reason, b.stage, b.progress,
       floor(extract(epoch from b.started_at) * 1000)::float8 as started_at_ms`;

const READ: Statement = {
  name: "read_bootstraps",
  text: `select ${COLUMNS} from bootstraps b order by b.partition`,
  effect: "reading",
};

// An update that changes nothing returns the row that is there.
const ORDER: Statement = {
  name: "order_bootstrap",
  text: `insert into bootstraps as b (partition, id, reason, stage) values ($1, $2, $3, 'ordered')
         on conflict (partition) do update set reason = b.reason returning ${COLUMNS}`,
  effect: "writing",
};

const ENTER: Statement = {
  name: "enter_bootstrap_stage",
  text: `select ${COLUMNS} from forebay_enter_stage($1, $2, $3, $4, $5, $6, $7, $8) b`,
  effect: "writing",
};

const CLEAR: Statement = {
  name: "clear_some",
  text: "select forebay_clear_some($1, $2, $3) as outcome",
  effect: "writing",
};

// A crash may take back the last pages, and what was noted with them: they are loaded again.
const LOAD: Statement = {
  name: "load_page",
  text: `select set_config('synchronous_commit', 'off', true), forebay_load_page($1, $2, $3, $4::json, $5, $6) as outcome`,
  effect: "writing",
};

const FINISH: Statement = {
  name: "finish_load",
  text: "select forebay_finish_load($1, $2, $3, $4, $5, $6) as outcome",
  effect: "writing",
};

const END: Statement = {
  name: "end_bootstrap",
  text: `with ended as (delete from bootstraps b
                        where b.partition = $1 and b.id = $2 and b.stage not in ('clearing', 'loading') returning 1)
         select case when exists (select from bootstraps b where b.partition = $1 and (b.id <> $2 or b.stage in ('clearing', 'loading'))) then 'stale' else 'done' end as outcome,
                (select count(*) from ended) as ended`,
  effect: "writing",
};

interface BootstrapRow {
  readonly partition: number;
  readonly id: string;
  readonly source: string | null;
  readonly reason: string;
  readonly stage: BootstrapStage;
  readonly started_at_ms: number;
  readonly progress: {
    readonly source?: Omit<BootstrapSource, "name">;
    readonly at?: Omit<BootstrapProgress, "part" | "after"> & Partial<BootstrapProgress>;
  } | null;
}

interface OutcomeRow {
  readonly outcome: "stale" | "more" | "done" | "loaded";
}

export function openBootstraps(database: Database): Bootstraps {
  const outcomeOf = async (statement: Statement, values: readonly unknown[]) => {
    const { outcome } = await database.queryOne<OutcomeRow>(statement, values);
    if (outcome === "stale") throw stale(Number(values[0]));
    return outcome;
  };
  return {
    readBootstraps: async () => (await database.query<BootstrapRow>(READ, [])).map(toBootstrap),
    orderBootstrap: async ({ partition, id, reason }) =>
      toBootstrap(await database.queryOne<BootstrapRow>(ORDER, [partition, id, reason])),
    enterStage: (options) => enterStage(database, options),
    clearSome: async ({ partition, id }) => ({
      isMore: (await outcomeOf(CLEAR, [partition, id, CLEARED_PAGES])) === "more",
    }),
    async loadPage({ bootstrap: { partition, id }, page, after }) {
      const progress = progressAfter(after, page);
      const rows = jsonArray(page.lines);
      await outcomeOf(LOAD, [
        partition,
        id,
        after.part,
        rows,
        JSON.stringify(after),
        JSON.stringify(progress),
      ]);
      return progress;
    },
    async finishLoad({ bootstrap: { partition, id }, head }) {
      const { needs } = head;
      // Before it can be folded on; it says too much at the most, where nothing comes of the rest.
      if (needs !== undefined) await database.query(NEED, [partition, needs.version, needs.software]);
      await outcomeOf(FINISH, [partition, id, JSON.stringify(head.counts), ...headValues(head)]);
    },
    async endBootstrap({ partition, id }) {
      await outcomeOf(END, [partition, id]);
    },
  };
}

function stale(partition: number): StaleBootstrapError {
  return new StaleBootstrapError(
    `the bootstrap of partition ${partition} is not where it was, or another one has begun`,
  );
}

async function enterStage(
  database: Database,
  { bootstrap, stage, source }: Parameters<Bootstraps["enterStage"]>[0],
): Promise<Bootstrap> {
  const { partition, id, stage: seen } = bootstrap;
  const { name = null, ...details } = source ?? {};
  const [row] = await database.query<BootstrapRow>(ENTER, [
    partition,
    id,
    seen,
    bootstrap.source?.snapshot ?? null,
    stage,
    name,
    JSON.stringify(details),
    JSON.stringify(NOTHING_LOADED),
  ]);
  if (row === undefined) throw stale(partition);
  return toBootstrap(row);
}

function toBootstrap(row: BootstrapRow): Bootstrap {
  const { partition, id, source: name, reason, stage, started_at_ms: startedAtMs, progress } = row;
  const { source, at } = progress ?? {};
  return {
    partition,
    id,
    reason,
    stage,
    startedAtMs,
    source: name === null || source === undefined ? undefined : { name, ...source },
    progress: at && { part: at.part, after: at.after, loaded: at.loaded, bytes: at.bytes },
  };
}

/** In place of line feeds, which JSON has none of inside, commas. */
function jsonArray(lines: Uint8Array): Buffer {
  const array = Buffer.alloc(Math.max(2, lines.byteLength + 1));
  array.set(lines, 1);
  for (let at = array.indexOf(LINE_FEED); at !== -1; at = array.indexOf(LINE_FEED, at)) array[at] = COMMA;
  array[0] = OPEN;
  // In place of the last comma.
  array[array.length - 1] = CLOSE;
  return array;
}

function headValues({ state, logCreatedAtMs }: StateHead): string[] {
  const { position, chain, cluster, partitions, members, departed, forgotten }: PartitionState = state;
  const applied = {
    position,
    log_time_ms: state.logTimeMs,
    hlc: fromHlc(state.hlc),
    chain,
    cluster,
    partitions,
    members,
    log_created_at_ms: logCreatedAtMs,
    forgotten_position: forgotten.position,
    forgotten_time_ms: forgotten.logTimeMs,
    log_epoch: state.logEpoch,
    departed,
  };
  const origins = Object.entries(state.origins).map(([region, origin]) => ({
    ...origin,
    region,
    hlc: fromHlc(origin.hlc),
  }));
  return [applied, origins, Object.values(state.collections)].map((value) => JSON.stringify(value));
}
