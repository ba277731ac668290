/** `forebay log`: what each region has of the log, and making one anew that has failed. */
import { setTimeout as sleep } from "node:timers/promises";
import { InvalidArgumentError, type Command } from "commander";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import type {
  LogAnswer,
  PartitionLogAnswer,
  RebuildLogBody,
  RegionLogAnswer,
} from "../../protocol/http/log.ts";
import { findRegion, type ClusterRegion } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import { parseDuration } from "../duration.ts";
import { CommandError } from "../errors.ts";
import { callApi, ProblemAnsweredError, UnreachableError } from "../http.ts";
import { withProgress } from "../progress.ts";
import { formatTable } from "../table.ts";

const LOG_PATH = `${API_PREFIX}/log`;
const REBUILD_PATH = `${LOG_PATH}/rebuild`;
const POLL_MS = 1_000;
const DEADLINE_MS_DEFAULT = 300_000;
/** Some log has failed, or is not known not to have. */
const EXIT_FAILED = 1;

const REBUILD_HELP = `
Without --yes it says what it would do, and changes nothing. Positions go on from what the furthest region has folded. Every
region proposes again what its clients had written locally and the new log lacks. What the log itself had decided on, and no
region that answers has folded, is gone: its clients were told that the outcome is unknown, or that it has expired.
The old log is deleted. The same command again goes on where an earlier one has stopped, in any region.`;

interface StatusOptions extends CommonOptions {
  readonly json?: boolean;
}

interface RebuildOptions extends CommonOptions {
  readonly partition?: number;
  readonly yes?: boolean;
  readonly without: readonly string[];
  readonly from?: string;
  readonly force?: boolean;
  readonly deadline: number;
  readonly json?: boolean;
}

export function addLogCommand(program: Command): void {
  const log = program.command("log").description("the log that all regions fold, should it fail");
  addStatus(log);
  addRebuild(log);
}

function addStatus(log: Command): void {
  withCommonOptions(log.command("status", { isDefault: true }))
    .description("print what each region has of the log; ends with 1 where one has failed")
    .option("--json", "print the region's answer")
    .action(async ({ json, ...options }: StatusOptions) => {
      const answer = await readLog(findRegion(options));
      print(json === true ? JSON.stringify(answer, null, 2) : formatLog(answer));
      if (answer.partitions.some(({ healthy }) => !healthy)) process.exitCode = EXIT_FAILED;
    });
}

function addRebuild(log: Command): void {
  withCommonOptions(log.command("rebuild"))
    .description("make a log anew that has failed, from what the furthest region has folded")
    .option("--partition <number>", "of one partition alone (default: all that have failed)", partitionOf)
    .option("--yes", "do it; without this it only says what it would do")
    .option("--without <region>", "don't wait for a region that can't be asked; may be repeated", collect, [])
    .option("--from <region>", "whose past counts, where regions disagree")
    .option(
      "--force",
      "also where the regions that answer only lag; never from one that folds the log that is there",
    )
    .option(
      "--deadline <time>",
      "how long to wait for the regions, such as 5m",
      parseDuration,
      DEADLINE_MS_DEFAULT,
    )
    .option("--json", "print the region's answer, and don't wait for the regions")
    .addHelpText("after", REBUILD_HELP)
    .action(async (options: RebuildOptions) => {
      const region = findRegion(options);
      const { yes = false, json = false, deadline } = options;
      const body = bodyOf(options);
      const answer = (await callApi(region, { method: "POST", path: REBUILD_PATH, body })).body as LogAnswer;
      print(json ? JSON.stringify(answer, null, 2) : formatRebuild(answer));
      if (!yes || json) {
        if (answer.partitions.some(isRefused)) process.exitCode = EXIT_FAILED;
        return;
      }
      await follow(region, { made: answer, deadlineMs: deadline });
    });
}

function bodyOf({ partition, yes, without, from, force }: RebuildOptions): RebuildLogBody {
  return {
    dry_run: yes !== true,
    ...(partition !== undefined && { partition }),
    ...(without.length > 0 && { without: [...without] }),
    ...(from !== undefined && { from }),
    ...(force === true && { force }),
  };
}

function partitionOf(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("A partition is a number from 0.");
}

function collect(region: string, before: readonly string[]): readonly string[] {
  return [...before, region];
}

async function readLog(region: ClusterRegion): Promise<LogAnswer> {
  return (await callApi(region, { path: LOG_PATH })).body as LogAnswer;
}

/** Waits until each region that was to go on does, and says what the others need. @throws {CommandError} not in time. */
async function follow(
  region: ClusterRegion,
  { made, deadlineMs }: { made: LogAnswer; deadlineMs: number },
): Promise<void> {
  const untilMs = performance.now() + deadlineMs;
  await withProgress(async (progress) => {
    for (;;) {
      const now = await lookAgain(region);
      const left = now === undefined ? [`region ${region.name} does not answer`] : leftToDo(made, now);
      if (left.length === 0) return;
      const text = left.join("; ");
      progress.show(text);
      if (performance.now() >= untilMs)
        throw new CommandError(`not within the deadline: ${text}; "forebay log status" shows how it goes on`);
      await sleep(POLL_MS);
    }
  });
  for (const { fates } of made.partitions.map(othersOf)) for (const line of fates) print(line);
  print('the log goes on; "forebay verify" proves that all regions hold the same');
}

