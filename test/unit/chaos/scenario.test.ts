/** Scenarios: what a file means, and which line is wrong with it. */
import { describe, expect, it } from "vitest";
import { loadScenario, scenarioNames } from "../../../infra/chaos/library.ts";
import { InvalidScenarioError, parseScenario, unknownRegions } from "../../../infra/chaos/scenario.ts";

const WHOLE = `name: all-of-it
description: Everything that a scenario can say.
duration: 1min
load:
  writes_per_second: 20
steps:
  - at: 30s
    expect: { leader: us, buffering: eu, answering: ap, silent: us, wal_rows_max: 5 }
    within: 10s
  - at: 1.5s
    do: cut eu us --one-way --for 5s
  - at: 40s
    do: heal
    expect: { local_writes_failed: 0, local_write_ms_max: 250 }
expect:
  local_writes_failed: 0
  drained_within: 30s
  same_state: true
`;

describe("a scenario", () => {
  it("is read whole, its steps in order", () => {
    const { steps, ...rest } = parseScenario(WHOLE, "all.yaml");
    expect(rest).toEqual({
      name: "all-of-it",
      description: "Everything that a scenario can say.",
      durationMs: 60_000,
      writesPerSecond: 20,
      expect: [
        { kind: "drained_within", withinMs: 30_000 },
        { kind: "same_state" },
        { kind: "local_writes_failed", countMax: 0 },
      ],
    });
    expect(steps).toMatchObject([
      { atMs: 1_500, line: 10, fault: { forMs: 5_000, action: { one: "eu", is_cut: true } }, expect: [] },
      {
        atMs: 30_000,
        line: 7,
        withinMs: 10_000,
        fault: undefined,
        expect: [
          { kind: "leader", region: "us" },
          { kind: "buffering", region: "eu" },
          { kind: "answering", region: "ap" },
          { kind: "silent", region: "us" },
          { kind: "wal_rows_max", rows: 5 },
        ],
      },
      {
        atMs: 40_000,
        fault: { action: { do: "heal" } },
        expect: [
          { kind: "local_writes_failed", countMax: 0 },
          { kind: "local_write_ms_max", latencyMsMax: 250 },
        ],
      },
    ]);
  });

  /** Replaces one part of the whole. */
  it.each([
    ["name: all-of-it", "name: [", "all.yaml, line 2: not YAML"],
    ["name: all-of-it", "name: All of it", "line 1: name must match pattern"],
    ["duration: 1min", "durations: 1min", "line 3: durations is not known here"],
    ["duration: 1min", "", "line 1: must have required properties duration"],
    ["duration: 1min", "duration: 60", "line 3: duration must be string"],
    ["duration: 1min", "duration: soon", 'line 3: duration "soon" is no duration: it is a number with'],
    ["duration: 1min", "duration: 61min", "line 3: duration is at most 60min"],
    ["writes_per_second: 20", "writes_per_second: 9000", "line 5: load.writes_per_second must be <= 500"],
    ["at: 30s", "at: 55s", "line 7: steps.0.at is after the scenario's end, at 1min"],
    ["at: 30s", "at: 30", "line 7: steps.0.at must be string"],
    ["within: 10s", "until: 10s", "line 9: steps.0.until is not known here"],
    ["leader: us", "ruler: us", "line 8: steps.0.expect.ruler is not known here"],
    ["wal_rows_max: 5", "wal_rows_max: few", "line 8: steps.0.expect.wal_rows_max must be integer"],
    ["do: cut eu us", "do: chop eu us", 'line 11: steps.1.do "chop eu us --one-way --for 5s": "chop" is no'],
    ["--for 5s", "--for 5", "line 11: steps.1.do"],
    ["do: cut eu us --one-way --for 5s", "within: 5s", "line 10: steps.1 neither does nor expects"],
    ["do: cut eu us --one-way --for 5s", "{}", "not YAML"],
    ["load:\n  writes_per_second: 20", "", "steps.2.expect.local_writes_failed needs a load"],
    ["same_state: true", "same_state: false", "line 18: expect.same_state"],
    ["drained_within: 30s", "drained_within: 30", "line 17: expect.drained_within must be string"],
    ["drained_within: 30s", "drained_within: fast", 'line 17: expect.drained_within "fast" is no duration'],
  ])("with %j as %j: %s", (part, other, problem) => {
    const text = WHOLE.replace(part, other);
    expect(text).not.toBe(WHOLE);
    expect(() => parseScenario(text, "all.yaml")).toThrow(InvalidScenarioError);
    expect(() => parseScenario(text, "all.yaml")).toThrow(problem);
  });

  it("that is nothing at all is told so", () => {
    expect(() => parseScenario("", "empty.yaml")).toThrow("empty.yaml, line 1: must be object");
  });

  it("names regions that the cluster has", () => {
    const scenario = parseScenario(WHOLE.replace("answering: ap", "answering: mars"), "all.yaml");
    expect(unknownRegions(scenario, ["eu", "us", "ap"])).toEqual([
      "line 7: there is no region mars; the cluster has eu, us, ap",
    ]);
    expect(unknownRegions(parseScenario(WHOLE, "all.yaml"), ["eu", "us", "ap"])).toEqual([]);
    const any = parseScenario(WHOLE.replace("leader: us", "leader: any"), "all.yaml");
    expect(unknownRegions(any, ["eu", "us", "ap"])).toEqual([]);
  });
});

describe("the library", () => {
  it.each(scenarioNames())("has %s, for the cluster that forebay up starts", (name) => {
    const scenario = loadScenario(name);
    expect(scenario.name).toBe(name);
    expect(scenario.description).toBeDefined();
    expect(unknownRegions(scenario, ["eu", "us", "ap"])).toEqual([]);
    expect(scenario.expect.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(["drained_within", "same_state"]),
    );
  });

  it("says what it has when it is asked for something else", () => {
    expect(() => loadScenario("doomsday")).toThrow(InvalidScenarioError);
    expect(() => loadScenario("doomsday")).toThrow(
      "give a file, or one of jittery-links, leader-flaps, postgres-restarts, region-is-cut-off",
    );
  });
});
