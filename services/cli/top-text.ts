/** The cluster on one screen: what an operator should know first, then regions, then where operations wait. */
import type { OutcomeReport, PartitionReport, RegionReport } from "../protocol/cluster/report.ts";
import type { ClusterView, Finding, LagView, RegionView } from "../protocol/cluster/view.ts";
import { formatDuration, formatTable } from "./table.ts";

const LEVELS = { ok: "all is well", risk: "AT RISK", hurt: "USERS ARE HURT" };
const MARKS = { hurt: "!!", risk: " !", note: "  " };
const FAILED: readonly OutcomeReport["outcome"][] = ["refused", "unknown", "failed"];

/** @param before an earlier view of the same process, for what comes per second; without it these are not known. */
export function formatTop(view: ClusterView, before?: ClusterView): string {
  const { viewer, level, findings } = view;
  const time = new Date(viewer.at).toISOString().slice(11, 19);
  return [
    `${time}  ${LEVELS[level]}  (as ${viewer.region} sees it)`,
    ...findings.flatMap((finding) => findingLines(finding, viewer.at)),
    "",
    regionTable(view, before),
    "",
    ...linkLines(view),
    ...lagLines(view),
  ].join("\n");
}

function findingLines({ severity, what, why, act, since }: Finding, nowMs: number): string[] {
  const more = [why, act].filter((text) => text !== undefined).map((text) => `     ${text}`);
  return [`${MARKS[severity]} ${what} (${formatDuration(Math.max(0, nowMs - since))})`, ...more];
}

const HEADINGS = [
  "region",
  "heard",
  "leads",
  "wal rows",
  "wal age",
  "local/s",
  "decided/s",
  "reads/s",
  "failed/s",
  "loop ms",
  "memory",
];

function regionTable(view: ClusterView, before: ClusterView | undefined): string {
  return formatTable(
    HEADINGS,
    view.regions.map((region) => regionRow(region, view, before)),
  );
}

function regionRow(region: RegionView, view: ClusterView, before: ClusterView | undefined): string[] {
  const { region: name, state, age_ms: ageMs, processes } = region;
  if (processes.length === 0) return [name, state];
  const heard = state === "heard" ? "yes" : `${state} ${formatDuration(ageMs ?? 0)}`;
  const partitions = newestPartitions(processes);
  const leads = partitions.filter(({ leader }) => leader === name).length;
  const oldestMs = Math.max(0, ...partitions.map(({ wal }) => wal.oldest_age_ms));
  const rate = rateOf(region, view, before);
  const bytes = processes.reduce((sum, { load }) => sum + load.resident_bytes, 0);
  return [
    name,
    heard,
    leads === 0 ? "" : view.partitions === 1 ? "*" : String(leads),
    String(partitions.reduce((sum, { wal }) => sum + wal.pending_rows, 0)),
    oldestMs === 0 ? "" : formatDuration(oldestMs),
    rate((outcome) => outcome.class === "local" && !FAILED.includes(outcome.outcome)),
    rate((outcome) => outcome.class === "decided" && !FAILED.includes(outcome.outcome)),
    rate((outcome) => outcome.class === "read" && !FAILED.includes(outcome.outcome)),
    rate((outcome) => FAILED.includes(outcome.outcome)),
    Math.max(0, ...processes.map(({ load }) => load.event_loop_delay_ms)).toFixed(1),
    `${Math.round(bytes / 1e6)} MB`,
  ];
}

/** Each partition once: of the process that tells the highest position. */
function newestPartitions(processes: readonly RegionReport[]): PartitionReport[] {
  const newest = new Map<number, PartitionReport>();
  for (const report of processes.flatMap(({ partitions }) => partitions)) {
    const known = newest.get(report.partition);
    if (known === undefined || report.applied > known.applied) newest.set(report.partition, report);
  }
  return [...newest.values()];
}

/** Per second between the reports of two views, of the processes that are in both. */
function rateOf(
  { region, processes }: RegionView,
  view: ClusterView,
  before: ClusterView | undefined,
): (isMeant: (outcome: OutcomeReport) => boolean) => string {
  const earlier = before?.regions.find((other) => other.region === region)?.processes ?? [];
  const pairs = processes.flatMap((report) => {
    const was = earlier.find(({ process }) => process === report.process);
    return was === undefined || was.sent_at >= report.sent_at ? [] : [{ was, report }];
  });
  if (before === undefined || before.viewer.process !== view.viewer.process || pairs.length === 0)
    return () => "?";
  return (isMeant) => {
    const count = ({ outcomes }: RegionReport) =>
      outcomes.filter(isMeant).reduce((sum, outcome) => sum + outcome.count, 0);
    const perSecond = pairs.reduce(
      (sum, { was, report }) => sum + ((count(report) - count(was)) * 1_000) / (report.sent_at - was.sent_at),
      0,
    );
    return String(Math.round(Math.max(0, perSecond)));
  };
}

function linkLines({ links }: ClusterView): string[] {
  const lines = links
    .filter(({ state }) => state === "cut" || state === "slow")
    .map(
      ({ from, to, state, round_trip_ms: ms }) =>
        `${from} → ${to}: ${state}${ms === undefined ? "" : ` (${ms} ms)`}`,
    );
  return lines.length === 0 ? [] : [...lines, ""];
}

/** The worst first; what is not behind is not told one by one. */
function lagLines({ lags, members }: ClusterView): string[] {
  if (lags.length === 0 && members.length > 1) return ["what regions show of each other is unknown"];
  const waiting = lags.filter(({ reason }) => reason !== "nothing").toSorted(compareLags);
  if (waiting.length === 0) return ["every region shows all that the others have taken"];
  const rows = waiting.map((lag) => [
    `${lag.origin} → ${lag.region}`,
    String(lag.partition),
    String(lag.operations),
    lag.age_ms === 0 ? "" : formatDuration(lag.age_ms),
    lag.stage,
    lag.text,
  ]);
  return [formatTable(["lag", "partition", "operations", "age", "stage", "why"], rows)];
}

function compareLags(one: LagView, other: LagView): number {
  return other.age_ms - one.age_ms || other.operations - one.operations || one.partition - other.partition;
}
