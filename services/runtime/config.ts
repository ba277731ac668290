/** The configuration of a region process: what its environment and its file say. The schema is in `config/schema.ts`. */
import { inspectConfig } from "./config/inspect.ts";
import type { RegionConfig } from "./config/region-config.ts";
import type { Environment } from "./config/sources.ts";

export { PROCESS_ROLES, type ProcessRole } from "./config/options/process.ts";
export type { ChaosConfig, RegionConfig } from "./config/region-config.ts";
export type { Environment } from "./config/sources.ts";

/** Everything that is wrong with the configuration, at once. */
export class InvalidConfigError extends Error {
  override readonly name = "InvalidConfigError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[], unknown: readonly string[] = []) {
    super(
      `the configuration is not complete:\n${[...problems, ...unknown].map((problem) => `  - ${problem}`).join("\n")}`,
    );
    this.problems = problems;
  }
}

/**
 * @param configFile instead of the one that the environment names.
 * @throws {InvalidConfigError} lists what is wrong and what would be right.
 */
export function readConfig(environment: Environment, configFile?: string): RegionConfig {
  const { config, problems, unknown } = inspectConfig(environment, configFile);
  if (config === undefined) throw new InvalidConfigError(problems, unknown);
  return config;
}
