/** `forebay status`: every partition in every region, asked of each region itself. */
import type { Command } from "commander";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import type { PartitionStatusAnswer, StatusAnswer } from "../../protocol/http/status.ts";
import { findRegions, type ClusterRegion } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import { CommandError } from "../errors.ts";
import { callApi } from "../http.ts";
import { repeatFrames, standardOutput, untilInterrupted } from "../screen.ts";
import { formatDuration, formatTable } from "../table.ts";

const TIMEOUT_MS = 10_000;
const WATCH_EVERY_MS = 1_000;
const WATCH_TIMEOUT_MS = 2_500;
/** Regions tick every second: a longer silence is worth a word. */
const SILENCE_MS = 5_000;

/** What one region said, or why it said nothing. */
export interface RegionReport {
  readonly region: ClusterRegion;
  readonly status: StatusAnswer | undefined;
  readonly problem: string | undefined;
}

export function addStatusCommand(program: Command): void {
  withCommonOptions(program.command("status"))
    .description("show each partition in each region: leader, write-ahead buffer, position, lag")
    .option("--watch", "show it again every second, until Ctrl-C")
    .action(async (options: CommonOptions & { watch?: true }) => {
      const regions = findRegions(options).filter(
        ({ name }) => options.region === undefined || options.url !== undefined || name === options.region,
      );
      if (options.watch === true) return watchStatus(regions);
      const reports = await Promise.all(regions.map((region) => reportOf(region)));
      process.stdout.write(`${formatStatus(reports)}\n`);
      if (reports.every(({ status }) => status === undefined)) {
        throw new CommandError("no region answers");
      }
    });
}

/** Regions that don't answer are shown as such, and asked again. */
async function watchStatus(regions: readonly ClusterRegion[]): Promise<void> {
  const frame = async () => {
    const reports = await Promise.all(regions.map((region) => reportOf(region, WATCH_TIMEOUT_MS)));
    return `${new Date().toISOString().slice(11, 19)}\n${formatStatus(reports)}`;
  };
  await repeatFrames({ screen: standardOutput(), everyMs: WATCH_EVERY_MS, stop: untilInterrupted(), frame });
}

async function reportOf(region: ClusterRegion, timeoutMs = TIMEOUT_MS): Promise<RegionReport> {
  try {
    const { body } = await callApi(region, { path: `${API_PREFIX}/status`, timeoutMs });
    const status = body as StatusAnswer;
    return { region: { ...region, name: status.region }, status, problem: undefined };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { region, status: undefined, problem: error.message };
  }
}

export function formatStatus(reports: readonly RegionReport[]): string {
  const names = regionNames(reports);
  const headings = [
    "partition",
    "region",
    "leader",
    "wal rows",
    "wal bytes",
    "wal age",
    "applied",
    "log end",
  ];
  const lags = names.map((name) => `lag ${name}`);
  const rows = partitionNumbers(reports).flatMap((partition) =>
    reports.map((report) => rowOf({ report, partition, names })),
  );
  const table = formatTable([...headings, ...lags], rows);
  const problems = reports.flatMap(({ problem }) => (problem === undefined ? [] : [problem]));
  return [table, ...notes(reports), ...problems].join("\n");
}

function notes(reports: readonly RegionReport[]): string[] {
  const answered = reports.flatMap(({ status }) => status?.partitions ?? []);
  const leaderless = new Set(
    answered.filter(({ leader }) => leader === undefined).map(({ partition }) => partition),
  );
  const leaders = [...leaderless].map(
    (partition) => `partition ${partition}: no leader is known to every region that answers`,
  );
  return [
    ...leaders,
    ...versionNotes(answered),
    ...new Set(answered.flatMap(memberNotes)),
    ...reports.flatMap(({ status }) => (status === undefined ? [] : regionNotes(status))),
  ];
}

/** While a cluster is upgraded: what runs where, and up to which version log entries may be used. */
function versionNotes(partitions: readonly PartitionStatusAnswer[]): string[] {
  const members = new Map(
    partitions.flatMap(({ regions }) => regions.map((member) => [member.region, member] as const)),
  );
  const told = [...members.values()].filter(({ software }) => software !== undefined);
  const hasSeveral = (values: readonly unknown[]) => new Set(values).size > 1;
  const readsDiffer = hasSeveral(told.map(({ reads }) => reads));
  if (!readsDiffer && !hasSeveral(told.map(({ software }) => software))) return [];
  const each = told.map(
    ({ region, software, reads }) =>
      `${region} ${software ?? ""}${reads === undefined ? "" : ` (reads entries up to version ${reads})`}`,
  );
  const consequence = readsDiffer ? "; what only the newer have is refused" : "";
  return [`regions run different software: ${each.join(", ")}${consequence}`];
}

