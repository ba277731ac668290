/** What the HTTP transport reports, as Prometheus has it. */
import type { HttpMetrics } from "../../gateway/http/metrics.ts";
import { MS_PER_SECOND, type Meter } from "../../runtime/metrics.ts";

export function createHttpMetrics(meter: Meter): HttpMetrics {
  const requests = meter.counter({
    name: "forebay_http_requests_total",
    help: "Requests answered.",
    labels: ["route", "method", "status"],
  });
  const durations = meter.histogram({
    name: "forebay_http_request_duration_seconds",
    help: "Time from a request's headers to its answer.",
    labels: ["route", "method"],
  });
  return {
    answered({ route, method, status, durationMs }) {
      // Clients make up methods for paths that are none; routes only have those that they were given.
      const label = route === "unknown" ? "other" : method;
      requests.inc({ route, method: label, status: `${Math.floor(status / 100)}xx` });
      durations.observe({ route, method: label }, durationMs / MS_PER_SECOND);
    },
  };
}
