/** Gauges of where a region's partitions are, set whenever the process looks. */
import type { Positions, WalHead } from "../../ports/region-store.ts";
import { MS_PER_SECOND, type Meter } from "../../runtime/metrics.ts";
import { ToldLabels } from "./told-labels.ts";

export interface HealthMetrics {
  observed(partition: number, positions: Positions, head: WalHead): void;
  /** @param aheadMs negative: behind; 0: it may be right. */
  clockOff(aheadMs: number): void;
}

/** @param ownRegion is no peer of itself. */
export function createHealthMetrics(meter: Meter, ownRegion: string): HealthMetrics {
  const observeWal = createWalMetrics(meter);
  const observePositions = createPositionMetrics(meter, ownRegion);
  const skew = meter.gauge({
    name: "forebay_clock_skew_seconds",
    help: "How far the process's clock, or the region's last stamp, is certainly off, ahead or behind (negative); 0 where it may be right.",
  });
  return {
    clockOff: (aheadMs) => skew.set(aheadMs / MS_PER_SECOND),
    observed(number, positions, head) {
      const partition = String(number);
      observeWal(partition, head);
      observePositions(partition, positions);
    },
  };
}

const PARTITION = ["partition"] as const;

function createWalMetrics(meter: Meter): (partition: string, head: WalHead) => void {
  const rows = meter.gauge({
    name: "forebay_wal_pending_rows",
    help: "Rows of the WAL that this region has not folded.",
    labels: PARTITION,
  });
  const bytes = meter.gauge({
    name: "forebay_wal_pending_bytes",
    help: "Bytes of the rows that this region has not folded.",
    labels: PARTITION,
  });
  const age = meter.gauge({
    name: "forebay_wal_oldest_pending_age_seconds",
    help: "Age of the oldest row that this region has not folded.",
    labels: PARTITION,
  });
  const sequence = meter.gauge({
    name: "forebay_wal_head",
    help: "Highest sequence of the WAL.",
    labels: PARTITION,
  });
  const setAside = meter.gauge({
    name: "forebay_wal_set_aside_rows",
    help: "Rows that were not sent again when the region rejoined, since they might have taken effect.",
    labels: PARTITION,
  });
  const refusing = meter.gauge({
    name: "forebay_wal_is_refusing",
    help: "1 while nothing may be appended: the region rejoins, or another database has taken its place.",
    labels: PARTITION,
  });
  const readOnly = meter.gauge({
    name: "forebay_database_read_only",
    help: "1 while the region's database takes no writes: a standby, or a failover under way.",
  });
  return (partition, head) => {
    readOnly.set(head.isReadOnly === true ? 1 : 0);
    setAside.set({ partition }, head.setAsideRows ?? 0);
    refusing.set({ partition }, head.trouble === undefined ? 0 : 1);
    rows.set({ partition }, head.pendingRows);
    bytes.set({ partition }, head.pendingBytes);
    const ageMs = head.oldestPendingAtMs === undefined ? 0 : head.nowMs - head.oldestPendingAtMs;
    age.set({ partition }, Math.max(0, ageMs) / MS_PER_SECOND);
    sequence.set({ partition }, head.sequence);
  };
}

function createPositionMetrics(
  meter: Meter,
  ownRegion: string,
): (partition: string, positions: Positions) => void {
  const applied = meter.gauge({
    name: "forebay_applied_position",
    help: "Log position that this region has folded.",
    labels: PARTITION,
  });
  const logTime = meter.gauge({
    name: "forebay_log_time_seconds",
    help: "Time by the log, in seconds since 1970.",
    labels: PARTITION,
  });
  const lag = meter.gauge({
    name: "forebay_peer_lag_entries",
    help: "Entries folded here that another region had not folded at its last tick.",
    labels: ["partition", "peer"],
  });
  const silence = meter.gauge({
    name: "forebay_peer_silence_seconds",
    help: "Log time since a region's last tick.",
    labels: ["partition", "peer"],
  });
  const told = new ToldLabels("peer", [lag, silence]);
  return (partition, { position, logTimeMs, origins }) => {
    // Who has left is no peer any more.
    told.only(partition, Object.keys(origins));
    applied.set({ partition }, position);
    logTime.set({ partition }, logTimeMs / MS_PER_SECOND);
    for (const [peer, { tick }] of Object.entries(origins)) {
      if (tick === null || peer === ownRegion) continue;
      lag.set({ partition, peer }, Math.max(0, position - tick.appliedPosition));
      silence.set({ partition, peer }, (logTimeMs - tick.logTimeMs) / MS_PER_SECOND);
    }
  };
}
