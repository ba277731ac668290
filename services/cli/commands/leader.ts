/** `forebay leader`: who leads the log, who would how well, and how to have another lead. */
import { InvalidArgumentError, type Command } from "commander";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import {
  HOLD_MS_DEFAULT,
  type LeadersAnswer,
  type MoveLeaderAnswer,
  type MoveLeaderBody,
} from "../../protocol/http/leaders.ts";
import { findRegion } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import { parseDuration } from "../duration.ts";
import { callApi } from "../http.ts";
import { formatDuration, formatTable } from "../table.ts";

const LEADER_PATH = `${API_PREFIX}/leader`;

const MOVE_HELP = `
The log hands over within some tens of milliseconds; only what the log has to decide waits for it. Without this command
leadership goes to the region that the others answer soonest, by itself: --hold says for how long that stops. All regions
hear of the hold and keep it in memory.`;

interface MoveOptions extends CommonOptions {
  readonly partition?: number;
  readonly hold: number;
}

export function addLeaderCommand(program: Command): void {
  const leader = program.command("leader").description("who leads the log");
  addShow(leader);
  addMove(leader);
}

function addShow(leader: Command): void {
  withCommonOptions(leader.command("show"))
    .description("print who leads each partition's log, and how long agreement takes under each region")
    .option("--json", "print the region's answer")
    .action(async (options: CommonOptions & { json?: boolean }) => {
      const { body } = await callApi(findRegion(options), { path: LEADER_PATH });
      const answer = body as LeadersAnswer;
      const text = options.json === true ? JSON.stringify(answer, null, 2) : formatLeaders(answer);
      process.stdout.write(`${text}\n`);
    });
}

function addMove(leader: Command): void {
  withCommonOptions(leader.command("move <to>"))
    .description("have a region lead the log")
    .option("--partition <number>", "of one partition alone (default: of all)", partitionOf)
    .option(
      "--hold <time>",
      "leave it there for so long, such as 10m; 0 not at all",
      parseDuration,
      HOLD_MS_DEFAULT,
    )
    .addHelpText("after", MOVE_HELP)
    .action(async (to: string, options: MoveOptions) => {
      const { partition, hold } = options;
      const wish: MoveLeaderBody = {
        region: to,
        hold_ms: hold,
        ...(partition === undefined ? {} : { partition }),
      };
      const { body } = await callApi(findRegion(options), { method: "POST", path: LEADER_PATH, body: wish });
      process.stdout.write(`${formatMove(body as MoveLeaderAnswer)}\n`);
    });
}

function partitionOf(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("A partition is a number from 0.");
}

export function formatLeaders({ partitions }: LeadersAnswer): string {
  const names = [...new Set(partitions.flatMap(({ ranking }) => ranking.map(({ region }) => region)))].sort();
  const rows = partitions.map((status) => [
    String(status.partition),
    status.leader ?? "?",
    placementOf(status),
    ...names.map((name) => quorumOf(status, name)),
  ]);
  return formatTable(["partition", "leader", "placement", ...names.map((name) => `under ${name}`)], rows);
}

function placementOf({ hold, automatic }: LeadersAnswer["partitions"][number]): string {
  if (hold !== undefined) return `held for ${formatDuration(hold.left_ms)}`;
  return automatic === undefined ? "?" : automatic ? "automatic" : "off";
}

function quorumOf({ ranking }: LeadersAnswer["partitions"][number], name: string): string {
  const found = ranking.find(({ region }) => region === name);
  if (found === undefined) return "";
  const { quorum_round_trip_ms: roundTripMs } = found;
  return roundTripMs === undefined ? "no majority" : `${roundTripMs.toFixed(1)} ms`;
}

function formatMove({ partitions, hold_ms: holdMs }: MoveLeaderAnswer): string {
  const moved = partitions.map(({ partition, leader }) => `partition ${partition} is led by ${leader}`);
  const held = holdMs === 0 ? [] : [`automatic placement leaves it there for ${formatDuration(holdMs)}`];
  return [...moved, ...held].join("\n");
}
