/** A scenario's run over regions that only tell a status: what is done, healed, found out and reported. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isGood, reportJson, reportText, type Report } from "../../../infra/chaos/report.ts";
import { runScenario, type ChaosTarget } from "../../../infra/chaos/run.ts";
import { InvalidScenarioError, parseScenario } from "../../../infra/chaos/scenario.ts";
import type { Action } from "../../../infra/local/faults/action.ts";
import { formatTable } from "../../../services/cli/table.ts";

const STATUS = {
  region: "eu",
  software: "0",
  admission: { state: "open" },
  partitions: [
    {
      partition: 0,
      leader: "eu",
      cluster: null,
      position: 5,
      log_time_ms: 0,
      wal: { head: 1, pending_rows: 4, pending_bytes: 9, oldest_pending_age_ms: 0 },
      breaker: { state: "closed", open_ms: 0, slow_after_ms: 1_000 },
      trim: { folded_by_all: 0, operations_forgotten: 0, away: [] },
      regions: [{ region: "eu", watermark: 1 }],
    },
  ],
};

let server: Server;
let url: string;
let performed: Action[];
/** Holds back the answer to the n-th request, from 0. */
let answerAfter: (request: number) => Promise<void> | undefined;
let requests: number;

beforeAll(async () => {
  server = createServer((_, response) => {
    const turn = answerAfter(requests) ?? Promise.resolve();
    requests += 1;
    void turn.then(() => response.end(JSON.stringify(STATUS)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  performed = [];
  requests = 0;
  answerAfter = () => undefined;
});

function target(fails: (action: Action) => boolean = () => false): ChaosTarget {
  return {
    regions: [{ name: "eu", url, postgresUrl: "postgres://127.0.0.1:1/none" }],
    perform: async (action) => {
      performed.push(action);
      if (fails(action)) throw new Error("it can't be done");
      const undo: Action | undefined = action.do === "pause" ? { ...action, do: "resume" } : undefined;
      return { told: action.do, undo };
    },
  };
}

function run(text: string, options: { target?: ChaosTarget; signal?: AbortSignal } = {}): Promise<Report> {
  const { signal, target: given = target() } = options;
  return runScenario(parseScenario(`name: test\n${text}`, "test.yaml"), {
    target: given,
    ...(signal === undefined ? {} : { signal }),
  });
}

describe("a run", () => {
  it("does the steps at their times, mends what is to last for a time, and heals at the end", async () => {
    const report = await run(`
duration: 400ms
steps:
  - { at: 200ms, do: kill region eu }
  - { at: 50ms, do: pause nats eu --for 50ms }
`);
    expect(performed.map((action) => action.do)).toEqual(["pause", "resume", "kill", "heal"]);
    expect(report.deeds.map(({ told }) => told)).toEqual(["pause", "resume", "kill", "heal"]);
    expect(isGood(report)).toBe(true);
  });

  it("finds out what is expected, at its time and at the end", async () => {
    const report = await run(`
duration: 1500ms
steps:
  - { at: 100ms, expect: { leader: eu, wal_rows_max: 3 } }
  - { at: 100ms, expect: { leader: none }, within: 1s }
expect: { drained_within: 30s, wal_rows_max: 4 }
`);
    const found = report.verdicts.map(({ expected, holds, observed }) => [expected.kind, holds, observed]);
    expect(found).toEqual([
      ["leader", true, "leader eu"],
      ["wal_rows_max", false, "4 rows"],
      ["leader", false, "leader eu"],
      ["drained_within", true, expect.stringMatching(/^drained after \d+ ms$/)],
      ["wal_rows_max", true, "4 rows"],
    ]);
    expect(report.observations.length).toBeGreaterThanOrEqual(3);
    expect(isGood(report)).toBe(false);
  });

  it("looks on while a region is slow to answer, and takes what it says in the order of asking", async () => {
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    answerAfter = (request) => {
      if (request === 2) letGo();
      return request === 0 ? held : undefined;
    };
    const report = await run("duration: 2s\nsteps: []\nexpect: { wal_rows_max: 4 }");
    const times = report.observations.map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(report.observations.map(({ regions }) => regions["eu"]?.walRows)).toEqual([4, 4, 4, 4]);
    expect(isGood(report)).toBe(true);
  });

  it("goes on after what can't be done, and tells it", async () => {
    const text = `
duration: 300ms
steps:
  - { at: 0s, do: kill nats eu }
  - { at: 100ms, do: pause nats eu }
`;
    const report = await run(text, { target: target((action) => action.do === "kill") });
    expect(performed.map((action) => action.do)).toEqual(["kill", "pause", "heal"]);
    expect(report.deeds[0]).toMatchObject({ told: "kill: it can't be done", isFailure: true });
    expect(isGood(report)).toBe(false);
  });

  it("heals when it is interrupted, and is not good then", async () => {
    const stop = new AbortController();
    const given = target((action) => {
      stop.abort();
      return action.do === "kill";
    });
    const text = `
duration: 10min
steps:
  - { at: 0s, do: pause nats eu --for 5min }
  - { at: 9min, do: restart nats eu }
expect: { drained_within: 1s }
`;
    const report = await run(text, { target: given, signal: stop.signal });
    expect(performed.map((action) => action.do)).toEqual(["pause", "heal"]);
    expect(report).toMatchObject({ isInterrupted: true, verdicts: [] });
    expect(isGood(report)).toBe(false);
  });

  it("breaks nothing when the scenario is for another cluster", async () => {
    const text = "duration: 1s\nsteps: [{ at: 0s, do: cut eu mars }]\n";
    await expect(run(text)).rejects.toThrow(InvalidScenarioError);
    await expect(run(text)).rejects.toThrow("line 3: there is no region mars; the cluster has eu");
    expect(performed).toEqual([]);
  });

  it("does not take a cluster for the same whose databases can't be asked", async () => {
    const stop = new AbortController();
    const scenario = parseScenario(
      "name: test\nduration: 10ms\nsteps: []\nexpect: { same_state: true }",
      "test",
    );
    const running = runScenario(scenario, {
      target: target(),
      signal: stop.signal,
      onEvent: ({ text }) => {
        if (text === "heal") setTimeout(() => stop.abort(), 300);
      },
    });
    const report = await running;
    expect(report.verdicts).toMatchObject([{ holds: false }]);
  });
});

describe("a report", () => {
  it("tells people and programs the same", async () => {
    const report = await run(`
duration: 200ms
steps:
  - { at: 50ms, do: kill nats eu }
expect: { wal_rows_max: 3, leader: eu }
`);
    const document = JSON.parse(reportJson(report)) as Record<string, unknown>;
    expect(document).toMatchObject({
      scenario: "test",
      duration_ms: 200,
      ok: false,
      interrupted: false,
      done: [{ told: "kill" }, { told: "heal" }],
      expected: [
        { expected: "leader: eu", holds: true, observed: "leader eu" },
        { expected: "wal_rows_max: 3", holds: false, observed: "4 rows" },
      ],
      load: null,
    });
    expect((document["observed"] as object[])[0]).toMatchObject({
      leader: "eu",
      regions: { eu: { leader: "eu", wal_rows: 4, lag_entries: 0 } },
      writes: { succeeded: 0, failed: 0 },
    });
    const text = reportText(report, formatTable);
    expect(text).toMatch(/^at +leader +wal eu +lag eu +writes +failed +what was done\n0\.0 s +eu +4 +0/);
    expect(text).toMatch(/ kill\n[^]* heal\n/);
    expect(text).toMatch(/wal_rows_max: 3 +BROKEN +4 rows/);
    expect(text).toMatch(/\ntest: 1 of 2 expectations do not hold$/);
  });
});
