/** What a process tells of itself as a whole: whether it serves, its bounds, its database, and broken invariants. */
import { failedAssertions } from "../../core/assert.ts";
import type { RegionConfig } from "../../runtime/config.ts";
import { MS_PER_SECOND, type Meter } from "../../runtime/metrics.ts";

/**
 * - assertion: the program found itself in a state that it can't be in.
 * - same-log: another region's tick tells another log at the same position (I6, I16).
 * - log-chain: the log is not the one that the state was folded from (I16).
 * - origin-chain: operations of an origin don't continue what was folded of it (I3).
 * - same-state: a verification found regions that hold different rows at the same position (I6).
 */
export const INVARIANTS = ["assertion", "same-log", "log-chain", "origin-chain", "same-state"] as const;
export type Invariant = (typeof INVARIANTS)[number];

export const STORE_PURPOSES = ["requests", "roles"] as const;
export type StorePurpose = (typeof STORE_PURPOSES)[number];

export interface ProcessMetrics {
  violated(invariant: Exclude<Invariant, "assertion">): void;
  databaseAway(purpose: StorePurpose, isAway: boolean): void;
}

export interface ProcessMetricsOptions {
  readonly config: Pick<RegionConfig, "wal" | "verification" | "admission">;
  /** Asked at each scrape. */
  readonly isReady: () => boolean;
}

export function createProcessMetrics(meter: Meter, options: ProcessMetricsOptions): ProcessMetrics {
  const { config, isReady } = options;
  meter.observedGauge({
    name: "forebay_ready",
    help: "1 while the process serves requests, as /readyz says but for a drain.",
    read: () => (isReady() ? 1 : 0),
  });
  const away = meter.gauge({
    name: "forebay_database_away",
    help: "1 while the region's database has answered nobody for 5 s: what needs it is refused.",
    labels: ["purpose"],
  });
  for (const purpose of STORE_PURPOSES) away.set({ purpose }, 0);
  tellBounds(meter, config);
  return {
    violated: createViolations(meter),
    databaseAway: (purpose, isAway) => away.set({ purpose }, isAway ? 1 : 0),
  };
}

function createViolations(meter: Meter): ProcessMetrics["violated"] {
  let assertionsCounted = 0;
  const violations = meter.counter({
    name: "forebay_invariant_violations_total",
    help: "What must never be and was found all the same, by invariant; services/README.md lists them.",
    labels: ["invariant"],
    collect() {
      const counted = assertionsCounted;
      assertionsCounted = failedAssertions();
      this.inc({ invariant: "assertion" }, assertionsCounted - counted);
    },
  });
  for (const invariant of INVARIANTS) violations.inc({ invariant }, 0);
  return (invariant) => violations.inc({ invariant });
}

function tellBounds(meter: Meter, { wal, verification, admission }: ProcessMetricsOptions["config"]): void {
  const bounds = [
    [
      "forebay_wal_rows_max",
      "Rows that may wait in a partition's WAL; writes are refused from 90 % on.",
      wal.rowsMax,
    ],
    [
      "forebay_wal_bytes_max",
      "Bytes that may wait in a partition's WAL; writes are refused from 90 % on.",
      wal.bytesMax,
    ],
    [
      "forebay_wal_age_seconds_max",
      "How old the oldest row of a partition's WAL may be; writes are refused from 90 % on.",
      wal.ageMsMax / MS_PER_SECOND,
    ],
    [
      "forebay_memory_bytes_max",
      "Resident memory that the process may take; load is refused from 85 % on.",
      admission.memoryBytesMax,
    ],
    [
      "forebay_verify_every_seconds",
      "How often the cluster is to verify each partition by itself; 0 is never.",
      verification.everyMs / MS_PER_SECOND,
    ],
  ] as const;
  for (const [name, help, value] of bounds) meter.gauge({ name, help }).set(value);
}
