/** `forebay log-level`: how much the regions' processes log, and more of it for a time. */
import type { Command } from "commander";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import type { LogLevelAnswer, LogLevelBody } from "../../protocol/http/log-level.ts";
import { findRegion, findRegions } from "../cluster.ts";
import { parseDuration } from "../duration.ts";
import { withPlaceOptions, type PlaceOptions } from "../common-options.ts";
import { UsageError } from "../errors.ts";
import { callApi } from "../http.ts";
import { formatDuration, formatTable } from "../table.ts";

const LEVEL_PATH = `${API_PREFIX}/log-level`;

interface LevelOptions extends PlaceOptions {
  readonly for?: number;
}

export function addLogLevelCommand(program: Command): void {
  withPlaceOptions(program.command("log-level [region] [level]"))
    .description("show how much each region logs, or change it for a time: debug, info, warn, error, silent")
    .option("--for <duration>", "then it is as configured again (default: 10m)", parseDuration)
    .action(async (region: string | undefined, level: string | undefined, options: LevelOptions) => {
      const answers = await (level === undefined
        ? show(region, options)
        : change({ region, level }, options));
      process.stdout.write(`${formatLevels(answers)}\n`);
    });
}

async function show(region: string | undefined, options: LevelOptions): Promise<LogLevelAnswer[]> {
  if (options.for !== undefined) throw new UsageError("--for goes with a level");
  const regions = region === undefined ? findRegions(options) : [findRegion({ ...options, region })];
  return Promise.all(
    regions.map(async (one) => (await callApi(one, { path: LEVEL_PATH })).body as LogLevelAnswer),
  );
}

async function change(
  { region, level }: { region: string | undefined; level: string },
  options: LevelOptions,
): Promise<LogLevelAnswer[]> {
  const found = findRegion({ ...options, ...(region === undefined ? {} : { region }) });
  const time = options.for === undefined ? {} : { for_ms: options.for };
  const body = { level, ...time } as LogLevelBody;
  return [(await callApi(found, { method: "PUT", path: LEVEL_PATH, body })).body as LogLevelAnswer];
}

export function formatLevels(answers: readonly LogLevelAnswer[]): string {
  const rows = answers.map(({ region, level, configured, left_ms: leftMs }) => [
    region,
    level,
    leftMs === undefined ? "as configured" : `for ${formatDuration(leftMs)}, then ${configured}`,
  ]);
  return formatTable(["region", "level", ""], rows);
}
