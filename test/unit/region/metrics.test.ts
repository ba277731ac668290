/** Names and labels of metrics, by the rules that promtool checks. */
import { describe, expect, it } from "vitest";
import { assert, failedAssertions } from "../../../services/core/assert.ts";
import { initialPartitionState, NO_COUNTS } from "../../../services/core/fold/state.ts";
import { ZERO_HLC } from "../../../services/core/hlc.ts";
import { createApplierMetrics } from "../../../services/region/metrics/applier.ts";
import { createHttpMetrics } from "../../../services/region/metrics/http.ts";
import { startRelay } from "../../../services/relay/step.ts";
import { Meter } from "../../../services/runtime/metrics.ts";
import { fullMetrics, newMetrics } from "../../observability/full-metrics.ts";

const LABELS =
  "region partition peer route method status outcome reason le collection field class origin stage invariant purpose state kind candidate leader decision verdict part place answer".split(
    " ",
  );
const RECORD = "/records";
const CONFLICT = { collection: "users", field: "name", reason: "concurrent" } as const;

async function everything(): Promise<string> {
  const { meter, metrics } = newMetrics({ partitions: 2, regions: ["eu", "us", "ap"] });
  const request = { route: "/v1/status", method: "GET", status: 204, durationMs: 3 };
  metrics.http.answered(request);
  metrics.http.answered({ ...request, route: RECORD, status: 202, kind: "local", outcome: "accepted" });
  metrics.gateway.flushed({ operations: 3, durationMs: 2 });
  const relay = metrics.relay(1);
  relay.observe(startRelay({ epoch: 4, folded: { position: 1, sequence: 0, chain: "" } }));
  relay.published({ outcome: "acknowledged", durationMs: 5, bytes: 100 });
  const applier = metrics.applier(1);
  const state = initialPartitionState(1);
  const counts = { ...NO_COUNTS, operations: 7, gaps: 1 };
  const conflicts = [CONFLICT, { ...CONFLICT, reason: "deleted" as const }, CONFLICT];
  applier.folded({ state, counts, conflicts, durationMs: 4 });
  applier.gaveWay(250);
  applier.shown({ origin: "us", bufferMs: 30, logMs: 400, foldMs: 70, totalMs: 500 });
  applier.clockOffset({ region: "us", offsetMs: 600, isBeyond: true });
  applier.disagreement("us");
  applier.violated("same-log");
  applier.subscriptionLost();
  applier.stopped("another log");
  metrics.reconciler.verified({ id: "v", partition: 0, verdict: "diverged", atMs: 1_000, differing: 2 });
  metrics.process.databaseAway("requests", true);
  metrics.health.observed(1, state, {
    sequence: 9,
    hlc: ZERO_HLC,
    pendingRows: 2,
    pendingBytes: 50,
    oldestPendingAtMs: 1_000,
    nowMs: 2_500,
  });
  return meter.text();
}

