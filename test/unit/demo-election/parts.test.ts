/** What the election demo computes on the way: who leads, what is missing where, what an event cost, what options mean. */
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import type { PlayedEvent } from "../../../infra/demo/election/director.ts";
import { readOptions, UsageError } from "../../../infra/demo/election/options.ts";
import { makeRecording } from "../../../infra/demo/election/recorder.ts";
import { ANNOUNCEMENTS, FULL_STORY, SHORT_STORY, storySeconds } from "../../../infra/demo/election/story.ts";
import { expectedSums, trafficPlan } from "../../../infra/demo/election/traffic.ts";
import { bufferIn, goalOf, missingFrom, type WatchedStatus } from "../../../infra/demo/election/watch.ts";
import { Pace } from "../../../infra/load/pace.ts";
import { StreamRecord, type Outcome } from "../../../infra/load/record.ts";
import { majority } from "../../../infra/local/majority.ts";

const BREAKER = { state: "closed", open_ms: 0, slow_after_ms: 1 } as const;

function statusOf(given: { head: number; position: number; watermarks: Record<string, number> }) {
  const { head, position, watermarks } = given;
  const wal = { head, pending_rows: 3, pending_bytes: 9, oldest_pending_age_ms: 70 };
  const regions = Object.entries(watermarks).map(([name, watermark]) => ({ region: name, watermark }));
  const partition = { partition: 0, position, wal, breaker: BREAKER, regions };
  return { partitions: [partition] } satisfies WatchedStatus;
}

describe("the watch", () => {
  it("believes a leader that most of all regions name", () => {
    expect(majority(["eu", "us", "eu"], 3)).toBe("eu");
    expect(majority(["us", "eu", "eu"], 3)).toBe("eu");
    expect(majority(["eu", undefined, undefined], 3)).toBeUndefined();
    expect(majority(["eu", "us", undefined], 3)).toBeUndefined();
    expect(majority([], 3)).toBeUndefined();
  });

  it("adds up what waits in a region", () => {
    const status = statusOf({ head: 1, position: 1, watermarks: {} });
    const two = { ...status, partitions: [...status.partitions, ...status.partitions] };
    expect(bufferIn(two)).toEqual({ rows: 6, ageMs: 70 });
    expect(bufferIn({ ...status, partitions: [] })).toEqual({ rows: 0, ageMs: 0 });
  });

  it("knows what is missing where", () => {
    const eu = statusOf({ head: 9, position: 40, watermarks: { eu: 9, us: 5 } });
    const us = statusOf({ head: 5, position: 38, watermarks: { eu: 7, us: 5 } });
    const statuses = new Map([
      ["eu", eu],
      ["us", us],
    ]);
    const goal = goalOf(statuses);
    expect(goal.positions).toEqual([40]);
    expect(missingFrom(goal, statuses)).toEqual(["us has 7 of 9 rows of eu", "us is at 38 of 40"]);
    const later = new Map([...statuses, ["us", statusOf({ head: 8, position: 41, watermarks: { eu: 9, us: 5 } })]]); // prettier-ignore
    expect(missingFrom(goal, later)).toEqual([]);
    expect(missingFrom(goal, new Map([["ap", undefined]]))).toEqual(["ap does not answer"]);
    expect(missingFrom(goal, new Map([["ap", statusOf({ head: 0, position: 40, watermarks: {} })]]))).toEqual(
      ["ap has 0 of 9 rows of eu", "ap has 0 of 5 rows of us"],
    );
  });
});

/** A request each 100 ms; what was due at a time came out so. */
function recordOf(region: string, writeClass: string, outcomeAt: (dueAtMs: number) => Outcome): StreamRecord {
  const name = { name: `${region}-${writeClass}`, region, class: writeClass };
  const record = new StreamRecord(name, new Pace({ ratePerSecond: 10 }));
  for (let number = 0; number < 300; number += 1) {
    const outcome = outcomeAt(record.dueAtMs(record.begin()));
    record.finish(number, { outcome, detail: "", latencyMs: 20, tries: 1 });
  }
  return record;
}

