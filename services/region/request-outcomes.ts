/** Counts what requests of this process came to, by who decided them, for the view of the cluster. */
import { endingsOf, type AnsweredRequest, type HttpMetrics } from "../gateway/http/metrics.ts";
import type { OutcomeReport } from "../protocol/cluster/report.ts";

export class RequestOutcomes implements HttpMetrics {
  readonly #metrics: HttpMetrics;
  readonly #counts = new Map<string, OutcomeReport>();

  /** @param metrics are told all the same. */
  constructor(metrics: HttpMetrics) {
    this.#metrics = metrics;
  }

  answered(request: AnsweredRequest): void {
    this.#metrics.answered(request);
    for (const { kind, outcome, count } of endingsOf(request)) {
      const name = `${kind} ${outcome}`;
      const known = this.#counts.get(name);
      if (known === undefined) this.#counts.set(name, { class: kind, outcome, count });
      else known.count += count;
    }
  }

  report(): readonly OutcomeReport[] {
    return [...this.#counts.values()].map((counted) => ({ ...counted }));
  }
}
