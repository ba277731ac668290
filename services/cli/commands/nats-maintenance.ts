/**
 * `forebay nats leave` and `forebay nats wait`: around the maintenance of one region's nats-server. Leave → the server is
 * stopped, changed and started, by whatever runs it → wait → the next one.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { REPLICA_LAG_ENTRIES_MAX } from "../../ports/global-log.ts";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import {
  type LeadersAnswer,
  type MoveLeaderAnswer,
  type MoveLeaderBody,
} from "../../protocol/http/leaders.ts";
import { findRegions, type ClusterRegion } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import { parseDuration } from "../duration.ts";
import { CommandError, UsageError } from "../errors.ts";
import { callApi, ProblemAnsweredError, UnreachableError } from "../http.ts";
import { withProgress } from "../progress.ts";
import { formatDuration } from "../table.ts";

const LEADER_PATH = `${API_PREFIX}/leader`;
const TIMEOUT_MS = 10_000;
const POLL_MS = 500;
const HOLD_MS_DEFAULT = 1_800_000;
const DEADLINE_MS_DEFAULT = 600_000;
/** Before the moves, and from the last one on until the new leaders have told that all others are with them. */
const LEFT_MS = 30_000;
/** A leader that was elected a moment ago has yet to hear of the others: what it says of them is believed after so long. */
const SETTLED_MS = 2_000;

const LEAVE_HELP = `
Moves the log's leadership to another region, for so long as --hold says, so that stopping the server begins no election.
Refused while another server that keeps the log is away, or has yet to catch up: without this one, too, no majority might be left. An election, and
a new leader that does not know all others yet, are waited for until --deadline.
Then stop the server with "nats-server --signal ldm=PID" (its clients are asked to go first), change it, start it, and
"forebay nats wait" for it before the next one. The region's local writes go on meanwhile; what the log decides waits there.`;

const WAIT_HELP = `
Another region's process is asked, so --data or the --url of another region: the region itself may hear nothing of the log yet.`;

type Partition = LeadersAnswer["partitions"][number];
type Options = Omit<CommonOptions, "region">;
type LeaveOptions = Options & { readonly hold: number; readonly deadline: number };

interface Asked {
  /** Who has answered. */
  readonly region: ClusterRegion;
  readonly leaders: LeadersAnswer;
}

export function addNatsMaintenance(nats: Command): void {
  withCommonOptions(nats.command("leave <name>"))
    .description("have a region's nats-server lead nothing, before it is stopped")
    .option("--hold <time>", "leave leadership elsewhere for so long", parseDuration, HOLD_MS_DEFAULT)
    .option(
      "--deadline <time>",
      "how long to wait for leaders, and again for the others to follow the new ones",
      parseDuration,
      LEFT_MS,
    )
    .option("--force", "also while another server is away or behind: the log may stop until one is back")
    .addHelpText("after", LEAVE_HELP)
    .action(async (name: string, options: LeaveOptions & { force?: boolean }) => {
      if (options.force === true) {
        const { region, leaders } = await askAbout(name, options);
        await moveAllAway(region, leaders, { name, holdMs: options.hold });
        process.stdout.write(
          `nats-server ${name} leads nothing; whether the others have caught up was not asked\n`,
        );
        return;
      }
      await leave(name, options);
      await waitUntilLeft(name, options, options.deadline);
      process.stdout.write(
        `nats-server ${name} leads nothing, and the others have caught up: it can be stopped\n`,
      );
    });
  withCommonOptions(nats.command("wait <name>"))
    .description("wait until a region's nats-server has caught up, after it was started")
    .option("--deadline <time>", "how long to wait", parseDuration, DEADLINE_MS_DEFAULT)
    .addHelpText("after", WAIT_HELP)
    .action(async (name: string, options: Options & { deadline: number }) => {
      await waitUntilCurrent(name, options, options.deadline);
      process.stdout.write(`nats-server ${name} has caught up\n`);
    });
}

