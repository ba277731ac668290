/** Metrics that nobody reads. */
import type { ApplierMetrics } from "../../services/applier/metrics.ts";
import type { BootstrapMetrics } from "../../services/bootstrap/metrics.ts";
import type { FeedMetrics } from "../../services/gateway/feed/metrics.ts";
import type { GatewayMetrics } from "../../services/gateway/metrics.ts";
import type { PlacementMetrics } from "../../services/placement/metrics.ts";
import type { ReconcilerMetrics } from "../../services/reconciler/metrics.ts";
import type { TrimMetrics } from "../../services/region/trim/metrics.ts";
import type { RelayMetrics } from "../../services/relay/metrics.ts";
import type { LogMetrics } from "../../services/runtime/log-breaker.ts";

const ignore = () => undefined;

export const silentFeedMetrics: FeedMetrics = {
  subscribed: ignore,
  connected: ignore,
  closed: ignore,
  sent: ignore,
  delivered: ignore,
  fellBehind: ignore,
};

type AllMetrics = ApplierMetrics &
  RelayMetrics &
  GatewayMetrics &
  LogMetrics &
  PlacementMetrics &
  BootstrapMetrics &
  ReconcilerMetrics &
  TrimMetrics;

export const silentMetrics: AllMetrics = {
  folded: ignore,
  clockOffset: ignore,
  received: ignore,
  disagreement: ignore,
  shown: ignore,
  subscriptionLost: ignore,
  violated: ignore,
  stopped: ignore,
  readsElsewhere: ignore,
  observe: ignore,
  published: ignore,
  gaveWay: ignore,
  flushed: ignore,
  proposed: ignore,
  publishStarted: ignore,
  publishSettled: ignore,
  breaker: ignore,
  draining: ignore,
  sawLog: ignore,
  sawRoutes: ignore,
  left: ignore,
  looked: ignore,
  moved: ignore,
  ranked: ignore,
  rightsAsked: ignore,
  rightsAnswered: ignore,
  members: ignore,
  log: ignore,
  forgottenTo: ignore,
  walTrimmed: ignore,
  operationsTrimmed: ignore,
  stage: ignore,
  loaded: ignore,
  secondsLeft: ignore,
  ended: ignore,
  verified: ignore,
  recalled: ignore,
  repaired: ignore,
  checkpoint: ignore,
  digested: ignore,
};
