/** What appliers report, as Prometheus has it. */
import type { ApplierMetrics } from "../../applier/metrics.ts";
import { NO_COUNTS, type FoldCounts } from "../../core/fold/state.ts";
import { MS_PER_SECOND, type Meter } from "../../runtime/metrics.ts";
import { createConflictMetrics } from "./conflicts.ts";
import { createLagMetrics } from "./lag.ts";

const PARTITION = ["partition"] as const;

export interface ApplierMetricsOptions {
  readonly region: string;
  /** All of the topology. */
  readonly regions: readonly string[];
  /** Hears of folding that stops, or goes on again (undefined). */
  readonly onStopped: (partition: number, reason: string | undefined) => void;
  readonly onViolated: ApplierMetrics["violated"];
}

/** Made once per process, and handed out by partition. */
export function createApplierMetrics(
  meter: Meter,
  options: ApplierMetricsOptions,
): (partition: number) => ApplierMetrics {
  const folded = createFoldMetrics(meter);
  const peers = createPeerMetrics(meter, options);
  const shown = createLagMetrics(meter, options.regions);
  const reading = createReadingMetrics(meter);
  return (number) => {
    const partition = String(number);
    folded.begin(partition);
    peers.begin(partition);
    reading.begin(partition);
    return {
      folded: (fold) => folded.count(partition, fold),
      gaveWay: (restMs) => folded.gaveWay(partition, restMs),
      shown,
      // Only the cluster view tells of it: a gauge of what changes with every entry would say little.
      received: () => undefined,
      clockOffset: peers.clockOffset,
      disagreement: (region) => peers.disagreement(partition, region),
      readsElsewhere: (isElsewhere) => reading.elsewhere(partition, isElsewhere),
      subscriptionLost: () => reading.lost(partition),
      violated: options.onViolated,
      left() {
        reading.elsewhere(partition, false);
        peers.left();
      },
      stopped(reason) {
        reading.stopped(partition, reason !== undefined);
        options.onStopped(number, reason);
      },
    };
  };
}

interface ReadingMetrics {
  /** Tells of a partition before anything has happened. */
  begin(partition: string): void;
  stopped(partition: string, isStopped: boolean): void;
  elsewhere(partition: string, isElsewhere: boolean): void;
  lost(partition: string): void;
}

function createReadingMetrics(meter: Meter): ReadingMetrics {
  const isStopped = meter.gauge({
    name: "forebay_fold_stopped",
    help: "1 while folding has stopped, because the log is not what it must be.",
    labels: PARTITION,
  });
  const isRead = meter.gauge({
    name: "forebay_log_read_elsewhere",
    help: "1 while the log is read from another region's server, because this region's copy is damaged.",
    labels: PARTITION,
  });
  const lost = meter.counter({
    name: "forebay_log_subscriptions_lost_total",
    help: "How often the log's entries stopped coming, or could not be asked for, and were asked for anew.",
    labels: PARTITION,
  });
  return {
    begin(partition) {
      isStopped.set({ partition }, 0);
      isRead.set({ partition }, 0);
      lost.inc({ partition }, 0);
    },
    stopped: (partition, stopped) => isStopped.set({ partition }, stopped ? 1 : 0),
    elsewhere: (partition, isElsewhere) => isRead.set({ partition }, isElsewhere ? 1 : 0),
    lost: (partition) => lost.inc({ partition }),
  };
}

type Fold = Parameters<ApplierMetrics["folded"]>[0];

interface FoldMetrics {
  begin(partition: string): void;
  count(partition: string, fold: Pick<Fold, "counts" | "conflicts" | "durationMs">): void;
  gaveWay(partition: string, restMs: number): void;
}

function createFoldMetrics(meter: Meter): FoldMetrics {
  const durations = meter.histogram({
    name: "forebay_fold_duration_seconds",
    help: "Time to fold and commit some entries.",
    labels: PARTITION,
  });
  const rests = meter.counter({
    name: "forebay_fold_gave_way_seconds_total",
    help: "Time in which folding rested between commits of a backlog, for the sake of clients' writes.",
    labels: PARTITION,
  });
  const counted = createFoldCounters(meter);
  const lost = createConflictMetrics(meter);
  return {
    gaveWay: (partition, restMs) => rests.inc({ partition }, restMs / MS_PER_SECOND),
    begin(partition) {
      durations.zero({ partition });
      rests.inc({ partition }, 0);
      counted(partition, NO_COUNTS);
    },
    count(partition, { counts, conflicts, durationMs }) {
      durations.observe({ partition }, durationMs / MS_PER_SECOND);
      lost(partition, conflicts);
      counted(partition, counts);
    },
  };
}

function createFoldCounters(meter: Meter): (partition: string, counts: FoldCounts) => void {
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
  return (partition, counts) => {
    operations.inc({ partition }, counts.operations);
    skipped.inc({ partition, reason: "overlapping" }, counts.overlapping);
    skipped.inc({ partition, reason: "duplicate" }, counts.duplicates);
    refused.inc({ partition, reason: "gap" }, counts.gaps);
    refused.inc({ partition, reason: "stale_epoch" }, counts.staleEpochs);
    refused.inc({ partition, reason: "broken_chain" }, counts.brokenChains);
    refused.inc({ partition, reason: "stranger" }, counts.strangers);
    refused.inc({ partition, reason: "forged" }, counts.forged);
    decided.inc({ partition, outcome: "committed" }, counts.proposals - counts.rejected);
    decided.inc({ partition, outcome: "rejected" }, counts.rejected);
    decided.inc({ partition, outcome: "expired" }, counts.expired);
    repaired.inc({ partition, outcome: "changed" }, counts.repaired);
    repaired.inc({ partition, outcome: "overtaken" }, counts.overtaken);
  };
}

interface PeerMetrics {
  begin(partition: string): void;
  readonly clockOffset: ApplierMetrics["clockOffset"];
  readonly disagreement: (partition: string, region: string) => void;
  left(): void;
}

function createPeerMetrics(
  meter: Meter,
  { region: own, regions }: Pick<ApplierMetricsOptions, "region" | "regions">,
): PeerMetrics {
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
  const peers = regions.filter((region) => region !== own);
  for (const peer of peers) beyond.inc({ peer }, 0);
  return {
    begin(partition) {
      for (const peer of peers) disagreements.inc({ partition, peer }, 0);
    },
    clockOffset({ region, offsetMs, isBeyond }) {
      offset.set({ peer: region }, offsetMs / MS_PER_SECOND);
      if (isBeyond) beyond.inc({ peer: region });
    },
    disagreement: (partition, region) => disagreements.inc({ partition, peer: region }),
    // Other partitions that are folded here tell of the same clocks within a second.
    left: () => peers.forEach((peer) => offset.remove({ peer })),
  };
}
