/** What publishing to the log came to, and whether its breaker is open, as Prometheus has it. */
import type { BreakerState } from "../../core/breaker.ts";
import type { LogMetrics } from "../../runtime/log-breaker.ts";
import { MS_PER_SECOND, type Meter } from "../../runtime/metrics.ts";

const PHASES = ["closed", "half-open", "open"] as const;
const REASONS = ["refused", "timed-out", "slow"] as const;

export function createLogMetrics(meter: Meter): LogMetrics {
  const started = meter.counter({
    name: "forebay_log_publishes_started_total",
    help: "Entries given to the log, by what they hold. What is started and not settled is on its way.",
    labels: ["partition", "kind"],
  });
  const settled = meter.counter({
    name: "forebay_log_publishes_settled_total",
    help: "Publishes that have ended, by outcome; of those that timed out nobody knows whether the log has them.",
    labels: ["partition", "kind", "outcome"],
  });
  const durations = meter.histogram({
    name: "forebay_log_publish_duration_seconds",
    help: "Time until the log acknowledged or refused an entry, or was given up waiting for.",
    labels: ["partition", "outcome"],
  });
  const breaker = createBreakerMetrics(meter);
  const told = new Set<string>();
  return {
    publishStarted: ({ partition, kind }) => started.inc({ partition: String(partition), kind }),
    publishSettled({ partition: number, kind, outcome, durationMs }) {
      const partition = String(number);
      settled.inc({ partition, kind, outcome });
      durations.observe({ partition, outcome }, durationMs / MS_PER_SECOND);
    },
    breaker(number, state) {
      const partition = String(number);
      if (!told.has(partition)) durations.zero({ partition, outcome: "acknowledged" });
      told.add(partition);
      breaker(partition, state);
    },
  };
}

function createBreakerMetrics(meter: Meter): (partition: string, state: BreakerState) => void {
  const phases = meter.gauge({
    name: "forebay_log_breaker_state",
    help: "1 for the state that the breaker is in: while it is not closed, what the log has to decide is refused at once.",
    labels: ["partition", "state"],
  });
  const opened = meter.counter({
    name: "forebay_log_breaker_opened_total",
    help: "How often the breaker opened, by what it was that the log did.",
    labels: ["partition", "reason"],
  });
  const patience = meter.gauge({
    name: "forebay_log_breaker_slow_after_seconds",
    help: "A publish without an answer after this long opens the breaker; follows the 99th percentile of late.",
    labels: ["partition"],
  });
  return (partition, { phase, reason, failedProbes, slowAfterMs }) => {
    for (const state of PHASES) phases.set({ partition, state }, state === phase ? 1 : 0);
    for (const why of REASONS) opened.inc({ partition, reason: why }, 0);
    patience.set({ partition }, slowAfterMs / MS_PER_SECOND);
    if (phase === "open" && failedProbes === 0) opened.inc({ partition, reason: reason ?? "unknown" });
  };
}
