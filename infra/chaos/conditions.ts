/** What a scenario expects, and whether it is so: pure decisions on what was observed. */
import { NO_LEADER, type Observation } from "./observation.ts";

/** What can be looked at at any time. */
export type Condition =
  | { readonly kind: "leader"; readonly region: string }
  | { readonly kind: "buffering"; readonly region: string }
  | { readonly kind: "answering"; readonly region: string }
  | { readonly kind: "silent"; readonly region: string }
  | { readonly kind: "stale"; readonly region: string }
  | { readonly kind: "wal_rows_max"; readonly rows: number }
  | { readonly kind: "local_writes_failed"; readonly countMax: number }
  | { readonly kind: "local_write_ms_max"; readonly latencyMsMax: number };

/** What is found out after everything is healed. */
export type FinalCondition =
  | { readonly kind: "drained_within"; readonly withinMs: number }
  | { readonly kind: "same_state" }
  /** In every region, all writes of the load that were acknowledged, and none twice: expected of every run with a load. */
  | { readonly kind: "acknowledged_writes" };

export interface Finding {
  readonly holds: boolean;
  /** What was seen, whether it holds or not. */
  readonly observed: string;
}

/** Stands for any region where a leader is expected. */
export const ANY_LEADER = "any";

export function check(condition: Condition, seen: Observation): Finding {
  switch (condition.kind) {
    case "leader":
      return {
        holds: isLeader(condition.region, seen.leader),
        observed: `leader ${seen.leader ?? "unknown"}`,
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
    case "stale": {
      const sight = seen.regions[condition.region];
      const isStale = sight !== undefined && sight.walRows === undefined;
      const told = sight === undefined ? "does not answer" : `tells ${isStale ? "old" : "current"} figures`;
      return { holds: isStale, observed: `${condition.region} ${told}` };
    }
    case "wal_rows_max":
      return checkRowsMax(condition.rows, [seen]);
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

/** What is expected at the end; unlike everything else a maximum is that of the whole run, since by then all has drained. */
export function checkAtEnd(condition: Condition, all: readonly Observation[]): Finding {
  return condition.kind === "wal_rows_max"
    ? checkRowsMax(condition.rows, all)
    : check(condition, all.at(-1)!);
}

/** What was not seen may have been more. */
function checkRowsMax(rowsMax: number, all: readonly Observation[]): Finding {
  const seen = all.flatMap(({ regions }) => Object.values(regions).map((region) => region?.walRows));
  const rows = Math.max(0, ...seen.map((known) => known ?? 0));
  const unknown = seen.filter((known) => known === undefined).length;
  const gaps = unknown === 0 ? "" : `, unknown in ${unknown} of ${seen.length} looks`;
  return { holds: rows <= rowsMax && unknown === 0, observed: `${rows} rows${gaps}` };
}

function isLeader(expected: string, leader: string | undefined): boolean {
  const isAny = leader !== undefined && leader !== NO_LEADER;
  return expected === ANY_LEADER ? isAny : leader === expected;
}

/** As it stands in a scenario. */
export function describeCondition(condition: Condition | FinalCondition): string {
  switch (condition.kind) {
    case "leader":
    case "buffering":
    case "answering":
    case "silent":
    case "stale":
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
    case "acknowledged_writes":
      return `${condition.kind}: true`;
  }
}
