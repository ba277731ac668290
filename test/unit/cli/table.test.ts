import { describe, expect, it } from "vitest";
import { formatStatus, type RegionReport } from "../../../services/cli/commands/status.ts";
import type { PartitionStatusAnswer, StatusAnswer } from "../../../services/protocol/http/status.ts";
import { formatDuration, formatTable } from "../../../services/cli/table.ts";

describe("a table", () => {
  it("aligns text to the left and numbers to the right, and leaves no spaces at the ends", () => {
    const rows = [
      ["eu", "5", "x"],
      ["america", "1200", ""],
    ];
    expect(formatTable(["region", "rows", "note"], rows).split("\n")).toEqual([
      "region   rows  note",
      "eu          5  x",
      "america  1200",
    ]);
  });

  it("has headings without rows", () => {
    expect(formatTable(["a", "b"], [])).toBe("a  b");
  });
});

describe("a duration", () => {
  it.each([
    [0, "0 ms"],
    [999, "999 ms"],
    [1_500, "1.5 s"],
    [90_000, "1.5 min"],
    [5_400_000, "1.5 h"],
    [129_600_000, "1.5 d"],
  ])("of %i ms reads %s", (durationMs, text) => {
    expect(formatDuration(durationMs)).toBe(text);
  });
});

function softwareOf(told: readonly [software: string, reads?: number] | undefined) {
  const [software, reads] = told ?? [];
  return { ...(software !== undefined && { software }), ...(reads !== undefined && { reads }) };
}

function report(
  name: string,
  options: {
    leader?: string;
    lags: { [region: string]: number };
    breaker?: Partial<PartitionStatusAnswer["breaker"]>;
    trim?: Partial<PartitionStatusAnswer["trim"]>;
    isShedding?: true;
    staleMs?: number;
    software?: { readonly [region: string]: readonly [software: string, reads?: number] };
  },
): RegionReport {
  const { leader, lags, isShedding = false } = options;
  const regions = Object.entries(lags).map(([region, lag]) => ({
    region,
    watermark: 0,
    lag_entries: lag,
    silent_ms: lag > 10 ? 60_000 : 100,
    ...softwareOf(options.software?.[region]),
  }));
  const partition = {
    partition: 0,
    ...(leader === undefined ? {} : { leader, term: 3 }),
    cluster: "c",
    position: 120,
    last_position: 121,
    log_time_ms: 0,
    ...(options.staleMs === undefined ? {} : { stale_ms: options.staleMs }),
    wal: { head: 9, pending_rows: 2, pending_bytes: 300, oldest_pending_age_ms: 1_200 },
    breaker: { state: "closed" as const, open_ms: 0, slow_after_ms: 1_000, ...options.breaker },
    trim: { folded_by_all: 0, operations_forgotten: 0, away: [], ...options.trim },
    regions,
  };
  const admission: StatusAnswer["admission"] = isShedding
    ? { state: "shedding", reason: "wal-rows" }
    : { state: "open" };
  const status = { region: name, software: "0", admission, partitions: [partition] };
  return { region: { name, url: "http://x" }, status, problem: undefined };
}

describe("the status", () => {
  it("names who keeps log and WALs from being trimmed, once, and who needs a bootstrap", () => {
    const sinceMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
    const pinned_by = { region: "ap", position: 40, since_ms: sinceMs };
    const away = [{ region: "sa", position: 7, since_ms: sinceMs }];
    const trim = { pinned_by, away };
    const text = formatStatus([
      report("eu", { leader: "eu", lags: {}, trim }),
      report("us", { leader: "eu", lags: {}, trim }),
      report("sa", { leader: "eu", lags: {}, trim: { log_first: 130, needs_bootstrap: true } }),
    ]);
    expect(text.split("\n").slice(4)).toEqual([
      "partition 0: sa has folded nothing since 2026-01-02T03:04:05Z; nothing is kept for it any more, and it may need a bootstrap",
      "partition 0: log and WALs are kept from position 40 on for ap, which has folded nothing since 2026-01-02T03:04:05Z",
      "partition 0: sa needs a bootstrap: it has folded up to 120, and the log begins at 130; its local writes go on",
    ]);
  });

  it("says which region refuses load, and why", () => {
    const text = formatStatus([
      report("eu", { leader: "eu", lags: {}, isShedding: true }),
      report("us", { leader: "eu", lags: {} }),
    ]);
    expect(text.split("\n").slice(3)).toEqual(["region eu: refuses load (wal-rows)"]);
  });

  it("shows leader, buffer, position and lags of every region, and those that don't answer", () => {
    const text = formatStatus([
      report("eu", { leader: "eu", lags: { eu: 1, us: 0, ap: 44 } }),
      report("us", { leader: "eu", lags: { eu: 2, us: 1, ap: 44 } }),
      { region: { name: "ap", url: "http://y" }, status: undefined, problem: "region ap does not answer" },
    ]);
    expect(text.split("\n")).toEqual([
      "partition  region  leader       wal rows  wal bytes  wal age  applied  log end  lag eu  lag us  lag ap",
      "        0  eu      * term 3            2        300  1.2 s        120      121               0  44 (silent 1.0 min)",
      "        0  us                          2        300  1.2 s        120      121       2          44 (silent 1.0 min)",
      "        0  ap      unreachable",
      "region ap does not answer",
    ]);
  });

  it("says what is refused while a breaker is open, and why", () => {
    const breaker = { state: "half-open", reason: "timed-out", open_ms: 4_200 } as const;
    const text = formatStatus([report("eu", { leader: "eu", lags: {}, breaker })]);
    expect(text.split("\n").at(-1)).toBe(
      "partition 0: eu refuses what the log has to decide, for 4.2 s now (no answer); local writes go on",
    );
  });

  it("says how old figures are of a region whose database does not answer", () => {
    const text = formatStatus([report("eu", { leader: "eu", lags: {}, staleMs: 7_000 })]);
    expect(text.split("\n").at(-1)).toBe(
      "region eu: its database does not answer; its figures are 7.0 s old",
    );
  });

  it("says what runs where while regions run different software, and nothing else", () => {
    const lags = { eu: 0, us: 0 };
    const upgrading = { eu: ["0.3.0", 8], us: ["0.2.0"] } as const;
    const text = formatStatus([report("eu", { leader: "eu", lags, software: upgrading })]);
    expect(text.split("\n").at(-1)).toBe(
      "regions run different software: eu 0.3.0 (reads entries up to version 8), us 0.2.0; what only the newer have is refused",
    );
    const upgraded = { eu: ["0.3.0", 8], us: ["0.3.0", 8] } as const;
    expect(formatStatus([report("eu", { leader: "eu", lags, software: upgraded })])).not.toContain("0.3.0");
  });

  it("says when nobody leads", () => {
    const text = formatStatus([report("eu", { lags: {} })]);
    expect(text).toContain("0  eu      ?");
    expect(text).toContain("partition 0: no leader");
  });
});
