/** The process's registry of metrics, and what node tells of itself. Names follow Prometheus: base units, `_total` for counters. */
import { collectDefaultMetrics, Registry } from "prom-client";

/** @param labels put on every metric of the process. */
export function createRegistry(labels: { readonly [name: string]: string }): Registry {
  const registry = new Registry();
  registry.setDefaultLabels(labels);
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** Upper bounds of durations in seconds: from a flush within a region to a wait for an election. */
export const DURATION_SECONDS_BUCKETS = [
  0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const;
