/** Options that every command for a running cluster has. */
import type { Command } from "commander";

export interface CommonOptions {
  readonly data: string;
  readonly region?: string;
  readonly url?: string;
  readonly apiKey?: string;
}

export const DATA_FOLDER = ".forebay";

export function withCommonOptions(command: Command): Command {
  return command
    .option("--region <name>", "the region to ask (default: the first)")
    .option("--url <url>", "the address of a region, instead of --data and --region")
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
