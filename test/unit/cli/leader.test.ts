/** `forebay leader` and `forebay region`, against the real HTTP server with a stub behind it. */
import { describe, expect, it, vi } from "vitest";
import { formatLeaders } from "../../../services/cli/commands/leader.ts";
import { formatStatus } from "../../../services/cli/commands/status.ts";
import { parseDuration } from "../../../services/cli/duration.ts";
import { UsageError } from "../../../services/cli/errors.ts";
import { createProgram } from "../../../services/cli/program.ts";
import { GatewayError } from "../../../services/gateway/errors.ts";
import { cliBed } from "./bed.ts";

const DRAINING = { sinceMs: 1_720_000_000_000, pendingRows: 7, leads: [0], isDrained: false };
const DRAINED = { ...DRAINING, pendingRows: 0, leads: [], isDrained: true };

const bed = cliBed((rig) => {
  rig.gateway.leaderMoves.length = 0;
  rig.gateway.drainOrders.length = 0;
  rig.gateway.drains.length = 0;
  Object.assign(rig.gateway, { draining: undefined, failure: undefined });
});

const run = (...words: readonly string[]): Promise<string> => bed.run(...words);

describe("a duration", () => {
  it.each([
    ["0", 0],
    ["500ms", 500],
    ["30s", 30_000],
    ["10m", 600_000],
    ["1h30m", 5_400_000],
    ["90d", 7_776_000_000],
  ])("%s", (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(["", "10", "10 m", "m", "-5m", "5w"])("is not %o", (text) => {
    expect(() => parseDuration(text)).toThrow("30s, 10m, 1h30m or 90d");
  });
});

describe("leader show", () => {
  it("prints who leads, and what agreement takes under each region", async () => {
    expect((await run("leader", "show")).split("\n")).toEqual([
      "partition  leader  placement  under ap     under eu",
      "        0  eu      automatic  no majority  85.0 ms",
      "",
    ]);
  });

  it("prints what is not known, a hold, and that placement is off", () => {
    const ranking = [{ region: "eu", quorum_round_trip_ms: 85.04 }];
    const text = formatLeaders({
      partitions: [
        { partition: 0, ranking: [] },
        { partition: 1, leader: "ap", ranking, automatic: true, hold: { leader: "ap", left_ms: 90_000 } },
        { partition: 2, leader: "eu", ranking, automatic: false },
      ],
    });
    expect(text.split("\n").map((line) => line.trim().split(/ {2,}/))).toEqual([
      ["partition", "leader", "placement", "under eu"],
      ["0", "?", "?"],
      ["1", "ap", "held for 1.5 min", "85.0 ms"],
      ["2", "eu", "off", "85.0 ms"],
    ]);
  });

  it("prints the answer when it is told to", async () => {
    expect(JSON.parse(await run("leader", "show", "--json"))).toMatchObject({
      partitions: [{ leader: "eu" }],
    });
  });
});

describe("leader move", () => {
  it("moves all partitions, and says for how long it is left there", async () => {
    expect(await run("leader", "move", "us")).toBe(
      "partition 0 is led by us\npartition 1 is led by us\nautomatic placement leaves it there for 10.0 min\n",
    );
    expect(bed.rig.gateway.leaderMoves).toEqual([{ region: "us", partition: undefined, holdMs: 600_000 }]);
  });

  it("moves one, for as long as it is told", async () => {
    await run("leader", "move", "us", "--partition", "3", "--hold", "90s");
    expect(await run("leader", "move", "us", "--partition", "0", "--hold", "0")).toMatch(
      /\npartition 0 is led by us\n$/,
    );
    expect(bed.rig.gateway.leaderMoves).toMatchObject([
      { partition: 3, holdMs: 90_000 },
      { partition: 0, holdMs: 0 },
    ]);
  });

  it("says why it is refused", async () => {
    await expect(run("leader", "move", "mars")).rejects.toThrow(
      'there is no region "mars"; the cluster has eu, us (unknown-region)',
    );
  });

  it.each([
    [["leader", "move"]],
    [["leader", "move", "us", "--hold", "soon"]],
    [["leader", "move", "us", "--partition", "-1"]],
    [["leader"]],
  ])("refuses to be used like this: %o", async (words) => {
    await expect(run(...words)).rejects.toMatchObject({ exitCode: 1, code: /^commander\./ });
    expect(bed.rig.gateway.leaderMoves).toEqual([]);
  });
});

describe("region drain", () => {
  it("waits until nothing is left, and tells how far it is", async () => {
    // The first is for the question which region it is, the second for the order itself.
    bed.rig.gateway.drains.push(
      DRAINING,
      DRAINING,
      DRAINING,
      { ...DRAINING, pendingRows: 2, leads: [] },
      DRAINED,
    );
    expect(await run("region", "drain", "eu")).toContain("region eu is drained: nothing is left to send");
    expect(bed.warned.split("\n")).toEqual([
      "forebay: region eu takes no new writes",
      "forebay: 7 rows to send; leads partition 0",
      "forebay: 2 rows to send",
      "",
    ]);
    expect(bed.rig.gateway.drainOrders).toEqual(["drain"]);
  });

  it("gives up at the deadline, and says what is left", async () => {
    bed.rig.gateway.draining = DRAINING;
    await expect(run("region", "drain", "eu", "--force", "--deadline", "1ms")).rejects.toThrow(
      "region eu is not drained within the deadline: 7 rows to send; leads partition 0; it goes on",
    );
    expect(bed.rig.gateway.drainOrders).toEqual(["forced drain"]);
  });

  it("does not wait when it is told so", async () => {
    bed.rig.gateway.draining = DRAINING;
    expect(await run("region", "drain", "eu", "--no-wait")).toBe("");
  });

  it("stops when somebody undrains it meanwhile", async () => {
    bed.rig.gateway.drains.push(DRAINING, DRAINING);
    await expect(run("region", "drain", "eu")).rejects.toThrow("region eu was undrained meanwhile");
  });

  it("says why it is refused", async () => {
    vi.spyOn(bed.rig.gateway, "drain").mockRejectedValue(new GatewayError("drain-refused", "us is drained"));
    await expect(run("region", "drain", "eu")).rejects.toThrow("us is drained (drain-refused)");
  });

  it("does not drain another region by the address of this one", async () => {
    await expect(run("region", "drain", "us")).rejects.toThrow(UsageError);
    await expect(run("region", "undrain", "us")).rejects.toThrow("is region eu, not us");
    expect(bed.rig.gateway.drainOrders).toEqual([]);
  });

  it("names the regions of the cluster to who drains another", async () => {
    const program = createProgram("0").parseAsync([
      "node",
      "forebay",
      "region",
      "drain",
      "eu",
      "--data",
      "/nowhere",
    ]);
    await expect(program).rejects.toThrow("no cluster is running on /nowhere");
  });

  it.each([[["region", "drain"]], [["region", "drain", "eu", "--deadline", "5"]], [["region"]]])(
    "refuses to be used like this: %o",
    async (words) => {
      await expect(run(...words)).rejects.toMatchObject({ exitCode: 1, code: /^commander\./ });
      expect(bed.rig.gateway.drainOrders).toEqual([]);
    },
  );
});

describe("region undrain", () => {
  it("takes the region back", async () => {
    expect(await run("region", "undrain", "eu")).toBe("region eu takes writes\n");
    expect(bed.rig.gateway.drainOrders).toEqual(["undrain"]);
  });
});

describe("status", () => {
  it("names the regions that are drained", async () => {
    bed.rig.gateway.draining = DRAINING;
    expect(await run("status")).toContain("region eu is drained: it takes no new writes");
    expect(formatStatus([])).not.toContain("drained");
  });
});
