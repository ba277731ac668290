/** Bootstraps as a region process has them: it gives its state to other regions, and loads its own partitions'. */
import { Donor } from "../bootstrap/donor.ts";
import type { BootstrapMetrics } from "../bootstrap/metrics.ts";
import { Joiner } from "../bootstrap/joiner.ts";
import type { Bus } from "../ports/bus.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { GlobalLog } from "../ports/global-log.ts";
import type { Reconciliation } from "../ports/reconciliation.ts";
import type { RegionStore } from "../ports/region-store.ts";
import type { RegionConfig } from "../runtime/config.ts";
import type { Logger } from "../runtime/logger.ts";
import type { PartitionRolesOptions } from "./partition-roles.ts";

export interface RegionBootstrapOptions {
  readonly config: Pick<RegionConfig, "region" | "topology" | "roles">;
  readonly software: string;
  readonly store: RegionStore;
  readonly log: GlobalLog;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: { readonly bootstrap: BootstrapMetrics };
  readonly reconciliation: Reconciliation;
}

export interface RegionBootstrap {
  readonly bootstrapperOf: NonNullable<PartitionRolesOptions["bootstrapperOf"]>;
  /** Why those that are under way here don't go on. */
  readonly problems: () => readonly string[];
}

/** Serves other regions until `stop` is aborted. */
export function startBootstrap(options: RegionBootstrapOptions, stop: AbortSignal): RegionBootstrap {
  const { region, topology, roles } = options.config;
  const donor = new Donor({ ...options, region });
  if (roles.includes("applier")) donor.serve();
  stop.addEventListener("abort", () => donor.close(), { once: true });
  const problems = new Map<number, string>();
  const parts = {
    ...options,
    region,
    metrics: options.metrics.bootstrap,
    regions: topology.regions.map(({ name }) => name),
    onProblem: (partition: number, problem: string | undefined) =>
      void (problem === undefined ? problems.delete(partition) : problems.set(partition, problem)),
  };
  return {
    bootstrapperOf: (partition) => new Joiner({ ...parts, partition }),
    problems: () => [...problems].map(([partition, problem]) => `partition ${partition}: ${problem}`),
  };
}
