/** Where operations wait and why, for each fault; and what no figures may ever lead to. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PartitionReport } from "../../../services/protocol/cluster/report.ts";
import { distance } from "../../../services/console/view/lags.ts";
import { lagOf, partitionReport, peersOf, Reporting, type Told } from "./reports.ts";

const RUN = 2 ** 32;
const usual = partitionReport();

/** What eu has taken grows by so many in the WAL; the log and the others have what they had. */
function waiting(rows: number, changes: Partial<PartitionReport> = {}): Told {
  const wal = {
    ...usual.wal,
    head: 100 + rows,
    pending_rows: rows,
    oldest_age_ms: 4_000,
    oldest_operation: "op-101",
  };
  return { partition: { wal, ...changes } };
}

/** The log has so many of eu in `entries`, and eu shows them. */
function ordered(rows: number, entries: number): Told {
  const wal = { ...usual.wal, head: 100 + rows, published: 100 + rows };
  const watermarks = { ...usual.watermarks, eu: 100 + rows };
  const end = 50 + entries;
  return {
    partition: { wal, watermarks, log_last: end, applied: end, fold: { state: "waiting", received: end } },
  };
}

describe("what has not got out of its origin's buffer", () => {
  it.each([
    [
      "the log has no leader",
      { breaker: { state: "open", reason: "refused", open_ms: 4_000 }, leader: undefined },
      "no-leader",
    ],
    [
      "its breaker is open",
      { breaker: { state: "open", reason: "timed-out", open_ms: 4_000 } },
      "breaker-open",
    ],
    [
      "its relay is in doubt",
      { relay: { epoch: 1, window: 1, in_flight: 1, is_in_doubt: true } },
      "in-doubt",
    ],
    ["nobody relays", { relay: undefined }, "no-relay"],
    ["its database is away", { stale_ms: 8_000 }, "database-away"],
    ["there is too much of it", {}, "backlog"],
  ] as const)("waits since %s", (_, changes, reason) => {
    const cluster = new Reporting("us");
    cluster.seconds(3);
    const isLeaderless = reason === "no-leader";
    const told = waiting(12, changes as Partial<PartitionReport>);
    const others = isLeaderless
      ? { partition: { leader: undefined } as unknown as Partial<PartitionReport> }
      : {};
    const view = cluster.seconds(6, { eu: told, us: others, ap: others });
    const lag = lagOf(view, "eu", "us")!;
    expect(lag).toMatchObject({
      stage: "buffer",
      reason,
      operations: 12,
      in_buffer: 12,
      in_log: 0,
      in_fold: 0,
    });
    expect(lag.age_ms).toBeGreaterThan(2_000);
    expect(lag.waits_for).toEqual({ kind: "operation", id: "op-101" });
    expect(lag.text).toMatch(/^12 operations of eu are, the oldest for .* held in eu's buffer: .+\.$/);
  });

  it("is refused where the WAL may not be appended to", () => {
    const cluster = new Reporting("us");
    cluster.seconds(3);
    const told = waiting(3);
    const wal = { ...told.partition!.wal!, trouble: "the log has to take the region in again" };
    const view = cluster.seconds(4, { eu: { partition: { wal } } });
    expect(lagOf(view, "eu", "us")).toMatchObject({ stage: "buffer", reason: "wal-trouble" });
  });

  it("waits there, and is seen to, also while nobody else is heard", () => {
    const cluster = new Reporting("eu");
    cluster.seconds(3);
    const cut = { breaker: { state: "open", reason: "timed-out", open_ms: 4_000 } } as const;
    const view = cluster.seconds(6, { eu: waiting(12, cut), us: false, ap: false });
    expect(lagOf(view, "eu", "us")).toMatchObject({ stage: "buffer", reason: "breaker-open", in_buffer: 12 });
    expect(lagOf(view, "us", "eu")).toMatchObject({ stage: "unknown", reason: "origin-silent" });
  });

  it("is told of members that were never heard, and no leader is missed by who hears nobody", () => {
    const cluster = new Reporting("eu");
    const cut = { breaker: { state: "open", reason: "refused", open_ms: 4_000 } } as const;
    const view = cluster.seconds(6, { eu: waiting(12, cut), us: false, ap: false });
    const lag = lagOf(view, "eu", "us")!;
    expect(lag).toMatchObject({ stage: "buffer", reason: "breaker-open", operations: 12, age_ms: 4_000 });
    expect(lag.waits_for).toEqual({ kind: "operation", id: "op-101" });
    expect(lag.text).toMatch(/^12 operations of eu are, the oldest for 4.0 s, held in eu's buffer: /);
    expect(lagOf(view, "us", "eu")).toBeDefined();
    const others = waiting(12, { ...cut, members: ["ap", "eu"] });
    expect(
      lagOf(new Reporting("eu").second({ eu: others, us: false, ap: false }), "eu", "us"),
    ).toBeUndefined();
  });

  it("is on its way while it is young, and nothing is wrong", () => {
    const cluster = new Reporting("us");
    cluster.seconds(3);
    const told = waiting(2);
    const wal = { ...told.partition!.wal!, oldest_age_ms: 200 };
    cluster.second({ eu: { partition: { wal } } });
    const lag = lagOf(cluster.second({ eu: { partition: { wal } } }), "eu", "us")!;
    expect(lag).toMatchObject({ stage: "buffer", reason: "on-its-way" });
  });
});

describe("what the log has", () => {
  it.each([
    ["its copy of the log is behind", { replica_lag: 7 }, "log", "replica-behind"],
    [
      "its fold has stopped",
      { fold: { state: "stopped", reason: "the log is another one" } },
      "log",
      "fold-stopped",
    ],
    ["nobody folds", { fold: undefined }, "log", "fold-stopped"],
    [
      "it loads its state",
      { fold: { state: "bootstrapping", reason: "loading" } },
      "log",
      "fold-bootstrapping",
    ],
    ["its database is away", { stale_ms: 9_000 }, "log", "database-away"],
    ["it folds slowly", { fold: { state: "folding", received: 60 } }, "fold", "fold-busy"],
  ] as const)("is not shown in a region since %s", (_, ...[changes, stage, reason]) => {
    const cluster = new Reporting("ap");
    cluster.seconds(3);
    const here: Told = { partition: changes as Partial<PartitionReport> };
    const view = cluster.seconds(5, { eu: ordered(20, 10), us: here, ap: ordered(20, 10) });
    const lag = lagOf(view, "eu", "us")!;
    expect(lag).toMatchObject({ stage, reason, operations: 20, in_buffer: 0 });
    expect(lag.in_log + lag.in_fold).toBe(20);
    expect(lag.waits_for).toEqual({ kind: "entry", id: "51" });
    expect(lag.age_ms).toBeGreaterThan(2_000);
  });

  it("is split by what was delivered", () => {
    const cluster = new Reporting("ap");
    cluster.seconds(3);
    const us: Told = { partition: { fold: { state: "folding", received: 54 } } };
    const lag = lagOf(cluster.seconds(5, { eu: ordered(20, 10), us, ap: ordered(20, 10) }), "eu", "us")!;
    expect(lag).toMatchObject({ in_log: 12, in_fold: 8 });
  });
});

describe("a lag", () => {
  it("is none where the region shows all, and remembers since when", () => {
    const cluster = new Reporting("ap");
    const first = lagOf(cluster.second(), "eu", "us")!;
    const last = lagOf(cluster.seconds(5), "eu", "us")!;
    expect(last).toMatchObject({ operations: 0, stage: "none", reason: "nothing", since: first.since });
  });

  it("is unknown of a region that is silent, and of an origin that is", () => {
    const cluster = new Reporting("eu");
    cluster.seconds(3);
    const silent = { us: false, ap: { report: { peers: peersOf("ap", { us: 5_000 }) } } } as const;
    const view = cluster.seconds(5, silent);
    expect(lagOf(view, "eu", "us")).toMatchObject({ stage: "unknown", reason: "region-silent" });
    expect(lagOf(view, "us", "eu")).toMatchObject({ stage: "unknown", reason: "origin-silent" });
  });

  it("takes its age from when the head passed it, also where the origin has shown it long ago", () => {
    const cluster = new Reporting("ap");
    cluster.seconds(3);
    const told = { eu: ordered(20, 10), ap: ordered(20, 10), us: { partition: { replica_lag: 10 } } };
    const lags = Array.from({ length: 8 }, () => lagOf(cluster.second(told), "eu", "us")!.age_ms);
    expect(lags.at(-1)! - lags[0]!).toBe(7_000);
  });

  it("does not grow with the silence of its origin while its operations come through others", () => {
    const cluster = new Reporting("ap");
    cluster.seconds(3);
    const shows = (sequence: number): Told => ({
      partition: { watermarks: { ...usual.watermarks, eu: sequence } },
    });
    for (let second = 1; second <= 20; second += 1) {
      const [us, ap] = [shows(100 + 2 * second), shows(98 + 2 * second)];
      const lag = lagOf(cluster.second({ eu: false, us, ap }), "eu", "ap")!;
      expect(lag.operations).toBe(2);
      expect(lag.age_ms).toBeLessThanOrEqual(2_000);
    }
  });

  it("counts nothing of an earlier run of the WAL's sequences", () => {
    expect(distance(RUN + 7, 100)).toBe(7);
    expect(distance(RUN + 7, RUN + 3)).toBe(4);
    expect(distance(5, 9)).toBe(0);
  });

  it("has stages that add up, an age, and a reason that goes with its stage, whatever is told", () => {
    const count = fc.nat({ max: 300 });
    const arbitrary = fc.record({
      head: count,
      published: count,
      watermark: count,
      applied: count,
      received: fc.option(count, { nil: undefined }),
      logLast: fc.option(count, { nil: undefined }),
      staleMs: fc.option(count, { nil: undefined }),
      isOpen: fc.boolean(),
      seconds: fc.integer({ min: 1, max: 5 }),
      isHeard: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(arbitrary, { minLength: 1, maxLength: 4 }), (steps) => {
        const cluster = new Reporting("ap");
        cluster.second();
        for (const step of steps) {
          const { head, published, watermark, applied, received, logLast, staleMs, isOpen } = step;
          const eu = waiting(0, { breaker: { state: isOpen ? "open" : "closed", open_ms: 0 } });
          const wal = { ...eu.partition!.wal!, head, published };
          const us = {
            applied,
            watermarks: { ...usual.watermarks, eu: watermark },
            ...(received === undefined ? { fold: undefined } : { fold: { state: "folding", received } }),
            ...(logLast === undefined ? { log_last: undefined } : { log_last: logLast }),
            ...(staleMs === undefined ? {} : { stale_ms: staleMs * 100 }),
          } as Partial<PartitionReport>;
          const told = {
            eu: { partition: { ...eu.partition, wal } },
            us: step.isHeard ? { partition: us } : false,
          } as const;
          for (const lag of cluster.seconds(step.seconds, told).lags) {
            expect(lag.in_buffer + lag.in_log + lag.in_fold).toBe(lag.operations);
            expect(Math.min(lag.in_buffer, lag.in_log, lag.in_fold, lag.age_ms)).toBeGreaterThanOrEqual(0);
            if (lag.reason === "nothing") expect(lag.operations).toBe(0);
            expect(lag.text).toMatch(/^\S.*\.$/);
            expect(lag.text).not.toMatch(/undefined|NaN/);
          }
        }
      }),
    );
  });
});
