/** Metrics that nobody reads. */
import type { ApplierMetrics } from "../../services/applier/metrics.ts";
import type { GatewayMetrics } from "../../services/gateway/metrics.ts";
import type { RelayMetrics } from "../../services/relay/metrics.ts";

const ignore = () => undefined;

export const silentMetrics: ApplierMetrics & RelayMetrics & GatewayMetrics = {
  folded: ignore,
  clockOffset: ignore,
  disagreement: ignore,
  stopped: ignore,
  observe: ignore,
  published: ignore,
  flushed: ignore,
  proposed: ignore,
  breaker: ignore,
  rightsAsked: ignore,
  rightsAnswered: ignore,
};