describe("the metrics", () => {
  it("say what was reported, in base units", async () => {
    const text = await everything();
    for (const line of [
      'forebay_http_requests_total{route="/v1/status",method="GET",status="2xx",region="eu"} 1',
      'forebay_wal_flush_operations_sum{region="eu"} 3',
      'forebay_relay_epoch{partition="1",region="eu"} 4',
      'forebay_relay_published_bytes_total{partition="1",region="eu"} 100',
      'forebay_fold_gave_way_seconds_total{partition="1",region="eu"} 0.25',
      'forebay_fold_operations_total{partition="1",region="eu"} 7',
      'forebay_fold_refused_entries_total{partition="1",reason="gap",region="eu"} 1',
      'forebay_fold_conflicts_total{partition="1",reason="concurrent",collection="users",field="name",region="eu"} 2',
      'forebay_fold_conflicts_total{partition="1",reason="deleted",collection="users",field="name",region="eu"} 1',
      'forebay_fold_stopped{partition="1",region="eu"} 1',
      'forebay_clock_offset_seconds{peer="us",region="eu"} 0.6',
      'forebay_clock_offset_exceeded_total{peer="us",region="eu"} 1',
      'forebay_wal_oldest_pending_age_seconds{partition="1",region="eu"} 1.5',
      'forebay_requests_total{route="/records",class="local",outcome="accepted",region="eu"} 1',
      'forebay_lag_seconds_sum{origin="us",region="eu"} 0.5',
      'forebay_lag_stage_seconds_sum{origin="us",stage="log",region="eu"} 0.4',
      'forebay_invariant_violations_total{invariant="same-log",region="eu"} 1',
      'forebay_invariant_violations_total{invariant="same-state",region="eu"} 1',
      'forebay_log_subscriptions_lost_total{partition="1",region="eu"} 1',
      'forebay_database_away{purpose="requests",region="eu"} 1',
      'forebay_wal_age_seconds_max{region="eu"} 86400',
      'forebay_ready{region="eu"} 1',
    ]) {
      expect(text).toContain(line);
    }
    expect(text).toContain("nodejs_eventloop_lag_seconds");
  });

  it("are there with 0 before anything has happened, where their labels are known", async () => {
    const { meter, metrics } = newMetrics({ partitions: 2, regions: ["eu", "us"] });
    metrics.applier(1);
    metrics.relay(1);
    const text = await meter.text();
    for (const series of [
      'forebay_invariant_violations_total{invariant="same-log",region="eu"}',
      'forebay_log_disagreements_total{partition="1",peer="us",region="eu"}',
      'forebay_fold_refused_entries_total{partition="1",reason="broken_chain",region="eu"}',
      'forebay_request_duration_seconds_count{class="local",outcome="refused",region="eu"}',
      'forebay_request_duration_seconds_count{class="decided",outcome="unknown",region="eu"}',
      'forebay_admission_refused_total{reason="memory",class="write",region="eu"}',
      'forebay_verifications_total{partition="1",verdict="diverged",region="eu"}',
      'forebay_clock_offset_exceeded_total{peer="us",region="eu"}',
      'forebay_relay_publishes_total{partition="1",outcome="timed-out",region="eu"}',
      'forebay_fold_gave_way_seconds_total{partition="1",region="eu"}',
      'forebay_lag_seconds_count{origin="us",region="eu"}',
      'forebay_fold_stopped{partition="1",region="eu"}',
      'forebay_bootstrap_needed{partition="0",region="eu"}',
      'forebay_database_away{purpose="roles",region="eu"}',
    ])
      expect(text).toMatch(new RegExp(`^${series.replaceAll(/[{}]/g, "\\$&")} 0$`, "m"));
    // Counted from the process's start: tests before have made some fail.
    const assertions = `forebay_invariant_violations_total{invariant="assertion",region="eu"} ${failedAssertions()}`;
    expect(text.split("\n")).toContain(assertions);
  });

  it("count assertions that fail, whoever catches them", async () => {
    const { meter } = newMetrics({ partitions: 1, regions: ["eu"] });
    const failed = async () =>
      Number(/invariant="assertion",region="eu"\} (\d+)/.exec(await meter.text())?.[1]);
    const before = await failed();
    expect(() => assert(false, "planted")).toThrow("planted");
    expect(await failed()).toBe(before + 1);
    expect(await failed()).toBe(before + 1);
  });

  it("have conventional names, a help text, and labels of few values", async () => {
    const text = await fullMetrics({ partitions: 2, regions: ["eu", "us", "ap"] }).text();
    const types = [...text.matchAll(/^# TYPE (forebay_\w+) (\w+)$/gm)];
    expect(types.length).toBeGreaterThan(60);
    for (const [, name, type] of types) {
      expect(name).toMatch(/^forebay_[a-z]+(_[a-z]+)*$/);
      expect(name!.endsWith("_total"), name).toBe(type === "counter");
      expect(name).not.toMatch(/_(ms|milliseconds|count|sum|bucket|kb)$/);
      expect(text).toMatch(new RegExp(`^# HELP ${name} \\S.*\\.$`, "m"));
    }
    for (const [, labels] of text.matchAll(/^forebay_\w+\{(.*)\} /gm)) {
      for (const [, label] of labels!.matchAll(/(\w+)="/g)) expect(LABELS).toContain(label);
    }
  });

  it("count conflicts of the first 500 sets of labels by name, and all others together", async () => {
    const meter = new Meter({});
    const metrics = createApplierMetrics(meter, {
      region: "eu",
      regions: ["eu"],
      onStopped: () => undefined,
      onViolated: () => undefined,
    });
    const fold = (partition: number, conflicts: readonly { collection: string; field: string }[]) =>
      metrics(partition).folded({
        state: initialPartitionState(partition),
        counts: NO_COUNTS,
        conflicts: conflicts.map((conflict) => ({ ...CONFLICT, ...conflict })),
        durationMs: 1,
      });
    const named = Array.from({ length: 499 }, (_, index) => ({ collection: "users", field: `f${index}` }));
    fold(0, named);
    fold(1, [...named.slice(0, 3), { collection: "orders", field: "total" }]);
    fold(0, [...named, { collection: "orders", field: "total" }]);
    const text = await meter.text();
    const counted = (partition: number, collection: string, field: string) =>
      new RegExp(
        `^forebay_fold_conflicts_total\\{partition="${partition}",reason="concurrent",collection="${collection}",field="${field}"\\} (\\d+)$`,
        "m",
      ).exec(text)?.[1];
    expect([counted(0, "users", "f0"), counted(0, "users", "f498")]).toEqual(["2", "2"]);
    expect([counted(1, "users", "f0"), counted(1, "users", "f1"), counted(1, "orders", "total")]).toEqual([
      "1",
      undefined,
      undefined,
    ]);
    expect([counted(1, "other", "other"), counted(0, "other", "other")]).toEqual(["3", "1"]);
    expect(text.match(/^forebay_fold_conflicts_total/gm)).toHaveLength(502);
  });

  it("don't let clients make up methods", async () => {
    const meter = new Meter({});
    const http = createHttpMetrics(meter);
    for (const method of ["BREW", "PROPFIND"])
      http.answered({ route: "unknown", method, status: 404, durationMs: 0 });
    const text = await meter.text();
    expect(text).toContain('forebay_http_requests_total{route="unknown",method="other",status="4xx"} 2');
    expect(text).not.toContain("BREW");
  });
});
