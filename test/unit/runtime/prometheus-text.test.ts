/** The text that Prometheus reads says the same as the library's own. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { prometheusText, type MetricText } from "../../../services/runtime/prometheus-text.ts";

/** Labels in any order are the same labels. */
function meaning(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [, name, labels, rest] = /^(\w+)\{(.*)\} (.*)$/.exec(line) ?? [];
      return name === undefined
        ? line
        : `${name}{${labels!
            .split(/,(?=\w+=")/)
            .sort()
            .join()}} ${rest}`;
    });
}

describe("the text of metrics", () => {
  it("is what the library says, with the labels of the process", async () => {
    const registry = new Registry();
    const registers = [registry];
    const counter = new Counter({
      registers,
      name: "things_total",
      help: 'Of "all"\nkinds\\.',
      labelNames: ["kind"],
    });
    counter.inc({ kind: 'with "quotes", a \\ and\na line' }, 3);
    new Gauge({ registers, name: "level", help: "Bare." }).set(-1.5);
    const gauge = new Gauge({ registers, name: "limit", help: "Without end.", labelNames: ["region"] });
    gauge.set({ region: "us" }, Infinity);
    gauge.set({}, -Infinity);
    const histogram = new Histogram({
      registers,
      name: "took",
      help: "Time.",
      labelNames: ["a"],
      buckets: [0.1, 1],
    });
    histogram.observe({ a: "x" }, 0.5);
    histogram.zero({ a: "y" });
    const metrics = registry.getMetricsAsArray() as unknown as { get(): Promise<MetricText> }[];
    const ours = prometheusText(await Promise.all(metrics.map((metric) => metric.get())), { region: "eu" });
    registry.setDefaultLabels({ region: "eu" });
    expect(meaning(ours)).toEqual(meaning(await registry.metrics()));
    expect(ours).toContain('took_bucket{le="+Inf",a="x",region="eu"} 1');
  });
});
