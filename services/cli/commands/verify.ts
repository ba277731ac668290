/** `forebay verify`: whether all regions hold the same, and what differs where they don't. */
import { InvalidArgumentError, type Command } from "commander";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import type {
  VerificationAnswer,
  VerificationListAnswer,
  VerificationSummary,
  VerifyBody,
} from "../../protocol/http/verifications.ts";
import { findRegion } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import { formatDifferences } from "../differences.ts";
import { parseDuration } from "../duration.ts";
import { CommandError, UsageError } from "../errors.ts";
import { callApi } from "../http.ts";
import { formatTable } from "../table.ts";
import { awaitVerdicts, VERIFICATIONS_PATH } from "../verdicts.ts";

const VERIFY_PATH = `${API_PREFIX}/verify`;
/** The regions' scans, and two readings of the log after them. */
const DEADLINE_MS_DEFAULT = 1_800_000;
const EXIT_DIVERGED = 1;
/** Neither yes nor no: too few regions could be compared, or none could be asked. */
const EXIT_NO_VERDICT = 2;

const VERIFY_HELP = `
All regions look at their own rows at the same position of the log, so that no lag counts as a difference; writes go on.
Ends with 0 where all that were compared hold the same, 1 where they differ, 2 where there is no telling.`;

interface VerifyOptions extends CommonOptions {
  readonly partition?: number;
  readonly wait: boolean;
  readonly deadline: number;
  readonly json?: boolean;
}

interface LookOptions extends CommonOptions {
  readonly limit?: string;
  readonly json?: boolean;
}

export function addVerifyCommand(program: Command): void {
  const verify = program.command("verify").description("whether all regions hold the same");
  addRun(verify);
  addShow(verify);
  addList(verify);
}

function addRun(verify: Command): void {
  withCommonOptions(verify.command("run", { isDefault: true }))
    .description("compare what all regions hold, and wait for the verdict")
    .option("--partition <number>", "one partition alone (default: all)", partitionOf)
    .option("--no-wait", "begin, and don't wait for the verdict")
    .option("--deadline <time>", "how long to wait, such as 5m", parseDuration, DEADLINE_MS_DEFAULT)
    .option("--json", "print the region's answers")
    .addHelpText("after", VERIFY_HELP)
    .action(async (options: VerifyOptions) => {
      try {
        process.exitCode = await runVerification(options);
      } catch (error) {
        if (!(error instanceof CommandError) || error instanceof UsageError) throw error;
        process.stderr.write(`forebay: ${error.message}\n`);
        process.exitCode = EXIT_NO_VERDICT;
      }
    });
}

/** Prints the verdicts. @returns the exit code. @throws {CommandError} there is none. */
export async function runVerification(options: VerifyOptions): Promise<number> {
  const region = findRegion(options);
  const { partition, json = false } = options;
  const body: VerifyBody = partition === undefined ? {} : { partition };
  const answer = await callApi(region, { method: "POST", path: VERIFY_PATH, body });
  const { verifications: begun } = answer.body as VerificationListAnswer;
  if (!options.wait) {
    print(json ? JSON.stringify(answer.body, null, 2) : formatVerifications(begun));
    return 0;
  }
  const ended = await awaitVerdicts(region, { begun, deadlineMs: options.deadline });
  print(json ? JSON.stringify({ verifications: ended }, null, 2) : formatVerdicts(ended));
  return exitCodeOf(ended);
}

function addShow(verify: Command): void {
  withCommonOptions(verify.command("show <id>"))
    .description("print a verification, with the records that differ field by field")
    .option("--json", "print the region's answer")
    .action(async (id: string, options: LookOptions) => {
      const path = `${VERIFICATIONS_PATH}/${encodeURIComponent(id)}`;
      const { body } = await callApi(findRegion(options), { path });
      print(
        options.json === true
          ? JSON.stringify(body, null, 2)
          : formatVerification(body as VerificationAnswer),
      );
    });
}

function addList(verify: Command): void {
  withCommonOptions(verify.command("list"))
    .description("print the last verifications of a region, newest first")
    .option("--limit <count>", "at most so many")
    .option("--json", "print the region's answer")
    .action(async ({ limit, json, ...options }: LookOptions) => {
      const query = limit === undefined ? "" : `?limit=${encodeURIComponent(limit)}`;
      const { body } = await callApi(findRegion(options), { path: `${VERIFICATIONS_PATH}${query}` });
      const { verifications } = body as VerificationListAnswer;
      print(json === true ? JSON.stringify(body, null, 2) : formatVerifications(verifications));
    });
}

function partitionOf(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("A partition is a number from 0.");
}

function exitCodeOf(verifications: readonly VerificationSummary[]): number {
  const verdicts = verifications.map(({ verdict }) => verdict);
  if (verdicts.includes("diverged")) return EXIT_DIVERGED;
  return verdicts.every((verdict) => verdict === "match") ? 0 : EXIT_NO_VERDICT;
}

function formatVerdicts(verifications: readonly VerificationSummary[]): string {
  const doubts = verifications.filter(({ verdict }) => verdict !== "match");
  const reasons = doubts.map(
    ({ partition, reason = "no reason was told" }) => `partition ${partition}: ${reason}`,
  );
  const damaged = doubts.filter(({ verdict }) => verdict === "diverged");
  const advice = damaged.map(
    ({ id, partition }) => `what differs in partition ${partition}: forebay verify show ${id}`,
  );
  return [formatVerifications(verifications), ...reasons, ...advice].join("\n");
}

function formatVerifications(verifications: readonly VerificationSummary[]): string {
  if (verifications.length === 0) return "no verifications";
  const headings = ["partition", "verdict", "position", "records", "differ", "compared", "id"];
  return formatTable(headings, verifications.map(rowOf));
}

function rowOf(verification: VerificationSummary): readonly string[] {
  const { partition, verdict, phase, position, differences, regions, id } = verification;
  const counts = regions.map(({ rows }) => rows).filter((rows) => rows !== undefined);
  const compared = regions.filter(({ problem, rows }) => problem === undefined && rows !== undefined);
  return [
    String(partition),
    verdict ?? phase,
    position === undefined ? "" : String(position),
    counts.length === 0 ? "" : String(Math.max(...counts)),
    verdict === undefined ? "" : String(differences.records + differences.rest.length),
    compared.map(({ region }) => region).join(", "),
    id,
  ];
}

export function formatVerification(verification: VerificationAnswer): string {
  const { id, partition, verdict, phase, position, reason, regions, differences } = verification;
  const { records, rest, sample } = differences;
  const where = position === undefined ? "" : ` at position ${position}`;
  const lines = [
    `verification ${id} of partition ${partition}: ${verdict ?? phase}${where}`,
    ...(reason === undefined ? [] : [reason]),
    formatTable(
      ["region", "records", "digest", "problem"],
      regions.map(({ region, rows, digest, problem }) => [
        region,
        rows === undefined ? "" : String(rows),
        digest ?? "",
        problem ?? "",
      ]),
    ),
    ...rest.map((what) => `differs besides records: ${what}`),
  ];
  if (records === 0) return lines.join("\n");
  const shown = sample.length < records ? `; the first ${sample.length}` : "";
  return [...lines, `records that differ: ${records}${shown}`, ...sample.map(formatDifferences)].join("\n");
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
