/** What the gateway reports, as Prometheus has it. */
import type { GatewayMetrics } from "../../gateway/metrics.ts";
import { PUBLISH_OUTCOMES } from "../../runtime/log-breaker.ts";
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
  const draining = meter.gauge({
    name: "forebay_region_draining",
    help: "1 while the region is drained: it takes no new writes.",
  });
  const proposals = createProposalMetrics(meter);
  return {
    ...proposals,
    ...createRightsMetrics(meter),
    draining: (isDraining) => draining.set(isDraining ? 1 : 0),
    flushed({ operations, durationMs }) {
      sizes.observe(operations);
      durations.observe(durationMs / MS_PER_SECOND);
    },
  };
}

function createRightsMetrics(meter: Meter): Pick<GatewayMetrics, "rightsAsked" | "rightsAnswered"> {
  const asked = meter.counter({
    name: "forebay_escrow_rights_requests_total",
    help: "Requests to other regions for rights to an escrow, by what came of them.",
    labels: ["answer"],
  });
  const answered = meter.counter({
    name: "forebay_escrow_rights_answers_total",
    help: "Requests of other regions for rights to an escrow, by whether any were handed over.",
    labels: ["answer"],
  });
  for (const answer of ["granted", "refused", "unavailable", "unknown"]) asked.inc({ answer }, 0);
  for (const answer of ["granted", "refused"]) answered.inc({ answer }, 0);
  return {
    rightsAsked: ({ answer }) => asked.inc({ answer }),
    rightsAnswered: ({ granted }) => answered.inc({ answer: granted > 0 ? "granted" : "refused" }),
  };
}

function createProposalMetrics(meter: Meter): Pick<GatewayMetrics, "proposed"> {
  const sizes = meter.histogram({
    name: "forebay_propose_proposals",
    help: "Proposals of one entry.",
    buckets: OPERATIONS_BUCKETS,
  });
  const durations = meter.histogram({
    name: "forebay_propose_duration_seconds",
    help: "Time until an entry of proposals was acknowledged by the log, refused, or given up waiting for.",
    labels: ["outcome"],
  });
  for (const outcome of PUBLISH_OUTCOMES) durations.zero({ outcome });
  return {
    proposed(publish) {
      sizes.observe(publish.proposals);
      durations.observe({ outcome: publish.outcome }, publish.durationMs / MS_PER_SECOND);
    },
  };
}
