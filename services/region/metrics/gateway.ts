/** What the gateway reports, as Prometheus has it. */
import type { GatewayMetrics } from "../../gateway/metrics.ts";
import { MS_PER_SECOND, type Meter } from "../../runtime/metrics.ts";

const OPERATIONS_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

export function createGatewayMetrics(meter: Meter): GatewayMetrics {
  const sizes = meter.histogram({
    name: "forebay_wal_flush_operations",
    help: "Operations of one flush to the WAL.",
    buckets: OPERATIONS_BUCKETS,
  });
  const durations = meter.histogram({
    name: "forebay_wal_flush_duration_seconds",
    help: "Time until a flush to the WAL was durable.",
  });
  return {
    flushed({ operations, durationMs }) {
      sizes.observe(operations);
      durations.observe(durationMs / MS_PER_SECOND);
    },
  };
}
