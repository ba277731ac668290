/** All that a region process tells Prometheus, made in one place: what the rules in `infra/observability` build on. */
import type { GatewayMetrics } from "../../gateway/metrics.ts";
import type { RegionConfig } from "../../runtime/config.ts";
import type { Meter } from "../../runtime/metrics.ts";
import { createTrimMetrics } from "../trim/metrics.ts";
import { createAdmissionMetrics } from "./admission.ts";
import { createApplierMetrics, type ApplierMetricsOptions } from "./applier.ts";
import { createBootstrapMetrics } from "./bootstrap.ts";
import { createFeedMetrics } from "./feed.ts";
import { createGatewayMetrics } from "./gateway.ts";
import { createHealthMetrics } from "./health.ts";
import { createHttpMetrics } from "./http.ts";
import { createLogMetrics } from "./log.ts";
import { createPlacementMetrics } from "./placement.ts";
import { createProcessMetrics } from "./process.ts";
import { createReconcilerMetrics } from "./reconciler.ts";
import { createRelayMetrics } from "./relay.ts";

export interface RegionMetricsOptions {
  readonly config: Pick<RegionConfig, "region" | "topology" | "wal" | "verification" | "admission">;
  /** Asked at each scrape. */
  readonly isReady: () => boolean;
  /** Hears of folding that stops, or goes on again (undefined). */
  readonly onStopped: ApplierMetricsOptions["onStopped"];
}

export type RegionMetrics = ReturnType<typeof createRegionMetrics>;

export function createRegionMetrics(meter: Meter, options: RegionMetricsOptions) {
  const { region, topology } = options.config;
  const { partitions } = topology;
  const regions = topology.regions.map(({ name }) => name);
  const process = createProcessMetrics(meter, options);
  const gateway: GatewayMetrics = createGatewayMetrics(meter);
  return {
    process,
    gateway,
    feed: createFeedMetrics(meter),
    admission: createAdmissionMetrics(meter),
    http: createHttpMetrics(meter),
    health: createHealthMetrics(meter, region),
    log: createLogMetrics(meter),
    /** By partition. */
    relay: createRelayMetrics(meter),
    /** By partition. */
    applier: createApplierMetrics(meter, {
      region,
      regions,
      onStopped: options.onStopped,
      onViolated: (invariant) => process.violated(invariant),
    }),
    placement: createPlacementMetrics(meter, { region, regions }),
    reconciler: createReconcilerMetrics(meter, {
      partitions,
      onDiverged: () => process.violated("same-state"),
    }),
    bootstrap: createBootstrapMetrics(meter, partitions),
    trim: createTrimMetrics(meter, partitions),
  };
}
