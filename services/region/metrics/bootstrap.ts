/** What loading another region's state reports, as Prometheus has it. */
import type { BootstrapMetrics } from "../../bootstrap/metrics.ts";
import { BOOTSTRAP_STAGES } from "../../ports/bootstraps.ts";
import type { Meter } from "../../runtime/metrics.ts";

const PARTITION = ["partition"] as const;

const OUTCOMES = ["verified", "source-lost"] as const;

/** @param partitions how many there are: each is told of before anything has happened. */
export function createBootstrapMetrics(meter: Meter, partitions: number): BootstrapMetrics {
  const stages = meter.gauge({
    name: "forebay_bootstrap_stage",
    help: "1 for the stage that a bootstrap of the partition is in, in the process that carries it out.",
    labels: ["partition", "stage"],
  });
  const rows = meter.counter({
    name: "forebay_bootstrap_loaded_rows_total",
    help: "Rows that this process has loaded from other regions.",
    labels: PARTITION,
  });
  const bytes = meter.counter({
    name: "forebay_bootstrap_loaded_bytes_total",
    help: "Bytes of the rows that this process has loaded from other regions, before they are deflated.",
    labels: PARTITION,
  });
  const left = meter.gauge({
    name: "forebay_bootstrap_left_seconds",
    help: "How long loading will take on; 0 while nothing is loaded.",
    labels: PARTITION,
  });
  const ended = meter.counter({
    name: "forebay_bootstraps_ended_total",
    help: "Bootstraps that came to their end, and sources that were lost on the way.",
    labels: ["partition", "outcome"],
  });
  for (let number = 0; number < partitions; number += 1) {
    const partition = String(number);
    for (const stage of BOOTSTRAP_STAGES) stages.set({ partition, stage }, 0);
    for (const outcome of OUTCOMES) ended.inc({ partition, outcome }, 0);
    rows.inc({ partition }, 0);
    bytes.inc({ partition }, 0);
    left.set({ partition }, 0);
  }
  return {
    stage(partition, stage) {
      for (const one of BOOTSTRAP_STAGES)
        stages.set({ partition: String(partition), stage: one }, one === stage ? 1 : 0);
    },
    loaded(partition, page) {
      rows.inc({ partition: String(partition) }, page.rows);
      bytes.inc({ partition: String(partition) }, page.bytes);
    },
    secondsLeft: (partition, seconds) => left.set({ partition: String(partition) }, seconds ?? 0),
    ended: (partition, outcome) => ended.inc({ partition: String(partition), outcome }),
  };
}
