/** What appliers report, as Prometheus has it. */
import type { ApplierMetrics } from "../../applier/metrics.ts";
import { MS_PER_SECOND, type Meter } from "../../runtime/metrics.ts";
import { createConflictMetrics } from "./conflicts.ts";

const PARTITION = ["partition"] as const;

/**
 * Made once per process, and handed out by partition.
 * @param onStopped hears of folding that stops, or goes on again (undefined).
 */
export function createApplierMetrics(
  meter: Meter,
  onStopped: (partition: number, reason: string | undefined) => void,
): (partition: number) => ApplierMetrics {
  const folded = createFoldMetrics(meter);
  const peers = createPeerMetrics(meter);
  const isStopped = meter.gauge({
    name: "forebay_fold_stopped",
    help: "1 while folding has stopped, because the log is not what it must be.",
    labels: PARTITION,
  });
  const elsewhere = meter.gauge({
    name: "forebay_log_read_elsewhere",
    help: "1 while the log is read from another region's server, because this region's copy is damaged.",
    labels: PARTITION,
  });
  return (number) => {
    const partition = String(number);
    return {
      folded: (fold) => folded(partition, fold),
      clockOffset: peers.clockOffset,
      disagreement: (region) => peers.disagreement(partition, region),
      readsElsewhere: (isElsewhere) => elsewhere.set({ partition }, isElsewhere ? 1 : 0),
      stopped(reason) {
        isStopped.set({ partition }, reason === undefined ? 0 : 1);
        onStopped(number, reason);
      },
    };
  };
}

type Fold = Parameters<ApplierMetrics["folded"]>[0];

function createFoldMetrics(meter: Meter): (partition: string, fold: Fold) => void {
  const durations = meter.histogram({
    name: "forebay_fold_duration_seconds",
    help: "Time to fold and commit some entries.",
    labels: PARTITION,
  });
  const operations = meter.counter({
    name: "forebay_fold_operations_total",
    help: "Operations folded.",
    labels: PARTITION,
  });
  const skipped = meter.counter({
    name: "forebay_fold_skipped_operations_total",
    help: "Operations that had taken effect before: overlapping batches, and retries through another region.",
    labels: ["partition", "reason"],
  });
  const refused = meter.counter({
    name: "forebay_fold_refused_entries_total",
    help: "Entries that the fold refused.",
    labels: ["partition", "reason"],
  });
  const decided = meter.counter({
    name: "forebay_fold_proposals_total",
    help: "Proposals that the log has decided on, or ordered too late.",
    labels: ["partition", "outcome"],
  });
  const repaired = meter.counter({
    name: "forebay_fold_repaired_records_total",
    help: "Records of repairs: rows of this region that were changed, and records left alone as they were written since.",
    labels: ["partition", "outcome"],
  });
  const lost = createConflictMetrics(meter);
  return (partition, { counts, conflicts, durationMs }) => {
    durations.observe({ partition }, durationMs / MS_PER_SECOND);
    operations.inc({ partition }, counts.operations);
    lost(partition, conflicts);
    skipped.inc({ partition, reason: "overlapping" }, counts.overlapping);
    skipped.inc({ partition, reason: "duplicate" }, counts.duplicates);
    refused.inc({ partition, reason: "gap" }, counts.gaps);
    refused.inc({ partition, reason: "stale_epoch" }, counts.staleEpochs);
    refused.inc({ partition, reason: "broken_chain" }, counts.brokenChains);
    refused.inc({ partition, reason: "stranger" }, counts.strangers);
    decided.inc({ partition, outcome: "committed" }, counts.proposals - counts.rejected);
    decided.inc({ partition, outcome: "rejected" }, counts.rejected);
    decided.inc({ partition, outcome: "expired" }, counts.expired);
    repaired.inc({ partition, outcome: "changed" }, counts.repaired);
    repaired.inc({ partition, outcome: "overtaken" }, counts.overtaken);
  };
}

interface PeerMetrics {
  readonly clockOffset: ApplierMetrics["clockOffset"];
  readonly disagreement: (partition: string, region: string) => void;
}

function createPeerMetrics(meter: Meter): PeerMetrics {
  const disagreements = meter.counter({
    name: "forebay_log_disagreements_total",
    help: "Ticks of another region that held another log at the same position.",
    labels: ["partition", "peer"],
  });
  const offset = meter.gauge({
    name: "forebay_clock_offset_seconds",
    help: "Another region's clock minus ours when its last tick was folded; late ticks look slow, never fast.",
    labels: ["peer"],
  });
  const beyond = meter.counter({
    name: "forebay_clock_offset_exceeded_total",
    help: "Ticks whose clock was further ahead than the highest offset allowed.",
    labels: ["peer"],
  });
  return {
    clockOffset({ region, offsetMs, isBeyond }) {
      offset.set({ peer: region }, offsetMs / MS_PER_SECOND);
      if (isBeyond) beyond.inc({ peer: region });
    },
    disagreement: (partition, region) => disagreements.inc({ partition, peer: region }),
  };
}
