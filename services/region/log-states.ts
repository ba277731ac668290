/** What a region process tells the others of its logs, for as long as it runs. */
import type { RegionConfig } from "../runtime/config.ts";
import { LogStates, type LogStatesOptions } from "../runtime/log-states.ts";
import type { Health } from "./health.ts";

export interface RegionLogStatesOptions extends Omit<LogStatesOptions, "region" | "stopReason"> {
  readonly config: Pick<RegionConfig, "region" | "roles">;
  readonly health: Pick<Health, "stopReason">;
}

/** Answers other regions until `stop` is aborted, where this process may fold. */
export function startLogStates(options: RegionLogStatesOptions, stop: AbortSignal): LogStates {
  const { config, health } = options;
  const stopReason = (partition: number) => health.stopReason(partition);
  const states = new LogStates({ ...options, region: config.region, stopReason });
  if (config.roles.includes("applier")) stop.addEventListener("abort", states.serve());
  return states;
}
