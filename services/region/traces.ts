/** Traces as a region process has them: told in its log, and exported where that is wanted. */
import { OtlpExporter } from "../adapters/otlp/exporter.ts";
import type { Clock } from "../ports/clock.ts";
import type { RegionConfig } from "../runtime/config.ts";
import type { Logger } from "../runtime/logger.ts";
import { Traces } from "../runtime/traces.ts";

export interface RegionTracesOptions {
  readonly config: Pick<RegionConfig, "region" | "traceExportUrl">;
  readonly software: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Exports until `stop` is aborted. */
export function startTraces({ config, ...parts }: RegionTracesOptions, stop: AbortSignal): Traces {
  const { region, traceExportUrl: url } = config;
  if (url === undefined) return new Traces({ ...parts, region });
  const exporter = new OtlpExporter({ ...parts, region, url });
  void exporter.run(stop);
  return new Traces({ ...parts, region, exporter });
}