describe("the recording", () => {
  const during = (fromMs: number, toMs: number) => (dueAtMs: number) =>
    dueAtMs >= fromMs && dueAtMs < toMs ? "refused" : "succeeded";
  const event: PlayedEvent = {
    kind: "killed",
    leader: "eu",
    fromSeconds: 5,
    toSeconds: 12,
    drainSeconds: 1,
    faultsAtSeconds: [5],
  };

  it("tells for how long each region committed nothing", () => {
    const records = ["eu", "us", "ap"].flatMap((region) => [
      recordOf(region, "local", () => "succeeded"),
      recordOf(
        region,
        "authoritative",
        during(5_000, region === "eu" ? 13_000 : region === "us" ? 8_500 : 60_000),
      ),
    ]);
    const recording = makeRecording({
      seconds: 30,
      regions: ["eu", "us", "ap"],
      records,
      events: [event],
      bufferOf: () => [-1, 3, 31].map((atSeconds) => ({ atSeconds, rows: 1, ageMs: 1 })),
    });
    const away = recording.events[0]!.away.map(({ region, seconds }) => [region, seconds?.toFixed(2)]);
    expect(away).toEqual([["eu", "8.02"], ["us", "3.52"], ["ap", undefined]]); // prettier-ignore
    expect(recording.regions[0]!.writes.authoritative[6]).toMatchObject({
      due: 10,
      refused: 10,
      succeeded: 0,
    });
    expect(recording.regions[0]!.writes.local).toHaveLength(30);
    expect(recording.regions[0]!.buffer.map(({ atSeconds }) => atSeconds)).toEqual([3]);
  });

  it("adds up the faults of one event, each until the next", () => {
    const flapped: PlayedEvent = { ...event, kind: "flapped", faultsAtSeconds: [5, 10] };
    const record = recordOf("eu", "authoritative", (dueAtMs) => during(5_000, 6_000)(dueAtMs) === "refused" ? "refused" : during(10_000, 12_000)(dueAtMs)); // prettier-ignore
    const made = (events: readonly PlayedEvent[]) =>
      makeRecording({ seconds: 30, regions: ["eu"], records: [record], events, bufferOf: () => [] });
    expect(made([flapped]).events[0]!.away[0]!.seconds).toBeCloseTo(1.02 + 2.02);
    const next = { ...event, fromSeconds: 11, faultsAtSeconds: [11] };
    expect(made([flapped, next]).events[0]!.away[0]!.seconds).toBeUndefined();
  });
});

describe("the traffic", () => {
  const regions = ["eu", "us"].map((name) => ({ name, url: `http://${name}` }));
  const plan = trafficPlan({ regions, rates: { local: 200, authoritative: 10 }, run: "r", secondsMax: 9 });

  it("is two streams in each region, to its own address, under keys of their own", () => {
    expect(plan.streams.map(({ name, urls, ratePerSecond }) => [name, urls[0], ratePerSecond])).toEqual([
      ["eu-local", "http://eu", 200],
      ["eu-authoritative", "http://eu", 10],
      ["us-local", "http://us", 200],
      ["us-authoritative", "http://us", 10],
    ]);
    expect(new Set(plan.streams.map(({ idempotencyPrefix }) => idempotencyPrefix)).size).toBe(4);
  });

  it("adds up to what was acknowledged, and at most what is unknown on top", () => {
    const outcomes: Outcome[] = ["succeeded", "refused", "unknown"];
    const records = ["eu", "us"].map((region) =>
      recordOf(region, "authoritative", (dueAtMs) => outcomes[Math.round(dueAtMs / 5_000) % 3] ?? "waiting"),
    );
    const sums = expectedSums(records);
    expect(sums.local.size).toBe(0);
    const paths = plan.streams[1]!.requests.map(({ path }) => path.split("/").at(-1));
    expect([...sums.authoritative.keys()]).toEqual(paths);
    const total = (side: "lower" | "upper") =>
      [...sums.authoritative.values()].reduce((sum, bounds) => sum + bounds[side], 0);
    const count = (outcome: Outcome) =>
      records.reduce((sum, record) => sum + Array.from({ length: record.count }, (_, number) => record.outcome(number)).filter((one) => one === outcome).length, 0); // prettier-ignore
    expect(total("lower")).toBe(count("succeeded"));
    expect(total("upper")).toBe(count("succeeded") + count("unknown"));
    expect(count("unknown")).toBeGreaterThan(0);
  });
});

describe("the story", () => {
  it("takes two minutes with all that is around it, or half of one", () => {
    expect(storySeconds(FULL_STORY)).toBeLessThanOrEqual(110);
    expect(storySeconds(SHORT_STORY)).toBeLessThanOrEqual(35);
  });

  it("announces each event in one sentence that names who is hit", () => {
    const given = { leader: "us", others: ["eu", "ap"], times: FULL_STORY };
    for (const announce of Object.values(ANNOUNCEMENTS)) expect(announce(given)).toMatch(/^[^.!?]*\.$/);
    expect(ANNOUNCEMENTS["cut-off"](given)).toContain("cut off from eu and ap");
    expect(ANNOUNCEMENTS.flapped(given)).toContain("every 5 s");
  });
});

describe("the options", () => {
  it("have defaults", () => {
    expect(readOptions([])).toEqual({
      help: false,
      isShort: false,
      figure: undefined,
      rates: { local: 200, authoritative: 10 },
    });
    expect(readOptions(["--short", "--rate", "30", "--figure", `${tmpdir()}/a.svg`])).toMatchObject({
      isShort: true,
      figure: `${tmpdir()}/a.svg`,
      rates: { local: 30 },
    });
  });

  it("say what is wrong with them", () => {
    for (const rate of ["0", "-1", "1.5", "many", "5001", ""])
      expect(() => readOptions([`--rate=${rate}`])).toThrow(
        /whole number of writes per second from 1 to 5000/,
      );
    expect(() => readOptions(["--figure", "/no/such/folder/a.svg"])).toThrow(
      /there is no folder \/no\/such\/folder/,
    );
    expect(() => readOptions(["--fast"])).toThrow(UsageError);
    expect(() => readOptions(["more"])).toThrow(UsageError);
  });
});
