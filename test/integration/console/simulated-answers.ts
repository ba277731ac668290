/** What the API answers beside the feed, of a cluster that does not exist. */
import type {
  CollectionListAnswer,
  OperationAnswer,
  RecordAnswer,
  RecordListAnswer,
  WriteAnswer,
} from "../../../services/protocol/http/answers.ts";
import type { ConflictListAnswer } from "../../../services/protocol/http/conflicts.ts";
import type { HistoryAnswer } from "../../../services/protocol/http/history.ts";
import type { LeadersAnswer } from "../../../services/protocol/http/leaders.ts";
import type { LogAnswer } from "../../../services/protocol/http/log.ts";
import type { MembersAnswer } from "../../../services/protocol/http/members.ts";
import type {
  RepairListAnswer,
  RepairReportAnswer,
  VerificationAnswer,
  VerificationListAnswer,
} from "../../../services/protocol/http/verifications.ts";
import { OPERATION } from "./simulated-reports.ts";

const AT_MS = Date.UTC(2026, 10, 20, 12);
export const VERIFICATION = "0199a1b2-0000-7000-8000-000000000002";
const ROW = { fields: { name: "Ada", likes: 12 }, version: 12, deleted: false };
const DIFFERING: VerificationAnswer["differences"]["sample"][number] = {
  tenant: "default",
  collection: "users",
  key: "ada",
  rows: { eu: ROW, us: ROW, ap: { ...ROW, fields: { name: "Eve", likes: 12 } } },
  groups: [["eu", "us"], ["ap"]],
  differs: ["fields.name"],
  proven: { record: ROW, regions: ["eu", "us"], reason: "2 of 3 regions hold it" },
};

const summary: VerificationListAnswer["verifications"][number] = {
  id: VERIFICATION,
  partition: 0,
  started_at_ms: AT_MS,
  ended_at_ms: AT_MS + 900,
  phase: "done",
  position: 1_234,
  verdict: "diverged",
  reason: "1 record differs",
  regions: ["eu", "us", "ap"].map((region) => ({ region, rows: 2_000 })),
  differences: { records: 1, rest: [] },
};

export const verifications: VerificationListAnswer = { verifications: [summary] };

export const verification: VerificationAnswer = {
  ...summary,
  differences: { records: 1, rest: [], sample: [DIFFERING] },
};

export function repairReport(isDryRun: boolean): RepairReportAnswer {
  return {
    ...(!isDryRun && { id: VERIFICATION }),
    dry_run: isDryRun,
    records: 1,
    sample: [DIFFERING],
    undecided: { records: 0, sample: [] },
    positions: isDryRun ? [] : [1_240],
  };
}

/** Two pages: the newest writes, and what came before. */
export function history(before: string | undefined): HistoryAnswer {
  const place = { stored_at_ms: AT_MS, region: "us", changes: [] };
  const set = { field: "name", operator: "set", argument: "Bob" } as const;
  if (before !== undefined)
    return {
      partition: 0,
      looked_at: { from: 1, to: 999 },
      entries: [
        { ...place, position: 40, kind: "local", action: "change", status: "committed", changes: [set] },
      ],
    };
  const rejected = { status: "rejected", reason: "there is no such record" } as const;
  return {
    partition: 0,
    looked_at: { from: 1_000, to: 1_240 },
    entries: [
      { ...place, position: 1_100, kind: "repaired", action: "repair", operation: VERIFICATION },
      { ...place, position: 1_050, kind: "decided", action: "delete", operation: VERIFICATION, ...rejected },
    ],
    next_before: 1_000,
  };
}

export const repairs: RepairListAnswer = {
  repairs: [
    {
      repair: VERIFICATION,
      tenant: "default",
      collection: "users",
      key: "bob",
      position: { partition: 0, sequence: 1_100 },
      log_time_ms: AT_MS,
      reason: "row edited by hand",
      before: { ...ROW, fields: { name: "Mallory" } },
      after: { ...ROW, fields: { name: "Bob" } },
      differs: ["fields.name"],
    },
  ],
};

export const conflicts: ConflictListAnswer = {
  conflicts: Array.from({ length: 6 }, (_, index) => ({
    id: `0-${900 + index}-1`,
    collection: "users",
    key: index % 2 === 0 ? "ada" : "bob",
    field: "name",
    reason: index % 2 === 0 ? ("concurrent" as const) : ("older" as const),
    position: { partition: 0, sequence: 900 + index },
    log_time_ms: AT_MS - index * 60_000,
    loser: { region: "ap", at: "0198f0c0a0b00001", value: "Ada L.", operator: "set" as const },
    winner: { region: "eu", at: "0198f0c0a0b00002", value: "Ada Lovelace" },
  })),
};

export const restored: WriteAnswer = {
  operation: OPERATION,
  status: "accepted",
  region: "eu",
  at: "0198f0c0a0b00003",
  session: "s",
};

export const collections: CollectionListAnswer = {
  collections: [
    { name: "users", version: 1, schema: { fields: { name: { class: "lww", type: "string" } } } },
  ],
};

export const record: RecordAnswer = {
  key: "ada",
  fields: { name: "Ada Lovelace", likes: 13 },
  version: "18",
  pending: 1,
  as_of: { partition: 0, sequence: 1_234 },
  session: "s",
};

export const committedRecord: RecordAnswer = {
  ...record,
  fields: { name: "Ada Lovelace", likes: 12 },
  pending: 0,
};

export const records: RecordListAnswer = {
  records: ["ada", "bob", "cyd"].map((key) => ({ key, fields: record.fields, version: "18", pending: 0 })),
  session: "s",
};

export const operation: OperationAnswer = {
  operation: OPERATION,
  status: "committed",
  region: "ap",
  at: "0198f0c0a0b00001",
  position: { partition: 0, sequence: 1_200 },
  applied_by: { ap: true, eu: true, us: false },
};

export function members(regions: readonly string[], partitions: number): MembersAnswer {
  return {
    partitions: Array.from({ length: partitions }, (_, partition) => ({
      partition,
      members: regions.map((region) => ({
        region,
        applied_position: 1_234,
        lag_entries: 0,
        silent_ms: 400,
        unshipped_rows: 0,
      })),
      departed: [],
    })),
  };
}

export function leaders(regions: readonly string[], partitions: number): LeadersAnswer {
  return {
    partitions: Array.from({ length: partitions }, (_, partition) => ({
      partition,
      leader: regions[(partition + 1) % regions.length]!,
      leader_since_ms: AT_MS,
      ranking: regions.map((region) => ({ region, quorum_round_trip_ms: 80 })),
    })),
  };
}

export function logs(regions: readonly string[], partitions: number): LogAnswer {
  return {
    partitions: Array.from({ length: partitions }, (_, partition) => ({
      partition,
      log: { created_at_ms: AT_MS, first: 1, last: 1_240 },
      healthy: true,
      regions: regions.map((region) => ({ region, position: 1_234, fate: "goes-on" as const })),
      epoch: 1,
      lost_positions: 0,
    })),
  };
}
