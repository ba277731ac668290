/** Options that commands for a running cluster have. */
import type { Command } from "commander";

/** Where the cluster is, and who asks. */
export interface PlaceOptions {
  readonly data: string;
  readonly url?: string;
  readonly apiKey?: string;
}

export interface CommonOptions extends PlaceOptions {
  readonly region?: string;
}

export const DATA_FOLDER = ".forebay";

export function withCommonOptions(command: Command): Command {
  const withRegion = command.option("--region <name>", "the region to ask (default: the first)");
  return withPlaceOptions(withRegion, "the address of a region, instead of --data and --region");
}

/** Of commands that take a region as an argument, or ask whichever answers. */
export function withPlaceOptions(
  command: Command,
  address = "the address of a region, instead of --data",
): Command {
  return command
    .option("--url <url>", address)
    .option(
      "--api-key <key>",
      "an API key or a token (default: FOREBAY_KEY, or the data folder's development key)",
    )
    .option("--data <folder>", "the data folder of a cluster on this machine", DATA_FOLDER);
}

/** Collects an option that may be given many times. */
export function collect(value: string, collected: readonly string[] = []): string[] {
  return [...collected, value];
}

/** The credential to come with where none is given. */
export function environmentKey(): string | undefined {
  return process.env["FOREBAY_KEY"] || undefined;
}
