/** `forebay repair` and `forebay repairs`: set right what a verification has found to differ, and what was set right. */
import type { Command } from "commander";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import type {
  RepairBody,
  RepairListAnswer,
  RepairReportAnswer,
  VerificationAnswer,
} from "../../protocol/http/verifications.ts";
import { findRegion } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import { formatChange, formatDifferences, recordName } from "../differences.ts";
import { UsageError } from "../errors.ts";
import { callApi } from "../http.ts";
import { formatTable } from "../table.ts";
import { VERIFICATIONS_PATH } from "../verdicts.ts";
import { runVerification } from "./verify.ts";

const REPAIRS_PATH = `${API_PREFIX}/repairs`;
const VERIFY_DEADLINE_MS = 1_800_000;

/** Of what changes nothing, and keeps none. */
const DRY_RUN_REASON = "a dry run";

const REPAIR_HELP = `
Without --apply it only says what it would do. Records are set to what most regions hold, or the log proves; others are left as they
are, unless --preferred names the region whose rows are right. No record that was written since is overwritten. After --apply
the partition is verified again, and the command ends as "forebay verify" does.`;

interface RepairOptions extends CommonOptions {
  readonly reason?: string;
  readonly preferred?: string;
  readonly apply?: boolean;
  readonly json?: boolean;
}

interface RepairsOptions extends CommonOptions {
  readonly collection?: string;
  readonly key?: string;
  readonly repair?: string;
  readonly limit?: string;
  readonly cursor?: string;
  readonly json?: boolean;
}

export function addRepairCommand(program: Command): void {
  withCommonOptions(program.command("repair <id>"))
    .description("set right what a verification has found to differ; a dry run unless --apply is given")
    .option("--reason <text>", "why; kept with every row that is changed, and needed with --apply")
    .option("--preferred <region>", "whose rows are right where neither a majority nor the log says so")
    .option("--apply", "do it, and verify again")
    .option("--json", "print the region's answers")
    .addHelpText("after", REPAIR_HELP)
    .action(repair);
}

async function repair(id: string, options: RepairOptions): Promise<void> {
  const region = findRegion(options);
  const { preferred, apply = false, json = false } = options;
  const { reason = DRY_RUN_REASON } = options;
  if (apply && options.reason === undefined)
    throw new UsageError("--apply needs --reason: it is kept with every row that is changed");
  const path = `${VERIFICATIONS_PATH}/${encodeURIComponent(id)}`;
  // Before it is repaired: its process may forget it meanwhile.
  const { partition } = (await callApi(region, { path })).body as VerificationAnswer;
  const body: RepairBody = { dry_run: !apply, reason, ...(preferred !== undefined && { preferred }) };
  const answer = await callApi(region, { method: "POST", path: `${path}/repair`, body });
  const report = answer.body as RepairReportAnswer;
  process.stdout.write(`${json ? JSON.stringify(report, null, 2) : formatReport(report)}\n`);
  if (report.positions.length === 0) return;
  const again = { ...options, partition, wait: true, deadline: VERIFY_DEADLINE_MS };
  process.exitCode = await runVerification(again);
}

export function formatReport(report: RepairReportAnswer): string {
  const { dry_run: isDryRun, records, sample, undecided, id, positions } = report;
  const shown = sample.length < records ? `; the first ${sample.length}` : "";
  const done = isDryRun
    ? `would be set right: ${countOf(records)}${shown}`
    : `set right: ${countOf(records)}${shown}, by repair ${id ?? "none"} at position ${positions.join(", ")}`;
  const lines = [records === 0 && !isDryRun ? "set right: nothing" : done, ...sample.map(formatDifferences)];
  if (undecided.records > 0) {
    const advice = "--preferred names the region whose rows are right";
    lines.push(`left alone: ${countOf(undecided.records)} that nothing proves; ${advice}`);
    lines.push(...undecided.sample.map(formatDifferences));
  }
  if (isDryRun && records > 0) lines.push("nothing was changed; --apply does it");
  return lines.join("\n");
}

function countOf(records: number): string {
  return records === 1 ? "1 record" : `${records} records`;
}

export function addRepairsCommand(program: Command): void {
  withCommonOptions(program.command("repairs"))
    .description("rows of a region that repairs have changed, newest first")
    .option("--collection <name>", "of a collection")
    .option("--key <key>", "of one of its records")
    .option("--repair <id>", "of one repair")
    .option("--limit <count>", "at most so many")
    .option("--cursor <cursor>", "go on where the list before has ended")
    .option("--json", "print the region's answer")
    .action(async (options: RepairsOptions) => {
      const { body } = await callApi(findRegion(options), { path: repairsPath(options) });
      const answer = body as RepairListAnswer;
      process.stdout.write(
        `${options.json === true ? JSON.stringify(answer, null, 2) : formatRepairs(answer)}\n`,
      );
    });
}

function repairsPath({ collection, key, repair: id, limit, cursor }: RepairsOptions): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ collection, key, repair: id, limit, cursor })) {
    if (value !== undefined) query.set(name, value);
  }
  return query.size === 0 ? REPAIRS_PATH : `${REPAIRS_PATH}?${query.toString()}`;
}

export function formatRepairs({ repairs, next_cursor: cursor }: RepairListAnswer): string {
  if (repairs.length === 0) return "no repairs in this region; each tells of its own rows (--region)";
  const table = formatTable(
    ["when", "place", "record", "reason", "change", "repair"],
    repairs.map((one) => [
      new Date(one.log_time_ms).toISOString(),
      `${one.position.partition}/${one.position.sequence}`,
      recordName(one),
      one.reason,
      formatChange(one),
      one.repair,
    ]),
  );
  return cursor === undefined ? table : `${table}\nthere are more: --cursor ${cursor}`;
}
