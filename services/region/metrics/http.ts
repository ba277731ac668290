/** What the HTTP transport reports, as Prometheus has it. */
import { endingsOf, type AnsweredRequest, type HttpMetrics } from "../../gateway/http/metrics.ts";
import { ASKED_KINDS, OUTCOMES_OF } from "../../gateway/http/outcome.ts";
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
  const observeAsked = createOutcomeMetrics(meter);
  return {
    answered(request) {
      const { route, method, status, durationMs } = request;
      // Clients make up methods for paths that are none; routes only have those that they were given.
      const label = route === "unknown" ? "other" : method;
      requests.inc({ route, method: label, status: `${Math.floor(status / 100)}xx` });
      durations.observe({ route, method: label }, durationMs / MS_PER_SECOND);
      observeAsked(request);
    },
  };
}

/** Requests on records, by who decides them. What is refused at the door never gets here: admission counts it. */
function createOutcomeMetrics(meter: Meter): (request: AnsweredRequest) => void {
  const outcomes = meter.counter({
    name: "forebay_requests_total",
    help: "Requests on records, and lines of imports, by route, by who decides (local: this region alone; decided: the log; read), and by what came of them.",
    labels: ["route", "class", "outcome"],
  });
  const durations = meter.histogram({
    name: "forebay_request_duration_seconds",
    help: "Time from a request's headers to its answer, of requests on records, by who decides and what came of them.",
    labels: ["class", "outcome"],
  });
  for (const kind of ASKED_KINDS) {
    for (const outcome of OUTCOMES_OF[kind]) durations.zero({ class: kind, outcome });
  }
  return (request) => {
    for (const { kind, outcome, count } of endingsOf(request)) {
      outcomes.inc({ route: request.route, class: kind, outcome }, count);
      durations.observe({ class: kind, outcome }, request.durationMs / MS_PER_SECOND);
    }
  };
}
