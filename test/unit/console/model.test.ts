/** What the console's page decides without a browser: addresses, figures, headlines, lag, rates. */
import { describe, expect, it } from "vitest";
import { differenceTable } from "../../../services/console/page/model/differences.ts";
import * as format from "../../../services/console/page/model/format.ts";
import { headlineOf } from "../../../services/console/page/model/headline.ts";
import { chartOf, lastValue, spanOf } from "../../../services/console/page/model/history.ts";
import { isQuiet, lagMatrix, worstLags } from "../../../services/console/page/model/lag.ts";
import { drawnLinks, MAP_SIZE, placeRegions } from "../../../services/console/page/model/map.ts";
import { outcomeRates, outcomeSample } from "../../../services/console/page/model/rates.ts";
import { bufferOf, conditionOf, leadersOf, ranges } from "../../../services/console/page/model/regions.ts";
import { formatRoute, parseRoute } from "../../../services/console/page/model/route.ts";
import { timelineOf } from "../../../services/console/page/model/timeline.ts";
import type { ClusterView, LagView } from "../../../services/protocol/cluster/view.ts";
import { verification } from "../../integration/console/simulated-answers.ts";
import { NINE_REGIONS, SimulatedCluster } from "../../integration/console/simulated-cluster.ts";

const START_MS = 1_760_000_000_000;

function clusterAt(start = START_MS) {
  const clock = { nowMs: start };
  return { clock, cluster: new SimulatedCluster({ nowMs: () => clock.nowMs }) };
}

describe("addresses", () => {
  it.each([
    ["", "overview", {}],
    ["#/", "overview", {}],
    ["#/nowhere", "overview", {}],
    ["#/lag?origin=eu&region=us", "lag", { origin: "eu", region: "us" }],
    ["#/records?key=a%3Fb%26c", "records", { key: "a?b&c" }],
  ])("%s is %s", (hash, view, parameters) => {
    expect(parseRoute(hash)).toEqual({ view, parameters });
  });

  it("come back as they were, without what is empty", () => {
    const route = {
      view: "records",
      parameters: { collection: "users", key: "a?b&c/ü", prefix: "" },
    } as const;
    expect(parseRoute(formatRoute(route)).parameters).toEqual({ collection: "users", key: "a?b&c/ü" });
    expect(formatRoute({ view: "lag", parameters: {} })).toBe("#/lag");
  });
});

describe("figures", () => {
  it.each([
    [0, "0 ms"],
    [999.4, "999 ms"],
    [1_000, "1.0 s"],
    [9_949, "9.9 s"],
    [9_960, "10 s"],
    [59_400, "59 s"],
    [59_700, "1 min"],
    [200_000, "3 min 20 s"],
    [3_599_999, "59 min 59 s"],
    [7_500_000, "2 h 5 min"],
    [273_600_000, "3 d 4 h"],
  ])("%s ms reads %s", (ms, text) => {
    expect(format.duration(ms)).toBe(text);
  });

  it("say what isn't known, and keep their signs", () => {
    expect([format.duration(undefined), format.count(undefined), format.bytes(undefined)]).toEqual([
      "–",
      "–",
      "–",
    ]);
    expect([format.offset(-3.21), format.offset(12), format.offset(0.01)]).toEqual([
      "−3.2 ms",
      "+12 ms",
      "±0 ms",
    ]);
    expect([format.count(1_234_567), format.count(999)]).toEqual(["1,234,567", "999"]);
    expect([format.bytes(900), format.bytes(1_536), format.bytes(200 * 1024 ** 2)]).toEqual([
      "900 B",
      "1.5 kB",
      "200 MB",
    ]);
    expect([format.rate(0), format.rate(0.42), format.rate(1_200)]).toEqual(["0/s", "0.4/s", "1,200/s"]);
    expect(format.listed(["eu", "us", "ap"])).toBe("eu, us and ap");
    expect(ranges([3, 0, 1, 7, 2])).toBe("0–3, 7");
  });
});

