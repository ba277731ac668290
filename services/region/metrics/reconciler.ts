/** What verification and repair report, as Prometheus has it. */
import type { ReconcilerMetrics } from "../../reconciler/metrics.ts";
import type { Verdict } from "../../ports/reconciliation.ts";
import { MS_PER_SECOND, type Meter } from "../../runtime/metrics.ts";

const VERDICTS = [
  "match",
  "diverged",
  "unreachable",
  "schema-mismatch",
] as const satisfies readonly Verdict[];
const CHECKPOINT_OUTCOMES = ["digested", "void"] as const;

export interface ReconcilerMetricsOptions {
  /** How many there are: each is told of before anything has happened. */
  readonly partitions: number;
  readonly onDiverged: () => void;
}

export function createReconcilerMetrics(
  meter: Meter,
  { partitions, onDiverged }: ReconcilerMetricsOptions,
): ReconcilerMetrics {
  const verdicts = meter.counter({
    name: "forebay_verifications_total",
    help: "Verifications that this process has made, by verdict; diverged is damage.",
    labels: ["partition", "verdict"],
  });
  const repaired = meter.counter({
    name: "forebay_repairs_published_records_total",
    help: "Records in repairs that this process has put into the log.",
    labels: ["partition"],
  });
  const checkpoints = meter.counter({
    name: "forebay_checkpoints_total",
    help: "Checkpoints of barriers that this process's appliers came to; a void one was too late.",
    labels: ["partition", "outcome"],
  });
  const scans = meter.histogram({
    name: "forebay_checkpoint_digest_seconds",
    help: "Time that the scan of a checkpoint's records, or of the rest of the state, has taken in the database.",
    labels: ["partition", "part"],
  });
  for (let number = 0; number < partitions; number += 1) {
    const partition = String(number);
    for (const verdict of VERDICTS) verdicts.inc({ partition, verdict }, 0);
    for (const outcome of CHECKPOINT_OUTCOMES) checkpoints.inc({ partition, outcome }, 0);
    repaired.inc({ partition }, 0);
  }
  const recalled = createLastVerdict(meter);
  return {
    recalled,
    verified(ended) {
      const { partition: number, verdict } = ended;
      verdicts.inc({ partition: String(number), verdict });
      if (verdict === "diverged") onDiverged();
      recalled(ended);
    },
    repaired: ({ partition, records }) => repaired.inc({ partition: String(partition) }, records),
    checkpoint: (partition, outcome) => checkpoints.inc({ partition: String(partition), outcome }),
    digested: ({ partition, part, durationMs }) =>
      scans.observe({ partition: String(partition), part }, durationMs / MS_PER_SECOND),
  };
}

/** The newest verdicts, also those of before this process. */
function createLastVerdict(meter: Meter): ReconcilerMetrics["recalled"] {
  const last = meter.gauge({
    name: "forebay_verified_timestamp_seconds",
    help: "When the last verification with this verdict ended, in seconds since 1970.",
    labels: ["partition", "verdict"],
  });
  const differing = meter.gauge({
    name: "forebay_differing_records",
    help: "Records of which not all regions held the same, by the last verification that could tell.",
    labels: ["partition"],
  });
  return ({ partition: number, verdict, atMs, differing: records }) => {
    const partition = String(number);
    last.set({ partition, verdict }, atMs / MS_PER_SECOND);
    if (verdict === "match" || verdict === "diverged") differing.set({ partition }, records);
  };
}
