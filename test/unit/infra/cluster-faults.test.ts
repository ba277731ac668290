/** Faults of a cluster: what is wanted meanwhile, what is told, what is mended, and what is refused. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FaultError } from "../../../infra/local/errors.ts";
import { LeaderFlapper } from "../../../infra/local/faults/leader-flapper.ts";
import { NO_FAULT } from "../../../infra/local/faults/link-fault.ts";
import { perform } from "../../../infra/local/faults/perform.ts";
import type { Action } from "../../../infra/local/faults/action.ts";
import { openFaultsBed, type FaultsBed } from "./faults-bed.ts";

let bed: FaultsBed;

beforeEach(async () => {
  bed = await openFaultsBed();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await bed.close();
});

const NOTHING = { links: [], paused: [], stopped: [], flapping: undefined };

describe("processes", () => {
  it("are paused and resumed, and stay wanted: nobody starts what has not ended", async () => {
    await bed.faults.pause("postgres", "ap");
    expect(bed.faults.broken.paused).toEqual([{ target: "postgres", region: "ap" }]);
    expect(bed.wanted("ap").postgres).toBe(true);
    await bed.faults.resume("postgres", "ap");
    expect(bed.faults.broken).toEqual(NOTHING);
    await expect(bed.faults.resume("postgres", "ap")).rejects.toThrow("postgres ap is not paused");
  });

  it("that were killed are not wanted until they are started again", async () => {
    await bed.faults.kill("region", "eu");
    expect(bed.wanted("eu").process).toBe(false);
    expect(bed.faults.broken.stopped).toEqual([{ target: "region", region: "eu" }]);
    for (const again of [bed.faults.kill("region", "eu"), bed.faults.pause("region", "eu")]) {
      await expect(again).rejects.toThrow("region eu does not run");
    }
    await bed.faults.restart("region", "eu");
    expect(bed.wanted("eu").process).toBe(true);
    expect(bed.faults.broken).toEqual(NOTHING);
    expect(bed.done.filter((step) => step !== "changed")).toEqual([
      "kill region eu",
      "stop region eu",
      "start region eu",
    ]);
  });

  it("that don't come up again are wanted all the same: the supervisor tries on", async () => {
    bed.process("nats", "us").startError = new Error("no");
    await expect(bed.faults.restart("nats", "us")).rejects.toThrow("no");
    expect(bed.wanted("us").nats).toBe(true);
  });

  it("that end by themselves are not taken for stopped on purpose", () => {
    bed.process("nats", "us").pid = undefined;
    expect(bed.faults.broken).toEqual(NOTHING);
  });

  it("of a PostgreSQL that was given by URL are not ours", async () => {
    Object.assign(bed.process("postgres", "eu"), { pid: undefined, exited: undefined });
    await expect(bed.faults.kill("postgres", "eu")).rejects.toThrow("given by URL");
    expect(bed.done).toEqual([]);
  });
});

describe("flapping", () => {
  it("begun several times at once is one, and none goes on after its end", async () => {
    const stopped = vi.spyOn(LeaderFlapper.prototype, "stop");
    const begin = () => bed.faults.flapLeader({ everyMs: 60_000 });
    await begin();
    await Promise.all([begin(), begin(), bed.faults.stopFlapping(), begin(), bed.faults.healAll()]);
    expect(bed.faults.broken).toEqual(NOTHING);
    expect(new Set(stopped.mock.contexts).size).toBe(4);
  });
});

describe("healing everything", () => {
  it("mends links, pauses and what was killed", async () => {
    bed.faults.impair("eu", "us", { jitterMs: 200, oneWay: true });
    bed.faults.impair("us", "ap", { lossShare: 0.3 });
    await bed.faults.pause("nats", "eu");
    await bed.faults.kill("postgres", "ap");
    await bed.faults.flapLeader({ everyMs: 60_000 });
    expect(bed.faults.broken.links).toEqual([
      { from: "eu", to: "us", fault: { ...NO_FAULT, jitterMs: 200 } },
      { from: "us", to: "ap", fault: { ...NO_FAULT, lossShare: 0.3 } },
      { from: "ap", to: "us", fault: { ...NO_FAULT, lossShare: 0.3 } },
    ]);
    expect(bed.faults.broken.flapping).toMatchObject({ everyMs: 60_000, partition: 0 });
    await bed.faults.healAll();
    expect(bed.faults.broken).toEqual(NOTHING);
  });

  it("mends all that it can, and says what it could not", async () => {
    await bed.faults.kill("nats", "eu");
    await bed.faults.kill("region", "ap");
    bed.process("nats", "eu").startError = new Error("the port is taken");
    await expect(bed.faults.healAll()).rejects.toThrow(AggregateError);
    expect(bed.faults.broken.stopped).toEqual([]);
    expect(bed.process("region", "ap").pid).toBe(2);
  });

  it("before the cluster ends lets go on what is paused, and begins nothing any more", async () => {
    await bed.faults.pause("postgres", "us");
    await bed.faults.release();
    expect(bed.faults.broken.paused).toEqual([]);
    await expect(bed.faults.restart("postgres", "us")).rejects.toThrow("being stopped");
    await expect(bed.faults.flapLeader({ everyMs: 100 })).rejects.toThrow("being stopped");
  });
});

describe("an action", () => {
  const link = { do: "link", one: "eu", other: "us" } as const;
  const cases: readonly (readonly [Action, string])[] = [
    [{ ...link, is_cut: true }, "eu – us: cut"],
    [{ ...link, is_cut: true, one_way: true }, "eu → us: cut"],
    [{ ...link, latency_ms: 5, jitter_ms: 200 }, "eu – us: latency +5 ms, jitter ±200 ms"],
    [{ ...link, loss_percent: 30 }, "eu – us: loss 30 %"],
    [{ ...link, jitter_ms: 0 }, "eu – us: mended"],
    [{ do: "pause", target: "nats", region: "ap" }, "paused nats ap"],
    [{ do: "kill", target: "region", region: "ap" }, "killed region ap"],
    [{ do: "flap-leader", every_ms: 60_000 }, "the leader of partition 0 steps down every 60 s"],
  ];

  it.each(cases)("%o is told, and its undoing leaves nothing broken", async (action, told) => {
    const done = await perform(bed.faults, action);
    expect(done.told).toBe(told);
    await perform(bed.faults, done.undo!);
    expect(bed.faults.broken).toEqual(NOTHING);
  });

  it("undoes no more than itself", async () => {
    await perform(bed.faults, { ...link, jitter_ms: 200 });
    const { undo } = await perform(bed.faults, { ...link, is_cut: true });
    await perform(bed.faults, undo!);
    expect(bed.faults.broken.links.map(({ fault }) => fault)).toEqual([
      { ...NO_FAULT, jitterMs: 200 },
      { ...NO_FAULT, jitterMs: 200 },
    ]);
  });

  it.each<[Action, string]>([
    [{ ...link, other: "mars" }, "there is no region mars; known are eu, us, ap"],
    [{ ...link, other: "eu" }, "a link joins two regions, not eu with itself"],
    [{ do: "kill", target: "nats", region: "mars" }, "there is no region mars"],
    [{ do: "kill-leader" }, "the log of partition 0 has no leader now, so none can be killed"],
    [{ do: "heal-link", one: "eu", other: "mars" }, "there is no region mars"],
  ])("%o is refused with the reason", async (action, reason) => {
    await expect(perform(bed.faults, action)).rejects.toThrow(FaultError);
    await expect(perform(bed.faults, action)).rejects.toThrow(reason);
    expect(bed.faults.broken).toEqual(NOTHING);
  });
});