/** Whoever else answers: the region itself may have no server at the moment. @throws {CommandError} nobody does. */
async function askAbout(name: string, options: Options): Promise<Asked> {
  const regions = findRegions(options);
  const others = regions.filter((region) => region.name !== name);
  const problems: string[] = [];
  for (const region of [...others, ...regions.filter((one) => one.name === name)]) {
    try {
      const answer = await callApi(region, { path: LEADER_PATH, timeoutMs: TIMEOUT_MS });
      const leaders = answer.body as LeadersAnswer;
      checkName(name, leaders);
      return { region, leaders };
    } catch (error) {
      if (!(error instanceof CommandError) || !passes(error)) throw error;
      problems.push(error.message);
    }
  }
  throw new UnreachableError(`no region answers: ${problems.join("; ")}`);
}

/** Whether another region, or the same one in a moment, may answer. */
function passes(error: CommandError): boolean {
  if (error instanceof UnreachableError) return true;
  if (!(error instanceof ProblemAnsweredError)) return false;
  return error.status === 429 || error.status >= 500 || error.code === "region-not-fit";
}

function checkName(name: string, { partitions }: LeadersAnswer): void {
  // Only leaders know who keeps the log.
  if (partitions.some((partition) => partition.leader === undefined || unknownTo(partition).length > 0))
    return;
  const known = new Set(
    partitions.flatMap(({ leader, replicas = [] }) => [leader!, ...replicas.map(({ region }) => region)]),
  );
  if (!known.has(name))
    throw new UsageError(`no nats-server of a region ${name} keeps the log; ${[...known].join(", ")} do`);
}

function problemsOfOthers(name: string, { partitions }: LeadersAnswer): string[] {
  return partitions.flatMap((partition) => {
    if (partition.leader === undefined) return [withoutLeader(partition)];
    const behind = (partition.replicas ?? [])
      .filter((replica) => replica.region !== name)
      .flatMap((replica) => problemOf(replica).map((why) => `partition ${partition.partition}: ${why}`));
    return [...behind, ...unknownTo(partition)];
  });
}

function withoutLeader({ partition }: Partition): string {
  return `partition ${partition} has no leader`;
}

/** A leader that has just begun may not know all others yet: nothing can be said of those. */
function unknownTo({ partition, leader, unknown_replicas: count = 0 }: Partition): string[] {
  if (count === 0) return [];
  const servers = count === 1 ? "one server" : `${count} servers`;
  return [`partition ${partition}: ${leader}, which leads, does not know ${servers} that should keep it`];
}

function problemOf({ region, online, lag_entries, seen_ago_ms }: NonNullable<Partition["replicas"]>[number]) {
  if (!online) return [`the nats-server of ${region} is away, for ${formatDuration(seen_ago_ms)}`];
  return lag_entries <= REPLICA_LAG_ENTRIES_MAX ? [] : [`that of ${region} is ${lag_entries} entries behind`];
}

/** As often as it takes until the deadline: an election may be under way, or come in between. @throws {CommandError} */
async function leave(name: string, options: LeaveOptions): Promise<void> {
  let badSinceMs: number | undefined;
  const look = async ({ region, leaders }: Asked) => {
    const unknown = leaders.partitions.flatMap((partition) =>
      partition.leader === undefined ? [withoutLeader(partition)] : unknownTo(partition),
    );
    if (unknown.length > 0) {
      badSinceMs = undefined;
      return unknown;
    }
    const problems = problemsOfOthers(name, leaders);
    if (problems.length > 0) {
      badSinceMs ??= performance.now();
      if (performance.now() - badSinceMs >= SETTLED_MS) throw refusal(name, problems);
      return problems;
    }
    badSinceMs = undefined;
    await moveAllAway(region, leaders, { name, holdMs: options.hold });
    return [];
  };
  const late = (problems: readonly string[]) => refusal(name, problems);
  await waitUntilNothing(look, { name, options, deadlineMs: options.deadline, late });
}

/** Of a server that others have to come back, or catch up, for first. */
function refusal(name: string, problems: readonly string[]): CommandError {
  return new CommandError(
    `nats-server ${name} must not be stopped now: ${problems.join("; ")}; mend that first, or use --force`,
  );
}

