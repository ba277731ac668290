/** Which processes of the region read what, and what its state needs. The functions are those of migrations 0016 and 0017. */
import type { EntryVersions, ToldProcess } from "../../ports/entry-versions.ts";
import type { Database, Statement } from "./pool.ts";

const TELL: Statement = {
  name: "tell_process",
  text: "select forebay_tell_process($1, $2, $3, $4)",
  effect: "writing",
};
const FORGET: Statement = {
  name: "forget_process",
  text: "delete from processes where id = $1",
  effect: "writing",
};
const LIST: Statement = {
  name: "list_processes",
  text: `select id, software, reads, may_fold from processes
         where seen_at > clock_timestamp() - interval '10 seconds' order by id`,
  effect: "reading",
};
const PROMISE: Statement = {
  name: "promise_reads",
  text: "select forebay_promise_reads($1, $2, $3) as reads",
  effect: "writing",
};
/** Of partition, version, and the software that needs it. */
export const NEED: Statement = {
  name: "need_version",
  text: "select forebay_need_version($1, $2, $3)",
  effect: "writing",
};
const STAND_ASIDE: Statement = {
  name: "stand_aside",
  text: "select forebay_stand_aside($1, $2, $3)",
  effect: "writing",
};
const NEEDED: Statement = {
  name: "needed_versions",
  text: "select partition, needed, needed_by from entry_versions order by partition",
  effect: "reading",
};

interface ProcessRow {
  readonly id: string;
  readonly software: string;
  readonly reads: number;
  readonly may_fold: boolean;
}

interface NeededRow {
  readonly partition: number;
  readonly needed: number;
  readonly needed_by: string | null;
}

export function openEntryVersions(database: Database, region: string): EntryVersions {
  return {
    async tellProcess({ id, software, reads, mayFold }) {
      await database.query(TELL, [id, software, reads, mayFold]);
    },
    async forgetProcess(id) {
      await database.query(FORGET, [id]);
    },
    async listProcesses() {
      return (await database.query<ProcessRow>(LIST, [])).map(toProcess);
    },
    async promiseReads({ partition, reads }) {
      const row = await database.queryOne<{ reads: number }>(PROMISE, [region, partition, reads]);
      return row.reads;
    },
    async needVersion({ partition, version, software }) {
      await database.query(NEED, [partition, version, software]);
    },
    async standAside({ partition, version, forMs }) {
      await database.query(STAND_ASIDE, [partition, version, forMs]);
    },
    async neededVersions() {
      const rows = await database.query<NeededRow>(NEEDED, []);
      return rows.map((row) => ({
        partition: row.partition,
        version: row.needed,
        software: row.needed_by ?? undefined,
      }));
    },
  };
}

function toProcess({ id, software, reads, may_fold: mayFold }: ProcessRow): ToldProcess {
  return { id, software, reads, mayFold };
}
