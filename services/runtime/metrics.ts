/** The process's registry of metrics, and what node tells of itself. Names follow Prometheus: base units, `_total` for counters. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

/** Upper bounds of durations in seconds: from a flush within a region to a wait for an election. */
const DURATION_SECONDS_BUCKETS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

export const MS_PER_SECOND = 1_000;

interface MetricOptions<Label extends string> {
  readonly name: string;
  readonly help: string;
  /** Of each label only a bounded number of values may be used. */
  readonly labels?: readonly Label[];
}

/** Makes metrics of one process. */
export class Meter {
  readonly #registry = new Registry();

  /** @param labels put on every metric of the process. */
  constructor(labels: { readonly [name: string]: string }) {
    this.#registry.setDefaultLabels(labels);
    collectDefaultMetrics({ register: this.#registry });
  }

  counter<Label extends string>({ name, help, labels = [] }: MetricOptions<Label>): Counter<Label> {
    return new Counter<Label>({ registers: [this.#registry], name, help, labelNames: [...labels] });
  }

  gauge<Label extends string>({ name, help, labels = [] }: MetricOptions<Label>): Gauge<Label> {
    return new Gauge<Label>({ registers: [this.#registry], name, help, labelNames: [...labels] });
  }

  /** Without buckets: of durations in seconds. */
  histogram<Label extends string>({
    name,
    help,
    labels = [],
    buckets = DURATION_SECONDS_BUCKETS,
  }: MetricOptions<Label> & { readonly buckets?: readonly number[] }): Histogram<Label> {
    const registers = [this.#registry];
    return new Histogram<Label>({ registers, name, help, labelNames: [...labels], buckets: [...buckets] });
  }

  /** All metrics in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
