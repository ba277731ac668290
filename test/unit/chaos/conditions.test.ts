/** Conditions on what was observed: each can hold and be broken. And what regions' statuses say together. */
import { describe, expect, it } from "vitest";
import { check, checkAtEnd, describeCondition, type Condition } from "../../../infra/chaos/conditions.ts";
import { NO_WRITES, observe, undrained, type Observation } from "../../../infra/chaos/observation.ts";
import type { StatusAnswer } from "../../../services/protocol/http/status.ts";

const SEEN: Observation = {
  atMs: 5_000,
  leader: "us",
  regions: {
    eu: { leader: "us", walRows: 7, lagEntries: 0 },
    us: { leader: "us", walRows: 0, lagEntries: 2 },
    ap: undefined,
  },
  writes: { succeeded: 98, failed: 2, worstMs: 120.4 },
};

describe("a condition", () => {
  it.each<[Condition, boolean, string]>([
    [{ kind: "leader", region: "us" }, true, "leader us"],
    [{ kind: "leader", region: "eu" }, false, "leader us"],
    [{ kind: "leader", region: "any" }, true, "leader us"],
    [{ kind: "leader", region: "none" }, false, "leader us"],
    [{ kind: "buffering", region: "eu" }, true, "7 rows in eu"],
    [{ kind: "buffering", region: "us" }, false, "0 rows in us"],
    [{ kind: "buffering", region: "ap" }, false, "unknown rows in ap"],
    [{ kind: "answering", region: "eu" }, true, "eu answers"],
    [{ kind: "answering", region: "ap" }, false, "ap does not answer"],
    [{ kind: "silent", region: "ap" }, true, "ap does not answer"],
    [{ kind: "silent", region: "eu" }, false, "eu answers"],
    [{ kind: "stale", region: "eu" }, false, "eu tells current figures"],
    [{ kind: "stale", region: "ap" }, false, "ap does not answer"],
    [{ kind: "wal_rows_max", rows: 7 }, false, "7 rows, unknown in 1 of 3 looks"],
    [{ kind: "local_writes_failed", countMax: 2 }, true, "2 of 100 failed"],
    [{ kind: "local_writes_failed", countMax: 1 }, false, "2 of 100 failed"],
    [{ kind: "local_write_ms_max", latencyMsMax: 121 }, true, "worst 120 ms of 98"],
    [{ kind: "local_write_ms_max", latencyMsMax: 120 }, false, "worst 120 ms of 98"],
  ])("%o: %s", (...[condition, holds, observed]) => {
    expect(check(condition, SEEN)).toEqual({ holds, observed });
  });

  it("on rows holds only where all of them were seen", () => {
    const { eu, us } = SEEN.regions;
    const all = { ...SEEN, regions: { eu, us } };
    expect(check({ kind: "wal_rows_max", rows: 7 }, all)).toEqual({ holds: true, observed: "7 rows" });
    expect(check({ kind: "wal_rows_max", rows: 6 }, all)).toEqual({ holds: false, observed: "7 rows" });
    const stale = { ...SEEN, regions: { eu: { leader: "us", walRows: undefined, lagEntries: undefined } } };
    expect(check({ kind: "wal_rows_max", rows: 7 }, stale).holds).toBe(false);
    expect(check({ kind: "stale", region: "eu" }, stale).holds).toBe(true);
    expect(check({ kind: "answering", region: "eu" }, stale).holds).toBe(true);
  });

  it("on rows at the end is about the whole run, all else about the end", () => {
    const at = (walRows: number, leader: string) => ({
      ...SEEN,
      leader,
      regions: { eu: { leader, walRows, lagEntries: 0 } },
    });
    const all = [at(0, "us"), at(90, "us"), at(0, "eu")];
    const observed = "90 rows";
    expect(checkAtEnd({ kind: "wal_rows_max", rows: 89 }, all)).toEqual({ holds: false, observed });
    expect(checkAtEnd({ kind: "wal_rows_max", rows: 90 }, all)).toEqual({ holds: true, observed });
    expect(checkAtEnd({ kind: "leader", region: "eu" }, all).holds).toBe(true);
  });

  it("on a leader does not hold where too few have answered to say", () => {
    const unknown = { ...SEEN, leader: undefined };
    for (const region of ["none", "any", "us"]) {
      const finding = check({ kind: "leader", region }, unknown);
      expect(finding).toEqual({ holds: false, observed: "leader unknown" });
    }
    expect(check({ kind: "leader", region: "none" }, { ...SEEN, leader: "none" }).holds).toBe(true);
    expect(check({ kind: "leader", region: "any" }, { ...SEEN, leader: "none" }).holds).toBe(false);
  });

  it("on writes does not hold where there were none", () => {
    const idle = { ...SEEN, writes: NO_WRITES };
    expect(check({ kind: "local_writes_failed", countMax: 0 }, idle).holds).toBe(false);
    expect(check({ kind: "local_write_ms_max", latencyMsMax: 10 }, idle).holds).toBe(false);
  });

  it("is told as it is written", () => {
    expect(describeCondition({ kind: "leader", region: "us" })).toBe("leader: us");
    expect(describeCondition({ kind: "drained_within", withinMs: 30_000 })).toBe("drained_within: 30s");
  });
});