async function moveAllAway(
  region: ClusterRegion,
  { partitions }: LeadersAnswer,
  about: { readonly name: string; readonly holdMs: number },
): Promise<void> {
  for (const partition of partitions) await moveAway(region, partition, about);
}

/** Who leads elsewhere already stays there, with the hold. */
async function moveAway(
  region: ClusterRegion,
  partition: Partition,
  { name, holdMs }: { name: string; holdMs: number },
): Promise<void> {
  const to = partition.leader === name ? bestOther(name, partition) : partition.leader;
  if (to === undefined)
    throw new CommandError(`nobody could lead partition ${partition.partition} in its place`);
  const body: MoveLeaderBody = { region: to, partition: partition.partition, hold_ms: holdMs };
  const { partitions } = (await callApi(region, { method: "POST", path: LEADER_PATH, body }))
    .body as MoveLeaderAnswer;
  for (const moved of partitions) {
    process.stderr.write(`forebay: partition ${moved.partition} is led by ${moved.leader}\n`);
  }
}

/** The one that a majority answers soonest, where that is known. */
function bestOther(name: string, { ranking, replicas = [] }: Partition): string | undefined {
  const fit = replicas.filter((replica) => replica.region !== name && problemOf(replica).length === 0);
  const ranked = ranking.find(({ region }) => fit.some((replica) => replica.region === region));
  return ranked?.region ?? fit[0]?.region;
}

/** Between the moves another server may have gone away, or have fallen behind a leader that has just begun. */
async function waitUntilLeft(name: string, options: Options, deadlineMs: number): Promise<void> {
  await waitUntilNothing(
    ({ leaders }) => [
      ...leaders.partitions.flatMap(({ partition, leader }) =>
        leader === name ? [`it leads partition ${partition} again`] : [],
      ),
      ...problemsOfOthers(name, leaders),
    ],
    {
      name,
      options,
      deadlineMs,
      late: (missing) =>
        new CommandError(`nats-server ${name} must not be stopped yet: ${missing.join("; ")}`),
    },
  );
}

async function waitUntilCurrent(name: string, options: Options, deadlineMs: number): Promise<void> {
  await waitUntilNothing(
    ({ leaders }) => leaders.partitions.flatMap((partition) => missingIn(name, partition)),
    {
      name,
      options,
      deadlineMs,
      late: (missing) =>
        new CommandError(`nats-server ${name} has not caught up within the deadline: ${missing.join("; ")}`),
    },
  );
}

interface WaitOptions {
  readonly name: string;
  readonly options: Options;
  readonly deadlineMs: number;
  /** What is said of what is still missing at the deadline. */
  readonly late: (missing: readonly string[]) => CommandError;
}

/** @throws {CommandError} something is still missing at the deadline. */
async function waitUntilNothing(
  look: (asked: Asked) => string[] | Promise<string[]>,
  { name, options, deadlineMs, late }: WaitOptions,
): Promise<void> {
  const untilMs = performance.now() + deadlineMs;
  const missingNow = async () => {
    try {
      return await look(await askAbout(name, options));
    } catch (error) {
      if (error instanceof CommandError && passes(error)) return [error.message];
      throw error;
    }
  };
  await withProgress(async (progress) => {
    for (;;) {
      const missing = await missingNow();
      if (missing.length === 0) return;
      progress.show(missing.join("; "));
      if (performance.now() >= untilMs) throw late(missing);
      await sleep(POLL_MS);
    }
  });
}

function missingIn(name: string, partition: Partition): string[] {
  const { leader, replicas = [] } = partition;
  if (leader === undefined) return [withoutLeader(partition)];
  if (leader === name) return [];
  const own = replicas.find(({ region }) => region === name);
  // A server that keeps no copy of the partition has nothing to catch up with.
  if (own === undefined) return unknownTo(partition);
  return problemOf(own).map((why) => `partition ${partition.partition}: ${why}`);
}
