/** Options that every command for a running cluster has. */
import type { Command } from "commander";

export interface CommonOptions {
  readonly data: string;
  readonly region?: string;
  readonly url?: string;
}

export const DATA_FOLDER = ".forebay";

export function withCommonOptions(command: Command): Command {
  return command
    .option("--region <name>", "the region to ask (default: the first)")
    .option("--url <url>", "the address of a region, instead of --data and --region")
    .option("--data <folder>", "the data folder of a cluster on this machine", DATA_FOLDER);
}

/** Collects an option that may be given many times. */
export function collect(value: string, collected: readonly string[] = []): string[] {
  return [...collected, value];
}
