/** Faults by which users are failed. */
import { EU, EU_0, P0, type AlertScenario } from "./scenario.ts";

const COUNT = "forebay_request_duration_seconds_count";

export const USERS: readonly AlertScenario[] = [
  {
    alert: "LocalWritesFailing",
    fault: "one local write in ten is refused",
    series: [
      [`${COUNT}{${EU},class="local",outcome="accepted"}`, "0+100x40", "0+90x40"],
      [`${COUNT}{${EU},class="local",outcome="refused"}`, "0x40", "0+10x40"],
      [`${COUNT}{${EU},class="decided",outcome="refused"}`, "0+50x40", "0x40"],
      [`forebay_ready{${EU}}`, "1x40", "1x40"],
    ],
    at: "5m",
    notYetAt: "30s",
    labels: { region: "eu", severity: "hurt" },
    summary: "Region eu fails 10% of the writes that it could take alone",
  },
  {
    alert: "LocalWritesFailing",
    fault: "writes are refused at the door",
    series: [
      [`${COUNT}{${EU},class="local",outcome="accepted"}`, "0+100x40", "0+50x40"],
      [`${COUNT}{${EU},class="local",outcome="refused"}`, "0x40", "0x40"],
      [`forebay_admission_refused_total{${EU},class="write",reason="memory"}`, "0x40", "0+50x40"],
      [`forebay_admission_refused_total{${EU},class="write",reason="wal-rows"}`, "0+50x40", "0x40"],
      [`forebay_ready{${EU}}`, "1x40", "1x40"],
    ],
    at: "5m",
    labels: { region: "eu", severity: "hurt" },
    summary: "Region eu fails 50% of the writes that it could take alone",
  },
  {
    alert: "AuthoritativeUnavailable",
    fault: "the log decides on half of what it is asked",
    series: [
      [`${COUNT}{${EU},class="decided",outcome="committed"}`, "0+96x40", "0+50x40"],
      [`${COUNT}{${EU},class="decided",outcome="refused"}`, "0x40", "0+40x40"],
      [`${COUNT}{${EU},class="decided",outcome="unknown"}`, "0+4x40", "0+10x40"],
      [`${COUNT}{${EU},class="local",outcome="refused"}`, "0+50x40", "0x40"],
      [`forebay_ready{${EU}}`, "1x40", "1x40"],
    ],
    at: "5m",
    labels: { region: "eu", severity: "hurt" },
    summary: "Region eu gets no decision for 50% of the writes that the log has to decide",
  },
  {
    alert: "LeaderMissing",
    fault: "no region finds a leader",
    series: [
      [`forebay_log_has_leader{region="eu",${P0}}`, "0x40", "0x40"],
      [`forebay_log_has_leader{region="us",${P0}}`, "1x40", "0x40"],
    ],
    at: "1m",
    notYetAt: "15s",
    labels: { partition: "0", severity: "hurt" },
    summary:
      "No region finds a leader of partition 0's log: nothing is ordered, local writes wait in their regions",
  },
  {
    alert: "FoldStopped",
    fault: "the log has lost its tail",
    series: [[`forebay_fold_stopped{${EU_0}}`, "0x40", "1x40"]],
    at: "1m",
    notYetAt: "15s",
    labels: { region: "eu", partition: "0", severity: "hurt" },
    summary: "Region eu does not fold partition 0: its log is not what it must be",
  },
  {
    alert: "LogDisagrees",
    fault: "two regions read different logs",
    series: [[`forebay_log_disagreements_total{${EU_0},peer="us"}`, "0x40", "0x4 1x36"]],
    at: "3m",
    labels: { region: "eu", peer: "us", partition: "0", severity: "hurt" },
    summary: "Regions eu and us read another log of partition 0 at the same position",
  },
  {
    alert: "Diverged",
    fault: "a row was edited by hand",
    series: [
      [`forebay_verified_timestamp_seconds{region="eu",${P0},verdict="diverged"}`, "5x40", "_x4 60x36"],
      [`forebay_verified_timestamp_seconds{region="us",${P0},verdict="match"}`, "10x40", "10x40"],
    ],
    at: "3m",
    labels: { partition: "0", severity: "hurt" },
    summary: "Regions hold different records of partition 0, by the newest verification",
  },
  {
    alert: "Diverged",
    fault: "the only verification that there was found damage",
    series: [[`forebay_verified_timestamp_seconds{region="eu",${P0},verdict="diverged"}`, "_x40", "60x40"]],
    at: "3m",
    labels: { partition: "0", severity: "hurt" },
    summary: "Regions hold different records of partition 0, by the newest verification",
  },
  {
    alert: "AdmissionRefuses",
    fault: "more requests than the region takes",
    series: [
      [
        `forebay_admission_refused_total{${EU},class="read",reason="requests-in-flight"}`,
        "0+1x40",
        "0+75x40",
      ],
    ],
    at: "4m",
    notYetAt: "1m",
    labels: { region: "eu", reason: "requests-in-flight", severity: "hurt" },
    summary: "Region eu refuses 5 requests a second: requests-in-flight",
  },
  {
    alert: "DatabaseAway",
    fault: "the database is a black hole",
    series: [
      [`forebay_database_away{${EU},purpose="requests"}`, "0x40", "1x40"],
      [`forebay_database_away{${EU},purpose="roles"}`, "0x40", "0x40"],
    ],
    at: "1m",
    notYetAt: "0s",
    labels: { region: "eu", severity: "hurt" },
    summary: "The database of region eu does not answer, or takes no writes",
  },
  {
    alert: "DatabaseAway",
    fault: "the database is a standby",
    series: [[`forebay_database_read_only{${EU}}`, "0x40", "1x40"]],
    at: "1m",
    labels: { region: "eu", severity: "hurt" },
    summary: "The database of region eu does not answer, or takes no writes",
  },
  {
    alert: "InvariantViolated",
    fault: "an assertion has failed",
    series: [[`forebay_invariant_violations_total{${EU},invariant="assertion"}`, "0x40", "0x4 2x36"]],
    at: "3m",
    labels: { region: "eu", invariant: "assertion", severity: "hurt" },
    summary: "Region eu found what must never be: assertion",
  },
];
