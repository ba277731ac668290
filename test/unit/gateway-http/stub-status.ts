/** The status of the stub's region. */
import type { DrainReport, RegionOverview } from "../../../services/gateway/status-report.ts";

export function stubStatus(draining: DrainReport | undefined): RegionOverview {
  const wal = {
    head: 3,
    pendingRows: 1,
    pendingBytes: 80,
    oldestPendingAgeMs: 1.5,
    trouble: undefined,
    setAsideRows: 0,
  };
  const region = {
    region: "us",
    watermark: 2,
    walHead: 2,
    appliedPosition: 8,
    lagEntries: 1,
    silentMs: 20,
    software: "0",
  };
  const partition = {
    partition: 0,
    leader: "eu",
    term: 2,
    cluster: "c",
    position: 9,
    lastPosition: 9,
    logTimeMs: 1,
    breaker: { state: "open", reason: "slow", openMs: 12.4, slowAfterMs: 1_000 } as const,
    trim: {
      logFirst: 3,
      foldedByAll: 4,
      operationsForgotten: 2,
      pinnedBy: { region: "us", position: 4, sinceMs: 1 },
      away: [{ region: "ap", position: 1, sinceMs: 0 }],
      needsBootstrap: false,
    },
  };
  return {
    region: "eu",
    software: "0",
    admission: { state: "open" },
    partitions: [{ ...partition, wal, regions: [region] }],
    draining,
  };
}
