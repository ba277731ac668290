/** What a scenario expects, and whether it is so: pure decisions on what was observed. */
import type { Observation } from "./observation.ts";

/** What can be looked at at any time. */
export type Condition =
  | { readonly kind: "leader"; readonly region: string }
  | { readonly kind: "buffering"; readonly region: string }
  | { readonly kind: "answering"; readonly region: string }
  | { readonly kind: "silent"; readonly region: string }
  | { readonly kind: "wal_rows_max"; readonly rows: number }
  | { readonly kind: "local_writes_failed"; readonly countMax: number }
  | { readonly kind: "local_write_ms_max"; readonly latencyMsMax: number };

/** What is found out after everything is healed. */
export type FinalCondition =
  { readonly kind: "drained_within"; readonly withinMs: number } | { readonly kind: "same_state" };

export interface Finding {
  readonly holds: boolean;
  /** What was seen, whether it holds or not. */
  readonly observed: string;
}

/** Stand for no region and for any, where a leader is expected. */
export const NO_LEADER = "none";
export const ANY_LEADER = "any";

export function check(condition: Condition, seen: Observation): Finding {
  switch (condition.kind) {
    case "leader":
      return {
        holds: isLeader(condition.region, seen.leader),
        observed: `leader ${seen.leader ?? NO_LEADER}`,
      };
    case "buffering": {
      const rows = seen.regions[condition.region]?.walRows;
      return { holds: (rows ?? 0) > 0, observed: `${rows ?? "unknown"} rows in ${condition.region}` };
    }
    case "answering":
    case "silent": {
      const answers = seen.regions[condition.region] !== undefined;
      const observed = `${condition.region} ${answers ? "answers" : "does not answer"}`;
      return { holds: answers === (condition.kind === "answering"), observed };
    }
    case "wal_rows_max": {
      const rows = Math.max(0, ...Object.values(seen.regions).map((region) => region?.walRows ?? 0));
      return { holds: rows <= condition.rows, observed: `${rows} rows` };
    }
    case "local_writes_failed": {
      const { succeeded, failed } = seen.writes;
      // Without a single write nothing is shown.
      const holds = failed <= condition.countMax && succeeded + failed > 0;
      return { holds, observed: `${failed} of ${succeeded + failed} failed` };
    }
    case "local_write_ms_max": {
      const { succeeded, worstMs } = seen.writes;
      return {
        holds: succeeded > 0 && worstMs <= condition.latencyMsMax,
        observed: `worst ${Math.round(worstMs)} ms of ${succeeded}`,
      };
    }
  }
}

function isLeader(expected: string, leader: string | undefined): boolean {
  if (expected === NO_LEADER) return leader === undefined;
  return expected === ANY_LEADER ? leader !== undefined : leader === expected;
}

/** As it stands in a scenario. */
export function describeCondition(condition: Condition | FinalCondition): string {
  switch (condition.kind) {
    case "leader":
    case "buffering":
    case "answering":
    case "silent":
      return `${condition.kind}: ${condition.region}`;
    case "wal_rows_max":
      return `wal_rows_max: ${condition.rows}`;
    case "local_writes_failed":
      return `local_writes_failed: ${condition.countMax}`;
    case "local_write_ms_max":
      return `local_write_ms_max: ${condition.latencyMsMax}`;
    case "drained_within":
      return `drained_within: ${condition.withinMs / 1_000}s`;
    case "same_state":
      return "same_state: true";
  }
}
