/** What admission reports, as Prometheus has it. */
import { REQUEST_CLASSES } from "../../core/admission/door.ts";
import { REFUSAL_REASONS } from "../../core/admission/reason.ts";
import type { AdmissionMetrics } from "../../gateway/admission/metrics.ts";
import { MS_PER_SECOND, type Meter } from "../../runtime/metrics.ts";

export function createAdmissionMetrics(meter: Meter): AdmissionMetrics {
  const refusals = meter.counter({
    name: "forebay_admission_refused_total",
    help: "Requests, appends and connections refused before they could do harm.",
    labels: ["reason", "class"],
  });
  const limit = meter.gauge({
    name: "forebay_admission_limit",
    help: "How many requests the process works on at once, as it has found out.",
  });
  const inFlight = meter.gauge({
    name: "forebay_requests_in_flight",
    help: "Requests that the process works on, and those that wait for the log.",
    labels: ["place"],
  });
  const delay = meter.gauge({
    name: "forebay_event_loop_delay_seconds",
    help: "How late the event loop was, on average, when it was looked at last.",
  });
  for (const kind of REQUEST_CLASSES.filter((one) => one !== "vital")) {
    for (const reason of REFUSAL_REASONS.filter((one) => !one.startsWith("wal-")))
      refusals.inc({ reason, class: kind }, 0);
  }
  for (const reason of REFUSAL_REASONS.filter((one) => one.startsWith("wal-")))
    refusals.inc({ reason, class: "write" }, 0);
  refusals.inc({ reason: "connections", class: "connection" }, 0);
  return {
    refused: (refusal) => refusals.inc({ reason: refusal.reason, class: refusal.class }),
    sampled(gauges) {
      limit.set(gauges.limit);
      inFlight.set({ place: "working" }, gauges.working);
      inFlight.set({ place: "waiting" }, gauges.waiting);
      delay.set(gauges.eventLoopDelayMs / MS_PER_SECOND);
    },
  };
}
