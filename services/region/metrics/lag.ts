/** How long operations of each origin take until they are visible in this region, by stage, as Prometheus has it. */
import type { Shipment } from "../../applier/shipments.ts";
import { MS_PER_SECOND, type Meter } from "../../runtime/metrics.ts";

export const LAG_STAGES = ["buffer", "log", "fold"] as const;

/** From a fold in the same data centre to a buffer that has waited for half an hour. */
const LAG_SECONDS_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800];
const HOW =
  "observed once per log entry for its oldest operation, by the clocks of origin, log leader and this region";

/** @param origins that are known beforehand. */
export function createLagMetrics(meter: Meter, origins: readonly string[]): (shipment: Shipment) => void {
  const totals = meter.histogram({
    name: "forebay_lag_seconds",
    help: `Time from an origin's acceptance of an operation until it is visible in this region; ${HOW}.`,
    labels: ["origin"],
    buckets: LAG_SECONDS_BUCKETS,
  });
  const stages = meter.histogram({
    name: "forebay_lag_stage_seconds",
    help: `The same by stage: in the origin's buffer until the log has ordered it, in the log until it came here, in the fold until it was committed; ${HOW}.`,
    labels: ["origin", "stage"],
    buckets: LAG_SECONDS_BUCKETS,
  });
  for (const origin of origins) {
    totals.zero({ origin });
    for (const stage of LAG_STAGES) stages.zero({ origin, stage });
  }
  return ({ origin, bufferMs, logMs, foldMs, totalMs }) => {
    totals.observe({ origin }, totalMs / MS_PER_SECOND);
    stages.observe({ origin, stage: "buffer" }, bufferMs / MS_PER_SECOND);
    stages.observe({ origin, stage: "log" }, logMs / MS_PER_SECOND);
    stages.observe({ origin, stage: "fold" }, foldMs / MS_PER_SECOND);
  };
}
