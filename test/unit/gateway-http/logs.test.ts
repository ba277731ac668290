/** `/v1/log`: what each region has of the log, and the order to make it anew. */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { codeOf, get, send } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";
import { logState, MADE_AT_MS, question } from "./stub-logs.ts";

let rig: Rig;

beforeAll(async () => {
  rig = await buildRig();
});

afterEach(() => {
  rig.gateway.logs.asked = question();
  rig.gateway.logs.rebuilds.length = 0;
});

const rebuild = (body: unknown) => send(rig, "POST", { url: "/v1/log/rebuild", body });

describe("the log", () => {
  it("is told partition by partition", async () => {
    const { chain } = logState("eu");
    const region = (name: string) => ({
      region: name,
      position: 100,
      chain,
      wal_head: 9,
      log_created_at_ms: MADE_AT_MS,
      heard_position: 100,
      proposed_again: 2,
      fate: "goes-on",
    });
    expect((await get(rig, "/v1/log")).json()).toEqual({
      partitions: [
        {
          partition: 0,
          log: { created_at_ms: MADE_AT_MS, first: 1, last: 100 },
          healthy: true,
          regions: ["ap", "eu", "us"].map(region),
          from: "ap",
          epoch: 1,
          lost_positions: 0,
          refusal: { why: "healthy", reason: expect.stringContaining("--force") as string },
        },
      ],
    });
  });

  it("is told without what is not known", async () => {
    rig.gateway.logs.asked = question({ us: undefined }, { found: undefined });
    const [answer] = (await get(rig, "/v1/log")).json<{ partitions: object[] }>().partitions;
    expect(answer).not.toHaveProperty("log");
    expect(answer).toMatchObject({
      healthy: false,
      regions: [
        {},
        {},
        { region: "us", problem: "it does not answer", heard_position: 90, fate: "unreachable" },
      ],
    });
  });

  it("is made anew as it was ordered, and only looked at where nothing else is said", async () => {
    expect((await rebuild({})).json()).not.toHaveProperty("partitions.0.made");
    const order = { partition: 0, dry_run: false, without: ["us"], from: "eu", force: true };
    expect((await rebuild(order)).json()).toMatchObject({
      partitions: [{ made: { created_at_ms: MADE_AT_MS + 60_000, epoch: 1, position: 101 } }],
    });
    expect(rig.gateway.logs.rebuilds).toEqual([
      { partition: undefined, isDryRun: true, without: [], from: undefined, isForced: false },
      { partition: 0, isDryRun: false, without: ["us"], from: "eu", isForced: true },
    ]);
  });

  it.each([
    { partition: -1 },
    { partition: "0" },
    { without: "us" },
    { without: [1] },
    { from: "" },
    { from: "no such name!" },
    { force: 1 },
    { yes: true },
    [],
  ])("is not made anew by %j", async (body) => {
    expect(codeOf(await rebuild(body))).toBe("malformed-body");
    expect(rig.gateway.logs.rebuilds).toEqual([]);
  });
});
