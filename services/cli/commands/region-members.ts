/** `forebay region list | add | remove | rejoin`: who takes part in the cluster. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import type { ChangeMembersBody, MemberAnswer, MembersAnswer } from "../../protocol/http/members.ts";
import { findRegions, type ClusterRegion } from "../cluster.ts";
import { withPlaceOptions, type PlaceOptions } from "../common-options.ts";
import { parseDuration } from "../duration.ts";
import { CommandError } from "../errors.ts";
import { callApi } from "../http.ts";
import { isPassing } from "../patience.ts";
import { withProgress } from "../progress.ts";
import { formatDuration, formatTable } from "../table.ts";

const MEMBERS_PATH = `${API_PREFIX}/members`;
const REJOIN_PATH = `${API_PREFIX}/rejoin`;
const POLL_MS = 500;
const DEADLINE_MS_DEFAULT = 600_000;
/** A member that lags no further keeps up. */
const LAG_ENTRIES_MAX = 64;

const ADD_HELP = `
The region's nats-server, database and process are started before, with a topology that has the region; the processes of the
other regions know it from the log. It serves as soon as it has folded the log, or loaded another region's state where the
log begins later. Any member can be asked, and the command can be run again.`;

const REMOVE_HELP = `
The region is drained first, and removed once it has sent all that it had taken. What it may still take of escrows can be
reclaimed by another region afterwards. --force removes a region that is lost: what only its write-ahead log has is lost with
it; the command says how much that may be, and does nothing without --yes. Its nats-server is no concern of this command.`;

interface Options extends PlaceOptions {
  readonly force?: boolean;
  readonly yes?: boolean;
  readonly wait: boolean;
  readonly json?: boolean;
  readonly deadline: number;
}

/** What the commands share with those that drain. */
export interface RegionCommands {
  findNamed(name: string, options: PlaceOptions): Promise<ClusterRegion>;
  /** Resolves once the region is drained. */
  drain(target: ClusterRegion, deadlineMs: number): Promise<void>;
}

export function addMemberCommands(region: Command, shared: RegionCommands): void {
  withPlaceOptions(region.command("list"))
    .description("print which regions take part, and how far they are")
    .option("--json", "print the region's answer")
    .action(async (options: Options) => {
      const answer = await askMembers(findRegions(options));
      process.stdout.write(
        `${options.json === true ? JSON.stringify(answer, null, 2) : formatMembers(answer)}\n`,
      );
    });
  withPlaceOptions(region.command("add <name>"))
    .description("have a region take part")
    .option("--no-wait", "don't wait until it keeps up with the log")
    .option("--deadline <time>", "how long to wait, such as 5m", parseDuration, DEADLINE_MS_DEFAULT)
    .addHelpText("after", ADD_HELP)
    .action(add);
  withPlaceOptions(region.command("remove <name>"))
    .description("have a region take part no more")
    .option("--force", "although it is lost, with what only it has")
    .option("--yes", "with --force: whatever may be lost")
    .option(
      "--deadline <time>",
      "how long to wait for the drain, such as 5m",
      parseDuration,
      DEADLINE_MS_DEFAULT,
    )
    .addHelpText("after", REMOVE_HELP)
    .action((name: string, options: Options) => remove(name, options, shared));
  withPlaceOptions(region.command("rejoin <name>"))
    .description("have a region load its state anew from another one")
    .option(
      "--force",
      "load nothing: its write-ahead log begins anew, as where another database has taken its place",
    )
    .action(async (name: string, options: Options) => {
      const target = await shared.findNamed(name, options);
      const body = options.force === true ? { force: true } : {};
      await callApi(target, { method: "POST", path: REJOIN_PATH, body });
      process.stdout.write(`region ${name} rejoins; "forebay region list" tells how far it is\n`);
    });
}

async function add(name: string, options: Options): Promise<void> {
  const others = withoutNamed(findRegions(options), name);
  await change(others, { action: "add", region: name });
  process.stderr.write(`forebay: region ${name} is a member\n`);
  if (options.wait) await waitUntilThere(name, others, options.deadline);
}