async function lookAgain(region: ClusterRegion): Promise<LogAnswer | undefined> {
  try {
    return await readLog(region);
  } catch (error) {
    if (error instanceof UnreachableError || error instanceof ProblemAnsweredError) return undefined;
    throw error;
  }
}

/** Regions that were to go on with a log that was made, and don't fold it yet. */
function leftToDo({ partitions }: LogAnswer, now: LogAnswer): string[] {
  return partitions.flatMap(({ partition, made, regions }) => {
    if (made === undefined) return [];
    const current = now.partitions.find((one) => one.partition === partition)?.regions ?? [];
    const expected = regions.filter(({ fate }) => fate === "goes-on").map(({ region }) => region);
    const following = current
      .filter(({ log_created_at_ms: log, stopped }) => log === made.created_at_ms && stopped === undefined)
      .filter(({ position = 0 }) => position >= made.position)
      .map(({ region }) => region);
    const waiting = expected.filter((region) => !following.includes(region));
    return waiting.length === 0 ? [] : [`partition ${partition}: ${waiting.join(", ")} does not fold yet`];
  });
}

function othersOf({ partition, regions }: PartitionLogAnswer): { fates: string[] } {
  const lines = regions.map((one) => [one.region, adviceOf(one)] as const);
  return {
    fates: lines.flatMap(([region, advice]) =>
      advice === undefined ? [] : [`partition ${partition}, region ${region}: ${advice}`],
    ),
  };
}

function adviceOf({ region, fate }: RegionLogAnswer): string | undefined {
  switch (fate) {
    case "goes-on":
      return undefined;
    case "bootstrap":
      return "was behind, and loads its state from another region before it folds on";
    case "rejoin":
      return `has folded something else: "forebay region rejoin ${region}" loads its state anew`;
    case "unreachable":
      return "says itself what it needs once it is back";
  }
}

function isRefused({ refusal, problem }: PartitionLogAnswer): boolean {
  return problem !== undefined || (refusal !== undefined && refusal.why !== "healthy");
}

export function formatLog({ partitions }: LogAnswer): string {
  const headings = ["partition", "region", "position", "log", "WAL", "state"];
  const rows = partitions.flatMap((one) => one.regions.map((region) => rowOf(one, region)));
  const notes = partitions.flatMap(({ partition, log, problem, healthy, refusal }) => {
    if (healthy) return [];
    if (problem !== undefined) return [`partition ${partition} can't be looked at: ${problem}; ask again`];
    const found =
      log === undefined
        ? "there is no log"
        : `the log holds ${log.first} to ${log.last}${log.is_closed === true ? ", and is closed: making it anew was cut off" : ""}`;
    const next =
      refusal === undefined ? '"forebay log rebuild" says what making it anew would do' : refusal.reason;
    const what = refusal?.why === "others-fold" ? "does not go on everywhere" : "has failed";
    return [`partition ${partition} ${what}: ${found}`, `partition ${partition}: ${next}`];
  });
  return [formatTable(headings, rows), ...notes].join("\n");
}

function rowOf({ partition, log }: PartitionLogAnswer, one: RegionLogAnswer): string[] {
  const { region, position, log_created_at_ms: folded, wal_head: walHead, stopped, problem } = one;
  const isOther = folded !== undefined && folded !== log?.created_at_ms;
  return [
    String(partition),
    region,
    position === undefined ? "" : String(position),
    folded === undefined ? "" : isOther ? "another" : "this",
    walHead === undefined ? "" : String(walHead),
    problem ?? stopped ?? "folds",
  ];
}

export function formatRebuild({ partitions }: LogAnswer): string {
  return partitions.map(formatPartition).join("\n");
}

function formatPartition(answer: PartitionLogAnswer): string {
  const { partition, refusal, from, regions, lost_positions: lost, made, problem, epoch } = answer;
  const name = `partition ${partition}`;
  if (refusal?.why === "healthy") return `${name}: ${refusal.reason}`;
  const after = regions.find(({ region }) => region === from)?.position;
  const table = formatTable(
    ["region", "position", "proposed again", "then"],
    regions.map((one) => [
      one.region,
      one.position === undefined ? "" : String(one.position),
      one.proposed_again === undefined ? "" : String(one.proposed_again),
      one.problem ?? thenOf(one),
    ]),
  );
  const done =
    made === undefined
      ? answer.resumed_after !== undefined
        ? `${name}: the log that was made anew after ${answer.resumed_after} would be opened`
        : `${name}: a log of epoch ${epoch} would go on from what ${from ?? "nobody"} has folded, up to ${after ?? 0}`
      : `${name}: the log of epoch ${made.epoch} goes on from what ${from ?? "nobody"} has folded; its first entry is at ${made.position}`;
  const gone =
    lost === 0
      ? []
      : [
          `${name}: ${lost} positions that some region has folded are gone; what was local in them is proposed again`,
        ];
  const against = [problem, refusal?.reason].filter((reason) => reason !== undefined);
  const next = made === undefined && against.length === 0 ? ["nothing was changed: --yes does it"] : [];
  return [done, table, ...gone, ...against.map((reason) => `${name}: ${reason}`), ...next].join("\n");
}

function thenOf({ fate }: RegionLogAnswer): string {
  const what = {
    "goes-on": "folds on",
    bootstrap: "needs a bootstrap",
    rejoin: "has to rejoin",
    unreachable: "?",
  };
  return what[fate];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
