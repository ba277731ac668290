/** `forebay region`: taking a region out of service before maintenance, and back into it; and who takes part at all. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import type { StatusAnswer } from "../../protocol/http/status.ts";
import { findRegion, type ClusterRegion } from "../cluster.ts";
import { withPlaceOptions, type PlaceOptions } from "../common-options.ts";
import { parseDuration } from "../duration.ts";
import { CommandError, UsageError } from "../errors.ts";
import { callApi, UnreachableError } from "../http.ts";
import { withProgress } from "../progress.ts";
import { addMemberCommands } from "./region-members.ts";

const DRAIN_PATH = `${API_PREFIX}/drain`;
const STATUS_PATH = `${API_PREFIX}/status`;
const POLL_MS = 500;
const TIMEOUT_MS = 10_000;
const DEADLINE_MS_DEFAULT = 600_000;

const DRAIN_HELP = `
The region takes no new writes (503 draining), also after a restart, and its /readyz says so, so that balancers send clients
elsewhere. It reads on, sends what it has taken to the log, and other regions lead. The command waits until nothing is left:
then its processes can be stopped without anybody waiting for them. "forebay region undrain" takes it back.

A second region is not drained as long as that leaves fewer than a majority, unless it is forced.`;

interface RegionOptions extends PlaceOptions {
  readonly force?: boolean;
  readonly wait: boolean;
  readonly deadline: number;
}

export function addRegionCommand(program: Command): void {
  const region = program
    .command("region")
    .description("who takes part; take a region out of service, and back");
  addMemberCommands(region, { findNamed, drain });
  withOwnAddress(region.command("drain <name>"))
    .description("stop taking writes, hand leadership over, and wait until nothing is left to send")
    .option("--force", "also where fewer than a majority of the regions would be left")
    .option("--no-wait", "begin, and don't wait until it is done")
    .option("--deadline <time>", "how long to wait, such as 5m", parseDuration, DEADLINE_MS_DEFAULT)
    .addHelpText("after", DRAIN_HELP)
    .action(async (name: string, options: RegionOptions) => {
      const target = await findNamed(name, options);
      const first = await beginDrain(target, options.force === true);
      if (!options.wait) return;
      await waitUntilDrained(target, { first, deadlineMs: options.deadline });
      process.stdout.write(`region ${name} is drained: nothing is left to send, and it leads nothing\n`);
    });
  withOwnAddress(region.command("undrain <name>"))
    .description("take writes again")
    .action(async (name: string, options: RegionOptions) => {
      const target = await findNamed(name, options);
      await callApi(target, { method: "DELETE", path: DRAIN_PATH });
      process.stdout.write(`region ${name} takes writes\n`);
    });
}

async function beginDrain(target: ClusterRegion, isForced: boolean): Promise<StatusAnswer> {
  const body = isForced ? { force: true } : {};
  const answer = await callApi(target, { method: "POST", path: DRAIN_PATH, body });
  process.stderr.write(`forebay: region ${target.name} takes no new writes\n`);
  return answer.body as StatusAnswer;
}

async function drain(target: ClusterRegion, deadlineMs: number): Promise<void> {
  await waitUntilDrained(target, { first: await beginDrain(target, false), deadlineMs });
}

function withOwnAddress(command: Command): Command {
  return withPlaceOptions(command, "the address of the region, instead of --data");
}

/** The region itself has to be asked: it is its own database that remembers. @throws {UsageError} for another's address. */
async function findNamed(name: string, options: RegionOptions): Promise<ClusterRegion> {
  const found = findRegion({ ...options, region: name });
  if (options.url === undefined) return found;
  const { region } = (await callApi(found, { path: STATUS_PATH, timeoutMs: TIMEOUT_MS }))
    .body as StatusAnswer;
  if (region === name) return { ...found, name };
  throw new UsageError(`${found.url} is region ${region}, not ${name}`);
}

async function waitUntilDrained(
  target: ClusterRegion,
  { first, deadlineMs }: { first: StatusAnswer; deadlineMs: number },
): Promise<void> {
  const untilMs = performance.now() + deadlineMs;
  await withProgress(async (progress) => {
    let status: StatusAnswer | undefined = first;
    for (;;) {
      const text = describe(status);
      if (text === undefined) return;
      progress.show(text);
      if (performance.now() >= untilMs) {
        throw new CommandError(
          `region ${target.name} is not drained within the deadline: ${text}; it goes on, and the command can be run again`,
        );
      }
      await sleep(POLL_MS);
      status = await statusOf(target);
    }
  });
}

/** Undefined while it can't be asked: a drain goes on over restarts. */
async function statusOf(target: ClusterRegion): Promise<StatusAnswer | undefined> {
  try {
    return (await callApi(target, { path: STATUS_PATH, timeoutMs: TIMEOUT_MS })).body as StatusAnswer;
  } catch (error) {
    if (error instanceof UnreachableError) return undefined;
    throw error;
  }
}

/** What is left; undefined when nothing is. @throws {CommandError} somebody has undrained it. */
function describe(status: StatusAnswer | undefined): string | undefined {
  if (status === undefined) return "the region does not answer";
  const { region, draining, partitions } = status;
  if (draining === undefined) throw new CommandError(`region ${region} was undrained meanwhile`);
  if (draining.is_drained) return undefined;
  if (partitions.length === 0) return "its database does not tell what is left";
  const isUnknown = partitions.some(({ leader }) => leader === undefined);
  const parts = [
    `${draining.pending_rows} rows to send`,
    draining.leads.length === 0 ? undefined : `leads partition ${draining.leads.join(", ")}`,
    isUnknown ? "not every partition's leader is known" : undefined,
  ];
  return parts.filter((part) => part !== undefined).join("; ");
}