function regionNotes({ region, partitions, draining, admission }: StatusAnswer): string[] {
  const { state, reason } = admission;
  return [
    ...(draining === undefined ? [] : [`region ${region} is drained: it takes no new writes`]),
    ...(state === "shedding" ? [`region ${region}: refuses load (${reason ?? "reason unknown"})`] : []),
    ...staleNotes(region, partitions),
    ...partitions.flatMap((partition) => breakerNotes(region, partition)),
    ...partitions.flatMap((partition) => bootstrapNotes(region, partition)),
  ];
}

/** The regions that look may differ by an entry in what they know of another: one line for all. */
function memberNotes({ partition, trim }: PartitionStatusAnswer): string[] {
  const { pinned_by: pinning, away } = trim;
  const notes = away.map(
    ({ region, since_ms: sinceMs }) =>
      `partition ${partition}: ${region} has folded nothing since ${timeOf(sinceMs)}; nothing is kept for it any more, and it may need a bootstrap`,
  );
  if (pinning === undefined) return notes;
  const { region, position, since_ms: sinceMs } = pinning;
  const what = `partition ${partition}: log and WALs are kept from position ${position} on for ${region}`;
  return [...notes, `${what}, which has folded nothing since ${timeOf(sinceMs)}`];
}

function timeOf(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

function bootstrapNotes(region: string, status: PartitionStatusAnswer): string[] {
  const { partition, position, trim, bootstrap } = status;
  if (bootstrap !== undefined) {
    const { stage, source, rows, rows_loaded: loaded, seconds_left: left } = bootstrap;
    const from = source === undefined ? "" : ` from ${source}`;
    const amount = stage === "loading" && rows !== undefined ? `, ${loaded ?? 0} of ${rows} rows` : "";
    const time = left === undefined ? "" : `, about ${left} s left`;
    return [`partition ${partition}: ${region} is bootstrapped${from}: ${stage}${amount}${time}`];
  }
  if (trim.needs_bootstrap === undefined) return [];
  return [
    `partition ${partition}: ${region} needs a bootstrap: it has folded up to ${position}, and the log begins at ${trim.log_first ?? "?"}; its local writes go on`,
  ];
}

function staleNotes(region: string, partitions: StatusAnswer["partitions"]): string[] {
  const staleMs = Math.max(0, ...partitions.map((partition) => partition.stale_ms ?? 0));
  if (staleMs === 0) return [];
  return [`region ${region}: its database does not answer; its figures are ${formatDuration(staleMs)} old`];
}

function breakerNotes(region: string, { partition, breaker }: PartitionStatusAnswer): string[] {
  if (breaker.state === "closed") return [];
  const why = { refused: "nobody takes entries", "timed-out": "no answer", slow: "slow to answer" }[
    breaker.reason ?? "refused"
  ];
  return [
    `partition ${partition}: ${region} refuses what the log has to decide, for ${formatDuration(breaker.open_ms)} now (${why}); local writes go on`,
  ];
}

/** Also regions that did not answer themselves, as the others know them. */
function regionNames(reports: readonly RegionReport[]): string[] {
  const asked = reports.map(({ region }) => region.name);
  const partitions = reports.flatMap(({ status }) => status?.partitions ?? []);
  const known = partitions.flatMap(({ regions }) => regions.map(({ region }) => region));
  return [...new Set([...asked, ...known])];
}

function partitionNumbers(reports: readonly RegionReport[]): number[] {
  const numbers = reports.flatMap(({ status }) => status?.partitions.map(({ partition }) => partition) ?? []);
  // A cluster that nobody answers for has at least the one partition.
  return numbers.length === 0 ? [0] : [...new Set(numbers)].sort((one, other) => one - other);
}

function rowOf(input: {
  report: RegionReport;
  partition: number;
  names: readonly string[];
}): readonly string[] {
  const { report, partition, names } = input;
  const { name } = report.region;
  const status = report.status?.partitions.find((candidate) => candidate.partition === partition);
  if (status === undefined) return [String(partition), name, "unreachable"];
  const { leader, term, wal, position, last_position: end } = status;
  return [
    String(partition),
    name,
    leader === undefined ? "?" : leader === name ? `* term ${term ?? "?"}` : "",
    String(wal.pending_rows),
    String(wal.pending_bytes),
    wal.pending_rows === 0 ? "" : formatDuration(wal.oldest_pending_age_ms),
    String(position),
    end === undefined ? "?" : String(end),
    ...names.map((other) => (other === name ? "" : lagOf(status, other))),
  ];
}

function lagOf(status: PartitionStatusAnswer, region: string): string {
  const other = status.regions.find((candidate) => candidate.region === region);
  if (other?.lag_entries === undefined) return "?";
  const isSilent = other.silent_ms !== undefined && other.silent_ms > SILENCE_MS;
  return isSilent
    ? `${other.lag_entries} (silent ${formatDuration(other.silent_ms!)})`
    : String(other.lag_entries);
}
