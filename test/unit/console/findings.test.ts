/** What an operator is told, for each thing that can be wrong; and nothing once it is right again. */
import { describe, expect, it } from "vitest";
import type { PartitionReport } from "../../../services/protocol/cluster/report.ts";
import {
  findingOf,
  findingsOf,
  partitionReport,
  peersOf,
  regionReport,
  Reporting,
  type Tell,
} from "./reports.ts";

const usual = partitionReport();
const load = regionReport("eu").load;
const us = (partition: Partial<PartitionReport>): Tell => ({ us: { partition } });
const wal = (changes: Partial<PartitionReport["wal"]>) => us({ wal: { ...usual.wal, ...changes } });
const verdict = (word: string, differing: number, at = 1_800_000_100_000) =>
  us({ verdict: { id: "v-1", verdict: word, at, differing_records: differing } });
const nobody: Tell = Object.fromEntries(
  ["ap", "eu", "us"].map((region) => [
    region,
    { partition: { leader: undefined } as unknown as Partial<PartitionReport> },
  ]),
);

describe("a finding", () => {
  it.each<[string, Tell, readonly string[], string]>([
    [
      "hurt local-writes",
      wal({ filled: 0.95, pending_rows: 9 }),
      ["hurt buffer-near-bound:us:0"],
      "BufferNearBound",
    ],
    ["a buffer that fills", wal({ filled: 0.75 }), ["risk buffer-near-bound:us:0"], "BufferNearBound"],
    ["an old buffer", wal({ oldest_age_ms: 45_000 }), ["risk buffer-old:us:0"], "BufferOld"],
    ["a WAL in trouble", wal({ trouble: "displaced" }), ["hurt wal-trouble:us"], "LocalWritesFailing"],
    ["no leader", nobody, ["hurt leader-missing:0"], "LeaderMissing"],
    [
      "an open breaker",
      us({ breaker: { state: "open", reason: "timed-out", open_ms: 3_000 } }),
      ["hurt authoritative-unavailable:us:0", "risk breaker-open:us:0"],
      "AuthoritativeUnavailable",
    ],
    [
      "a stopped fold",
      us({ fold: { state: "stopped", reason: "the log is gone" } }),
      ["hurt fold-stopped:us:0"],
      "FoldStopped",
    ],
    [
      "a bootstrap",
      us({ fold: { state: "bootstrapping", reason: "loading" } }),
      ["hurt bootstrapping:us:0"],
      "BootstrapStuck",
    ],
    ["logs that differ", us({ disagrees_with: ["eu"] }), ["hurt log-disagrees:us:0"], "LogDisagrees"],
    ["a database that is away", us({ stale_ms: 9_000 }), ["hurt database-away:us"], "DatabaseAway"],
    ["drift", verdict("diverged", 3), ["hurt diverged:0", "risk repair-waits:0"], "Diverged"],
    [
      "a verdict on too few",
      verdict("unreachable", 0),
      ["risk verification-overdue:0"],
      "VerificationOverdue",
    ],
    [
      "an old verdict",
      verdict("match", 0, 1_799_900_000_000),
      ["note verification-overdue:0"],
      "VerificationOverdue",
    ],
    ["a verdict that is well", verdict("match", 0), [], ""],
    [
      "a pinned log",
      us({ pinned_by: { region: "ap", position: 7, since: 1_800_000_000_000 } }),
      ["risk trim-pinned:ap:0"],
      "TrimPinned",
    ],
    ["a member that is away", us({ away: ["ap"] }), ["risk member-away:ap:0"], "MemberAway"],
    [
      "a drained region",
      { us: { report: { draining_since: 1_800_000_000_000, is_ready: false, problems: ["drained"] } } },
      ["hurt not-ready:us", "note region-drained:us"],
      "LocalWritesFailing",
    ],
    [
      "refused load",
      { us: { report: { load: { ...load, admission: "refusing", admission_reason: "memory" } } } },
      ["hurt admission-refuses:us"],
      "AdmissionRefuses",
    ],
    [
      "a busy process",
      { us: { report: { load: { ...load, event_loop_delay_ms: 400 } } } },
      ["risk process-overloaded:us"],
      "ProcessOverloaded",
    ],
    [
      "a clock that is off",
      { eu: { report: { peers: [{ region: "us", heard_ms: 1, clock_offset_ms: -300 }] } } },
      ["risk clock-offset:eu:us"],
      "ClockOffset",
    ],
    [
      "a clock that is far off",
      { eu: { report: { peers: [{ region: "us", heard_ms: 1, clock_offset_ms: 450 }] } } },
      ["hurt clock-offset:eu:us"],
      "ClockOffset",
    ],
  ])("tells of %s, and goes with it", (_, ...[tell, expected, runbook]) => {
    const cluster = new Reporting("eu");
    cluster.seconds(3);
    const told = cluster.seconds(5, tell);
    // A report whose peers were left out is one of a region that hears less: that is no matter of these.
    const view = { ...told, findings: told.findings.filter(({ id }) => !id.startsWith("link-cut")) };
    expect(findingsOf(view)).toEqual(expected);
    expect(view.findings[0]?.runbook ?? "").toBe(runbook);
    for (const { what, since } of view.findings) {
      expect(what).toMatch(/^\S.*\.$/);
      expect(since).toBeLessThanOrEqual(view.viewer.at);
    }
    expect(view.level).toBe(
      expected[0]?.startsWith("hurt") ? "hurt" : expected[0]?.startsWith("risk") ? "risk" : "ok",
    );
    if (!runbook.startsWith("Verification") && runbook !== "Diverged")
      expect(findingsOf(cluster.seconds(3))).toEqual([]);
  });

  it("is nothing that a process says which was heard before the region was heard last", () => {
    const cluster = new Reporting("eu");
    cluster.seconds(3);
    const report = regionReport("us", {
      process: "dead",
      load: { ...load, admission: "refusing", event_loop_delay_ms: 900 },
    });
    cluster.gone.set("us", [{ report, atMs: cluster.nowMs }]);
    expect(findingsOf(cluster.look())).toContain("hurt admission-refuses:us");
    const view = cluster.seconds(3);
    expect(view.findings).toEqual([]);
    expect(view.regions.find(({ region }) => region === "us")!.processes).toHaveLength(1);
  });

  it("of drift stays when a later verification could not compare all, and goes with one that could", () => {
    const told = (word: string, at: number) => ({ id: `v-${at}`, verdict: word, at, differing_records: 3 });
    const partition = { verdict: told("unreachable", 7), compared: told("diverged", 5) };
    const ids = (tell: Tell) => new Reporting("eu").seconds(2, tell).findings.map(({ id }) => id);
    expect(ids(us(partition))).toEqual(["diverged:0", "repair-waits:0", "verification-overdue:0"]);
    const match = { partition: { verdict: told("match", 6) } };
    expect(ids({ ...us(partition), ap: match })).toEqual(["verification-overdue:0"]);
  });

  it("of logs that differ is made of what any process of the region says", () => {
    const cluster = new Reporting("eu");
    const other = regionReport("us", {
      process: "other",
      partitions: [partitionReport({ disagrees_with: ["ap"] })],
    });
    cluster.gone.set("us", [{ report: other, atMs: cluster.nowMs + 500 }]);
    const view = cluster.second(us({ disagrees_with: ["eu"] }));
    expect(findingOf(view, "log-disagrees:us:0")!.what).toContain("than ap, eu at");
  });

  it("remembers since when", () => {
    const cluster = new Reporting("eu");
    cluster.seconds(3);
    const first = findingOf(cluster.second(us({ stale_ms: 9_000 })), "database-away:us")!;
    expect(findingOf(cluster.seconds(9, us({ stale_ms: 18_000 })), "database-away:us")!.since).toBe(
      first.since,
    );
    cluster.second();
    expect(findingOf(cluster.second(us({ stale_ms: 9_000 })), "database-away:us")!.since).toBeGreaterThan(
      first.since,
    );
  });

  it("tells of writes that fail by what has come within ten seconds, and not by what was before it listened", () => {
    const cluster = new Reporting("eu");
    const failed = (count: number): Tell => ({
      us: {
        report: {
          outcomes: [
            { class: "local", outcome: "accepted", count: 1_000 },
            { class: "local", outcome: "failed", count },
            { class: "decided", outcome: "refused", count },
          ],
        },
      },
    });
    expect(cluster.seconds(3, failed(50)).findings).toEqual([]);
    const view = cluster.seconds(2, failed(57));
    expect(findingsOf(view)).toEqual(["hurt authoritative-failing:us", "hurt local-writes-failing:us"]);
    expect(findingOf(view, "local-writes-failing:us")!.what).toMatch(/^7 local writes/);
    expect(cluster.seconds(12, failed(57)).findings).toEqual([]);
  });

  it("is not made of a few writes that fail, nor of one in a thousand, nor of what the log rejects", () => {
    const failing = (accepted: number, failed: number): readonly string[] => {
      const cluster = new Reporting("eu");
      const tell = (times: number): Tell => {
        const outcomes = [
          { class: "local", outcome: "accepted", count: accepted * times },
          { class: "local", outcome: "failed", count: failed * times },
          { class: "decided", outcome: "rejected", count: 50 * times },
          { class: "decided", outcome: "unknown", count: failed * times },
        ] as const;
        return { us: { report: { outcomes: [...outcomes] } } };
      };
      cluster.seconds(2, tell(1));
      const view = cluster.second(tell(2));
      expect(findingOf(view, "authoritative-failing:us")?.what ?? "; 0 were").toContain("; 0 were");
      return view.findings.map(({ id }) => id);
    };
    expect(failing(100, 2)).toEqual([]);
    expect(failing(9_000, 8)).toEqual(["authoritative-failing:us"]);
    expect(failing(9_000, 10)).toContain("local-writes-failing:us");
  });

  it("tells of leaders that come and go, and what has happened is listed", () => {
    const cluster = new Reporting("eu");
    for (const [index, leader] of ["eu", "us", "ap", "eu"].entries()) {
      const partition = { leader, term: index + 1 };
      cluster.seconds(2, { eu: { partition }, us: { partition }, ap: { partition } });
    }
    const partition = { leader: "eu", term: 4 };
    const view = cluster.second({ eu: { partition }, us: { partition }, ap: { partition } });
    expect(findingsOf(view)).toEqual(["risk leader-churn:0"]);
    expect(view.events.map(({ text }) => text)).toEqual([
      "us leads partition 0 in term 2.",
      "ap leads partition 0 in term 3.",
      "eu leads partition 0 in term 4.",
    ]);
  });

  it("believes the leader of the highest term, whatever one that was cut off still says", () => {
    const cluster = new Reporting("eu");
    const partition = { leader: "us", term: 8 };
    cluster.seconds(2, { us: { partition }, ap: { partition } });
    const view = cluster.second({ us: { partition }, ap: { partition } });
    expect(view.events).toEqual([]);
    expect(view.findings).toEqual([]);
  });

  it("tells of the quorum only when the next loss would cost it", () => {
    const cluster = new Reporting("eu");
    cluster.seconds(3);
    const silent: Tell = { us: false, ap: { report: { peers: peersOf("ap", { us: 9_000 }) } } };
    const finding = findingOf(cluster.seconds(4, silent), "quorum-at-risk")!;
    expect(finding).toMatchObject({ severity: "risk", why: "Not heard: us." });
  });
});
