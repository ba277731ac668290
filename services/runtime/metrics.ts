/** The process's registry of metrics, and what node tells of itself. Names follow Prometheus: base units, `_total` for counters. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { prometheusText, type MetricText } from "./prometheus-text.ts";

/** Upper bounds of durations in seconds: from a flush within a region to a wait for an election. */
const DURATION_SECONDS_BUCKETS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

export const MS_PER_SECOND = 1_000;

/** Gauges whose names promise counters: their siblings without `_total` say the same by type. */
const MISNAMED_DEFAULTS = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

interface MetricOptions<Label extends string> {
  readonly name: string;
  readonly help: string;
  /** Of each label only a bounded number of values may be used. */
  readonly labels?: readonly Label[];
}

/** A value that is looked up when somebody scrapes. */
interface ObservedOptions {
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

/** What a metric is called, and what it is. */
export interface RegisteredMetric {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
}

interface LibraryMetric extends RegisteredMetric {
  get(): Promise<MetricText>;
}

/** Makes metrics of one process. */
export class Meter {
  readonly #registry = new Registry();
  readonly #labels: { readonly [name: string]: string };

  /** @param labels put on every metric of the process. */
  constructor(labels: { readonly [name: string]: string }) {
    this.#labels = labels;
    collectDefaultMetrics({ register: this.#registry });
    for (const name of MISNAMED_DEFAULTS) this.#registry.removeSingleMetric(name);
  }

  /** @param options.collect is called before each scrape. */
  counter<Label extends string>({
    name,
    help,
    labels = [],
    collect,
  }: MetricOptions<Label> & { readonly collect?: (this: Counter<Label>) => void }): Counter<Label> {
    const registers = [this.#registry];
    return new Counter<Label>({
      registers,
      name,
      help,
      labelNames: [...labels],
      ...(collect && { collect }),
    });
  }

  gauge<Label extends string>({ name, help, labels = [] }: MetricOptions<Label>): Gauge<Label> {
    return new Gauge<Label>({ registers: [this.#registry], name, help, labelNames: [...labels] });
  }

  /** A gauge that is read at each scrape. */
  observedGauge({ name, help, read }: ObservedOptions): void {
    const collect = function (this: Gauge): void {
      this.set(read());
    };
    this.#registry.registerMetric(new Gauge({ registers: [], name, help, collect }));
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

  /** All that this process can report, whether or not anything has happened. */
  registered(): RegisteredMetric[] {
    return this.#metrics().map(({ name, type }) => ({ name, type }));
  }

  /** All metrics in Prometheus' text format. */
  async text(): Promise<string> {
    return prometheusText(await Promise.all(this.#metrics().map((metric) => metric.get())), this.#labels);
  }

  /** The library's types say less than these are. */
  #metrics(): LibraryMetric[] {
    return this.#registry.getMetricsAsArray() as unknown as LibraryMetric[];
  }
}