async function remove(name: string, options: Options, shared: RegionCommands): Promise<void> {
  const others = withoutNamed(findRegions(options), name);
  const before = await askMembers(others);
  const isForced = options.force === true;
  const places = placesOf(before, name);
  if (isForced && places.length > 0) {
    process.stderr.write(`${describeLoss(name, places)}\n`);
    if (options.yes !== true) throw new CommandError("nothing was done; --yes removes it all the same");
  }
  if (!isForced && places.length > 0 && options.url === undefined)
    await shared.drain(await shared.findNamed(name, options), options.deadline);
  await change(others, { action: "remove", region: name, ...(isForced && { force: true }) });
  process.stdout.write(`region ${name} is no member any more: its processes can be stopped\n`);
}

/** The others are asked, if there are any: whoever is to go may be lost, and whoever is to come does not know yet. */
function withoutNamed(regions: readonly ClusterRegion[], name: string): readonly ClusterRegion[] {
  const others = regions.filter((region) => region.name !== name);
  return others.length > 0 ? others : regions;
}

/** The first that answers, and does not refuse for the moment. */
async function anyOf<T>(
  regions: readonly ClusterRegion[],
  ask: (region: ClusterRegion) => Promise<T>,
): Promise<T> {
  for (const region of regions.slice(0, -1)) {
    try {
      return await ask(region);
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
  }
  return ask(regions.at(-1)!);
}

async function change(regions: readonly ClusterRegion[], body: ChangeMembersBody): Promise<void> {
  await anyOf(regions, (region) => callApi(region, { method: "POST", path: MEMBERS_PATH, body }));
}

async function askMembers(regions: readonly ClusterRegion[]): Promise<MembersAnswer> {
  const { body } = await anyOf(regions, (region) => callApi(region, { path: MEMBERS_PATH }));
  return body as MembersAnswer;
}

type Place = MemberAnswer & { readonly partition: number };

function placesOf({ partitions }: MembersAnswer, name: string): Place[] {
  return partitions.flatMap(({ partition, members }) =>
    members.filter(({ region }) => region === name).map((member) => ({ partition, ...member })),
  );
}

async function waitUntilThere(
  name: string,
  others: readonly ClusterRegion[],
  deadlineMs: number,
): Promise<void> {
  const untilMs = performance.now() + deadlineMs;
  await withProgress(async (progress) => {
    for (;;) {
      const places = placesOf(await askMembers(others), name);
      const behind = places.filter(
        ({ joining, lag_entries: lag = Infinity }) => joining || lag > LAG_ENTRIES_MAX,
      );
      if (places.length > 0 && behind.length === 0) return;
      const text = describeLag(behind);
      progress.show(text);
      if (performance.now() >= untilMs)
        throw new CommandError(
          `region ${name} does not keep up within the deadline: ${text}; it goes on, and the command can be run again`,
        );
      await sleep(POLL_MS);
    }
  });
  process.stdout.write(`region ${name} keeps up with the log\n`);
}

function describeLag(behind: readonly Place[]): string {
  const parts = behind.map(({ partition, joining, lag_entries: lag }) =>
    joining === true
      ? `partition ${partition}: not heard of yet`
      : `partition ${partition}: ${lag ?? "?"} entries behind`,
  );
  return parts.join("; ") || "it is not known here yet";
}

export function describeLoss(name: string, places: readonly Place[]): string {
  const lines = places.map(({ partition, unshipped_rows: rows, silent_ms: silentMs }) => {
    if (rows === undefined || silentMs === undefined)
      return `  partition ${partition}: it was never heard of`;
    return `  partition ${partition}: ${rows} rows that only its write-ahead log has, ${formatDuration(silentMs)} before the log's last entry`;
  });
  return [
    `removing ${name} by force loses what only its database has. By what it has told last:`,
    ...lines,
    "It may have taken more since. What it may take of escrows stays its own until another region reclaims it.",
  ].join("\n");
}

export function formatMembers({ partitions }: MembersAnswer): string {
  const rows = partitions.flatMap(({ partition, members, departed }) => [
    ...members.map((member) => [
      String(partition),
      member.region,
      member.joining === true ? "joining" : "member",
      member.applied_position === undefined ? "?" : String(member.applied_position),
      member.lag_entries === undefined ? "?" : String(member.lag_entries),
      member.silent_ms === undefined ? "never heard of" : formatDuration(member.silent_ms),
    ]),
    ...departed.map((region) => [String(partition), region, "removed", "", "", ""]),
  ]);
  return formatTable(["partition", "region", "is", "folded to", "behind", "silent for"], rows);
}
