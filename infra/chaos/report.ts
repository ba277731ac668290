/** What came of a scenario: as data for programs, and as text for people. */
import { formatSeconds } from "../../services/runtime/duration.ts";
import type { Figures } from "../load/figures.ts";
import { describeCondition, type Condition, type FinalCondition, type Finding } from "./conditions.ts";
import { failedOf, type RegionFigures } from "./load.ts";
import type { Observation } from "./observation.ts";
import type { Scenario } from "./scenario.ts";

/** Something that was done, or could not be. */
export interface Deed {
  readonly atMs: number;
  readonly tookMs: number;
  readonly told: string;
  readonly isFailure: boolean;
}

/** Something that was expected. */
export interface Verdict extends Finding {
  /** When it was found out, from the start. */
  readonly atMs: number;
  readonly expected: Condition | FinalCondition;
}

export interface Report {
  readonly scenario: Scenario;
  readonly startedAt: string;
  readonly isInterrupted: boolean;
  readonly deeds: readonly Deed[];
  readonly observations: readonly Observation[];
  readonly verdicts: readonly Verdict[];
  /** Undefined for a scenario without a load. */
  readonly load: RegionFigures | undefined;
}

/** Whether everything could be done, and everything that was expected was so. */
export function isGood({ deeds, verdicts, isInterrupted }: Report): boolean {
  return !isInterrupted && deeds.every((deed) => !deed.isFailure) && verdicts.every(({ holds }) => holds);
}

/** The report as JSON, with all observations. */
export function reportJson(report: Report): string {
  const { scenario, startedAt, isInterrupted, deeds, observations, verdicts, load } = report;
  const document = {
    scenario: scenario.name,
    started_at: startedAt,
    duration_ms: scenario.durationMs,
    ok: isGood(report),
    interrupted: isInterrupted,
    done: deeds.map(({ atMs, tookMs, told, isFailure }) => ({
      at_ms: Math.round(atMs),
      took_ms: Math.round(tookMs),
      [isFailure ? "error" : "told"]: told,
    })),
    expected: verdicts.map(({ atMs, expected, holds, observed }) => ({
      at_ms: Math.round(atMs),
      expected: describeCondition(expected),
      holds,
      observed,
    })),
    load: load === undefined ? null : Object.fromEntries(Object.entries(load).map(loadMember)),
    observed: observations.map(observationMember),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function loadMember([region, figures]: readonly [string, Figures]): readonly [string, object] {
  const { due, succeeded, refused, unknown, notSent, latency, failures } = figures;
  const member = {
    due,
    succeeded,
    refused,
    unknown,
    not_sent: notSent,
    failures,
    p50_ms: round(latency.p50Ms),
    p99_ms: round(latency.p99Ms),
    worst_ms: round(latency.worstMs),
  };
  return [region, member];
}

function observationMember({ atMs, leader, regions, writes }: Observation): object {
  return {
    at_ms: Math.round(atMs),
    leader: leader ?? null,
    regions: Object.fromEntries(
      Object.entries(regions).map(([name, sight]) => [
        name,
        sight === undefined
          ? null
          : {
              leader: sight.leader ?? null,
              wal_rows: sight.walRows ?? null,
              lag_entries: sight.lagEntries ?? null,
            },
      ]),
    ),
    writes: { succeeded: writes.succeeded, failed: writes.failed, worst_ms: round(writes.worstMs) },
  };
}

/** Lays rows out under headings; the command line and demos have such a thing. */
export type FormatTable = (headings: readonly string[], rows: readonly (readonly string[])[]) => string;

/** At most so many seconds are shown; longer runs are thinned out evenly. The JSON has all of them. */
const ROWS_MAX = 60;

/** The report for people. */
export function reportText(report: Report, formatTable: FormatTable): string {
  const { scenario, verdicts, isInterrupted, load } = report;
  const parts = [
    secondsTable(report, formatTable),
    ...(load === undefined ? [] : [loadTable(load, formatTable)]),
    ...(verdicts.length === 0 ? [] : [verdictTable(verdicts, formatTable)]),
    `${scenario.name}: ${isInterrupted ? "interrupted" : summary(report)}`,
  ];
  return parts.join("\n\n");
}

/** A second per line, with what was done since the line before. */
function secondsTable({ observations, deeds }: Report, formatTable: FormatTable): string {
  const every = Math.ceil(observations.length / ROWS_MAX);
  const shown = observations.filter((_, index) => index % every === 0 || index === observations.length - 1);
  const names = Object.keys(observations[0]?.regions ?? {});
  const headings = [
    "at",
    "leader",
    ...names.map((name) => `wal ${name}`),
    ...names.map((name) => `lag ${name}`),
    "writes",
    "failed",
    "what was done",
  ];
  const rows = shown.map(({ atMs, leader, regions, writes }, index) => {
    const sinceMs = shown[index - 1]?.atMs ?? Number.NEGATIVE_INFINITY;
    const isLast = index === shown.length - 1;
    const done = deeds.filter((deed) => deed.atMs > sinceMs && (isLast || deed.atMs <= atMs));
    return [
      formatSeconds(atMs),
      leader ?? "?",
      ...names.map((name) => String(regions[name]?.walRows ?? "?")),
      ...names.map((name) => String(regions[name]?.lagEntries ?? "?")),
      String(writes.succeeded),
      String(writes.failed),
      done.map(({ told, isFailure }) => (isFailure ? `FAILED: ${told}` : told)).join("; "),
    ];
  });
  return formatTable(headings, rows);
}

function loadTable(load: RegionFigures, formatTable: FormatTable): string {
  const rows = Object.entries(load).map(([region, figures]) => [
    region,
    ...[figures.due, figures.succeeded, failedOf(figures)].map(String),
    ...[figures.latency.p50Ms, figures.latency.p99Ms, figures.latency.worstMs].map((ms) => String(round(ms))),
  ]);
  return formatTable(["region", "writes", "succeeded", "failed", "p50 ms", "p99 ms", "worst ms"], rows);
}

function verdictTable(verdicts: readonly Verdict[], formatTable: FormatTable): string {
  const rows = verdicts.map(({ atMs, expected, holds, observed }) => [
    formatSeconds(atMs),
    describeCondition(expected),
    holds ? "holds" : "BROKEN",
    observed,
  ]);
  return formatTable(["at", "expected", "", "observed"], rows);
}

function summary({ verdicts, deeds }: Report): string {
  const broken = verdicts.filter(({ holds }) => !holds).length;
  const failed = deeds.filter(({ isFailure }) => isFailure).length;
  if (broken + failed === 0) return `all ${verdicts.length} expectations hold`;
  const parts = [
    ...(broken === 0 ? [] : [`${broken} of ${verdicts.length} expectations do not hold`]),
    ...(failed === 0 ? [] : [`${failed} steps could not be done`]),
  ];
  return parts.join(", ");
}

function round(durationMs: number): number {
  return Math.round(durationMs * 10) / 10;
}