describe("the headline", () => {
  it("says whether anybody is hurt before it says anything else", () => {
    const { cluster } = clusterAt();
    expect(headlineOf(cluster.view())).toMatchObject({ level: "ok", since: undefined });
    cluster.cut("ap");
    expect(headlineOf(cluster.view())).toEqual({
      level: "risk",
      text: "No user is hurt. 1 risk in ap.",
      since: START_MS,
    });
    cluster.hurt = "us";
    expect(headlineOf(cluster.view())).toMatchObject({
      level: "hurt",
      text: "Users are hurt in us: us refuses local writes.",
    });
  });
});

describe("lag", () => {
  it("puts what somebody has to look at before what is only old", () => {
    const { cluster, clock } = clusterAt();
    cluster.cut("ap");
    clock.nowMs += 5_000;
    const worst = worstLags(cluster.tick().lags);
    expect(worst.slice(0, 5).every((lag) => !isQuiet(lag))).toBe(true);
    expect(worst.slice(5).every(isQuiet)).toBe(true);
    expect(worst[0]).toMatchObject({ age_ms: 5_000 });
  });

  it("sums partitions up, and shows the worst of them", () => {
    const base = {
      origin: "eu",
      region: "us",
      in_buffer: 0,
      in_log: 0,
      in_fold: 0,
      text: "",
      since: 0,
    } as const;
    const lags: LagView[] = [
      { ...base, partition: 0, operations: 3, age_ms: 900, stage: "log", reason: "on-its-way", in_log: 3 },
      {
        ...base,
        partition: 1,
        operations: 2,
        age_ms: 100,
        stage: "fold",
        reason: "fold-stopped",
        in_fold: 2,
      },
    ];
    const cell = lagMatrix(lags).get("eu")?.get("us");
    expect(cell).toMatchObject({ operations: 5, inLog: 3, inFold: 2, worst: { partition: 1 } });
  });
});

describe("rates", () => {
  it("are made between two reports of the same process, and never below zero", () => {
    const { cluster, clock } = clusterAt();
    const first = outcomeSample(cluster.tick());
    clock.nowMs += 1_000;
    const second = outcomeSample(cluster.tick());
    const accepted = (samples: Parameters<typeof outcomeRates>[0]) =>
      outcomeRates(samples, "eu").find((one) => one.outcome === "accepted");
    expect(accepted([first])?.perSecond).toBeUndefined();
    expect(accepted([first, second])?.perSecond).toBe(120);
    const restarted = {
      ...second,
      processes: second.processes.map((one) => ({ ...one, process: "another", outcomes: [] })),
    };
    expect(outcomeRates([first, restarted], "eu")).toEqual([]);
  });
});

describe("regions", () => {
  it("are named by the worst that is true of them", () => {
    const { cluster } = clusterAt();
    const [region] = cluster.view().regions;
    const [process] = region!.processes;
    expect(conditionOf(region!)).toBe("well");
    expect(conditionOf({ ...region!, processes: [{ ...process!, is_ready: false }] })).toBe("unready");
    expect(
      conditionOf({ ...region!, processes: [{ ...process!, draining_since: 1, is_ready: false }] }),
    ).toBe("draining");
    expect(conditionOf({ ...region!, state: "silent" })).toBe("silent");
  });

  it("agree on a leader by the highest term", () => {
    const { cluster } = clusterAt();
    const view = cluster.view();
    const stale = structuredClone(view.regions.find(({ region }) => region === "us")!);
    Object.assign(stale.processes[0]!.partitions[0]!, { leader: "ap", term: 2 });
    const regions = view.regions.map((one) => (one.region === "us" ? stale : one));
    expect(leadersOf({ ...view, regions }).get(0)).toBe("eu");
    expect(leadersOf({ ...view, regions: regions.toReversed() }).get(0)).toBe("eu");
  });

  it("name no leader by the word of who is silent, or whose entries nobody takes", () => {
    const { cluster } = clusterAt();
    const view = structuredClone(cluster.view());
    for (const region of view.regions) region.state = "silent";
    expect(leadersOf(view).size).toBe(0);
    const [region] = view.regions;
    region!.state = "heard";
    expect(leadersOf(view).get(0)).toBe("eu");
    for (const { partitions } of region!.processes)
      for (const partition of partitions)
        partition.breaker = { state: "open", reason: "refused", open_ms: 1 };
    expect(leadersOf(view).size).toBe(0);
  });

  it("say nothing of a buffer that nobody has told of", () => {
    const { cluster } = clusterAt();
    const [region] = cluster.view().regions;
    expect(bufferOf({ ...region!, processes: [] })).toBeUndefined();
    expect(bufferOf(region!)?.rows).toBeGreaterThanOrEqual(0);
  });
});

