/** Faults by which writes wait, or states are not loaded. */
import { EU_0, P0, type AlertScenario } from "./scenario.ts";

/** Lines of a histogram whose observations, one every 15 s, all are in one bucket. */
function histogram(name: string, labels: string, seconds: { well: number; ill: number }) {
  return [0.5, 5, 30, 60, Infinity].map((bound) => {
    const le = bound === Infinity ? "+Inf" : String(bound);
    const values = (observed: number) => (observed <= bound ? "0+1x80" : "0x80");
    return [`${name}{${labels},le="${le}"}`, values(seconds.well), values(seconds.ill)] as const;
  });
}

export const BUFFERS: readonly AlertScenario[] = [
  {
    alert: "BufferOld",
    fault: "nothing leaves the buffer",
    series: [[`forebay_wal_oldest_pending_age_seconds{${EU_0}}`, "2x40", "0+15x40"]],
    at: "3m",
    notYetAt: "30s",
    labels: { region: "eu", partition: "0", severity: "risk" },
    summary: "Writes of region eu, partition 0, have waited for 3m 0s to be ordered and folded",
  },
  ...(["rows", "bytes"] as const).map((what) => ({
    alert: "BufferNearBound",
    fault: `six tenths of the ${what} that may wait do`,
    series: [
      [`forebay_wal_pending_${what}{${EU_0}}`, "100x40", "600x40"],
      [`forebay_wal_${what}_max{region="eu",instance="eu:1"}`, "1000x40", "1000x40"],
    ] as const,
    at: "2m",
    notYetAt: "15s",
    labels: { region: "eu", partition: "0", severity: "risk" },
    summary: "The buffer of region eu, partition 0, is 60% full; at 90 % writes are refused",
  })),
  {
    alert: "BufferNearBound",
    fault: "the log has been away for half a day",
    series: [
      [`forebay_wal_oldest_pending_age_seconds{${EU_0}}`, "5x40", "60000x40"],
      ['forebay_wal_age_seconds_max{region="eu",instance="eu:1"}', "86400x40", "86400x40"],
    ],
    at: "2m",
    labels: { region: "eu", partition: "0", severity: "risk" },
    summary: "The buffer of region eu, partition 0, is 69.44% full; at 90 % writes are refused",
  },
  {
    alert: "LagHigh",
    fault: "writes wait in their origin's buffer",
    series: histogram(
      "forebay_lag_stage_seconds_bucket",
      'region="ap",instance="ap:1",origin="eu",stage="buffer"',
      { well: 0.3, ill: 20 },
    ),
    at: "5m",
    notYetAt: "15s",
    labels: { region: "ap", origin: "eu", stage: "buffer", severity: "risk" },
    summary: "Writes of eu take 29.75s in the buffer on their way to ap",
  },
  {
    alert: "LagHigh",
    fault: "a region folds less than comes",
    series: [
      [`forebay_log_last_position{region="us",${P0}}`, "9000x40", "9000x40"],
      [`forebay_applied_position{region="ap",${P0}}`, "8990x40", "1000x40"],
    ],
    at: "2m",
    notYetAt: "30s",
    labels: { region: "ap", partition: "0", severity: "risk", stage: "fold" },
    summary: "Region ap has 8k entries of partition 0 to fold",
  },
  {
    alert: "TrimPinned",
    fault: "a region stands still",
    series: [[`forebay_trim_pinned_by{${EU_0},peer="ap"}`, "0x90", "1x90"]],
    at: "18m",
    notYetAt: "10m",
    labels: { peer: "ap", partition: "0", severity: "note" },
    summary: "Region ap keeps log and buffers of partition 0 from being trimmed",
  },
  {
    alert: "BootstrapStuck",
    fault: "nobody gives a state to a region that needs one",
    series: [
      // Well: it is on its way.
      [`forebay_bootstrap_needed{${EU_0}}`, "1x90", "1x90"],
      [`forebay_bootstrap_stage{${EU_0},stage="folding"}`, "1x90", "0x90"],
    ],
    at: "18m",
    notYetAt: "10m",
    labels: { region: "eu", partition: "0", severity: "risk", cause: "not-begun" },
    summary: "Region eu needs another's state of partition 0 and has not got it",
  },
  {
    alert: "BootstrapStuck",
    fault: "loading does not get on",
    series: [
      [`forebay_bootstrap_stage{${EU_0},stage="loading"}`, "1x120", "1x120"],
      [`forebay_bootstrap_loaded_rows_total{${EU_0}}`, "0+9x120", "0+9x4 36x116"],
    ],
    at: "25m",
    notYetAt: "10m",
    labels: { region: "eu", partition: "0", severity: "risk", stage: "loading", cause: "no-progress" },
    summary: "Region eu loads partition 0, and has not got on at stage loading",
  },
  {
    alert: "BootstrapStuck",
    fault: "clearing what was there does not end; whoever waits for a verification loads nothing either",
    series: [
      [`forebay_bootstrap_stage{${EU_0},stage="verifying"}`, "1x120", "0x120"],
      [`forebay_bootstrap_stage{${EU_0},stage="clearing"}`, "0x120", "1x120"],
      [`forebay_bootstrap_loaded_rows_total{${EU_0}}`, "36x120", "36x120"],
    ],
    at: "25m",
    labels: { region: "eu", partition: "0", severity: "risk", stage: "clearing", cause: "no-progress" },
    summary: "Region eu loads partition 0, and has not got on at stage clearing",
  },
];
