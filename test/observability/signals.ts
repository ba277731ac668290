/**
 * Every signal that operators are promised, by the name that a region tells it under. What is only told by the process that
 * relays, folds or verifies need not be in each region.
 */
import type { Sample } from "../integration/cluster/metrics.ts";

export interface Signal {
  readonly signal: string;
  readonly name: string;
  readonly labels?: { readonly [label: string]: string };
  /** After a load in each region. */
  readonly isAboveZero?: true;
  /** In the region that has verified alone. */
  readonly isOfOne?: true;
}

const BUFFER: readonly Signal[] = [
  { signal: "WAL depth", name: "forebay_wal_pending_rows" },
  { signal: "WAL bytes", name: "forebay_wal_pending_bytes" },
  { signal: "WAL oldest age", name: "forebay_wal_oldest_pending_age_seconds" },
  { signal: "WAL bounds", name: "forebay_wal_rows_max", isAboveZero: true },
  { signal: "relay window", name: "forebay_relay_window", isAboveZero: true },
  {
    signal: "publish outcomes",
    name: "forebay_relay_publishes_total",
    labels: { outcome: "acknowledged" },
    isAboveZero: true,
  },
  {
    signal: "publish outcomes: timed out",
    name: "forebay_relay_publishes_total",
    labels: { outcome: "timed-out" },
  },
  { signal: "publish latency", name: "forebay_relay_publish_duration_seconds_count", isAboveZero: true },
  {
    signal: "breaker state",
    name: "forebay_log_breaker_state",
    labels: { state: "closed" },
    isAboveZero: true,
  },
];

const REQUESTS: readonly Signal[] = [
  {
    signal: "requests by route, class, outcome",
    name: "forebay_requests_total",
    labels: {
      route: "/v1/collections/:collection/records/:key",
      class: "local",
      outcome: "accepted",
    },
    isAboveZero: true,
  },
  {
    signal: "latency of local writes",
    name: "forebay_request_duration_seconds_count",
    labels: { class: "local", outcome: "accepted" },
    isAboveZero: true,
  },
  {
    signal: "latency of decided writes",
    name: "forebay_request_duration_seconds_count",
    labels: { class: "decided", outcome: "committed" },
    isAboveZero: true,
  },
  {
    signal: "latency of reads",
    name: "forebay_request_duration_seconds_count",
    labels: { class: "read", outcome: "ok" },
    isAboveZero: true,
  },
  {
    signal: "latency by route",
    name: "forebay_http_request_duration_seconds_count",
    labels: { method: "PATCH" },
    isAboveZero: true,
  },
  {
    signal: "admission rejections by reason",
    name: "forebay_admission_refused_total",
    labels: { class: "write", reason: "memory" },
  },
];

const LOG: readonly Signal[] = [
  { signal: "log leader", name: "forebay_log_leader", isAboveZero: true },
  { signal: "whether there is a leader", name: "forebay_log_has_leader", isAboveZero: true },
  { signal: "term", name: "forebay_log_term", isAboveZero: true },
  { signal: "commit", name: "forebay_log_last_position", isAboveZero: true },
  { signal: "leader changes", name: "forebay_log_leader_changes_total" },
  {
    signal: "quorum acknowledgement",
    name: "forebay_log_publish_duration_seconds_count",
    labels: { outcome: "acknowledged" },
    isAboveZero: true,
  },
  { signal: "replica lag", name: "forebay_log_replica_lag_entries" },
  { signal: "snapshot install failures: a copy that stays behind", name: "forebay_log_replica_current" },
  { signal: "snapshot install failures: a log that can't be read here", name: "forebay_log_read_elsewhere" },
  {
    signal: "snapshot install failures: of states",
    name: "forebay_bootstraps_ended_total",
    labels: { outcome: "source-lost" },
  },
  { signal: "subscriptions lost", name: "forebay_log_subscriptions_lost_total" },
];

const FOLD: readonly Signal[] = [
  { signal: "applied position", name: "forebay_applied_position", isAboveZero: true },
  { signal: "fold rate", name: "forebay_fold_operations_total", isAboveZero: true },
  { signal: "fold batch latency", name: "forebay_fold_duration_seconds_count", isAboveZero: true },
  { signal: "fold stopped", name: "forebay_fold_stopped" },
  ...["eu", "us", "ap"].flatMap((origin) => [
    {
      signal: `lag from ${origin}`,
      name: "forebay_lag_seconds_count",
      labels: { origin },
      isAboveZero: true as const,
    },
    ...["buffer", "log", "fold"].map((stage) => ({
      signal: `lag from ${origin}, in the ${stage}`,
      name: "forebay_lag_stage_seconds_count",
      labels: { origin, stage },
      isAboveZero: true as const,
    })),
  ]),
  {
    signal: "conflicts by field",
    name: "forebay_fold_conflicts_total",
    labels: { collection: "people", field: "displayName" },
    isAboveZero: true,
  },
  ...["assertion", "same-log", "log-chain", "origin-chain", "same-state"].map((invariant) => ({
    signal: `invariant violations: ${invariant}`,
    name: "forebay_invariant_violations_total",
    labels: { invariant },
  })),
];

const STATE: readonly Signal[] = [
  {
    signal: "reconciler verdicts",
    name: "forebay_verifications_total",
    labels: { verdict: "match" },
    isAboveZero: true,
    isOfOne: true,
  },
  { signal: "drift", name: "forebay_differing_records", isOfOne: true },
  { signal: "last verdict", name: "forebay_verified_timestamp_seconds", isAboveZero: true, isOfOne: true },
  { signal: "repairs published", name: "forebay_repairs_published_records_total" },
  { signal: "repairs folded", name: "forebay_fold_repaired_records_total", labels: { outcome: "changed" } },
  { signal: "HLC offset per peer", name: "forebay_clock_offset_seconds" },
  { signal: "event-loop delay", name: "forebay_event_loop_delay_seconds" },
  { signal: "event-loop delay by node", name: "nodejs_eventloop_lag_seconds" },
  { signal: "memory", name: "process_resident_memory_bytes", isAboveZero: true },
  { signal: "memory bound", name: "forebay_memory_bytes_max", isAboveZero: true },
  { signal: "readiness", name: "forebay_ready", isAboveZero: true },
  { signal: "database", name: "forebay_database_away", labels: { purpose: "roles" } },
];

export const SIGNALS: readonly Signal[] = [...REQUESTS, ...BUFFER, ...LOG, ...FOLD, ...STATE];

/** Those that a region doesn't tell, or that are 0 where they should not be. */
export function missingSignals(samples: readonly Sample[], wanted: readonly Signal[] = SIGNALS): string[] {
  return wanted
    .filter(({ name, labels = {}, isAboveZero }) => {
      const found = samples.filter(
        (sample) =>
          sample.name === name &&
          Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
      );
      return !found.some(({ value }) => isAboveZero !== true || value > 0);
    })
    .map(({ signal, name }) => `${signal} (${name})`);
}