describe("drawings", () => {
  it("keep every region within the map, and apart", () => {
    for (const regions of [["eu"], ["eu", "us"], ["ap", "eu", "us"], NINE_REGIONS]) {
      const points = [...placeRegions(regions).values()];
      for (const { x, y } of points) {
        expect(x).toBeGreaterThan(50);
        expect(x).toBeLessThan(MAP_SIZE.width - 50);
        expect(y).toBeGreaterThan(19);
        expect(y).toBeLessThan(MAP_SIZE.height - 19);
      }
      expect(new Set(points.map(({ x, y }) => `${Math.round(x)} ${Math.round(y)}`)).size).toBe(
        regions.length,
      );
    }
  });

  it("show the worse of a link's two ways, and name it", () => {
    const link = { round_trip_ms: 80, since: 5 } as const;
    const [drawn] = drawnLinks([
      { ...link, from: "eu", to: "us", state: "ok" },
      { ...link, from: "us", to: "eu", state: "cut", since: 9 },
    ]);
    expect(drawn).toEqual({
      one: "eu",
      other: "us",
      state: "cut",
      ways: ["us → eu"],
      roundTripMs: 80,
      since: 9,
    });
  });

  it("give one event of just now a minute to the left of it", () => {
    const at = START_MS - 1_000;
    const { fromMs, rows } = timelineOf([{ at, kind: "leader-lost", partition: 0, text: "" }], START_MS);
    expect(START_MS - fromMs).toBe(60_000);
    expect(rows.map(({ name }) => name)).toEqual(["partition 0"]);
  });
});

describe("charts", () => {
  it("take the series that are asked for, on one line of time", () => {
    const history = clusterAt().cluster.history(600_000, 300);
    const data = chartOf(history, "lag_ms", ({ origin, region }) => (region === "eu" ? origin : undefined));
    expect(data.lines.map(({ label }) => label)).toEqual(["ap", "eu", "us"]);
    expect(data.seconds).toHaveLength(300);
    expect(data.seconds[1]! - data.seconds[0]!).toBe(2);
    expect(chartOf(undefined, "lag_ms", () => "x")).toEqual({ seconds: [], lines: [] });
  });

  it("end with what is known last", () => {
    expect(lastValue({ label: "", values: [1, 4, null] })).toBe(4);
    expect(lastValue({ label: "", values: [null] })).toBeUndefined();
    expect(spanOf("nonsense").name).toBe("10min");
  });
});

describe("differences", () => {
  it("stand side by side, with what would be right", () => {
    const { columns, rows } = differenceTable(verification.differences.sample[0]!);
    expect(columns).toEqual(["eu", "us", "ap", "would be"]);
    expect(rows.filter(({ isDifferent }) => isDifferent).map(({ what, values }) => [what, values])).toEqual([
      ["name", ['"Ada"', '"Ada"', '"Eve"', '"Ada"']],
    ]);
  });

  it("show a row that is not there", () => {
    const record = { ...verification.differences.sample[0]!, rows: { eu: null } };
    expect(differenceTable(record).rows[0]).toMatchObject({
      what: "row",
      values: ["none", "there"],
      isDifferent: true,
    });
  });
});

it("is tried on views that are as large as they may be", () => {
  const cluster = new SimulatedCluster({ regions: NINE_REGIONS, partitions: 16 });
  const view: ClusterView = cluster.tick();
  expect(view.lags).toHaveLength(9 * 9 * 16);
  expect(lagMatrix(view.lags).size).toBe(9);
});
