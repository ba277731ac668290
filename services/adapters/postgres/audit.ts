/** The audit trail: hashes are made here, the database looks that each row continues the one before it. */
import {
  EMPTY_AUDIT,
  nextAuditRow,
  type AuditFact,
  type AuditHead,
  type AuditRow,
} from "../../core/audit.ts";
import { SEEN_HEADS_MAX, type AuditQuery, type AuditTrail } from "../../ports/audit-trail.ts";
import { StoreUnavailableError } from "../../ports/region-store.ts";
import type { Database, Statement } from "./pool.ts";
import { toNumber } from "./values.ts";

/** Processes of a region that append at once come one after the other. */
const TRIES_MAX = 100;

const APPEND: Statement = {
  name: "append_audit",
  text: "select forebay_append_audit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as is_added",
  effect: "writing",
};

const HEAD: Statement = {
  name: "audit_head",
  text: "select sequence, hash from audit order by sequence desc limit 1",
  effect: "reading",
};

const COLUMNS =
  "a.sequence, a.at_ms, a.act, a.action, a.actor, a.address, a.about, a.outcome, a.previous, a.hash";
const FILTER = "($2::text is null or a.action = $2) and ($3::bigint is null or a.at_ms >= $3)";

const BACKWARDS: Statement = {
  name: "list_audit_backwards",
  text: `select ${COLUMNS} from audit a where a.sequence < $1::bigint and ${FILTER}
         order by a.sequence desc limit $4::bigint`,
  effect: "reading",
};

const FORWARDS: Statement = {
  name: "list_audit_forwards",
  text: `select ${COLUMNS} from audit a where a.sequence > $1::bigint and ${FILTER}
         order by a.sequence limit $4::bigint`,
  effect: "reading",
};

const KEEP_HEAD: Statement = {
  name: "keep_audit_head",
  text: `with kept as (
           insert into audit_heads (region, sequence, hash, seen_at_ms) values ($1, $2, $3, $4)
           on conflict (region, sequence, hash) do nothing)
         delete from audit_heads h
         where h.region = $1 and (h.seen_at_ms, h.sequence) < (
           select o.seen_at_ms, o.sequence from audit_heads o where o.region = $1
           order by o.seen_at_ms desc, o.sequence desc offset $5 limit 1)`,
  effect: "writing",
};

const LIST_HEADS: Statement = {
  name: "list_audit_heads",
  text: "select region, sequence, hash, seen_at_ms from audit_heads order by region, sequence, seen_at_ms",
  effect: "reading",
};

interface HeadRow {
  readonly sequence: string;
  readonly hash: string;
}

interface SeenRow extends HeadRow {
  readonly region: string;
  readonly seen_at_ms: string;
}

interface Row extends HeadRow {
  readonly at_ms: string;
  readonly act: string;
  readonly action: AuditRow["action"];
  readonly actor: string;
  readonly address: string | null;
  readonly about: string;
  readonly outcome: AuditRow["outcome"];
  readonly previous: string;
}

export function openAuditTrail(database: Database, region: string): AuditTrail {
  return {
    appendAudit: (fact) => append(database, region, fact),
    readAuditHead: () => readHead(database),
    async listAudit({ limit, before, after, action, sinceMs }: AuditQuery) {
      const [statement, from] =
        after === undefined ? [BACKWARDS, before ?? Number.MAX_SAFE_INTEGER] : [FORWARDS, after];
      const rows = await database.query<Row>(statement, [from, action ?? null, sinceMs ?? null, limit]);
      return rows.map(toRow);
    },
    async keepAuditHead({ region: other, sequence, hash, seenAtMs }) {
      // The one that is being kept does not count yet.
      await database.query(KEEP_HEAD, [other, sequence, hash, seenAtMs, SEEN_HEADS_MAX - 2]);
    },
    async listAuditHeads() {
      const rows = await database.query<SeenRow>(LIST_HEADS, []);
      return rows.map(({ region: other, sequence, hash, seen_at_ms: seenAtMs }) => {
        return { region: other, sequence: toNumber(sequence), hash, seenAtMs: toNumber(seenAtMs) };
      });
    },
  };
}

async function append(database: Database, region: string, fact: AuditFact): Promise<AuditRow> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const row = nextAuditRow(region, await readHead(database), fact);
    const { sequence, atMs, act, action, actor, address, about, outcome, previous, hash } = row;
    const values = [sequence, atMs, act, action, actor, address, about, outcome, previous, hash];
    const { is_added: isAdded } = await database.queryOne<{ is_added: boolean }>(APPEND, values);
    if (isAdded) return row;
  }
  throw new StoreUnavailableError("others add to the audit trail all the time", { outcome: "none" });
}

async function readHead(database: Database): Promise<AuditHead> {
  const [row] = await database.query<HeadRow>(HEAD, []);
  return row === undefined ? EMPTY_AUDIT : { sequence: toNumber(row.sequence), hash: row.hash };
}

function toRow({ sequence, at_ms: atMs, ...row }: Row): AuditRow {
  return { ...row, sequence: toNumber(sequence), atMs: toNumber(atMs) };
}