interface Known {
  readonly leader?: string;
  readonly position: number;
  readonly pending?: number;
  readonly head?: number;
  readonly watermarks?: Readonly<Record<string, number>>;
  readonly staleMs?: number;
}

function status(region: string, known: Known): StatusAnswer {
  const { leader, position, pending = 0, head = 0, watermarks = {}, staleMs } = known;
  return {
    region,
    software: "0",
    admission: { state: "open" },
    partitions: [
      {
        partition: 0,
        ...(leader === undefined ? {} : { leader }),
        cluster: null,
        position,
        ...(staleMs === undefined ? {} : { stale_ms: staleMs }),
        log_time_ms: 0,
        wal: { head, pending_rows: pending, pending_bytes: 0, oldest_pending_age_ms: 0 },
        breaker: { state: "closed", open_ms: 0, slow_after_ms: 1_000 },
        trim: { folded_by_all: 0, operations_forgotten: 0, away: [] },
        regions: Object.entries(watermarks).map(([name, watermark]) => ({ region: name, watermark })),
      },
    ],
  };
}

describe("an observation", () => {
  const at = { atMs: 1, writes: NO_WRITES };

  it("tells how far each region is behind the furthest, and what it holds back", () => {
    const statuses = {
      eu: status("eu", { leader: "eu", position: 9, pending: 3 }),
      us: status("us", { leader: "eu", position: 12 }),
      ap: undefined,
    };
    expect(observe(statuses, at)).toEqual({
      ...at,
      leader: "eu",
      regions: {
        eu: { leader: "eu", walRows: 3, lagEntries: 3 },
        us: { leader: "eu", walRows: 0, lagEntries: 0 },
        ap: undefined,
      },
    });
  });

  it("knows a leader only where most of all regions name the same", () => {
    const one = status("eu", { leader: "eu", position: 1 });
    const other = status("us", { leader: "us", position: 1 });
    expect(observe({ eu: one, us: other, ap: undefined }, at).leader).toBeUndefined();
    expect(observe({ eu: one, us: undefined, ap: undefined }, at).leader).toBeUndefined();
    expect(observe({ eu: one, us: other, ap: other }, at).leader).toBe("us");
  });

  it("knows that nobody leads only where those that did not answer could not say otherwise", () => {
    const none = status("eu", { position: 1 });
    const one = status("us", { leader: "us", position: 1 });
    expect(observe({ eu: none, us: none, ap: none }, at).leader).toBe("none");
    expect(observe({ eu: none, us: none, ap: undefined }, at).leader).toBe("none");
    expect(observe({ eu: none, us: one, ap: none }, at).leader).toBe("none");
    expect(observe({ eu: none, us: one, ap: undefined }, at).leader).toBeUndefined();
    expect(observe({ eu: none, us: undefined, ap: undefined }, at).leader).toBeUndefined();
  });

  it("takes figures of a region whose database does not answer for unknown, and its leader for known", () => {
    const eu = status("eu", { leader: "us", position: 9, pending: 3, staleMs: 900 });
    const sight = { leader: "us", walRows: undefined, lagEntries: undefined };
    expect(observe({ eu }, at).regions).toEqual({ eu: sight });
  });
});

describe("draining", () => {
  const head = { position: 1, head: 5 };

  it("is over when every region has folded every WAL to its end", () => {
    const eu = status("eu", { ...head, watermarks: { eu: 5, us: 5 } });
    const us = status("us", { ...head, watermarks: { eu: 5, us: 6 } });
    expect(undrained({ eu, us })).toEqual([]);
  });

  it("is not over while what a region tells is old", () => {
    const eu = status("eu", { ...head, watermarks: { eu: 5 }, staleMs: 40 });
    expect(undrained({ eu })).toEqual(["the database of eu does not answer"]);
  });

  it("is not over while a region has not folded, or does not answer", () => {
    const eu = status("eu", { ...head, watermarks: { eu: 5, us: 4 } });
    const us = status("us", { ...head, watermarks: { us: 5 } });
    expect(undrained({ eu, us, ap: undefined })).toEqual([
      "us has 0 of 5 operations of eu",
      "eu has 4 of 5 operations of us",
      "ap does not answer",
    ]);
  });
});
