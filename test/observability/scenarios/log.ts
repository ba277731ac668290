/** Faults of the log's copies and leaders, and damage that waits. */
import { EU_0, P0, type AlertScenario } from "./scenario.ts";

function copies(states: { readonly [peer: string]: readonly [string, string] }, name = "online") {
  return Object.entries(states).map(
    ([peer, [well, ill]]) =>
      [`forebay_log_replica_${name}{region="eu",partition="0",peer="${peer}"}`, well, ill] as const,
  );
}

export const LOG: readonly AlertScenario[] = [
  {
    alert: "QuorumAtRisk",
    fault: "one of three nats-servers is gone",
    series: copies({ eu: ["1x40", "1x40"], us: ["1x40", "1x40"], ap: ["1x40", "0x40"] }),
    at: "2m",
    notYetAt: "15s",
    labels: { partition: "0", severity: "risk", cause: "offline" },
    summary: "One more nats-server lost, and the log of partition 0 stops",
  },
  {
    alert: "QuorumAtRisk",
    fault: "a copy can't catch up",
    series: copies({ eu: ["0x40", "0x40"], ap: ["90x40", "800x40"] }, "lag_entries"),
    at: "8m",
    notYetAt: "3m",
    labels: { peer: "ap", partition: "0", severity: "risk", cause: "behind" },
    summary: "The copy of partition 0's log in region ap does not catch up: it is 800 entries behind",
  },
  {
    alert: "QuorumAtRisk",
    fault: "a block of a copy is damaged",
    series: [[`forebay_log_read_elsewhere{${EU_0}}`, "0x40", "1x40"]],
    at: "3m",
    notYetAt: "30s",
    labels: { region: "eu", peer: "eu", partition: "0", severity: "risk", cause: "damaged" },
    summary: "The copy of partition 0's log in region eu is damaged: it is read from another region",
  },
  {
    alert: "LeaderChurn",
    fault: "an election every two minutes",
    series: [[`forebay_log_leader_changes_total{region="eu",${P0}}`, "0x80", "0+1x80"]],
    at: "12m",
    labels: { partition: "0", severity: "risk" },
    summary: "The log of partition 0 has had 40 elections within ten minutes",
  },
  {
    alert: "BreakerOpen",
    fault: "the log does not answer one of the region's processes",
    series: [
      [`forebay_log_breaker_state{${EU_0},state="closed"}`, "1x40", "0x40"],
      [`forebay_log_breaker_state{region="eu",instance="eu:2",${P0},state="closed"}`, "1x40", "1x40"],
    ],
    at: "1m",
    notYetAt: "15s",
    labels: { region: "eu", partition: "0", severity: "risk" },
    summary: "Region eu does not reach the log of partition 0: what the log has to decide is refused at once",
  },
];

export const VERIFICATION: readonly AlertScenario[] = [
  {
    alert: "VerificationOverdue",
    fault: "the last verdict that could tell is old; only some that could not came since",
    series: [
      [`forebay_verified_timestamp_seconds{${EU_0},verdict="match"}`, "60x90 900x90", "60x180"],
      [`forebay_verified_timestamp_seconds{${EU_0},verdict="unreachable"}`, "900x180", "900x180"],
      ['forebay_verify_every_seconds{region="eu",instance="eu:1"}', "300x180", "300x180"],
    ],
    at: "40m",
    notYetAt: "25m",
    labels: { partition: "0", severity: "note" },
    summary: "Nobody knows for 39m 0s whether regions hold the same of partition 0",
  },
  {
    alert: "VerificationOverdue",
    fault: "no verification has ever ended",
    series: [
      [`forebay_applied_position{${EU_0}}`, "9x180", "9x180"],
      ['process_start_time_seconds{region="eu",instance="eu:1"}', "0x180", "0x180"],
      ['forebay_verify_every_seconds{region="eu",instance="eu:1"}', "0x180", "300x180"],
    ],
    at: "40m",
    labels: { partition: "0", severity: "note" },
    summary: "Nobody knows for 40m 0s whether regions hold the same of partition 0",
  },
  {
    alert: "RepairWaits",
    fault: "damage was found and nobody has repaired it",
    series: [
      [`forebay_verified_timestamp_seconds{${EU_0},verdict="diverged"}`, "60x120", "60x120"],
      [`forebay_verified_timestamp_seconds{region="us",${P0},verdict="match"}`, "90x120", "30x120"],
      [`forebay_differing_records{${EU_0}}`, "3x120", "3x120"],
    ],
    at: "20m",
    notYetAt: "10m",
    labels: { partition: "0", severity: "risk" },
    summary: "3 records of partition 0 differ between regions and wait for a repair",
  },
];
