/** Verifications that have ended, in the order in which they began. */
import type { Verification } from "../../ports/reconciliation.ts";
import { VERIFICATIONS_KEPT_MAX, type VerificationRecords } from "../../ports/verification-records.ts";
import type { Database, Statement } from "./pool.ts";

const KEEP: Statement = {
  name: "keep_verification",
  text: `with kept as (
           insert into verifications (id, started_at_ms, body) values ($1, $2, $3)
           on conflict (id) do update set body = excluded.body)
         delete from verifications v
         where (v.started_at_ms, v.id) < (
           select o.started_at_ms, o.id from verifications o
           order by o.started_at_ms desc, o.id desc offset $4 limit 1)`,
  effect: "writing",
};

const READ: Statement = {
  name: "read_verification",
  text: "select body from verifications where id = $1",
  effect: "reading",
};

const LIST: Statement = {
  name: "list_verifications",
  text: "select body from verifications order by started_at_ms desc, id desc limit $1",
  effect: "reading",
};

interface Row {
  readonly body: string;
}

export function openVerifications(database: Database): VerificationRecords {
  return {
    async keepVerification(verification) {
      const { id, startedAtMs } = verification;
      // The one that is being kept does not count yet.
      const before = VERIFICATIONS_KEPT_MAX - 2;
      await database.query(KEEP, [id, startedAtMs, JSON.stringify(verification), before]);
    },
    async readVerification(id) {
      const [row] = await database.query<Row>(READ, [id]);
      return row && toVerification(row);
    },
    async listVerifications({ limit }) {
      return (await database.query<Row>(LIST, [limit])).map(toVerification);
    },
  };
}

/** Members that are undefined are none in JSON. */
function toVerification({ body }: Row): Verification {
  const { endedAtMs, position, verdict, reason, ...others } = JSON.parse(body) as Verification;
  return { ...others, endedAtMs, position, verdict, reason };
}
